/* SPDX-License-Identifier: Apache-2.0 */
/* store/wal_index.c: keeps the WAL's index (store.db-shm) from one process to the next.
 *
 * SQLite's first process on a database cannot know whether the index is older than a crash of the machine, so it
 * empties the file and reads the whole WAL again. Here nearly every process is the first. But within one boot the
 * file is shared memory like any other: a process that was killed leaves in it what it leaves when others have it
 * open, and SQLite's protocol (locks; a header with a checksum, written last, twice) deals with that. So a process
 * that knows the index to be of this boot holds the lock that tells SQLite "somebody has it open" while SQLite
 * opens it.
 *
 *   X1  root/store.boot names a boot and the index's inode. It is written after SQLite has opened the index: it
 *       made the contents anew, or took them over from a process for which the same was true. So an index that is
 *       named with the present boot has contents of this boot. A copy has another inode.
 *   X2  The lock is taken only after that was read, and after the index was seen to fit the WAL (salt, and the
 *       running checksum of its last frame), as it would not if a store was put back from a backup. An index that
 *       says how much was copied back into the database is believed by nobody: the backup's database may be older.
 *       Whoever fails a test must not hold the lock for a moment: another process would believe it.
 *   X3  Locks of open file descriptions (F_OFD_SETLK) and SQLite's locks of processes conflict, even within one
 *       process: to SQLite ours is another process's.
 *   X4  Closing any descriptor of a file drops the locks of the process on it, also those of SQLite for another
 *       connection. So ours is closed when no connection of this process uses the index.
 *
 * Nothing here can fail: what does not work out leaves SQLite to do as it always does. */
#include "store/internal.h"

#include "sys/identity.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

/* Of SQLite's file formats; numbers in the index are in the machine's order, in the WAL big-endian. */
enum { SHM_USED_BYTE = 128, SHM_COPIED_BACK = 96, FRAME_HEADER = 24, WAL_HEADER = 32, WAL_SALT = 16 };
struct index_header {
    uint32_t version, unused, change;
    uint8_t initialized, big_endian;
    uint16_t page_size;
    uint32_t frames, pages, frame_sum[2];
    unsigned char salt[8];
    uint32_t sum[2];
};
static_assert(sizeof(struct index_header) == 48, "the WAL index format");

struct wal_index {
    struct wal_index *next;
    int fd;
    dev_t dev;
    ino_t ino;
    bool used;
};
static struct wal_index *indexes; /* all of this process whose descriptor is open */
static pthread_mutex_t indexes_mutex = PTHREAD_MUTEX_INITIALIZER;

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct wal_index *index_open(struct store *s)
{
    struct stat st;
    struct wal_index *x = malloc(sizeof *x);
    int fd = x != NULL ? openat(s->root_fd, "store.db-shm", O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0) {
        free(x);
        return NULL;
    }
    if (fstat(fd, &st) < 0)
        st = (struct stat){ .st_ino = 0 }; /* cannot be; it must not be closed now (X4) */
    *x = (struct wal_index){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino, .used = true };
    (void)pthread_mutex_lock(&indexes_mutex);
    x->next = indexes;
    indexes = x;
    (void)pthread_mutex_unlock(&indexes_mutex);
    return x;
}

static bool in_use(const struct wal_index *x)
{
    for (const struct wal_index *i = indexes; i != NULL; i = i->next)
        if (i->used && i->dev == x->dev && i->ino == x->ino)
            return true;
    return false;
}

/* X4 */
static void index_close(struct wal_index *x)
{
    if (x == NULL)
        return;
    (void)pthread_mutex_lock(&indexes_mutex);
    x->used = false;
    for (struct wal_index **at = &indexes; *at != NULL;) {
        struct wal_index *i = *at;
        if (in_use(i)) {
            at = &i->next;
            continue;
        }
        *at = i->next;
        (void)close(i->fd);
        free(i);
    }
    (void)pthread_mutex_unlock(&indexes_mutex);
}

/* What store.boot says when the index is of this boot; "" when the boot is not known. */
static void index_mark(const struct wal_index *x, char *buf, size_t size)
{
    const char *boot = sys_boot_id();
    buf[0] = '\0';
    if (boot[0] != '\0')
        (void)snprintf(buf, size, "%s %llu\n", boot, (unsigned long long)x->ino);
}

static bool index_is_marked(struct store *s, const struct wal_index *x)
{
    char want[80], have[sizeof want];
    index_mark(x, want, sizeof want);
    auto_fd fd = openat(s->root_fd, "store.boot", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, have, sizeof have);
    return n > 0 && (size_t)n == strlen(want) && memcmp(have, want, (size_t)n) == 0;
}

/* Whether the index speaks of the WAL that is there. Others may be writing: then it may say no, and they hold the
 * lock. */
static bool index_fits(struct store *s, const struct wal_index *x)
{
    struct index_header h;
    uint32_t copied_back;
    unsigned char wal[WAL_HEADER], frame[FRAME_HEADER];
    if (pread(x->fd, &h, sizeof h, 0) != (ssize_t)sizeof h || h.initialized != 1 || h.frames == 0
        || pread(x->fd, &copied_back, sizeof copied_back, SHM_COPIED_BACK) != (ssize_t)sizeof copied_back
        || copied_back != 0)
        return false;
    uint32_t page = h.page_size == 1 ? 65536 : h.page_size;
    off_t last = WAL_HEADER + (off_t)(h.frames - 1) * (page + FRAME_HEADER);
    auto_fd fd = openat(s->root_fd, "store.db-wal", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && pread(fd, wal, sizeof wal, 0) == (ssize_t)sizeof wal
           && pread(fd, frame, sizeof frame, last) == (ssize_t)sizeof frame
           && memcmp(wal + WAL_SALT, h.salt, sizeof h.salt) == 0 && memcmp(frame + 8, h.salt, sizeof h.salt) == 0
           && big_endian(frame + 16) == h.frame_sum[0] && big_endian(frame + 20) == h.frame_sum[1];
}

void wal_index_hold(struct store *s)
{
    s->index = index_open(s);
    if (s->index == NULL || !index_is_marked(s, s->index) || !index_fits(s, s->index))
        return; /* X2 */
    struct flock used = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = SHM_USED_BYTE, .l_len = 1 };
    (void)fcntl(s->index->fd, F_OFD_SETLK, &used); /* refused: somebody is just emptying it */
    s->index_marked = true;
}

void wal_index_keep(struct store *s)
{
    char mark[80];
    if (s->index_marked)
        return;
    if (s->index == NULL)
        s->index = index_open(s);
    if (s->index == NULL)
        return;
    index_mark(s->index, mark, sizeof mark);
    auto_fd fd = openat(s->root_fd, "store.boot", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    s->index_marked = fd >= 0 && mark[0] != '\0' && write(fd, mark, strlen(mark)) == (ssize_t)strlen(mark);
}

void wal_index_release(struct store *s)
{
    index_close(s->index);
    s->index = NULL;
}
