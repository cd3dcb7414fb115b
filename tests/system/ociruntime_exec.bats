#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel-runtime on containers that exist: exec, ps, pause and resume, update, events; and the documents of spec and features.
load runtime_helpers
eval "runtime_$(declare -f setup)"

setup() {
    runtime_setup
    RT=$CREEL_BUILD/creel-runtime
    ROOT=$T/state
    PTY=$TOP/tests/system/terminal.py
    PATIENCE=30
}

teardown() {
    local id
    for id in $(R list -q 2>/dev/null); do R delete --force "$id" || true; done
    runtime_teardown
}

R() { "$RT" --root "$ROOT" "$@" 3>&-; }
quiet() { R "$@" <"/dev/null" >"$T/log" 2>&1; }
status_of() { R state "$1" | jq -r .status; }
pid_of() { R state "$1" | jq .pid; }
ended() { timeout "$PATIENCE" tail --pid="$1" -s 0.02 -f /dev/null || { echo "$1 did not end"; return 1; }; }
running() { # [PYTHON...]: a container "one" that sleeps
    bundle 'p["args"] = ["sleep", "1000"]' "$@"
    quiet run -d -b "$B" one || { cat "$T/log"; return 1; }
}
fails() { # CODE TEXT COMMAND...
    local code=$1 text=$2
    shift 2
    run "$@"
    [ "$status" = "$code" ] || { echo "exit $status: $output"; return 1; }
    [[ $output == *"$text"* ]] || { echo "no \"$text\" in: $output"; return 1; }
}
# A limit of "one": file of version 1, file of version 2.
limit() { # CONTROLLER V1 V2
    local path
    path=$(awk -F: -v c="$1" 'index("," $2 ",", "," c ",") {print $3}' "/proc/$(pid_of one)/cgroup")
    if [ -n "$path" ]; then cat "/sys/fs/cgroup/$1$path/$2"; else cat "/sys/fs/cgroup$GROUP/$ID/$3"; fi
}

# --- exec ---

@test "exec: output, input, exit code, signal" {
    running
    run --separate-stderr R exec one sh -c 'read x; echo got $x; echo bad >&2; exit 7' <<<"this"
    [ "$status" = 7 ] && [ "$output" = "got this" ] && [ "$stderr" = bad ]
    run R exec one sh -c 'kill -9 $$'
    [ "$status" = 137 ]
    fails 255 "executable file not found in \$PATH" R exec one no-such-command
    fails 255 "container does not exist" R exec nobody true
    fails 255 "exec args cannot be empty" R exec one
}

