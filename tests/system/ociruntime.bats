#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The life of a container on creel-runtime's command line: what each command and option does, what it refuses, what is told in
# which words, and that nothing is left when a command fails or is killed, whoever else works on the same container.
load runtime_helpers
eval "runtime_$(declare -f setup)"

setup() {
    runtime_setup
    RT=$CREEL_BUILD/creel-runtime
    ROOT=$T/state
    KILLAT=$BATS_FILE_TMPDIR/killat
    [ -x "$KILLAT" ] || gcc -O2 -o "$KILLAT" "$TOP/tests/kill/killat.c"
    PIDS=
}

teardown() {
    local id p
    for p in $PIDS; do kill "$p" 2>/dev/null || true; done
    for id in $(R list -q 2>/dev/null); do R delete --force "$id" || true; done
    no_namespaces_left
    runtime_teardown
}

R() { timeout 60 "$RT" --root "$ROOT" "$@" 3>&-; }
# Detached commands must not keep the test's own streams open.
quiet() { R "$@" <"/dev/null" >"$T/log" 2>&1; }
status_of() { R state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'; }
pid_of() { R state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
until_status() { # ID STATUS
    local i
    for ((i = 0; i < 500; i++)); do [ "$(status_of "$1" 2>/dev/null)" = "$2" ] && return 0; sleep 0.02; done
    echo "$1 is $(status_of "$1"), never $2" >&2
    return 1
}
nothing_left() {
    local left
    left=$(ls -A "$ROOT" 2>/dev/null | grep -v '^@seccomp$' || true)
    [ -z "$left" ] || { echo "states left: $left"; return 1; }
    left=$(compgen -G "/sys/fs/cgroup/*$GROUP/$ID*" || compgen -G "/sys/fs/cgroup$GROUP/$ID*" || true)
    [ -z "$left" ] || { echo "control groups left: $left"; return 1; }
}
no_namespaces_left() {
    local left
    left=$(grep -lF "$B/rootfs" /proc/[0-9]*/mountinfo 2>/dev/null || true)
    [ -z "$left" ] || { echo "namespaces left: $left"; return 1; }
}
fails() { # TEXT COMMAND...
    local text=$1
    shift
    run "$@"
    [ "$status" = 1 ] || { echo "exit $status: $output"; return 1; }
    [[ $output == *"$text"* ]] || { echo "no \"$text\" in: $output"; return 1; }
}
sleeper() { bundle 'p["args"] = ["sleep", "1000"]' "$@"; }

# --- the life cycle ---

@test "create, state, start, kill, delete: the states in their order" {
    sleeper 'c["annotations"] = {"a": "b \"c\""}'
    quiet create -b "$B" one
    [ "$(status_of one)" = created ]
    ! grep -q sleep "/proc/$(pid_of one)/cmdline" || return 1
    R start one
    [ "$(status_of one)" = running ]
    grep -q sleep "/proc/$(pid_of one)/cmdline"
    R state one | python3 -c '
import json, os, sys
s, b = json.load(sys.stdin), sys.argv[1]
assert s["ociVersion"] == "1.2.0" and s["id"] == "one" and s["bundle"] == b and s["rootfs"] == b + "/rootfs", s
assert s["annotations"] == {"a": "b \"c\""} and s["owner"] == "root" and s["created"].endswith("Z"), s
assert os.path.exists("/proc/%d" % s["pid"])' "$(realpath "$B")"
    fails "cannot start an already running container" R start one
    fails "cannot delete container one that is not stopped: running" R delete one
    R kill one KILL
    until_status one stopped
    [ "$(pid_of one)" = 0 ]
    fails "cannot start a container that has stopped" R start one
    fails "container not running" R kill one
    R kill -a one TERM
    R delete one
    fails "container does not exist" R state one
    nothing_left
}

@test "delete ends a container that was created, and with --force one that runs; one that is not there is no error then" {
    sleeper
    quiet create -b "$B" one
    R delete one
    quiet run -d -b "$B" one
    R delete -f one
    nothing_left
    R delete --force one
    fails "container does not exist" R delete one
}

@test "run: streams, exit code, signal; --keep, --detach" {
    bundle 'sh("read x; echo got $x; echo bad >&2; exit 7")'
    run --separate-stderr R run -b "$B" one <<<"this"
    [ "$status" = 7 ] && [ "$output" = "got this" ] && [ "$stderr" = bad ]
    nothing_left
    bundle 'sh("kill -9 $$")' 'l["namespaces"].remove(ns("pid"))'
    run R run -b "$B" one
    [ "$status" = 137 ]
    bundle
    R run --keep -b "$B" one
    [ "$(status_of one)" = stopped ]
    R delete one
    sleeper
    quiet run --detach -b "$B" --pid-file "$T/pid" one
    [ "$(status_of one)" = running ]
    [ "$(cat "$T/pid")" = "$(pid_of one)" ]
    R delete -f one
    nothing_left
}

@test "run hands signals on and gives the exit code that follows" {
    bundle 'sh("trap \"echo term; exit 3\" TERM; echo ready; while :; do sleep 0.1; done")'
    "$RT" --root "$ROOT" run -b "$B" one >"$T/out" 3>&- &
    local pid=$! i code=0
    for ((i = 0; i < 500; i++)); do grep -q ready "$T/out" && break; sleep 0.02; done
    kill -TERM $pid
    wait $pid || code=$?
    [ $code = 3 ] && grep -q term "$T/out"
    nothing_left
}

@test "run and create with a configuration by another name, and pidfile in both spellings" {
    bundle
    mv "$B/config.json" "$B/other.json"
    fails "JSON specification file config.json not found" R run -b "$B" one
    R run -b "$B" --config other.json --pidfile "$T/p" one
    [ -s "$T/p" ]
    nothing_left
}

@test "list: table, json, ids; what is no container is not listed" {
    sleeper
    run R list
    [ "$status" = 1 ]
    quiet run -d -b "$B" one
    sed -i "s,$GROUP/$ID,$GROUP/$ID-2," "$B/config.json"
    quiet create -b "$B" two
    mkdir "$ROOT/empty" "$ROOT/@x"
    run R list -q
    is "one
two"
    run R list
    [[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
    [[ ${lines[1]} =~ ^one\ +[0-9]+\ +running\ +/ ]]
    [[ ${lines[2]} =~ ^two\ +[0-9]+\ +created\ +/.*root$ ]]
    R list -f json | python3 -c '
import json, sys
l = json.load(sys.stdin)
assert [(x["id"], x["status"]) for x in l] == [("one", "running"), ("two", "created")], l'
    fails "invalid format option" R list -f x
    R delete -f one
    R delete -f two
    rmdir "$ROOT/@x"
    R delete -f empty
    nothing_left
}

@test "kill: names, numbers, none, all; a created container heeds the usual signals" {
    bundle 'sh("trap \"echo usr >/got\" USR1; (trap \"echo all >/got2; exit\" USR2; while :; do sleep 0.1; done) & trap : USR2; while :; do sleep 0.1; done")'
    quiet run -d -b "$B" one
    R kill one 0
    local i
    for ((i = 0; i < 100; i++)); do R kill one SIGUSR1; [ -e "$B/rootfs/got" ] && break; sleep 0.05; done
    [ -e "$B/rootfs/got" ]
    for ((i = 0; i < 100; i++)); do R kill --all one usr2; [ -e "$B/rootfs/got2" ] && break; sleep 0.05; done
    [ -e "$B/rootfs/got2" ]
    fails 'unknown signal \"FOO\"' R kill one FOO
    R delete -f one
    sleeper
    quiet create -b "$B" two
    R kill two TERM
    until_status two stopped
    R delete two
    nothing_left
}

@test "kill KILL ends all processes of a container in a foreign pid namespace, also when the first is gone" {
    sleeper 'l["namespaces"].remove(ns("pid"))' 'sh("sleep 1000 & sleep 1001 & echo $! >/other; wait")'
    quiet run -d -b "$B" one
    local i other
    for ((i = 0; i < 200; i++)); do [ -s "$B/rootfs/other" ] && break; sleep 0.02; done
    other=$(cat "$B/rootfs/other")
    kill -9 "$(pid_of one)"
    until_status one stopped
    grep -q sleep "/proc/$other/cmdline"
    R kill one KILL
    for ((i = 0; i < 200; i++)); do grep -q sleep "/proc/$other/cmdline" 2>/dev/null || break; sleep 0.02; done
    ! grep -q sleep "/proc/$other/cmdline" || return 1
    R delete one
    nothing_left
}

@test "a configuration without process can be created and deleted; a start says that there is nothing, and stops it" {
    bundle 'del c["process"]'
    quiet create -b "$B" one
    [ "$(status_of one)" = created ]
    R delete one
    quiet create -b "$B" one
    run R start one
    [ "$status" = 0 ]
    [[ $output == *level=error*"has no process to start: it is stopped"* ]]
    [ "$(status_of one)" = stopped ]
    fails "cannot start a container that has stopped" R start one
    R delete one
    nothing_left
}

# --- what is refused ---

@test "mistakes: exit 1, the words of the field, and nothing left" {
    sleeper
    quiet create -b "$B" one
    fails "container with given ID already exists" R create -b "$B" one
    R delete one
    local id
    for id in "" . .. a/b "a b" @x; do fails "container" R create -b "$B" "$id"; done
    fails "flag provided but not defined: -nosuch" R create --nosuch one
    fails "Incorrect Usage" R create
    fails "requires exactly 1 argument(s)" R create
    fails "open bundle" R create -b "$T/nosuch" one
    fails "cannot allocate tty" R create -b "$B" --config <(sed 's/"cwd"/"terminal": true, "cwd"/' "$B/config.json") one
    fails "cannot use console socket" R create -b "$B" --console-socket "$T/s" one
    fails "preserve" R create -b "$B" --preserve-fds 5 one
    fails "pid file" R create -b "$B" --pid-file "$T/nosuch/pid" one
    fails "unknown cgroup manager" R --cgroup-manager x create -b "$B" one
    fails "invalid log-format" R --log-format x create -b "$B" one
    bundle 'p["args"] = ["nosuch"]'
    fails 'exec: \"nosuch\": executable file not found in $PATH' R create -b "$B" one
    bundle 'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/nosuch/y", "options": ["bind"]})'
    fails /nosuch/y R run -b "$B" one
    bundle 'c["root"]["path"] = "nosuch"'
    fails nosuch R run -b "$B" one
    echo '{"ociVersion": "1.2.0", ' >"$B/config.json"
    fails "OCI configuration" R run -b "$B" one
    run R nosuch
    [ "$status" = 3 ]
    nothing_left
}

@test "errors go to standard error and to the log, as text or JSON" {
    fails 'level=error msg="container does not exist"' R state one
    fails "container does not exist" R --log "$T/l" --log-format json state one
    [ "$output" = "container does not exist" ]
    python3 - "$T/l" <<'PY'
import json, sys
l = [json.loads(x) for x in open(sys.argv[1])]
assert [set(x) for x in l] == [{"level", "msg", "time"}] and l[0]["level"] == "error" and l[0]["msg"] == "container does not exist", l
PY
    bundle
    R --debug --log "$T/d" run -b "$B" one
    grep -q level=debug "$T/d"
}

# --- descriptors ---

@test "console socket: the master comes with the terminal; pidfd socket: the process" {
    bundle 'p["terminal"] = True' 'p["consoleSize"] = {"height": 11, "width": 22}' 'sh("stty size; tty; exit 4")'
    python3 - "$RT" "$ROOT" "$B" "$T" 3>&- <<'PY'
import array, os, select, signal, socket, subprocess, sys
signal.alarm(60)
rt, root, b, t = sys.argv[1:]
def listen(p):
    s = socket.socket(socket.AF_UNIX); s.bind(p); s.listen(1); return s
def take(s):
    c, _ = s.accept(); m, a, _, _ = c.recvmsg(100, 100); fds = array.array("i"); fds.frombytes(a[0][2]); return m, fds[0]
tty, pfd = listen(t + "/tty.sock"), listen(t + "/pid.sock")
subprocess.check_call([rt, "--root", root, "create", "-b", b, "--console-socket", t + "/tty.sock", "--pidfd-socket", t + "/pid.sock", "one"])
name, master = take(tty)
_, pidfd = take(pfd)
assert name == b"/dev/ptmx", name
subprocess.check_call([rt, "--root", root, "start", "one"])
p = select.poll(); p.register(pidfd, select.POLLIN); assert p.poll(10000)
out = os.read(master, 1000)
while True:
    try: more = os.read(master, 1000)
    except OSError: break
    if not more: break
    out += more
assert out == b"11 22\r\n/dev/console\r\n" or out == b"11 22\r\n/dev/pts/0\r\n", out
PY
    R delete one
    nothing_left
}

@test "run in the foreground copies the terminal, hands its size on, and leaves it as it was" {
    bundle 'p["terminal"] = True' 'sh("stty size; read x; echo got $x; trap \"stty size; exit 5\" WINCH; echo ready; while :; do sleep 0.1; done")'
    python3 - "$RT" "$ROOT" "$B" 3>&- <<'PY'
import fcntl, os, pty, signal, struct, sys, termios
signal.alarm(60)
rt, root, b = sys.argv[1:]
size = lambda fd, r, c: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", r, c, 0, 0))
pid, fd = pty.fork()
if pid == 0:
    size(0, 33, 44)
    before = termios.tcgetattr(0)
    child = os.spawnv(os.P_WAIT, rt, [rt, "--root", root, "run", "-b", b, "one"])
    os._exit(child if termios.tcgetattr(0) == before else 99)
out = b""
def until(text):
    global out
    while text not in out:
        out += os.read(fd, 1000)
until(b"33 44")
os.write(fd, b"words\r")
until(b"got words")
until(b"ready")
size(fd, 55, 66)
until(b"55 66")
_, status = os.waitpid(pid, 0)
assert os.WEXITSTATUS(status) == 5, status
PY
    nothing_left
}

@test "descriptors: only those that are passed on, listening sockets first" {
    bundle 'sh("ls /proc/self/fd | tr \"\\n\" \" \"; echo; cat <&4; echo $LISTEN_FDS $LISTEN_PID")'
    echo handed >"$T/file"
    python3 - "$RT" "$ROOT" "$B" "$T/file" >"$T/out" 3>&- <<'PY'
import os, sys
rt, root, b, f = sys.argv[1:]
a, c, d = os.open("/dev/null", os.O_RDONLY), os.open(f, os.O_RDONLY), os.open(f, os.O_RDONLY)
for n, fd in enumerate((a, c, d)):
    os.dup2(os.dup(fd), 20 + n)
os.closerange(3, 20)
for n in range(3):
    os.dup2(20 + n, 3 + n)     # 3 listens, 4 is preserved, 5 is nobody's
os.closerange(6, 30)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(rt, [rt, "--root", root, "run", "--preserve-fds", "1", "-b", b, "one"])
PY
    run cat "$T/out"
    is "0 1 2 3 4 5 
handed
1 1" # 5 is ls's own
}

@test "sd_notify: readiness is handed on, and nothing else; run -d and start wait for it" {
    bundle 'sh("printf \"MAINPID=1\\nREADY=1\\nSTATUS=x\" | /sender; sleep 1000")' 'p["env"].append("A=B")'
    cat >"$T/sender.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void)
{
    char text[200];
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    ssize_t n = read(0, text, sizeof text);
    strncpy(a.sun_path, getenv("NOTIFY_SOCKET"), sizeof a.sun_path - 1);
    return sendto(socket(AF_UNIX, SOCK_DGRAM, 0), text, n, 0, (void *)&a, sizeof a) != n;
}
C
    gcc -static -o "$B/rootfs/sender" "$T/sender.c"
    python3 - "$RT" "$ROOT" "$B" "$T" 3>&- <<'PY'
import os, signal, socket, subprocess, sys, threading
signal.alarm(60)
rt, root, b, t = sys.argv[1:]
got = []
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(t + "/notify")
def manager():
    while True:
        m, fds, _, _ = socket.recv_fds(s, 1000, 1)
        got.append(m)
        for f in fds: os.close(f)
threading.Thread(target=manager, daemon=True).start()
env = dict(os.environ, NOTIFY_SOCKET=t + "/notify")
R = lambda *a: subprocess.check_output([rt, "--root", root, *a], env=env, stdin=subprocess.DEVNULL)
for start in (lambda: subprocess.check_call([rt, "--root", root, "run", "-d", "-b", b, "one"], env=env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL),
              lambda: (subprocess.check_call([rt, "--root", root, "create", "-b", b, "one"], env=env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL), R("start", "one"))):
    del got[:]
    start()
    import json
    pid = json.loads(R("state", "one"))["pid"]
    assert got == [b"READY=1\n", b"MAINPID=%d\n" % pid, b"BARRIER=1"], got
    R("delete", "-f", "one")
PY
    nothing_left
}

# --- hooks ---

hooked() { # STATEMENT...: each hook writes its name and what state it is told of
    bundle 'import os; H = T + "/hook"; open(H, "w").write("#!/bin/sh\necho $1 $(cat | sed \"s/.*\\\"status\\\":\\\"\\([a-z]*\\)\\\".*/\\1/\") >>" + T + "/order\n"); os.chmod(H, 0o755); c["hooks"] = {n: [{"path": H, "args": ["hook", n], "env": ["PATH=/bin:/usr/bin"]}] for n in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}' "$@"
}

@test "hooks run in their order, with the state on standard input" {
    hooked 'c["hooks"]["startContainer"] = [{"path": "/bin/sh", "args": ["sh", "-c", "echo startContainer >/started"]}]'
    quiet create -b "$B" one
    [ "$(cut -d' ' -f1 "$T/order" | tr '\n' ' ')" = "prestart createRuntime createContainer " ]
    [ ! -e "$B/rootfs/started" ]
    R start one
    [ -e "$B/rootfs/started" ]
    until_status one stopped
    R delete one
    [ "$(cut -d' ' -f1 "$T/order" | tr '\n' ' ')" = "prestart createRuntime createContainer poststart poststop " ]
    grep -qx "createRuntime creating" "$T/order"
    grep -qx "poststart running" "$T/order"
    grep -qx "poststop stopped" "$T/order"
    nothing_left
}

@test "a hook that fails: create and start fail and say what it said; poststop is a warning" {
    local h
    for h in prestart createRuntime createContainer startContainer poststart; do
        rm -f "$T/order"
        hooked "c['hooks']['$h'] = [{'path': '/bin/true'}, {'path': '/bin/sh', 'args': ['sh', '-c', 'echo out; echo why >&2; exit 9']}]" \
            'p["args"] = ["sleep", "1000"]'
        fails "error running $h hook #1: /bin/sh: exit status 9, output: out why" R run -b "$B" one
        grep -qx "poststop stopped" "$T/order"
        nothing_left
    done
    bundle 'c["hooks"] = {"poststop": [{"path": "/bin/false"}, {"path": "/usr/bin/touch", "args": ["touch", T + "/ran"]}]}'
    quiet create -b "$B" one
    run R delete one
    [ "$status" = 0 ]
    [[ $output == *"level=warning"*"error running poststop hook #0"* ]]
    [ -e "$T/ran" ]
    bundle 'c["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}'
    fails "took too long" R create -b "$B" one
    nothing_left
}

# --- killed at any point ---

@test "create killed at any system call: nothing that could be started half made, delete --force leaves nothing" {
    local n=1 killed=0 got total
    bundle 'sh("echo yes >/ran; sleep 1000")' 'c["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}'
    "$KILLAT" creel-runtime 100000 "$RT" --root "$ROOT" create -b "$B" one <"/dev/null" >"$T/killat" 2>&1 3>&- || [ $? = 3 ]
    total=$(sed -n 's/^finished after //p' "$T/killat")
    R delete one
    while :; do
        got=0
        rm -f "$B/rootfs/ran" "$T/pid"
        "$KILLAT" creel-runtime $n "$RT" --root "$ROOT" create -b "$B" --pid-file "$T/pid" one </dev/null >"$T/killat" 2>&1 3>&- || got=$?
        case $(status_of one 2>/dev/null) in
        created)
            [ ! -e "$B/rootfs/ran" ]
            # the last step but one: what waits is complete; what is not, ends with its maker
            if [ -s "$T/pid" ]; then
                R start one
            else
                until_status one stopped || { echo "half created at $n"; return 1; }
                touch "$B/rootfs/ran"
            fi
            for ((i = 0; i < 200; i++)); do [ -e "$B/rootfs/ran" ] && break; sleep 0.02; done
            [ -e "$B/rootfs/ran" ] || { echo "created at $n, not startable"; return 1; }
            ;;
        *) ! R start one 2>/dev/null || { echo "started at $n"; return 1; } ;;
        esac
        R delete --force one
        nothing_left || { echo "after $n: $(cat "$T/killat")"; return 1; }
        # who comes next must not be in the way
        [ $got = 3 ] && break
        killed=$((killed + 1))
        # all of the last steps, when the process is made and its maker tells of it
        n=$((n > total - 25 ? n + 1 : n + 1 + n / 5))
    done
    [ $killed -gt 15 ]
    quiet create -b "$B" one
}

@test "what a killed create left does not keep the id" {
    local n
    bundle
    for n in 55 60 65 70 80 90 120 160; do
        "$KILLAT" creel-runtime $n "$RT" --root "$ROOT" create -b "$B" one </dev/null >"$T/killat" 2>&1 3>&- || true
        case $(status_of one 2>/dev/null || echo none) in
        none)
            quiet create -b "$B" one || { echo "$n: $(cat "$T/log")"; return 1; }
            ;;
        esac
        R delete --force one
        nothing_left
    done
}

@test "start killed at any system call: the container runs, or waits still" {
    local n=1 killed=0 got
    sleeper
    while :; do
        got=0
        quiet create -b "$B" one
        "$KILLAT" creel-runtime $n "$RT" --root "$ROOT" start one </dev/null >"$T/killat" 2>&1 3>&- || got=$?
        case $(status_of one) in
        running) grep -q sleep "/proc/$(pid_of one)/cmdline" ;;
        created) R start one && [ "$(status_of one)" = running ] ;;
        *) echo "$n: $(status_of one)"; return 1 ;;
        esac
        R delete --force one
        nothing_left
        [ $got = 3 ] && break
        killed=$((killed + 1))
        n=$((n + 1 + n / 30))
    done
    [ $killed -gt 15 ]
}

