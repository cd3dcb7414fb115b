/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "cli/table.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_WIDTH = 30, PROGRESS_INTERVAL_NS = 100 * 1000 * 1000 };

void progress_init(struct progress *p, bool quiet)
{
    *p = (struct progress){ .active = !quiet && isatty(STDERR_FILENO) == 1 };
}

static void size_print(struct bytes *out, uint64_t n)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    double v = (double)n;
    size_t u = 0;
    while (v >= 1000 && u + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        u++;
    }
    bytes_addf(out, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

static void bar_print(struct bytes *out, uint64_t done, uint64_t total)
{
    int full = (int)((double)done / (double)total * PROGRESS_WIDTH);
    bytes_addc(out, '[');
    for (int i = 0; i < PROGRESS_WIDTH; i++)
        bytes_addc(out, i < full ? '=' : i == full ? '>' : ' ');
    bytes_adds(out, "] ");
}

void progress_update(void *arg, const char *what, uint64_t done, uint64_t total)
{
    struct progress *p = arg;
    int64_t now = clock_mono_ns();
    if (!p->active || (p->drawn && now - p->drawn_ns < PROGRESS_INTERVAL_NS))
        return;
    auto_bytes line = BYTES_INIT, name = BYTES_INIT;
    text_escape(&name, what, strlen(what), TEXT_ESCAPE_ALL);
    bytes_adds(&line, "\r\033[K");
    text_ellipsis(&line, bytes_str(&name), name.len, 24);
    bytes_addc(&line, ' ');
    if (total > 0)
        bar_print(&line, done < total ? done : total, total);
    size_print(&line, done);
    if (total > 0) {
        bytes_adds(&line, " / ");
        size_print(&line, total);
    }
    if (!bytes_ok(&line) || write(STDERR_FILENO, line.data, line.len) < 0)
        p->active = false; /* decoration: go on without */
    p->drawn = true;
    p->drawn_ns = now;
}

void progress_clear(struct progress *p)
{
    static const char clear[] = "\r\033[K";
    if (p->active && p->drawn && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
        p->active = false; /* as above */
    p->drawn = false;
}
