#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the system tests with newer system calls forbidden, one family after the other.

    fallback.py [--every N] [--only TEXT] [--jobs N] [--files FILE,FILE] [--list]

Every program under test is started behind runtime-forbid, and so is everything that it starts. A call answers ENOSYS, as on
an older kernel, or EPERM, as filters from before the call do. All tests still pass, except those named in WITHOUT with the
reason why there is no way around the call; those have to fail with words that say so. --every N tries every N-th family;
--list prints the families. One line of TAP for each. CREEL_BUILD is the build to test."""
import argparse, concurrent.futures, os, re, shutil, subprocess, sys, tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CREEL_BUILD", TOP + "/build")
PROGRAMS = ("creel", "creel-runtime", "tests/unit/runtime/runtime-probe")
FILES = ["run.bats", "exec.bats", "cp.bats", "runtime.bats", "ociruntime.bats"]

MOUNT_CALLS = "open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,mount_setattr"
FAMILIES = [answer + ":" + calls for calls in (
    "clone3", "openat2", "close_range", "mount_setattr", MOUNT_CALLS,
    "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "pidfd_open,pidfd_send_signal,pidfd_getfd", "faccessat2", "statx", "epoll_pwait2",
    "copy_file_range", "clone3,openat2,close_range,pidfd_open,pidfd_send_signal,pidfd_getfd,faccessat2," + MOUNT_CALLS,
) for answer in ("ENOSYS", "EPERM")] + [
    "EINVAL:clone3",        # clone3 without CLONE_INTO_CGROUP, as Linux 5.3 to 5.6 has it
    "KILL:io_uring_setup,io_uring_enter,io_uring_register",     # not used at all
]
# Family, file, test (regular expressions), why it cannot pass, words that have to be there.
WITHOUT = [
    ("mount_setattr|open_tree|move_mount", r"cp\.bats", ".", "the archive worker sees only a detached copy of the tree",
     "confining the archive worker"),
    ("E(PERM|INVAL):clone3", r"run\.bats", "external runtime", "runc's threads know only ENOSYS", "runtime .*runc, create: it ended"),
    ("E(PERM|INVAL):clone3", r"cp\.bats", ".", "the C library's posix_spawn knows only ENOSYS", "starting .*creel-archive"),
    ("mount_setattr", r"runtime\.bats", "binds|propagation|reaches the host", "only mount_setattr has them", "recursive attributes need"),
    ("mount_setattr", r"run\.bats", "-v binds|type=bind", "only mount_setattr has them", "recursive attributes need"),
    ("mount_setattr", r"runtime\.bats", "keeps the flags|maps ids", "the container's user has to reach the path by itself",
     "open root file system .*: Permission denied"),
    ("open_tree", r"run(time)?\.bats", "propagation|reaches the host", "a copy in the container's namespace has no peers",
     "need open_tree"),
    ("fsopen", r"run\.bats", "external runtime", "the layers are mounted before there is a namespace", "mount the layers of container"),
    ("fsopen", r"run\.bats", "without syncing", "only slower: mount(2) with layers by name stays in sync", "output is:\n# 0"),
    ("fsopen", r"runtime\.bats", "an overlay of layers", "only the detached mount is taken apart from its marks", "no marks of the kernel"),
    ("fsopen", r"runtime\.bats", "without clone3, users|unprivileged caller|without privilege", "devices come by detached mounts",
     "open the host's"),
    ("E(PERM|INVAL):clone3", r"runtime\.bats", "newuidmap", "the C library's posix_spawn knows only ENOSYS", "run new[ug]idmap"),
    ("pidfd_getfd", r"runtime\.bats", "a filter that asks", "nothing else takes the descriptor out", "seccomp descriptor"),
    ("pidfd_open", r"run\.bats", "external runtime", "that is runc's need", "runtime .*runc, create: no answer"),
    ("mount_setattr", r"runtime\.bats", "id-mapped", "only mount_setattr maps", "map the ids|id.?mapp"),
    ("fsopen", r"runtime\.bats", "tmpcopyup", "it is filled before it is attached", "needs Linux 5.2"),
    ("fsopen", r"runtime\.bats", "namespaces are joined|users? namespace|user namespace", "devices and procfs come by detached mounts",
     "Function not implemented|not permitted"),
    ("fsopen", r"runtime\.bats", "refused clearly", "mount(2) does not name the option", "Invalid argument"),
    ("pidfd_open", r"cp\.bats", ".", "whose mounts they are is told by a pidfd", "opening process [0-9]+"),
]

# Family, file: refused before anything is made; a test in the file itself says so.
REFUSED = [("pidfd_open|pidfd_send_signal", "ociruntime.bats")]

def wrapped_build(family, place):
    """A directory like BUILD in which the programs under test run behind the filter."""
    fake = place + "/build"
    os.makedirs(fake + "/tests/unit/runtime")
    forbid = shutil.copy(BUILD + "/tests/unit/runtime/runtime-forbid", place + "/forbid")
    for name in os.listdir(BUILD):
        if name not in ("tests", *PROGRAMS):
            os.symlink(BUILD + "/" + name, fake + "/" + name)
    for name in os.listdir(BUILD + "/tests/unit/runtime"):
        if "tests/unit/runtime/" + name not in PROGRAMS:
            os.symlink(BUILD + "/tests/unit/runtime/" + name, fake + "/tests/unit/runtime/" + name)
    for name in PROGRAMS:
        if not os.path.exists(BUILD + "/" + name):
            continue
        real = BUILD + "/" + name
        if name != "creel":     # which needs what lies beside it; others are to be run by other users, too
            real = shutil.copy(real, place + "/" + os.path.basename(name))
        # Archives are another program's work; here images are only needed.
        script(fake + "/" + name, "case $1 in import) exec '%s' \"$@\" ;; esac\n" % real if name == "creel" else "", forbid, family, real)
    os.mkdir(place + "/bin")    # without privilege there is no filter to be had: it has to be there before
    script(place + "/bin/setpriv", "", forbid, family, shutil.which("setpriv") or "setpriv")
    return fake


def script(path, before, forbid, family, real):
    with open(path, "w") as f:
        f.write("#!/bin/sh\n%sexec '%s' '%s' '%s' \"$@\"\n" % (before, forbid, family, real))
    os.chmod(path, 0o755)


def failures(tap):
    """(test, its words) of each failed one."""
    out, name, words = [], None, []
    for line in tap.splitlines() + ["1..0"]:
        if line.startswith(("ok ", "not ok ", "1..")):
            if name is not None:
                out.append((name, "\n".join(words)))
            name, words = (line.split(" ", 3)[3], []) if line.startswith("not ok ") else (None, [])
        elif name is not None:
            words.append(line)
    return out


def excused(family, file, test, words):
    return any(re.search(f, family) and re.search(p, file) and re.search(t, test) and re.search(said, words)
               for f, p, t, _, said in WITHOUT)


def run_family(family, files):
    place = tempfile.mkdtemp(prefix="creel-fallback-")
    problems, passed, missing = [], 0, 0
    os.chmod(place, 0o711)  # some tests are run by other users
    try:
        fake = wrapped_build(family, place)
        env = dict(os.environ, CREEL_BUILD=fake, CREEL=fake + "/creel", TMPDIR=place, PATH=place + "/bin:" + os.environ["PATH"],
                   SECCOMP_AROUND="2")  # what a process without a filter of its own sees
        for name in files:
            path = TOP + "/tests/system/" + name
            if not os.path.exists(path) or any(re.search(f, family) and name == n for f, n in REFUSED):
                continue
            r = subprocess.run(["timeout", "-k", "10", "900", "bats", "--tap", path], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
            passed += len(re.findall(r"(?m)^ok ", r.stdout))
            bad = failures(r.stdout)
            missing += sum(excused(family, name, t, w) for t, w in bad)
            problems += ["%s: %s\n%s" % (name, t, w) for t, w in bad if not excused(family, name, t, w)]
            if r.returncode not in (0, 1) or (r.returncode == 1 and not bad):
                problems.append("%s: ended with %d\n%s" % (name, r.returncode, r.stdout[-1500:]))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return passed, missing, problems


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--only", default="")
    p.add_argument("--jobs", type=int, default=max(4, os.cpu_count() or 1))     # they wait more than they work
    p.add_argument("--files", default=",".join(FILES))
    p.add_argument("--list", action="store_true")
    a = p.parse_args()
    families = [f for i, f in enumerate(FAMILIES) if a.only in f and (i + 6) % a.every == 0]
    if a.list:
        print("\n".join(families))
        return 0
    print("1..%d" % len(families), flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for n, (family, (passed, missing, problems)) in enumerate(
                zip(families, pool.map(lambda f: run_family(f, a.files.split(",")), families)), 1):
            good = not problems and passed > 0
            failed += not good
            print("%s %d without %s (%d passed%s)" % ("ok" if good else "not ok", n, family, passed,
                                                   ", %d cannot" % missing if missing else ""), flush=True)
            for line in "\n".join(problems).splitlines():
                print("# " + line, flush=True)
    return failed > 0


sys.exit(main())