@test "delete killed at any system call: delete --force finishes it" {
    local n=1 got
    sleeper
    while :; do
        got=0
        quiet run -d -b "$B" one
        "$KILLAT" creel-runtime $n "$RT" --root "$ROOT" delete --force one </dev/null >"$T/killat" 2>&1 3>&- || got=$?
        R delete --force one
        nothing_left || { echo "after $n"; return 1; }
        [ $got = 3 ] && break
        n=$((n + 1 + n / 10))
    done
    [ $n -gt 20 ]
}

# --- many at once ---

@test "one id, many callers: one create wins, one start wins, and kill and delete find no half" {
    local round i wins pids
    sleeper
    for ((round = 0; round < 8; round++)); do
        rm -f "$T"/ok.*
        pids=
        for i in 1 2 3 4; do ( "$RT" --root "$ROOT" create -b "$B" one <"/dev/null" >"$T/log.$i" 2>&1 3>&- && touch "$T/ok.$i" ) & pids="$pids $!"; done
        wait $pids || true
        [ "$(ls "$T"/ok.* | wc -l)" = 1 ] || { cat "$T"/log.*; return 1; }
        rm -f "$T"/ok.*
        pids=
        for i in 1 2 3 4; do ( "$RT" --root "$ROOT" start one <"/dev/null" >"$T/log.$i" 2>&1 3>&- && touch "$T/ok.$i" ) & pids="$pids $!"; done
        wait $pids || true
        [ "$(ls "$T"/ok.* | wc -l)" = 1 ] || { cat "$T"/log.*; return 1; }
        [ "$(status_of one)" = running ]
        pids=
        for i in 1 2; do
            R kill one KILL 2>/dev/null & pids="$pids $!"
            R delete --force one & pids="$pids $!"
            R state one >/dev/null 2>&1 & pids="$pids $!"
            R create -b "$B" one <"/dev/null" >"/dev/null" 2>&1 & pids="$pids $!"
        done
        wait $pids || true
        R delete --force one
        nothing_left
    done
}

