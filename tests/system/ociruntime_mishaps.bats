#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel-runtime among others that misbehave: readers that go away or are stuck, sockets and pipes behind which nobody is, states
# that are damaged, containers that were frozen at the wrong moment. It neither waits for ever nor forgets what runs.
load runtime_helpers
eval "runtime_$(declare -f setup)"

setup() {
    runtime_setup
    RT=$CREEL_BUILD/creel-runtime
    ROOT=$T/state
}

teardown() {
    local id
    for id in $(R list -q 2>/dev/null); do R delete --force "$id" || true; done
    ! mountpoint -q "$T/small" || umount "$T/small"
    runtime_teardown
}

R() { timeout 40 "$RT" --root "$ROOT" "$@" 3>&-; }
quiet() { R "$@" <"/dev/null" >"$T/log" 2>&1; }
sleeper() { bundle 'p["args"] = ["sleep", "1000"]' "$@"; }
status_of() { R state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'; }
pid_of() { R state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
gone() { # PID: ended, also if nobody has waited for it yet
    local state
    state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)
    [ "${state:-Z}" = Z ] || { echo "$1 is $state"; return 1; }
}
fails() { # TEXT COMMAND...
    local text=$1
    shift
    run "$@"
    [ "$status" = 1 ] || { echo "exit $status: $output"; return 1; }
    [[ $output == *"$text"* ]] || { echo "no \"$text\" in: $output"; return 1; }
}
# Python with R(arguments...), which starts the program; everything is over after a minute.
script() { timeout 60 python3 -c 'import os, signal, socket, subprocess, sys, time
rt, root, b, t = sys.argv[1:5]
def R(*a, **k):
    k = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **k}
    return subprocess.Popen([rt, "--root", root, *a], **k)
'"$1" "$RT" "$ROOT" "$B" "$T" 3>&-; }

@test "a reader of the messages that is gone does not end a create half-way" {
    sleeper
    script '
r, w = os.pipe()
os.close(r)
p = R("--debug", "create", "-b", b, "one", stderr=w)
assert p.wait() == 0, p.returncode'
    [ "$(status_of one)" = created ]
    R start one
    grep -q '^SigIgn:.*0000000000000000' "/proc/$(pid_of one)/status"
    R delete -f one
    script '
r, w = os.pipe()
os.close(r)
p = R("list", stdout=w, stderr=subprocess.PIPE)
assert b"Broken pipe" in p.communicate()[1] and p.returncode == 1, p.returncode'
}

@test "hooks get signals as they are usually" {
    bundle 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "grep ^SigIgn /proc/self/status >" + T + "/signals"]}]}'
    quiet run -b "$B" one
    run cat "$T/signals"
    is "SigIgn:	0000000000000000"
}

@test "a caller who ignores the end of his children gets exit codes and hooks all the same" {
    bundle 'sh("exit 7")' 'c["hooks"] = {h: [{"path": "/bin/true"}] for h in ("createRuntime", "createContainer", "poststop")}'
    script '
ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
assert R("run", "-b", b, "one", **ignore).wait() == 7'
    sleeper
    script '
ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
assert R("run", "-d", "-b", b, "one", **ignore).wait() == 0
assert R("exec", "one", "sh", "-c", "exit 5", **ignore).wait() == 5
assert R("ps", "one", **ignore).wait() == 0'
}

@test "a container that was paused before its start is not started, and not lost" {
    sleeper
    quiet create -b "$B" one
    R pause one
    fails "cannot start a container in the paused state" R start one
    R resume one
    R start one
    [ "$(status_of one)" = running ]
}

@test "while run and start wait for readiness, which may never come, others can do what they want" {
    sleeper
    script '
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(t + "/notify")
env = dict(os.environ, NOTIFY_SOCKET=t + "/notify")
def until_running():
    for i in range(500):
        if b"running" in R("state", "one", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).communicate()[0]: return
        time.sleep(0.02)
    assert False, "never running"
assert R("create", "-b", b, "one", env=env).wait() == 0
for waiting in (("start", "one"), ("run", "-d", "-b", b, "one")):
    p = R(*waiting, env=env)
    until_running()
    assert R("pause", "one").wait(20) == 0
    assert p.poll() is None
    assert R("resume", "one").wait(20) == 0
    assert R("delete", "-f", "one").wait(20) == 0
    assert p.wait(20) == 0, waiting'
}

@test "who listens and does not accept is not waited for for ever" {
    sleeper 'p["terminal"] = True'
    script '
s = socket.socket(socket.AF_UNIX)
s.bind(t + "/console")
s.listen(0)
full = []
while True:
    c = socket.socket(socket.AF_UNIX)
    c.setblocking(False)
    try: c.connect(t + "/console")
    except BlockingIOError: break
    full.append(c)
p = R("create", "-b", b, "--console-socket", t + "/console", "one", stderr=subprocess.PIPE)
out = p.communicate(timeout=30)[1]
assert p.returncode == 1 and b"connect to socket %s/console: nobody has taken" % t.encode() in out, out'
    [ -z "$(R list -q)" ]
}

@test "a log that is a pipe without a reader is an error, one with a reader a log" {
    sleeper
    mkfifo "$T/pipe"
    fails "open log file $T/pipe: No such device or address" R --log "$T/pipe" create -b "$B" one
    timeout 20 cat "$T/pipe" >"$T/read" 3>&- &
    local i
    for ((i = 0; i < 500; i++)); do
        run R --log "$T/pipe" start nosuch
        [[ $output == *"No such device"* ]] || break
        sleep 0.02
    done
    wait $!
    grep -q 'level=error msg="container does not exist"' "$T/read"
}

