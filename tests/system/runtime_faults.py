#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Let the n-th system call of create, start, exec and destroy fail, for n = 1, 2, …, until there is no n-th one.

    runtime_faults.py PROGRAMS BUNDLE GROUP [EVERY]

PROGRAMS is the directory of runtime-probe and runtime-fault, BUNDLE a bundle whose cgroupsPath is GROUP and whose process
ends by itself, BUNDLE.exec one whose process stays. Every EVERY-th n is tried (default 1: all). The process that
prepares, the one that becomes init and the one that becomes an exec are hit in turn. After each run: it ended in time, a
failure has one line of words, and no control group is left. Prints what went wrong; exits 1 if anything did."""
import errno, os, subprocess, sys, tempfile

programs, bundle, group = sys.argv[1:4]
every = int(sys.argv[4]) if len(sys.argv) > 4 else 1
ID = "faulty"


def groups():
    return [os.path.join(top, d) for top, dirs, _ in os.walk("/sys/fs/cgroup") for d in dirs
            if os.path.join(top, d).endswith(group)]


def run(who, n, error, where, args):
    with tempfile.NamedTemporaryFile("r", prefix="fault-") as report:
        cmd = [programs + "/runtime-fault", str(who), str(n), str(error), report.name, programs + "/runtime-probe", where, ID]
        try:
            r = subprocess.run(cmd + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=90,
                               text=True)
        except subprocess.TimeoutExpired:
            return report.read().strip(), None, ""
        return report.read().strip(), r.returncode, r.stderr.strip()


def problems(code, words):
    wrong = []
    if code is None:
        wrong.append("did not end in time")
    elif code == 99 or code > 127:
        wrong.append("exit code %d" % code)
    elif code != 0 and (len(words.splitlines()) != 1 or len(words) < 20):
        wrong.append("bad words")
    left = groups()
    if left:
        wrong.append("left " + " ".join(left))
        for d in left:
            try:
                os.rmdir(d)
            except OSError:
                pass
    return wrong


faults = bad = 0
for who, where, args in ((0, bundle, []), (1, bundle, []), (0, bundle + ".exec", ["-x", "/bin/true"]), (2, bundle + ".exec", ["-x", "/bin/true"])):
    n = 0
    while True:
        n += every
        error = (errno.EIO, errno.ENOMEM, errno.EMFILE)[n % 3]
        call, code, words = run(who, n, error, where, args)
        if call == "none":
            if code != 0:
                sys.exit("does not even work without faults: %s" % words)
            break
        faults += 1
        wrong = problems(code, words)
        if wrong:
            bad += 1
        if wrong or os.environ.get("VERBOSE"):
            print("process %d, call %d (number %s, %s)%s: %s: %s %s" % (who, n, call, errno.errorcode[error],
                  " of exec" if args else "", "; ".join(wrong) or "fine", code, words), flush=True)
print("%d faults, %d went wrong" % (faults, bad))
sys.exit(bad > 0)
