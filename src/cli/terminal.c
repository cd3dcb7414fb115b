/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <sys/ioctl.h>

int terminal_raw(struct terminal *t, int fd, struct creel_err *err)
{
    struct termios raw;
    if (tcgetattr(fd, &raw) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read the terminal's settings");
    t->saved = raw;
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "put the terminal in raw mode");
    t->fd = fd;
    return 0;
}

void terminal_restore(struct terminal *t)
{
    if (t->fd >= 0)
        (void)tcsetattr(t->fd, TCSADRAIN, &t->saved); /* the terminal may be gone: nothing to restore then */
    t->fd = -1;
}

void terminal_size(int fd, unsigned *rows, unsigned *cols)
{
    struct winsize w;
    *rows = *cols = 0;
    if (ioctl(fd, TIOCGWINSZ, &w) == 0) {
        *rows = w.ws_row;
        *cols = w.ws_col;
    }
}
