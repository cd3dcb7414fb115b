/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of creel-archive that need no privileges: names, the writer against the reader, resolving. */
#include "check.h"

#include "image/entry_path.h"
#include "image/resolve.h"
#include "image/tar_reader.h"
#include "image/tar_writer.h"
#include "image/tree_pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static void names_are_cleaned_or_refused(void **state)
{
    (void)state;
    static const struct { const char *in, *want; } cases[] = {
        { "a", "a" }, { "/a", "a" }, { "//a//b/", "a/b" }, { "./a/./b", "a/b" }, { ".", "" }, { "./", "" }, { "/", "" }, { "a/.", "a" },
        { "...", "..." }, { "..a/b..", "..a/b.." }, { "..", NULL }, { "../x", NULL }, { "a/..", NULL }, { "a/../../x", NULL }, { "", NULL },
        { "/..", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[ARCHIVE_PATH_MAX + 1];
        int r = entry_path_clean(cases[i].in, out, NULL);
        if ((r == 0) != (cases[i].want != NULL))
            fail_msg("\"%s\" gave %d", cases[i].in, r);
        if (r == 0)
            assert_string_equal(out, cases[i].want);
    }
    char name[ARCHIVE_PATH_MAX + 10], out[ARCHIVE_PATH_MAX + 1];
    memset(name, 'x', sizeof name);
    name[255] = '\0';
    assert_int_equal(entry_path_clean(name, out, NULL), 0);
    name[255] = 'x';
    name[256] = '\0';
    assert_int_equal(entry_path_clean(name, out, NULL), -1);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 2 == 0 ? 'x' : '/';
    name[ARCHIVE_PATH_MAX + 2] = '\0';
    assert_int_equal(entry_path_clean(name, out, NULL), -1);
}

static void whiteouts_are_parsed_strictly(void **state)
{
    (void)state;
    static const struct { const char *base; enum whiteout want; const char *name; } cases[] = {
        { "a", WHITEOUT_NONE, NULL }, { ".wh", WHITEOUT_NONE, NULL }, { ".wh.a", WHITEOUT_FILE, "a" }, { ".wh.", WHITEOUT_BAD, NULL },
        { ".wh..", WHITEOUT_BAD, NULL }, { ".wh...", WHITEOUT_BAD, NULL }, { ".wh....", WHITEOUT_FILE, "..." },
        { ".wh..wh..opq", WHITEOUT_OPAQUE, NULL }, { ".wh..wh.plnk", WHITEOUT_IGNORED, NULL }, { ".wh..wh.", WHITEOUT_IGNORED, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = NULL;
        assert_int_equal(entry_path_whiteout(cases[i].base, &name), cases[i].want);
        if (cases[i].name != NULL)
            assert_string_equal(name, cases[i].name);
    }
}

/* --- round trip --- */

static const struct archive_limits *limits(void)
{
    return &archive_limits_default;
}

static void set(char *field, const char *text)
{
    (void)snprintf(field, ARCHIVE_PATH_MAX + 1, "%s", text);
}

static struct tar_entry *sample(size_t i)
{
    static struct tar_entry e;
    memset(&e, 0, sizeof e);
    e.mode = 0755;
    e.mtime = e.atime = (struct timespec){ .tv_sec = 1700000000 };
    switch (i) {
    case 0: set(e.path, "plain"); e.type = TAR_FILE; e.size = 3; break;
    case 1: set(e.path, "dir/"); e.type = TAR_DIR; e.mode = 07755; break;
    case 2: set(e.path, "link"); e.type = TAR_SYMLINK; set(e.link, "../any/where"); break;
    case 3: set(e.path, "hard"); e.type = TAR_HARDLINK; set(e.link, "plain"); break;
    case 4: set(e.path, "dev"); e.type = TAR_CHAR; e.device = makedev(1, 3); break;
    case 5: set(e.path, "blk"); e.type = TAR_BLOCK; e.device = makedev(259, 70000); break;
    case 6: set(e.path, "fifo"); e.type = TAR_FIFO; break;
    case 7: memset(e.path, 'n', 200); e.type = TAR_FILE; e.uid = 4000000000u; e.gid = 2097152; break;
    case 8: /* 3000 bytes with a name that is not UTF-8 */
        for (size_t k = 0; k < 3000; k++)
            e.path[k] = k % 100 == 99 ? '/' : k % 7 == 0 ? (char)0xff : 'p';
        e.path[3000] = 'z';
        e.type = TAR_SYMLINK;
        memset(e.link, 0xe4, 150);
        break;
    case 9: set(e.path, "old"); e.type = TAR_FILE; e.mtime = (struct timespec){ .tv_sec = -3, .tv_nsec = 250000000 }; break;
    case 10: set(e.path, "nano"); e.type = TAR_FILE; e.mtime = (struct timespec){ .tv_sec = 5, .tv_nsec = 123456789 }; break;
    case 11:
        set(e.path, "caps");
        e.type = TAR_FILE;
        e.xattrs[0] = (struct tar_xattr){ .name = "security.capability", .value = "\x01\0\0\x02\n=", .size = 6 };
        e.xattrs[1] = (struct tar_xattr){ .name = "user.a", .value = "", .size = 0 };
        e.xattr_count = 2;
        break;
    case 12: memset(e.path, 'h', 100); e.type = TAR_FILE; break;
    default: return NULL;
    }
    return &e;
}

static int write_samples(void)
{
    auto_sink sink = SINK_INIT;
    struct tar_writer w;
    struct tar_entry *e;
    int fd = memfd_create("tar", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(sink_open(&sink, fd, false, NULL), 0);
    tar_writer_init(&w, &sink);
    for (size_t i = 0; (e = sample(i)) != NULL; i++) {
        assert_int_equal(tar_writer_entry(&w, e, NULL), 0);
        if (e->size == 3)
            assert_int_equal(tar_writer_data(&w, "abc", 3, NULL), 0);
    }
    assert_int_equal(tar_writer_end(&w, NULL), 0);
    assert_int_equal(sink_finish(&sink, NULL), 0);
    tar_writer_fini(&w);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void compare(const struct tar_entry *got, struct tar_entry *want)
{
    size_t n = strlen(want->path);
    if (want->path[n - 1] == '/')
        want->path[n - 1] = '\0';
    assert_string_equal(got->path, want->path);
    assert_string_equal(got->link, want->type == TAR_SYMLINK || want->type == TAR_HARDLINK ? want->link : got->link);
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->mode, want->mode);
    assert_int_equal(got->uid, want->uid);
    assert_int_equal(got->gid, want->gid);
    assert_int_equal(got->size, want->size);
    assert_int_equal(got->mtime.tv_sec, want->mtime.tv_sec);
    assert_int_equal(got->mtime.tv_nsec, want->mtime.tv_nsec);
    if (want->type == TAR_CHAR || want->type == TAR_BLOCK)
        assert_int_equal(got->device, want->device);
    assert_int_equal(got->xattr_count, want->xattr_count);
    for (size_t i = 0; i < want->xattr_count; i++) {
        bool found = false;
        for (size_t k = 0; k < got->xattr_count; k++)
            found = found || (strcmp(got->xattrs[k].name, want->xattrs[i].name) == 0 && got->xattrs[k].size == want->xattrs[i].size
                              && memcmp(got->xattrs[k].value, want->xattrs[i].value, want->xattrs[i].size) == 0);
        assert_true(found);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    auto_fd fd = write_samples();
    struct source s;
    struct tar_reader r;
    static struct tar_entry e;
    struct creel_err err = { 0 };
    assert_int_equal(source_open(&s, fd, limits(), &err), 0);
    assert_int_equal(tar_reader_open(&r, &s, &err), 0);
    size_t i = 0;
    int got;
    while ((got = tar_reader_next(&r, &e, &err)) == 1) {
        struct tar_entry *want = sample(i++);
        assert_non_null(want);
        compare(&e, want);
    }
    if (got < 0)
        fail_msg("%s", err.text);
    assert_null(sample(i));
    tar_reader_close(&r);
    source_close(&s);
}

static void cut_off_archives_are_noticed(void **state)
{
    (void)state;
    auto_fd fd = write_samples();
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t cut = size - 1024; cut > 0; cut -= 512) { /* between any two blocks, before the end mark */
        struct source s;
        struct tar_reader r;
        static struct tar_entry e;
        struct creel_err err = { 0 };
        assert_int_equal(ftruncate(fd, cut), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(source_open(&s, fd, limits(), &err), 0);
        int got = tar_reader_open(&r, &s, &err);
        while (got >= 0 && (got = tar_reader_next(&r, &e, &err)) == 1)
            ;
        if (got >= 0)
            fail_msg("cut at %ld of %ld was not noticed", (long)cut, (long)size);
        assert_int_equal(err.kind, CREEL_INVALID);
        tar_reader_close(&r);
        source_close(&s);
    }
}

/* --- resolving --- */

static void links_resolve_inside_the_root(void **state)
{
    (void)state;
    char dir[] = "/tmp/creel-resolve-XXXXXX";
    assert_non_null(mkdtemp(dir));
    auto_fd root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    assert_int_equal(mkdirat(root, "a", 0755) | mkdirat(root, "a/b", 0755), 0);
    static const struct { const char *target, *name; } links[] = {
        { "/a/b", "abs" }, { "../../../..", "a/up" }, { "b", "a/rel" }, { "loop2", "loop1" }, { "loop1", "loop2" }, { "/nowhere/x", "dead" },
        { "abs/../c", "dots" },
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(symlinkat(links[i].target, root, links[i].name), 0);
    static const struct { const char *path; bool follow; const char *want; } cases[] = {
        { "/", true, "/" }, { "", true, "/" }, { "a//b/.", true, "/a/b" }, { "/abs", true, "/a/b" }, { "/abs", false, "/abs" },
        { "/abs/x", false, "/a/b/x" }, { "/a/up/a", true, "/a" }, { "../../a", true, "/a" }, { "/a/rel", true, "/a/b" },
        { "/dead", true, "/nowhere/x" }, { "/dead", false, "/dead" }, { "/dots", true, "/a/c" }, { "/loop1", true, NULL },
        { "/loop1", false, "/loop1" }, { "/loop1/x", true, NULL }, { "/abs/", true, "/a/b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[ARCHIVE_PATH_MAX + 2];
        int r = resolve_path(root, cases[i].path, cases[i].follow, out);
        if ((r == 0) != (cases[i].want != NULL))
            fail_msg("%s gave %d", cases[i].path, r);
        if (r == 0)
            assert_string_equal(out, cases[i].want);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        (void)unlinkat(root, links[i].name, 0);
    (void)unlinkat(root, "a/b", AT_REMOVEDIR);
    (void)unlinkat(root, "a", AT_REMOVEDIR);
    assert_int_equal(rmdir(dir), 0);
}

/* A container chooses how much there is, to the byte: asked for with no room left, the kernel tells the size of the
 * next value and writes nothing. */
static void more_attributes_than_room_are_refused(void **state)
{
    (void)state;
    enum { VALUE = 64 << 10, ROOM = 1 << 20 };
    char dir[] = "/dev/shm/creel-pack-test-XXXXXX", name[16];
    struct creel_err err = { 0 };
    struct sink sink;
    struct tar_writer w;
    struct tree_pack pack;
    auto_free char *value = calloc(1, VALUE);
    if (mkdtemp(dir) == NULL)
        skip();
    auto_fd at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    auto_fd file = openat(at, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0 && null >= 0 && value != NULL);
    int set = 0;
    for (int i = 0; set == 0 && i < ROOM / VALUE + 1; i++) {
        (void)snprintf(name, sizeof name, "user.%d", i);
        set = fsetxattr(file, name, value, VALUE, 0);
    }
    int r = -1;
    if (set == 0) {
        assert_int_equal(sink_open(&sink, null, false, &err), 0);
        tar_writer_init(&w, &sink);
        assert_int_equal(tree_pack_init(&pack, &w, &err), 0);
        r = tree_pack_one(&pack, at, "f", "f", &err);
        tree_pack_fini(&pack);
        tar_writer_fini(&w);
        sink_close(&sink);
    }
    assert_int_equal(unlinkat(at, "f", 0), 0);
    assert_int_equal(rmdir(dir), 0);
    if (set != 0)
        skip(); /* a file system that takes no such values */
    assert_int_equal(r, -1);
    assert_int_equal(err.kind, CREEL_EXHAUSTED);
}

static int prepare(void **state)
{
    (void)state;
    return hasher_prepare(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cleaned_or_refused),
        cmocka_unit_test(whiteouts_are_parsed_strictly),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(cut_off_archives_are_noticed),
        cmocka_unit_test(links_resolve_inside_the_root),
        cmocka_unit_test(more_attributes_than_room_are_refused),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
