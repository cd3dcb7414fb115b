#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers that join the pid namespace of others (runtime/guide.h): the process is made by a guide that is confined
# already, and has all that it has otherwise. What an attacker in that namespace gets is tested in security.bats.
load runtime_helpers

setup_other() { # the namespace to join: $OTHER is its first process, seen from here
    unshare "$@" -i -p -f --mount-proc sleep 1000 3>&- &
    HOLDER=$!
    local i
    OTHER=""
    for ((i = 0; i < 200; i++)); do
        OTHER=$(pgrep -P $HOLDER sleep || true)
        [ -n "$OTHER" ] && break
        sleep 0.02
    done
    JOIN="ns('pid')['path'] = '/proc/$OTHER/ns/pid'"
}

teardown() {
    [ -z "${OTHER:-}" ] || kill -9 "$OTHER" || true
    [ -z "${HOLDER:-}" ] || wait "$HOLDER" || true
    runtime_teardown
}

@test "the processes of the namespace are seen, and the container's own is one of them" {
    setup_other
    inside 'cat /proc/1/comm; cat /proc/self/comm; readlink /proc/self/ns/pid; ls /proc/self/fd | tr "\n" " "' "$JOIN"
    is "sleep
cat
$(readlink "/proc/$OTHER/ns/pid")
0 1 2 3 "
}

@test "ids, capabilities, limits, oom score, keyring, no_new_privs and filter are as in any container" {
    setup_other
    # shellcheck disable=SC2016
    local text='id -u; id -G; ulimit -n; cat /proc/self/oom_score_adj; grep -E "^(Cap|NoNew|Seccomp:|Groups)" /proc/self/status; pwd; umask; cut -d" " -f19 /proc/self/stat'
    local -a all=('p["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7], "umask": 63}' 'p["cwd"] = "/made"' 'p["oomScoreAdj"] = 300'
        'p["noNewPrivileges"] = True' 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100}]'
        'p["scheduler"] = {"policy": "SCHED_OTHER", "nice": 5}'
        'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}')
    inside "$text" "${all[@]}"
    local want=$output
    inside "$text" "${all[@]}" "$JOIN"
    is "$want"
}

@test "a limit of one process per user is a limit of the process, not of its making" {
    setup_other
    inside '' "$JOIN" 'p["user"] = {"uid": 54321, "gid": 1}' 'p["rlimits"] = [{"type": "RLIMIT_NPROC", "soft": 1, "hard": 1}]' \
        'p["args"] = ["grep", "processes", "/proc/self/limits"]'
    [ "$(tr -s ' ' <<<"$output")" = "Max processes 1 1 processes " ]
}

@test "a terminal" {
    setup_other
    inside 'tty; ls -l /dev/console | cut -c1; ps -o pid,tty | grep -c /dev/pts || true; sh -c "echo >/dev/tty ok"' "$JOIN" 'p["terminal"] = True'
    [ "$(tr -d '\r' <<<"${lines[0]}")" = /dev/pts/0 ]
    [ "$(tr -d '\r' <<<"${lines[-1]}")" = ok ]
}

@test "a new user namespace in the pid namespace of the host's root" {
    setup_other
    chown -R 100000:100000 "$B/rootfs"
    inside 'id -u; tr -s " " </proc/self/uid_map; cat /proc/1/comm' "$JOIN" 'mapped()'
    is "0
 0 100000 65536
sleep"
}

@test "hooks get the namespaces, and those before the pivot are not seen in the pid namespace" {
    setup_other
    cat >"$T/hook" <<HOOK
#!/bin/sh
echo "\$1 \$(readlink /proc/self/ns/pid) \$(readlink /proc/self/ns/ipc)" >>"$T/hooks"
HOOK
    chmod +x "$T/hook"
    # shellcheck disable=SC2016
    inside 'readlink /proc/self/ns/ipc' "$JOIN" 'c["hooks"] = {k: [{"path": T + "/hook", "args": ["hook", k]}] for k in ("createRuntime", "createContainer")}'
    local pid
    pid=$(readlink /proc/self/ns/pid)
    [ "$(sed -n 1p "$T/hooks")" = "createRuntime $pid $(readlink /proc/self/ns/ipc)" ]
    [ "$(sed -n 2p "$T/hooks")" = "createContainer $pid $output" ]
}

@test "the command that cannot be executed is named, and nothing is left" {
    setup_other
    refused 127 "executable file not found" "$JOIN" 'p["args"] = ["nosuch"]'
    refused 126 "permission denied" "$JOIN" 'p["args"] = ["/etc/passwd"]'
}

@test "a namespace whose processes have ended is refused" {
    ! grep -q __asan_init "$PROBE" || skip "the sanitizer makes calls that the opener's filter forbids"
    setup_other
    mkdir "$T/ns"
    : >"$T/ns/pid"
    mount --bind "/proc/$OTHER/ns/pid" "$T/ns/pid"
    kill -9 "$OTHER"
    wait "$HOLDER" || true
    OTHER="" HOLDER=""
    bundle "ns('pid')['path'] = T + '/ns/pid'"
    run --separate-stderr probe
    umount "$T/ns/pid"
    [ "$status" = 125 ]
    [[ $stderr == *"the pid namespace has no processes any more"* ]] || { echo "$stderr"; return 1; }
}

@test "procfs without fsopen is refused, for its maker would be at the mercy of those in the namespace" {
    setup_other
    bundle "$JOIN"
    run --separate-stderr "$FORBID" 430 "$PROBE" "$B" "$ID"
    [ "$status" = 125 ]
    [[ $stderr == *"mount proc of the joined pid namespace"*"fsopen"* ]] || { echo "$stderr"; return 1; }
    bundle "$JOIN" 'c["mounts"].remove(m("proc"))' 'l["maskedPaths"] = []' 'l["readonlyPaths"] = []'
    run --separate-stderr "$FORBID" 430 "$PROBE" "$B" "$ID"
    [ "$status" = 0 ] || { echo "$stderr"; return 1; }
}

@test "a filter under which a guide could make no process still gives a container" {
    setup_other
    inside 'cat /proc/1/comm' "$JOIN" 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["setsid"], "action": "SCMP_ACT_ERRNO"}]}'
    is sleep
}

@test "exec joins such a container" {
    setup_other
    bundle "$JOIN" 'p["args"] = ["sleep", "100"]'
    run probe -x sh -c 'cat /proc/1/comm; readlink /proc/self/ns/pid'
    is "sleep
$(readlink "/proc/$OTHER/ns/pid")"
}