@test "run: what is in the terminal at the end is shown; a reader that is stuck is given up at SIGTERM" {
    bundle 'p["terminal"] = True' 'sh("seq 1 500; exit 3")'
    script '
import pty
m, s = pty.openpty()
p = R("run", "-b", b, "one", stdin=s, stdout=subprocess.PIPE, stderr=s)
out = p.communicate(timeout=30)[0]
assert p.returncode == 3 and out.split() == [b"%d" % i for i in range(1, 501)], out'
    bundle 'p["terminal"] = True' 'sh("seq 1 15000 & sleep 0.3; exit 3")'
    script '
import pty
m, s = pty.openpty()
r, w = os.pipe()
p = R("run", "-b", b, "one", stdin=s, stdout=w, stderr=s)
os.close(w)
while b"stopped" not in R("state", "one", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).communicate()[0]: time.sleep(0.05)
assert p.poll() is None
p.terminate()
assert p.wait(20) == 3, p.returncode'
    [ -z "$(R list -q)" ]
}

@test "a state that is damaged while its process lives: told, not forgotten; delete --force ends the process" {
    local pid
    sleeper
    for what in ': >state' 'rm state' 'echo "{" >state'; do
        quiet run -d -b "$B" one
        pid=$(pid_of one)
        (cd "$ROOT/one" && eval "$what")
        fails "container one is damaged, but its process $pid lives" R state one
        fails "container one is damaged, but its process $pid lives" R create -b "$B" one
        fails "container one is damaged, but its process $pid lives" R delete one
        kill -0 "$pid"
        run R delete --force one
        [ "$status" = 0 ]
        [[ $output == *"its process $pid is killed"* ]]
        gone "$pid"
        [ ! -e "$ROOT/one" ]
        find /sys/fs/cgroup -depth -type d -path "*$GROUP/$ID" -exec rmdir {} + 2>/dev/null || true
    done
}

@test "update on a full disk: the old limits stay, and nothing is left in the way" {
    mkdir "$T/small"
    mount -t tmpfs -o size=16k none "$T/small"
    ROOT=$T/small
    sleeper 'l["resources"]["pids"] = {"limit": 100}'
    quiet run -d -b "$B" one
    local files
    files=$(ls -A "$ROOT/one")
    head -c 100000 /dev/zero >"$ROOT/filler" 2>/dev/null || true
    fails "write the state of container one: No space left on device" R update --pids-limit 50 one
    [ "$(ls -A "$ROOT/one")" = "$files" ]
    rm "$ROOT/filler"
    R update --pids-limit 50 one
}

@test "kill KILL, also of all, reaches a container that could do without a control group" {
    local d how
    sleeper 'l["namespaces"] = [{"type": "mount"}, {"type": "user"}]' 'del l["cgroupsPath"]' 'l["resources"] = {}' 'del c["hostname"]' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 12345, "size": 1}]' \
        'c["mounts"] = [x for x in c["mounts"] if x["type"] == "tmpfs"]' 'l["maskedPaths"] = l["readonlyPaths"] = []'
    mkdir "$T/run"
    chown -R 12345:12345 "$B" "$T/run"
    for d in "$T" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$T")"; do chmod a+x "$d"; done
    cp "$RT" "$T/rt"
    U() { env XDG_RUNTIME_DIR="$T/run" timeout 40 setpriv --reuid 12345 --regid 12345 --clear-groups "$T/rt" "$@" 3>&-; }
    for how in "" --all; do
        U run -d -b "$B" --pid-file "$T/run/pid" one <"/dev/null" >"$T/log" 2>&1 || { cat "$T/log"; return 1; }
        # shellcheck disable=SC2086
        U kill $how one KILL
        for ((d = 0; d < 500; d++)); do gone "$(cat "$T/run/pid")" >"$T/log" && break; sleep 0.02; done
        gone "$(cat "$T/run/pid")"
        U delete one
    done
}

@test "a container that is being deleted is stopped or gone, and not taken for one that is being created" {
    local n=20 got=0 seen=0 status
    gcc -O2 -o "$T/killat" "$TOP/tests/kill/killat.c"
    bundle
    while [ "$got" != 3 ]; do
        quiet run --keep -b "$B" one
        got=0
        # Where it is killed, another one holds the lock on, as it would.
        "$T/killat" creel-runtime $n "$RT" --root "$ROOT" delete one >"$T/log" 2>&1 3>&- || got=$?
        if [ -d "$ROOT/one" ]; then
            status=$(flock "$ROOT/one" "$RT" --root "$ROOT" state one 2>/dev/null 3>&- | grep status || true)
            [[ $status != *creating* ]] || { echo "killed at $n: $status"; return 1; }
            seen=$((seen + 1))
            R delete --force one
        fi
        n=$((n + 1))
    done
    [ "$seen" -gt 10 ]
}

@test "a create that fails and cannot take everything back stays known, and delete --force can finish it" {
    local d dir
    dir=$(for d in "/sys/fs/cgroup/pids" "/sys/fs/cgroup"; do [ ! -e "$d/cgroup.procs" ] || { echo "$d"; break; }; done)$GROUP/$ID
    echo "$dir" >"$T/dir"
    sleeper 'c["hooks"] = {"createRuntime": [{"path": "/bin/mount", "args": ["mount", "-t", "tmpfs", "none", open(T + "/dir").read().strip()]}]}'
    run R create -b "$B" --pid-file "$T/nosuch/pid" one
    umount "$dir" || { echo "$output"; return 1; }
    [ "$status" = 1 ]
    [[ $output == *"pid file $T/nosuch/pid"* ]] || { echo "$output"; return 1; }
    [ "$(status_of one)" = stopped ]
    R delete --force one
    [ ! -e "$dir" ]
}
