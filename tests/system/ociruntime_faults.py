#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Let the n-th system call of a creel-runtime command fail, for n = 1, 2, …, until there is no n-th one; or kill the program there.

    ociruntime_faults.py fault|kill [--every N] [--only TEXT]

Every command is hit in the program itself and in the processes that it makes. After each time: the command ended in time, a
failure has one line of words, `create` and `run` that failed left nothing, and whatever happened `delete --force` leaves no
state, control group or process. Prints what went wrong; exits 1 if anything did. $CREEL_BUILD is the build to test. The
program has to lie on a read-only mount, or it would execute itself anew: this script does that for itself."""
import argparse, ctypes, errno, json, os, shutil, subprocess, sys, tempfile, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("CREEL_BUILD", TOP + "/build"))
FAULT = BUILD + "/tests/unit/runtime/runtime-fault"
ERRORS = (errno.EIO, errno.ENOMEM, errno.EMFILE, errno.EINTR, errno.EAGAIN)
CAPS = ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"]

# name: (arguments, what has to be there before, which processes are hit: 0 the program, 1 its first child …)
COMMANDS = {
    "create": (["create", "-b", "@B", "--pid-file", "@T/pid", "box"], None, (0, 1)),
    "run": (["run", "-b", "@B.short", "box"], None, (0, 1)),
    "run -d": (["run", "-d", "-b", "@B", "box"], None, (0, 1)),
    "start": (["start", "box"], "created", (0,)),
    "exec": (["exec", "box", "/bin/true"], "running", (0, 1, 2)),
    "exec -d": (["exec", "-d", "--pid-file", "@T/pid2", "box", "/bin/sleep", "1000"], "running", (0,)),
    "kill": (["kill", "box", "KILL"], "running", (0,)),
    "update": (["update", "--pids-limit", "50", "box"], "running", (0,)),
    "pause": (["pause", "box"], "running", (0,)),
    "state": (["state", "box"], "running", (0,)),
    "delete": (["delete", "box"], "created", (0,)),
    "delete --force": (["delete", "--force", "box"], "running", (0,)),
}
MAKES = ("create", "run", "run -d")


def read_only_program(place):
    """A read-only view of the program, in a mount namespace of our own."""
    libc = ctypes.CDLL(None, use_errno=True)
    where = place + "/bin"
    os.mkdir(where)
    def must(r):
        if r != 0:
            raise OSError(ctypes.get_errno(), "prepare the mount namespace")
    must(libc.unshare(0x20000))
    must(libc.mount(b"none", b"/", None, 0x44000, None))
    shutil.copy(BUILD + "/creel-runtime", where)
    must(libc.mount(where.encode(), where.encode(), None, 0x1000, None))
    must(libc.mount(b"none", where.encode(), None, 0x1000 | 0x20 | 1, None))
    return where + "/creel-runtime"


def config(group, args):
    ns = [{"type": t} for t in ("mount", "pid", "network", "ipc", "uts", "cgroup")]
    return {"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "hostname": "box",
            "process": {"cwd": "/", "args": args, "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "oomScoreAdj": 100,
                        "capabilities": {k: CAPS for k in ("bounding", "effective", "permitted")}},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
                       {"destination": "/tmp", "type": "bind", "source": "/usr/share/misc", "options": ["rbind", "ro"]}],
            "linux": {"cgroupsPath": group, "namespaces": ns, "resources": {"pids": {"limit": 100}, "devices": [{"allow": False, "access": "rwm"}]},
                      "sysctl": {"net.ipv4.ip_forward": "1"}, "maskedPaths": ["/proc/kcore", "/proc/acpi"], "readonlyPaths": ["/proc/sys"],
                      "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}


class World:
    def __init__(self):
        self.tmp = tempfile.mkdtemp(prefix="creel-test.fault.")
        self.group = "/creel-test-ocifault-%d/box" % os.getpid()
        self.bundle = self.tmp + "/b"
        self.root = self.tmp + "/state"
        self.program = read_only_program(self.tmp)
        for suffix, args in (("", ["/bin/sleep", "1000"]), (".short", ["/bin/true"])):
            bin_ = self.bundle + suffix + "/rootfs/bin"
            os.makedirs(bin_)
            for d in ("proc", "dev", "tmp", "etc"):
                os.mkdir(self.bundle + suffix + "/rootfs/" + d)
            shutil.copy("/bin/busybox", bin_)
            for applet in ("true", "sleep", "sh"):
                os.symlink("busybox", bin_ + "/" + applet)
            with open(self.bundle + suffix + "/config.json", "w") as f:
                json.dump(config(self.group, args), f)

    def argv(self, words):
        return [self.program, "--root", self.root] + [w.replace("@B", self.bundle).replace("@T", self.tmp) for w in words]

    def do(self, words):
        return subprocess.run(self.argv(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)

    def groups(self):
        return [os.path.join(top, d) for top, dirs, _ in os.walk("/sys/fs/cgroup") for d in dirs
                if os.path.join(top, d).endswith(self.group)]

    def processes(self):
        """Ours: with a root in a bundle, or a program of ours."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open("/proc/%s/cmdline" % pid).read()
                if int(pid) != os.getpid() and "ociruntime_faults" not in words and self.tmp in words:
                    found.append("%s (%s)" % (pid, words.replace("\0", " ")[:80]))
            except OSError:
                pass
        return found

    def left(self, state=True):
        out = self.groups()
        if state and os.path.isdir(self.root):
            out += [n for n in os.listdir(self.root) if n != "@seccomp"]
        return out

    def before(self, what):
        for words in {None: [], "created": [["create", "-b", "@B", "box"]],
                      "running": [["create", "-b", "@B", "box"], ["start", "box"]]}[what]:
            with tempfile.TemporaryFile("w+") as said: # not a pipe: the container has it, too
                r = subprocess.run(self.argv(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, timeout=60)
                said.seek(0)
                if r.returncode != 0:
                    sys.exit("does not even work without faults: %s: %s" % (words, said.read()))

    def clean(self):
        """What delete --force leaves."""
        wrong = []
        r = self.do(["delete", "--force", "box"])
        if r.returncode != 0:
            wrong.append("delete --force: %d %s" % (r.returncode, r.stdout.strip()))
        end = time.monotonic() + 5
        while (self.left() or self.processes()) and time.monotonic() < end: # an orphan may be about to end
            time.sleep(0.01)
        if self.left() or self.processes():
            wrong.append("left after delete --force: %s %s" % (self.left(), self.processes()))
            shutil.rmtree(self.root, ignore_errors=True)
        for name in ("pid", "pid2"):
            if os.path.exists(self.tmp + "/" + name):
                os.unlink(self.tmp + "/" + name)
        others = [n for n in os.listdir(self.tmp) if n not in ("b", "b.short", "bin", "state")]
        if others:
            wrong.append("files left: %s" % others)
            for n in others:
                os.unlink(self.tmp + "/" + n)
        return wrong

    def hit(self, who, n, error, words):
        with tempfile.NamedTemporaryFile("r", prefix="fault-") as report, tempfile.TemporaryFile("w+") as said:
            try:
                r = subprocess.run([FAULT, str(who), str(n), str(error), report.name] + self.argv(words), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=said, timeout=90)
                code = r.returncode
            except subprocess.TimeoutExpired:
                code = None
            said.seek(0)
            return report.read().strip(), code, said.read().strip()

    def close(self):
        subprocess.run(["umount", self.tmp + "/bin"], check=False)
        shutil.rmtree(self.tmp, ignore_errors=True)
        for d in sorted(self.groups(), key=len, reverse=True) + [d[:-4] for d in self.groups()]:
            try:
                os.rmdir(d)
            except OSError:
                pass
        for top, dirs, _ in os.walk("/sys/fs/cgroup"):
            for d in dirs:
                if d == self.group.split("/")[1]:
                    os.rmdir(os.path.join(top, d))


def judge(name, code, words, killed):
    wrong = []
    if code is None:
        wrong.append("did not end in time")
    elif not killed and (code == 99 or (code > 127 and not (code == 255 and name.startswith("exec")))):
        wrong.append("exit code %d" % code)
    elif not killed and code != 0 and (len(words.splitlines()) != 1 or len(words) < 20):
        wrong.append("bad words")
    return wrong


def main():
    p = argparse.ArgumentParser()
    p.add_argument("mode", choices=("fault", "kill"))
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--only", default=None)
    a = p.parse_args()
    w = World()
    times = bad = 0
    try:
        for name, (words, before, whom) in COMMANDS.items():
            if a.only is not None and name != a.only:
                continue
            for who in whom:
                n = 0
                while True:
                    n += a.every
                    error = ERRORS[n % len(ERRORS)] if a.mode == "fault" else 0
                    w.before(before)
                    call, code, said = w.hit(who, n, error, words)
                    wrong = [] if call == "none" else judge(name, code, said, a.mode == "kill")
                    # Whose container it is cannot be known without the lock: that is left to `delete --force`.
                    if call != "none" and name in MAKES and a.mode == "fault" and code not in (0, None) and w.left() \
                            and "lock container" not in said:
                        wrong.append("left: %s" % w.left())
                    wrong += w.clean()
                    if call == "none":
                        if code != 0:
                            sys.exit("%s does not even work without faults: %s %s" % (name, code, said))
                        break
                    times += 1
                    bad += bool(wrong)
                    if wrong or os.environ.get("VERBOSE"):
                        print("%s, process %d, call %d (number %s, %s): %s: %s %s" % (name, who, n, call, errno.errorcode.get(error, "killed"),
                              "; ".join(wrong) or "fine", code, said), flush=True)
    finally:
        w.close()
    print("%d times, %d went wrong" % (times, bad))
    return bad > 0


sys.exit(main())