# --- the gate ---

@test "who comes from the container's pid namespace cannot start it" {
    sleeper
    quiet create -b "$B" one
    cat >"$T/knock.py" <<'PY'
import array, os, socket, struct, sys
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
go = int(sys.argv[2])
s.connect("gate")
s.sendmsg([struct.pack("=III500x", go, 0, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [b.fileno()]))])
PY
    # the value of LAUNCH_GO
    nsenter -p -t "$(pid_of one)" python3 "$T/knock.py" "$ROOT/one" 7
    sleep 0.2
    [ "$(status_of one)" = created ]
    # the same message from outside is a start
    python3 "$T/knock.py" "$ROOT/one" 7
    until_status one running
    R delete -f one
}

@test "the state is nobody else's: modes, and no descriptor of it in the waiting process" {
    sleeper
    quiet create -b "$B" one
    [ "$(stat -c %a "$ROOT/one")" = 700 ]
    [ "$(stat -c %a "$ROOT/one/state")" = 600 ]
    ! readlink "/proc/$(pid_of one)"/fd/* | grep -F "$ROOT" || return 1
    R start one
    [ "$(ls "/proc/$(pid_of one)/fd" | tr '\n' ' ')" = "0 1 2 " ]
    R delete -f one
}

# --- where ---

@test "control groups: the default is /creel/<id>; none with the disabled manager" {
    bundle 'sh("grep -E \"pids|:0?:/\" /proc/self/cgroup | head -1")' 'del l["cgroupsPath"]' 'l["namespaces"].remove(ns("cgroup"))'
    run R run -b "$B" "$ID-default"
    [[ $output == *":/creel/$ID-default" ]]
    run R --cgroup-manager disabled run -b "$B" "$ID-none"
    [[ $output != *creel* ]]
}

@test "without privilege: a root of its own, and no group when there is no permission for one" {
    bundle 'sh("id -u; exit 6")' 'l["namespaces"] += [{"type": "user"}]' 'l["uidMappings"] = [{"containerID": 0, "hostID": 12345, "size": 1}]' \
        'l["gidMappings"] = [{"containerID": 0, "hostID": 12345, "size": 1}]' 'del l["cgroupsPath"]' 'l["resources"] = {}' \
        'c["mounts"] = [x for x in c["mounts"] if x["type"] in ("proc", "tmpfs")]'
    chown -R 12345:12345 "$B"
    mkdir "$T/run"
    chown 12345:12345 "$T/run"
    local d
    for d in "$T" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$T")"; do chmod a+x "$d"; done
    cp "$RT" "$T/rt"
    run env -u XDG_RUNTIME_DIR XDG_RUNTIME_DIR="$T/run" setpriv --reuid 12345 --regid 12345 --clear-groups "$T/rt" run --keep -b "$B" one
    [ "$status" = 6 ] || { echo "$output"; return 1; }
    [ "$output" = 0 ]
    [ -e "$T/run/creel-runtime/one/state" ]
    env XDG_RUNTIME_DIR="$T/run" setpriv --reuid 12345 --regid 12345 --clear-groups "$T/rt" delete one
    [ ! -e "$T/run/creel-runtime/one" ]
}

@test "without pidfds nothing is made that could not be ended" {
    bundle 'sh("true")'
    local call
    for call in ENOSYS:pidfd_open EPERM:pidfd_open ENOSYS:pidfd_send_signal EPERM:pidfd_send_signal; do
        run "$CREEL_BUILD/tests/unit/runtime/runtime-forbid" "$call" "$RT" --root "$ROOT" create -b "$B" one
        [ "$status" = 1 ]
        [[ $output == *"pidfd_open and pidfd_send_signal (Linux 5.3)"* ]]
        nothing_left
    done
}
