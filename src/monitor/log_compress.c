/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/log_compress.h"

#include "base/cleanup.h"
#include "sys/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <zlib.h>

enum { CHUNK = 65536 };

static int deflate_file(z_stream *z, int in, int out)
{
    static unsigned char from[CHUNK], to[CHUNK];
    int flush;
    do {
        size_t n;
        int r = sys_read_all(in, from, sizeof from, &n);
        if (r < 0)
            return r;
        z->next_in = from;
        z->avail_in = (uInt)n;
        flush = n < sizeof from ? Z_FINISH : Z_NO_FLUSH;
        do {
            z->next_out = to;
            z->avail_out = sizeof to;
            if (deflate(z, flush) == Z_STREAM_ERROR)
                return -EIO;
            r = sys_write_all(out, to, sizeof to - z->avail_out);
            if (r < 0)
                return r;
        } while (z->avail_out == 0);
    } while (flush != Z_FINISH);
    return 0;
}

/* In the child. Only `in` and `out` are left open. */
static int compress_file(int in, int out, int64_t last_ns)
{
    char comment[32];
    (void)snprintf(comment, sizeof comment, "last=%" PRId64, last_ns);
    gz_header header = { .comment = (Bytef *)comment, .os = 3 };
    z_stream z = { 0 };
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    if (last_ns != 0)
        (void)deflateSetHeader(&z, &header);
    int r = deflate_file(&z, in, out);
    if (r == 0 && fsync(out) < 0)
        r = -errno;
    return r;
}

pid_t log_compress_start(int dir, const char *from, const char *to, int64_t last_ns)
{
    auto_fd in = openat(dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return -errno;
    auto_fd out = openat(dir, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (out < 0)
        return -errno;
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    /* The child must not hold the monitor's lock, sockets and pipes open. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(in, 0) < 0 || dup2(out, 1) < 0
        || sys_close_range(2, ~0u, false) < 0)
        _exit(1);
    _exit(compress_file(0, 1, last_ns) < 0 ? 1 : 0);
}
