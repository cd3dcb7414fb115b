/* SPDX-License-Identifier: Apache-2.0 */
/* cli/terminal.h: the caller's terminal: its size, and raw mode while a process in a container owns the keyboard. */
#ifndef CREEL_CLI_TERMINAL_H
#define CREEL_CLI_TERMINAL_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <termios.h>

struct terminal {
    int fd;                 /* -1: nothing to restore */
    struct termios saved;
};
#define TERMINAL_INIT { .fd = -1 }

/* No echo, no line editing, no signals from keys. fd is borrowed until terminal_restore. */
int terminal_raw(struct terminal *t, int fd, struct creel_err *err);
/* As it was; typed bytes that were not read stay. Nothing to do: fine. */
void terminal_restore(struct terminal *t);
static inline void terminal_restorep(struct terminal *t) { int e = errno; terminal_restore(t); errno = e; }
#define auto_terminal auto_cleanup(terminal_restorep) struct terminal

/* The size of the terminal behind fd; both 0 when there is none. */
void terminal_size(int fd, unsigned *rows, unsigned *cols);

#endif
