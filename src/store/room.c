/* SPDX-License-Identifier: Apache-2.0 */
/* store/room.c: the store's own room on a disk that others fill.
 *
 * Removing something begins with a commit, so a disk without a free byte must not refuse commits. Both files own blocks
 * ahead of need, taken while there are some:
 *   R1  Before a transaction begins, the WAL has blocks for TX_FRAMES more frames than it holds (allocated beyond its
 *       end: its size stays). If there are none to be had, the caller copies the WAL back, and the transaction writes
 *       over it from its beginning.
 *   R2  So that copying back succeeds, the database has blocks for DB_PAGES_SPARE pages beyond its last one, by way of
 *       SQLite's own chunks: its header says how many pages count.
 * A transaction larger than that may still fail on a full disk, with the old state. File systems that write elsewhere
 * than they overwrite (btrfs, zfs) keep room of their own for that, or do not. */
#include "store/internal.h"

#include <fcntl.h>
#include <sys/stat.h>

enum {
    PAGE = 4096,
    FRAME = PAGE + 24,
    WAL_STEP = 1 << 20,
    TX_FRAMES = 128,
    DB_CHUNK = 64 * PAGE,
    DB_PAGES_SPARE = 32,
};

int room_configure(struct store *s)
{
    int chunk = DB_CHUNK;
    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
}

/* R1. Our descriptor may be closed: SQLite has no locks on this file. */
static bool keep_wal(struct store *s, uint32_t frames)
{
    struct stat st;
    off_t need = ((off_t)frames + TX_FRAMES) * FRAME;
    if (fstatat(s->root_fd, "store.db-wal", &st, AT_SYMLINK_NOFOLLOW) < 0 || (off_t)st.st_blocks * 512 >= need)
        return true;
    auto_fd fd = openat(s->root_fd, "store.db-wal", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return true; /* whoever writes will see why */
    need = (need + WAL_STEP - 1) / WAL_STEP * WAL_STEP;
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, need) == 0 || (errno != ENOSPC && errno != EDQUOT);
}

/* R2. Only through SQLite: closing a descriptor of our own would drop its locks. What fails here is tried again. */
static void keep_database(struct store *s, uint32_t pages)
{
    struct stat st;
    sqlite3_int64 need = ((sqlite3_int64)pages + DB_PAGES_SPARE) * PAGE;
    if (pages > 0 && fstatat(s->root_fd, "store.db", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size < need)
        (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_SIZE_HINT, &need);
}

bool room_keep(struct store *s, uint32_t frames, uint32_t pages)
{
    keep_database(s, pages);
    return keep_wal(s, frames);
}
