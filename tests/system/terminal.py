#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command on a terminal of its own and play a dialogue with it.

  terminal.py [STEP...] -- COMMAND [ARG...]

Steps, in order: expect:TEXT (wait until the output has it, after the last match) · send:TEXT (with \\r, \\x10 … as in
Python) · resize:ROWS,COLS · signal:NAME (to the command) · raw (wait for raw
mode). Then the command's end is awaited. Prints what the command wrote, and at the end
"[exit N]" or "[signal N]", and "[terminal changed]" when the settings differ from those before. Exits 0 when all steps
were played."""
import codecs, fcntl, os, select, signal, struct, sys, termios, time

PATIENCE = 30


def main():
    cut = sys.argv.index("--")
    steps, command = sys.argv[1:cut], sys.argv[cut + 1:]
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.execvp(command[0], command)
    pidfd = os.pidfd_open(pid)
    seen, at = b"", 0
    deadline = time.monotonic() + PATIENCE
    ended = False

    def pump(until):
        """Read output until `until()` holds or the command has ended and nothing is left."""
        nonlocal seen, ended
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ready, _, _ = select.select([master] + ([] if ended else [pidfd]), [], [], 0 if ended else left)
            if master in ready:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    data = b""
                seen += data
            elif pidfd in ready:
                ended = True
            elif ended:
                return until()
        return True

    def finish(code):
        sys.stdout.buffer.write(seen)
        sys.stdout.flush()
        sys.exit(code)

    for step in steps:
        kind, _, text = step.partition(":")
        data = codecs.escape_decode(text.encode())[0]
        if kind == "expect":
            if not pump(lambda: seen.find(data, at) >= 0):
                sys.stdout.buffer.write(b"[never came: " + data + b"]")
                os.kill(pid, signal.SIGKILL)
                finish(1)
            at = seen.find(data, at) + len(data)
        elif kind == "send":
            os.write(master, data)
        elif kind == "resize":
            rows, cols = (int(n) for n in text.split(","))
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        elif kind == "signal":
            os.kill(pid, getattr(signal, "SIG" + text))
        elif kind == "raw":     # wait until the command has put the terminal in raw mode
            while termios.tcgetattr(slave)[3] & termios.ICANON:
                pump(lambda: not termios.tcgetattr(slave)[3] & termios.ICANON or bool(select.select([], [], [], 0.01)))
                if time.monotonic() > deadline:
                    sys.stdout.buffer.write(b"[never raw]")
                    os.kill(pid, signal.SIGKILL)
                    finish(1)
        else:
            sys.exit(f"terminal.py: no step {step}")
    if not pump(lambda: ended and not select.select([master], [], [], 0)[0]):
        sys.stdout.buffer.write(b"[never ended]")
        os.kill(pid, signal.SIGKILL)
        finish(1)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        seen += b"\n[signal %d]" % os.WTERMSIG(status)
    else:
        seen += b"\n[exit %d]" % os.WEXITSTATUS(status)
    if termios.tcgetattr(slave) != before:
        seen += b"\n[terminal changed]"
    seen += b"\n"
    finish(0)


main()
