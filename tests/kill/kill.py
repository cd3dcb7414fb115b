#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill tests: every scenario is run with one of our programs killed at its 1st, 2nd, 3rd … system call until the command
gets through. After each kill, whatever was killed where:

  - `creel check` finds nothing (opening the engine has finished or undone what was begun),
  - no monitor lives without a running container, no process of a container without a monitor,
  - a run that was acknowledged has exactly one end, and its code is the right one unless the monitor itself was killed,
  - removing everything leaves empty directories.

  kill.py [--every N] [SCENARIO...]     --every: only each N-th system call (the offset moves with the scenario)

Prints TAP. $CREEL is the binary, beside it creel-monitor."""
import argparse, json, os, select, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CREEL = os.environ.get("CREEL", os.path.join(TOP, "build", "creel"))


class Bad(Exception):
    pass


class World:
    """One engine of its own, kept for a scenario, and what must hold in it."""

    def __init__(self, killat, tar):
        self.tmp = tempfile.mkdtemp(prefix="creel-test.kill.")
        self.killat = killat
        self.root, self.run_root = os.path.join(self.tmp, "root"), os.path.join(self.tmp, "run")
        self.base = [CREEL, "--root", self.root, "--run-root", self.run_root]
        self.tar = tar
        self.ok("import", tar, "busybox:latest")

    def creel(self, *args, timeout=60, **kw):
        return subprocess.run(self.base + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, **kw)

    def ok(self, *args):
        r = self.creel(*args)
        if r.returncode != 0:
            raise Bad(f"creel {' '.join(args)}: exit {r.returncode}: {r.stderr.strip()}")
        return r.stdout.strip()

    def killed(self, program, n, args, extra=()):
        """True when the kill happened; False when the command got through first."""
        r = subprocess.run([self.killat, *extra, program, str(n), *self.base, *args], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        if r.returncode not in (0, 3):
            raise Bad(f"killat: exit {r.returncode}: {r.stderr.strip()}")
        self.last = r.stdout.strip().splitlines()[-1] if r.stdout.strip() else ""
        return r.returncode == 0

    # --- processes ---
    def monitors(self):
        """pid of every creel-monitor that has something of this engine open."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if not open(f"/proc/{pid}/comm").read().startswith("creel-monitor"):
                    continue
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    if os.readlink(f"/proc/{pid}/fd/{fd}").startswith(self.tmp):
                        found.append(int(pid))
                        break
            except OSError:
                pass
        return found

    def settle(self):
        """Until there are as many monitors as running containers. Ends of runs and of monitors are waited for by pidfd."""
        for _ in range(20):
            running, monitors = len(self.ok("ps", "-q").split()), self.monitors()
            if running == len(monitors):
                return
            for pid in monitors:
                try:
                    fd = os.pidfd_open(pid)
                except OSError:
                    continue
                p = select.poll()
                p.register(fd, select.POLLIN)
                p.poll(500)
                os.close(fd)
        raise Bad(f"{running} running containers, monitors {monitors}")

    def inspect(self, ref):
        r = self.creel("inspect", ref)
        return json.loads(r.stdout)[0] if r.returncode == 0 else None

    def invariants(self):
        r = self.creel("check")
        if r.returncode != 0:
            raise Bad(f"creel check: {r.stdout.strip()} {r.stderr.strip()}")
        self.settle()
        r = self.creel("check")
        if r.returncode != 0:
            raise Bad(f"second creel check: {r.stdout.strip()} {r.stderr.strip()}")

    def empty(self):
        ids = self.ok("ps", "-aq").split()
        if ids:
            self.ok("rm", "-f", *ids)
        self.invariants()
        for d in (os.path.join(self.root, "containers"), os.path.join(self.run_root, "containers"), os.path.join(self.root, "exits"),
                  os.path.join(self.root, "tmp"), os.path.join(self.root, "trash")):
            if os.path.isdir(d) and os.listdir(d):
                raise Bad(f"left in {d}: {os.listdir(d)}")

    def close(self):
        try:
            ids = self.creel("ps", "-aq").stdout.split()
            if ids:
                self.creel("rm", "-f", *ids)
        finally:
            shutil.rmtree(self.tmp, ignore_errors=True)


NET = ["--network", "none"]


def sleeper(w, name="victim"):
    w.ok("run", "-d", "--name", name, *NET, "busybox", "sleep", "100000")


def exit_is(w, name, code, unknown_allowed):
    c = w.inspect(name)
    if c is None or c["State"]["Status"] == "created":
        return
    if c["State"]["Status"] != "exited":
        raise Bad(f"{name} is {c['State']['Status']}")
    got = c["State"]["ExitCode"]
    if got != code and not (unknown_allowed and got in (255, 137)):
        raise Bad(f"{name} ended with {got}, not {code}")


