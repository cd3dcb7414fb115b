/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/console.c: see runtime/init/console.h. */
#include "runtime/init/console.h"

#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#define DEVPTS_MAGIC 0x1cd1
enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

int console_open(int ptmx, const struct process_plan *p, struct console *ret, struct launch_msg *fail)
{
    int unlock = 0;
    struct stat st;
    *ret = (struct console){ .master = ptmx, .tty = -1 };
    if (ptmx < 0)
        return launch_fail(fail, CREEL_INTERNAL, -ptmx, "open a terminal in /dev/pts", NULL);
    if (sys_fs_is(ptmx, DEVPTS_MAGIC) != 1)
        return launch_fail(fail, CREEL_INVALID, 0, "open a terminal: /dev/pts/ptmx is not on devpts", NULL);
    if (ioctl(ptmx, TIOCSPTLCK, &unlock) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "unlock the terminal", NULL);
    ret->tty = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ret->tty < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "open the terminal's peer", NULL);
    if (fstat(ret->tty, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) < PTY_MAJOR_FIRST
        || major(st.st_rdev) > PTY_MAJOR_LAST || sys_fs_is(ret->tty, DEVPTS_MAGIC) != 1)
        return launch_fail(fail, CREEL_INTERNAL, 0, "the terminal's peer is not a terminal of devpts", NULL);
    if (p->uid != 0 && fchown(ret->tty, p->uid, (gid_t)-1) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "give the terminal to the user", NULL);
    struct termios t;
    if (p->terminal_relayed) {
        int r = tcgetattr(ret->tty, &t);
        t.c_oflag &= ~(tcflag_t)ONLCR;
        if (r < 0 || tcsetattr(ret->tty, TCSANOW, &t) < 0)
            return launch_fail(fail, CREEL_INTERNAL, errno, "set the terminal to relay line feeds as they are", NULL);
    }
    const struct winsize size = { .ws_row = (unsigned short)p->rows, .ws_col = (unsigned short)p->cols };
    if ((size.ws_row != 0 || size.ws_col != 0) && ioctl(ptmx, TIOCSWINSZ, &size) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "set the size of the terminal", NULL);
    return 0;
}

int console_send(const struct console *c, int sock)
{
    struct launch_msg m;
    if (c->master < 0)
        return 0;
    memset(&m, 0, sizeof m);
    m.step = LAUNCH_CONSOLE;
    return launch_send(sock, &m, &c->master, 1);
}