@test "exec: what the container's process has, changed by options" {
    running 'p["env"] += ["A=1", "HOME=/of/config"]' 'p["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5]}' 'p["cwd"] = "/tmp"' \
        'p["noNewPrivileges"] = True' 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 99}]'
    run R exec one sh -c 'echo $(id -u) $(id -G) $A $HOME $PWD $(ulimit -n); grep NoNewPrivs /proc/self/status'
    is $'1000 1001 5 1 /of/config /tmp 99\nNoNewPrivs:\t1'
    run R exec -u 7:8 -g 9 --additional-gids 10 -e A=2 --env B=3 --cwd / --no-new-privs=false one sh -c \
        'echo $(id -u) $(id -G) $A $B $PWD; grep NoNewPrivs /proc/self/status'
    is $'7 8 5 9 10 2 3 /\nNoNewPrivs:\t0'
    run R exec -u 0 --cap CAP_SYS_ADMIN one grep -E 'Cap(Eff|Bnd|Amb)' /proc/self/status
    [ $((16#$(awk '/CapEff/ {print $2}' <<<"$output") & 1 << 21)) -ne 0 ]
    [ $((16#$(awk '/CapAmb/ {print $2}' <<<"$output"))) -eq 0 ]
    run R exec -u 0 one grep CapBnd /proc/self/status
    [ $((16#$(awk '/CapBnd/ {print $2}' <<<"$output") & 1 << 21)) -eq 0 ]
}

@test "exec: a process as a document" {
    running 'p["env"] += ["A=1"]'
    echo '{"cwd":"/tmp","args":["sh","-c","echo $A-$PWD; id -u; grep CapEff /proc/self/status"],"env":["PATH=/bin"],"user":{"uid":5,"gid":5}}' \
        >"$T/process.json"
    run R exec --process "$T/process.json" one
    is $'-/tmp\n5\nCapEff:\t0000000000000000'
    run R exec -p <(cat "$T/process.json") one
    [ "${lines[1]}" = 5 ]
    echo '{"cwd":"relative","args":["true"]}' >"$T/process.json"
    fails 255 cwd R exec -p "$T/process.json" one
    echo '{"cwd":"/","args":["true"]' >"$T/process.json"
    fails 255 "$T/process.json" R exec -p "$T/process.json" one
}

@test "exec: it is in all of the container's namespaces and groups, and in its filter" {
    running 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}]}'
    local ns
    for ns in mnt pid net ipc uts cgroup; do
        [ "$(R exec one readlink "/proc/self/ns/$ns")" = "$(readlink "/proc/$(pid_of one)/ns/$ns")" ]
    done
    quiet exec -d --pid-file "$T/pid" one sleep 500
    [ "$(sort "/proc/$(cat "$T/pid")/cgroup")" = "$(sort "/proc/$(pid_of one)/cgroup")" ]
    fails 1 "Cannot assign requested address" R exec one mkdir /tmp/x
}

@test "exec: detached, with a pid file and without waiting" {
    running
    quiet exec --detach --pid-file "$T/pid" one sleep 500
    local pid
    pid=$(cat "$T/pid")
    grep -q "sleep" "/proc/$pid/cmdline"
    [ "$(R ps -f json one | jq 'length')" = 2 ]
    quiet exec -d --pidfile "$T/other" one true
    [ -s "$T/other" ]
    fails 255 "pid file" R exec --pid-file /no/such/directory/pid one sleep 500
    # that one is gone as well: it was ended before the command did
    ! R ps one | grep -c "sleep 500" | grep -qx 2 || return 1
}

@test "exec: a terminal is copied, resized, restored; several signals find the process" {
    running
    run "$PTY" expect:"# " send:'tty; stty size\r' expect:"24 80" resize:30,100 send:'stty size\r' expect:"30 100" send:'exit 4\r' \
        -- "$RT" --root "$ROOT" exec -t one sh
    [[ $output == *"/dev/pts/0"* && $output == *"[exit 4]"* && $output != *"[terminal changed]"* ]] || { echo "$output"; return 1; }
    run "$PTY" expect:ready signal:USR1 -- "$RT" --root "$ROOT" exec one sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 1000 & wait; done'
    [[ $output == *"[exit 9]"* ]] || { echo "$output"; return 1; }
    # without a terminal of our own: output all the same, with plain line feeds
    run setsid -w "$RT" --root "$ROOT" exec -t one sh -c 'echo one; echo two; exit 3' </dev/null
    [ "$status" = 3 ]
    is $'one\ntwo'
}

@test "exec: sockets get the terminal's master and a pidfd" {
    running
    python3 - "$RT" "$ROOT" "$T/sock" <<'PY'
import array, os, socket, subprocess, sys
rt, root, path = sys.argv[1:4]
def listen():
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(1); s.settimeout(30)
    return s
def descriptor(s):
    c, _ = s.accept()
    data, fds, _, _ = socket.recv_fds(c, 4096, 1)
    os.unlink(path)
    return fds[0]
s = listen()
subprocess.run([rt, "--root", root, "exec", "-d", "-t", "--console-socket", path, "one", "sh", "-c", "tty; exec sleep 500"],
               check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
master = descriptor(s)
assert os.read(master, 100).startswith(b"/dev/pts/"), "no terminal"
s = listen()
subprocess.run([rt, "--root", root, "exec", "-d", "--pidfd-socket", path, "--pid-file", path + ".pid", "one", "sleep", "600"],
               check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pidfd = descriptor(s)
info = open(f"/proc/self/fdinfo/{pidfd}").read()
assert f"Pid:\t{open(path + '.pid').read()}\n" in info, info
PY
    fails 255 "cannot allocate tty if runc will detach without setting console socket" R exec -d -t one true
    fails 255 "cannot use console socket if runc will not detach or allocate tty" R exec --console-socket "$T/none" one true
    fails 255 "$T/none" R exec -d -t --console-socket "$T/none" one true
}

@test "exec: descriptors only as many as are asked for" {
    running
    exec 4<<<"kept" 5<<<"hidden"
    run "$RT" --root "$ROOT" exec --preserve-fds 2 one cat /proc/self/fd/4 3</dev/null
    is kept
    run "$RT" --root "$ROOT" exec --preserve-fds 2 one sh -c 'cat <&5' 3</dev/null
    [ "$status" -ne 0 ] && [[ $output != *hidden* ]]
    fails 255 "descriptor 3, one of 2 to preserve" R exec --preserve-fds 2 one true
    exec 4<&- 5<&-
}

@test "exec: into a container that waits, not into one that is paused or has stopped" {
    bundle 'p["args"] = ["sh", "-c", "exec sleep 1000"]'
    quiet create -b "$B" one
    run R exec one sh -c 'ls /bin/busybox; echo early >/tmp/early'
    is /bin/busybox
    quiet start one
    [ "$(R exec one cat /tmp/early)" = early ]
    R pause one
    fails 255 "cannot exec in a paused container" R exec one true
    # with --ignore-paused it waits until somebody resumes
    "$RT" --root "$ROOT" exec --ignore-paused one echo thawed >"$T/out" 2>&1 3>&- &
    local waiter=$!
    R resume one
    wait $waiter
    grep -qx thawed "$T/out"
    local pid
    pid=$(pid_of one)
    R kill one KILL
    ended "$pid"
    fails 255 "cannot exec in a stopped container" R exec one true
}

@test "exec: groups below the container's own" {
    running
    local h
    for h in $(awk '/ - cgroup2? / {print $5}' /proc/self/mountinfo); do mkdir "$h$GROUP/$ID/sub"; done
    run R exec --cgroup sub one cat /proc/self/cgroup
    [ "$status" = 0 ]
    ! grep -v '/sub$' <<<"$output" || return 1
    if [ -d /sys/fs/cgroup/memory ]; then
        run R exec --cgroup memory:sub --cgroup cpu,cpuacct:/ one cat /proc/self/cgroup
        grep -q ':memory:.*/sub$' <<<"$output"
        ! grep ':pids:.*/sub$' <<<"$output" || return 1
        fails 255 "unknown controller " R exec --cgroup whaaat:/ one true
        fails 255 "specified multiple times" R exec --cgroup cpu,cpu:sub one true
    fi
    fails 255 "bad sub cgroup path" R exec --cgroup .. one true
    fails 255 "bad sub cgroup path" R exec --cgroup sub/../.. one true
    fails 255 "No such file or directory" R exec --cgroup nonexistent one true
    fails 255 "missing <controller>: prefix" R exec --cgroup sub --cgroup sub one true
    for h in $(awk '/ - cgroup2? / {print $5}' /proc/self/mountinfo); do rmdir "$h$GROUP/$ID/sub"; done
}

@test "exec: a working directory of the host is out of reach" {
    running
    local fd
    for fd in 3 4 5 6 7 8 9 10; do
        run R exec --cwd "/proc/self/fd/$fd" one ls canary
        [ "$status" -ne 0 ]
    done
}

@test "exec killed: the process it waits for lives on in the container, and no state is left of it" {
    running
    "$RT" --root "$ROOT" exec --pid-file "$T/pid" one sleep 500 >/dev/null 2>&1 3>&- &
    local command=$!
    timeout "$PATIENCE" bash -c 'until [ -s "$1" ]; do read -rt 0.02 <> <(:) || :; done' - "$T/pid"
    kill -KILL $command
    wait $command || true
    grep -q sleep "/proc/$(cat "$T/pid")/cmdline"
    [ "$(ls -A "$ROOT/one" | wc -l)" = "$(ls -A "$ROOT/one" | grep -cE '^(state|init|gate|notify)')" ]
}

# --- ps, pause, resume ---

@test "ps: what is in the container's groups, as a table of ps(1) or as numbers" {
    running
    quiet exec -d one sleep 500
    run R ps one
    [[ ${lines[0]} =~ ^UID\ +PID\ +PPID ]] && [ "${#lines[@]}" = 3 ]
    [[ $output == *"sleep 1000"* && $output == *"sleep 500"* ]]
    run R ps one -o pid,args
    [[ ${lines[0]} =~ PID && ${#lines[@]} = 3 ]]
    [ "$(R ps --format json one | jq 'length')" = 2 ]
    [ "$(R ps -f json one | jq "index($(pid_of one))")" != null ]
    fails 1 "invalid format option" R ps -f yaml one
    fails 1 "couldn't find PID field in ps output" R ps one -o args
    fails 1 "exit status" R ps one --no-such-option
    local pid
    pid=$(pid_of one)
    R kill one KILL
    ended "$pid"
    R ps one
}

@test "pause and resume: everything stands still, and only what runs can be paused" {
    running 'sh("while :; do echo tick >>/tmp/ticks; done")'
    R pause one
    [ "$(status_of one)" = paused ]
    local before
    before=$(stat -c %s "$B/rootfs/tmp/ticks")
    ps -o stat= -p "$(pid_of one)" >/dev/null
    [ "$(stat -c %s "$B/rootfs/tmp/ticks")" = "$before" ]
    fails 1 "container not running" R pause one
    R resume one
    [ "$(status_of one)" = running ]
    fails 1 "container not paused" R resume one
    fails 1 "container does not exist" R pause nobody
    R pause one
    R delete --force one
}

# --- update ---

@test "update: single limits, documents, units; what is not named stays" {
    running 'l["resources"]["memory"] = {"limit": 33554432}' 'l["resources"]["pids"] = {"limit": 20}' \
        'l["resources"]["cpu"] = {"shares": 100, "quota": 500000, "period": 1000000}'
    R update one --memory 64M --pids-limit 30
    [ "$(limit memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
    [ "$(limit pids pids.max pids.max)" = 30 ]
    case $(limit cpu cpu.cfs_quota_us cpu.max) in 500000 | "500000 1000000") ;; *) false ;; esac
    R update --cpu-quota -1 one
    case $(limit cpu cpu.cfs_quota_us cpu.max) in -1 | "max 1000000") ;; *) false ;; esac
    R update -r - one <<<'{"memory":{"limit":50331648},"pids":{"limit":-1}}'
    [ "$(limit memory memory.limit_in_bytes memory.max)" = $((48 << 20)) ]
    [ "$(limit pids pids.max pids.max)" = max ]
    echo '{"cpu":{"cpus":"0"}}' >"$T/limits"
    R update --resources "$T/limits" one
    [ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
    R update --memory -1 one
    case $(limit memory memory.limit_in_bytes memory.max) in 9223372036854771712 | max) ;; *) false ;; esac
    run --separate-stderr R update --kernel-memory 50M one
    [ "$status" = 0 ] && [[ $stderr == *"Kernel memory settings are ignored"* ]]
}

@test "update: all or nothing, also of what the kernel refuses" {
    running 'l["resources"]["memory"] = {"limit": 67108864}' 'l["resources"]["pids"] = {"limit": 20}'
    local before
    before=$(cat "$ROOT/one/state")
    fails 1 "invalid value for cpu-period" R update --pids-limit 30 --cpu-period x one
    fails 1 "CPU" R update --pids-limit 30 --memory 48M --cpuset-cpus 4000 one
    fails 1 "is not a list" R update --pids-limit 30 --cpuset-cpus '0;1' one
    fails 1 "neither 0 nor 1" R update -r - one <<<'{"pids":{"limit":30},"cpu":{"idle":7}}'
    fails 1 "resources in standard input" R update -r - one <<<'{"pids":{"limit":"30"}}'
    fails 1 "rejecting memory limit" R update -r - one <<<'{"memory":{"limit":4096,"checkBeforeUpdate":true}}'
    fails 1 "l3 cache schema" R update --pids-limit 30 --l3-cache-schema L3:0=f one
    [ "$(limit pids pids.max pids.max)" = 20 ]
    [ "$(limit memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
    [ "$(cat "$ROOT/one/state")" = "$before" ]
    R update --pids-limit 30 one
    [ "$(cat "$ROOT/one/state")" != "$before" ]
    R pause one
    R update --pids-limit 31 one
    [ "$(status_of one)" = paused ]
    fails 1 "container does not exist" R update --pids-limit 30 nobody
}

# --- events ---

@test "events: one line of numbers; of what the kernel has none, nothing is said" {
    running 'l["resources"]["pids"] = {"limit": 20}'
    R exec one dd if=/dev/zero of=/dev/shm/x bs=1M count=4 2>/dev/null
    run R events --stats one
    [ "${#lines[@]}" = 1 ]
    jq -e '.type == "stats" and .id == "one" and .data.pids == {"current": 1, "limit": 20} and .data.cpu.usage.total > 0
           and .data.memory.usage.usage > 4000000 and (.data.memory.raw | length) > 5 and (.data.hugetlb | type) == "object"' <<<"$output"
    fails 1 "duration interval must be greater than 0" R events --interval 0 one
    fails 1 "flag -interval" R events --interval often one
    fails 1 "container does not exist" R events nobody
}

@test "events: numbers again and again, running out of memory, and the end" {
    running 'l["resources"]["memory"] = {"limit": 33554432, "swap": 33554432}'
    timeout "$PATIENCE" "$RT" --root "$ROOT" events --interval 100ms one >"$T/events" 3>&- &
    local reader=$!
    timeout "$PATIENCE" grep -qm2 '"stats"' < <(exec tail --pid=$reader -s 0.05 -n +1 -F "$T/events" 2>/dev/null)
    R exec one sh -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x)' || true
    timeout "$PATIENCE" grep -qm1 -xF '{"type":"oom","id":"one"}' < <(exec tail --pid=$reader -s 0.05 -n +1 -F "$T/events" 2>/dev/null)
    R kill one KILL
    wait $reader
    jq -se 'map(.type) | index("stats") == 0' "$T/events"
    fails 1 "container with id one is not running" R events one
}

# --- documents ---

@test "spec: a configuration that runs, and never over another one" {
    rm -f "$B/config.json"
    R spec --bundle "$B"
    jq -e '.process.noNewPrivileges and .root.readonly and .process.terminal' "$B/config.json"
    fails 1 "File config.json exists. Remove it first" R spec -b "$B"
    jq '.process.terminal = false | .process.args = ["hostname"] | .linux.cgroupsPath = "'"$GROUP/$ID"'"' "$B/config.json" >"$T/c"
    cp "$T/c" "$B/config.json"
    run R run -b "$B" one
    is creel
    (cd "$T" && rm -f config.json && R spec --rootless)
    jq -e '[.linux.namespaces[].type] | index("user") != null and index("network") == null' "$T/config.json"
    fails 1 "/no/such" R spec -b /no/such
}

@test "features: what is listed can be used" {
    R features >"$T/features"
    jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and (.hooks | length) == 6 and .linux.seccomp.enabled
           and .linux.cgroup.v1 and .linux.cgroup.v2 and .linux.mountExtensions.idmap.enabled
           and (.linux.seccomp.supportedFlags - .linux.seccomp.knownFlags) == []' "$T/features"
    local type
    for type in $(jq -r '.linux.namespaces[]' "$T/features"); do
        bundle 'p["args"] = ["true"]' "t = '$type'" 'l["namespaces"] = [x for x in l["namespaces"] if x["type"] != t]' \
            'mapped() if t == "user" else l["namespaces"].append({"type": t})' \
            'l["namespaces"] += [] if ns("mount") else []'
        [ "$type" = user ] && chown -R 100000:100000 "$B/rootfs" && chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$B"
        R run -b "$B" one
    done
}