# name -> (program, command, before, after, killat options)
def scenarios():
    s = {}

    def add(name, program, command, before=None, after=None, extra=()):
        s[name] = (program, command, before, after, extra)

    for program in ("creel", "creel-monitor"):
        monitor = program == "creel-monitor"
        add(f"run --rm, {program}", program, ["run", "--rm", "--name", "victim", *NET, "busybox", "true"], None, None, ())
        add(f"run, exit code kept, {program}", program, ["run", "--name", "victim", *NET, "busybox", "sh", "-c", "exit 7"], None,
            lambda w, m=monitor: exit_is(w, "victim", 7, m) if wait_end(w) else None)
        add(f"run -d, {program}", program, ["run", "-d", "--name", "victim", *NET, "busybox", "sleep", "100000"])
        add(f"start, {program}", program, ["start", "victim"],
            lambda w: w.ok("create", "--name", "victim", *NET, "busybox", "sleep", "100000"))
    add("run -d, helper", "creel", ["run", "-d", "--name", "victim", *NET, "busybox", "sh", "-c", "exit 7"], None,
        lambda w: exit_is(w, "victim", 7, False) if wait_end(w) else None, ("--all",))
    add("run -d --rm, helper", "creel", ["run", "-d", "--rm", "--name", "victim", *NET, "busybox", "true"], None, None, ("--all",))
    add("create", "creel", ["create", "--name", "victim", *NET, "busybox", "true"])
    add("stop", "creel", ["stop", "-t", "0", "victim"], sleeper)
    add("kill", "creel", ["kill", "victim"], sleeper)
    add("restart", "creel", ["restart", "-t", "0", "victim"], sleeper)
    add("pause", "creel", ["pause", "victim"], sleeper)
    add("unpause", "creel", ["unpause", "victim"], lambda w: (sleeper(w), w.ok("pause", "victim")))
    add("exec", "creel", ["exec", "victim", "true"], sleeper)
    add("rm", "creel", ["rm", "victim"], lambda w: w.ok("create", "--name", "victim", *NET, "busybox", "true"))
    add("rm -f", "creel", ["rm", "-f", "victim"], sleeper)
    add("rename", "creel", ["rename", "victim", "other"], lambda w: w.ok("create", "--name", "victim", *NET, "busybox", "true"))
    add("update", "creel", ["update", "--pids-limit", "100", "victim"], sleeper)
    add("import", "creel", ["import", "@TAR@", "other:latest"])
    add("import, worker", "creel-archive", ["import", "@TAR@", "other:latest"])
    add("commit", "creel", ["commit", "victim", "committed:latest"],
        lambda w: w.ok("run", "--name", "victim", *NET, "busybox", "touch", "/new"))
    add("rmi", "creel", ["rmi", "other:latest"], lambda w: w.ok("import", "--change", "LABEL a=b", w.tar, "other:latest"))
    add("cp in", "creel", ["cp", "/etc/hostname", "victim:/tmp/x"],
        lambda w: w.ok("create", "--name", "victim", *NET, "busybox", "true"))
    add("exec, monitor", "creel-monitor", ["exec", "victim", "true"], sleeper, None, ("--seize-monitor",))
    add("stop, monitor", "creel-monitor", ["stop", "-t", "0", "victim"], sleeper, None, ("--seize-monitor",))
    return s


def wait_end(w):
    """The end of a container that is to end by itself: creel wait, which does not poll. False if it never ran."""
    c = w.inspect("victim")
    if c is None or c["State"]["Status"] == "created":
        return False
    w.creel("wait", "victim", timeout=60)
    return True


def one(w, name, n):
    program, command, before, after, extra = SCENARIOS[name]
    if before:
        before(w)
    if "--seize-monitor" in extra:
        extra = [o for m in w.monitors() for o in ("--seize", str(m))]
    killed = w.killed(program, n, [c.replace("@TAR@", w.tar) for c in command], extra)
    where = w.last
    try:
        w.invariants()
        if after:
            after(w)
        w.empty()
    except (Bad, subprocess.TimeoutExpired) as e:
        raise Bad(f"call {n} ({where}): {e}")
    return killed


def sweep(killat, tar, name, every, offset):
    w = World(killat, tar)
    n, kills = 1 + offset % every, 0
    try:
        while one(w, name, n):
            kills += 1
            n += every
            if n > 20000:
                raise Bad("the command never got through")
        if kills < 3:
            raise Bad(f"only {kills} kills: the program was not on the path")
        return kills
    finally:
        w.close()


def make_tar(tmp):
    root = os.path.join(tmp, "rootfs")
    for d in ("bin", "dev", "etc", "proc", "sys", "tmp", "root"):
        os.makedirs(os.path.join(root, d))
    shutil.copy("/bin/busybox", os.path.join(root, "bin/busybox"))
    for a in ("sh", "true", "sleep", "touch", "cat"):
        os.symlink("busybox", os.path.join(root, "bin", a))
    tar = os.path.join(tmp, "rootfs.tar")
    subprocess.run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", tar, "."], check=True)
    return tar


SCENARIOS = scenarios()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--every", type=int, default=int(os.environ.get("KILL_EVERY", "7")))
    ap.add_argument("--list", action="store_true")
    ap.add_argument("scenario", nargs="*")
    args = ap.parse_args()
    names = args.scenario or list(SCENARIOS)
    if args.list:
        print("\n".join(names))
        return 0
    tmp = tempfile.mkdtemp(prefix="creel-test.killat.")
    bad = 0
    try:
        killat = os.path.join(tmp, "killat")
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", killat, os.path.join(HERE, "killat.c")], check=True)
        tar = make_tar(tmp)
        print(f"1..{len(names)}", flush=True)
        for i, name in enumerate(names, 1):
            try:
                kills = sweep(killat, tar, name, args.every, i)
                print(f"ok {i} {name}: {kills} kills", flush=True)
            except (Bad, subprocess.TimeoutExpired) as e:
                bad += 1
                print(f"not ok {i} {name}\n  # {str(e)[:1500]}", flush=True)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
