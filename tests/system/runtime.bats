#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The runtime library alone, driven from bundles by runtime-probe: what a configuration says happens, what it must not do
# does not happen, and nothing is left on the host. Rows of docs/security.md are named by their numbers.
load runtime_helpers

# --- what a container is ---

@test "a process has its ids, groups, umask, home, working directory and nothing of ours" {
    inside 'id -u; id -g; id -G; umask; echo $HOME; pwd; ls /proc/self/fd | tr "\n" " "' \
        'p["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 1001, 8], "umask": 63}' 'p["cwd"] = "/made/for/it"'
    is "1000
1001
1001 7 8
0077
/home/test
/made/for/it
0 1 2 3 " # 3 is ls's own
}

@test "the exit code and the signal of the process are the container's" {
    bundle 'sh("exit 42")'
    run probe
    [ "$status" = 42 ]
    bundle 'sh("kill -9 $$; sleep 1")' 'l["namespaces"].remove(ns("pid"))'
    run probe
    [ "$status" = 137 ]
}

@test "namespaces are new, and host and domain names are set" {
    inside 'hostname; cat /proc/sys/kernel/domainname; for n in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done' \
        'c["domainname"] = "dom.example"'
    [ "${lines[0]}" = inside ]
    [ "${lines[1]}" = dom.example ]
    for n in mnt pid net ipc uts cgroup; do
        ! grep -qxF "$(readlink /proc/self/ns/$n)" <<<"$output" || return 1
    done
}

@test "namespaces that are not named are the caller's" {
    inside 'for n in pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done' \
        'l["namespaces"] = [{"type": "mount"}]' 'del c["hostname"]' \
        'c["mounts"] = [x for x in c["mounts"] if x["type"] not in ("sysfs",)]' 'l["maskedPaths"] = []'
    for n in pid net ipc uts cgroup; do
        grep -qxF "$(readlink /proc/self/ns/$n)" <<<"$output"
    done
}

@test "the loopback interface of a new network namespace is up" {
    inside 'ip -o link show lo; ping -c1 -W1 127.0.0.1 | grep -c "1 packets received"'
    [[ ${lines[0]} == *LOOPBACK,UP* ]]
    [ "${lines[-1]}" = 1 ]
}

@test "capabilities are exactly those named, inheritable and ambient empty" {
    inside 'grep -E "^Cap" /proc/self/status'
    is "CapInh:	0000000000000000
CapPrm:	00000000a80425fb
CapEff:	00000000a80425fb
CapBnd:	00000000a80425fb
CapAmb:	0000000000000000"
}

@test "another user has no capabilities unless they are ambient" {
    inside 'grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status' 'p["user"]["uid"] = 1000' 'p["capabilities"]["effective"] = []'
    is "CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapAmb:	0000000000000000"
    inside 'grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status' 'p["user"]["uid"] = 1000' \
        'p["capabilities"].update(inheritable=["CAP_KILL"], ambient=["CAP_KILL"])'
    is "CapInh:	0000000000000020
CapPrm:	0000000000000020
CapEff:	0000000000000020
CapAmb:	0000000000000020"
}

@test "an unknown capability is refused" {
    refused 125 CAP_FLY 'p["capabilities"]["bounding"] = ["CAP_FLY"]'
}

@test "no_new_privs and the seccomp filter are in force, filter last" {
    inside 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; chmod 1 /tmp || echo denied' 'p["noNewPrivileges"] = True' \
        'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}]}'
    is "NoNewPrivs:	1
Seccomp:	2
denied"
}

@test "a filter that forbids nearly all of the set-up still allows the start, with and without no_new_privs" {
    for nnp in True False; do
        inside 'grep -E "^(Cap(Prm|Eff)|Seccomp):" /proc/self/status' "p['noNewPrivileges'] = $nnp" \
            'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount", "move_mount", "setgroups", "chdir", "close_range", "sendmsg", "recvmsg", "openat2", "setsid", "seccomp"], "action": "SCMP_ACT_KILL"}]}' \
            'p["user"]["uid"] = 1000'
        is "CapPrm:	0000000000000000
CapEff:	0000000000000000
Seccomp:	2"
    done
}

@test "a filter that asks: the agent gets the descriptor and the state, and its answers count" {
    python3 "$TOP/tests/system/seccomp_agent.py" "$T/agent.sock" "$T/state" 3>&- &
    local agent=$! i
    for ((i = 0; i < 500; i++)); do [ -S "$T/agent.sock" ] && break; sleep 0.02; done
    bundle 'sh("mkdir /d; echo $?")' 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": T + "/agent.sock", "listenerMetadata": "m\"m",
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}'
    run probe
    [ "$status" = 0 ] || { kill "$agent"; echo "$output"; return 1; }
    wait $agent
    [[ $output == *"No medium found"* ]]
    python3 - "$T/state" "$ID" "$B" <<'PY'
import json, sys
s = json.load(open(sys.argv[1]))
assert s["fds"] == ["seccompFd"] and s["metadata"] == 'm"m' and s["pid"] > 1, s
assert s["state"]["id"] == sys.argv[2] and s["state"]["bundle"] == sys.argv[3] and s["state"]["pid"] == s["pid"], s
PY
    ln -s "$T/agent.sock" "$T/link"
    for path in "$T/link" "$T/nosuch" /etc/passwd; do
        refused 125 "$path" 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'$path'", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
    done
}

@test "rlimits are set; one that cannot be raised is named" {
    inside 'ulimit -n; ulimit -Hn; ulimit -c' \
        'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]'
    is "100
200
0"
    if ! capsh --has-p=cap_sys_resource 2>/dev/null; then
        refused 125 "RLIMIT_NOFILE" 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1073741816}]'
    fi
}

@test "the oom score, scheduler, I/O priority and personality are set" {
    inside 'cat /proc/self/oom_score_adj; uname -m; awk "{print \$19}" /proc/1/stat' 'p["oomScoreAdj"] = 500' \
        'l["personality"] = {"domain": "LINUX32"}' 'p["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}' \
        'p["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}'
    is "500
i686
5"
}

@test "sysctls of the container's namespaces are set, others are refused" {
    before=$(cat /proc/sys/kernel/core_pattern)
    inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni' 'l["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77"}'
    is "1
77"
    refused 125 "kernel.core_pattern" 'l["sysctl"] = {"kernel.core_pattern": "x"}'
    refused 125 "core_pattern" 'l["sysctl"] = {"net/../kernel/core_pattern": "x"}'
    refused 125 "one line" 'l["sysctl"] = {"net.ipv4.ip_forward": "1\nkernel.core_pattern=x"}'
    refused 125 "host's network namespace" 'l["sysctl"] = {"net.ipv4.ip_forward": "0"}' 'l["namespaces"].remove(ns("network"))'
    refused 125 "host's network namespace" 'l["sysctl"] = {"net.ipv4.ip_forward": "0"}' 'ns("network")["path"] = "/proc/self/ns/net"'
    refused 125 "net.nosuch" 'l["sysctl"] = {"net.nosuch": "1"}'
    [ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
}

@test "devices have their numbers, modes and owners; standard links are there" {
    inside 'cd /dev; stat -c "%n %F %t:%T %a %u:%g" null zero full random urandom tty fuse fifo; readlink fd; readlink stdin; readlink ptmx; ls -A | wc -l' \
        'l["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600, "uid": 3, "gid": 4},
                         {"path": "/dev/fifo", "type": "p"}]'
    is "null character special file 1:3 666 0:0
zero character special file 1:5 666 0:0
full character special file 1:7 666 0:0
random character special file 1:8 666 0:0
urandom character special file 1:9 666 0:0
tty character special file 5:0 666 0:0
fuse character special file a:e5 600 3:4
fifo fifo 0:0 666 0:0
/proc/self/fd
/proc/self/fd/0
pts/ptmx
16"
}

@test "a terminal is the process's controlling one, and /dev/console is it" {
    bundle 'p["terminal"] = True' 'p["consoleSize"] = {"height": 30, "width": 90}' 'p["user"]["uid"] = 1000' \
        'sh("tty; stat -c \"%t %u\" /dev/console /dev/pts/0; stty size; echo x >/dev/tty")'
    run probe </dev/null
    is $'/dev/pts/0\r\n88 1000\r\n88 1000\r\n30 90\r\nx\r'
}

@test "masked paths are empty and read-only paths cannot be written" {
    inside 'wc -c </proc/keys; wc -c </proc/timer_list; ls -A /proc/acpi | wc -l; ls -A /sys/firmware | wc -l
            echo x >/proc/sys/kernel/hostname; echo $?; mkdir /proc/acpi/x; echo $?; echo x >/proc/keys; echo $?'
    is "0
0
0
0
1
1
0" # a masked file is the null device
}

@test "a read-only root is read-only, with its mount points and working directory made before" {
    inside 'touch /x; echo $?; pwd; touch /scratch/x; echo $?; touch /dev/x; echo $?' 'c["root"]["readonly"] = True' 'p["cwd"] = "/not/there"' \
        'c["mounts"].append({"destination": "/scratch", "type": "tmpfs"})' 'm("tmpfs")["options"].append("ro")'
    is "1
/not/there
0
1"
}

@test "binds: file on file, directory on directory, read-only, recursive, missing targets made" {
    mkdir -p "$T/src/sub"
    echo file >"$T/src/f"
    mount -t tmpfs t "$T/src/sub"
    echo sub >"$T/src/sub/g"
    inside 'cat /one /deep/er/f /deep/er/sub/g; touch /deep/er/x; echo $?; touch /deep/er/sub/x; echo $?; touch /flat/x; echo $?; ls -A /flat/sub | wc -l' \
        'bind(T + "/src/f", "/one", "bind")' 'bind(T + "/src", "/deep/er", "rbind", "rro")' 'bind(T + "/src", "/flat", "bind", "ro")'
    local got=$output
    umount "$T/src/sub"
    output=$got
    is "file
file
sub
1
1
1
0"
    refused 125 "a directory goes on a directory" 'bind(T + "/src", "/etc/passwd", "bind")'
    refused 125 "$T/nosuch" 'bind(T + "/nosuch", "/x", "bind")'
    inside 'ls -d /x || echo skipped' 'bind(T + "/nosuch", "/x", "bind", "nofail")'
    is skipped
}

@test "a bind keeps the flags of its source as long as none is named" {
    mkdir "$T/src"
    mount -t tmpfs -o nosuid,nodev,noexec t "$T/src"
    local out=()
    flags_of_x() { # OPTION... [-- PYTHON...]
        local options=()
        while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("\"$1\""); shift; done
        inside 'grep " /x " /proc/mounts | cut -d" " -f4 | cut -d, -f1-5' \
            "bind(T + '/src', '/x', $(IFS=,; echo "${options[*]}"))" "${@:2}"
        out+=("$(grep -owE 'ro|rw|nosuid|nodev|noexec' <<<"$output" | tr '\n' ' ')")
    }
    { flags_of_x bind rprivate; flags_of_x bind ro; flags_of_x bind rw; flags_of_x bind ro -- 'mapped()'; } || { umount "$T/src"; return 1; }
    bundle 'bind(T + "/src", "/x", "bind", "exec")' 'mapped()'
    run --separate-stderr probe
    umount "$T/src"
    [ "$status" = 125 ]
    [[ $stderr == *"a user namespace cannot clear the flags of the source: operation not permitted"* ]]
    output=$(printf '%s\n' "${out[@]}")
    is "rw nosuid nodev noexec 
ro 
rw 
ro nosuid nodev noexec "
}

@test "nothing mounted in the container reaches the host, and only rslave lets the host's mounts in" {
    mkdir -p "$T/shared/m"
    mount -t tmpfs t "$T/shared"
    mount --make-shared "$T/shared"
    mkdir "$T/shared/m" "$T/shared/n"
    bundle 'p["capabilities"]["bounding"] += ["CAP_SYS_ADMIN"]' 'p["capabilities"]["effective"] = p["capabilities"]["permitted"] = p["capabilities"]["bounding"]' \
        'bind(T + "/shared", "/slave", "rbind", "rslave")' 'bind(T + "/shared", "/private", "rbind")' \
        'sh("mount -t tmpfs x /slave/m && mount -t tmpfs x /private/m && : >/slave/ready && while [ ! -e /slave/n/new ]; do sleep 0.05; done; ls -A /private/n | wc -l")'
    probe >"$T/out" 3>&- &
    local pid=$! i
    for ((i = 0; i < 600; i++)); do [ -e "$T/shared/ready" ] && break; sleep 0.05; done
    local seen
    seen=$(grep -c "$T/shared/m" /proc/self/mountinfo || true)
    mount -t tmpfs n "$T/shared/n"
    touch "$T/shared/n/new"
    local code=0
    wait $pid || code=$?
    umount "$T/shared/n" "$T/shared"
    [ "$seen" = 0 ]
    [ "$code" = 0 ]
    [ "$(cat "$T/out")" = 0 ]
}

@test "the root has the propagation asked for" {
    for want in "shared:" "master:" "unbindable" ""; do
        local word=${want%:}
        word=${word/master/slave}
        inside "awk '\$5 == \"/\" { print \$7 }' /proc/self/mountinfo" \
            "l['rootfsPropagation'] = '${word:-private}'"
        case $want in
        shared: | unbindable) [[ $output == *"$want"* ]] ;;
        *) [ "$output" = - ] ;; # a slave of nobody is private
        esac
    done
}

@test "without pivot_root the root is the same" {
    bundle 'sh("ls /; cat /proc/self/mountinfo | wc -l; wc -c </proc/keys")'
    run probe
    local want=$output
    run probe -P
    [ "${lines[0]}" = bin ]
    [ "${lines[-1]}" = 0 ]
    [[ $output != *"$T"* ]]
}

@test "tmpcopyup starts with what it covers" {
    mkdir -p "$B/rootfs/data/d"
    echo one >"$B/rootfs/data/d/f"
    ln -s d/f "$B/rootfs/data/l"
    chown -R 5:6 "$B/rootfs/data"
    chmod 640 "$B/rootfs/data/d/f"
    inside 'cd /data; stat -c "%n %a %u:%g" . d d/f; cat l; readlink l; echo new >d/g; ls d' \
        'c["mounts"].append({"destination": "/data", "type": "tmpfs", "options": ["tmpcopyup"]})'
    is ". 755 5:6
d 755 5:6
d/f 640 5:6
one
d/f
f
g"
    [ ! -e "$B/rootfs/data/d/g" ]
}

@test "an overlay of layers, with and without a place to write" {
    mkdir -p "$T/layers/"{2,1}"/fs" "$T/up" "$T/wk"
    cp -a "$BASE/." "$T/layers/1/fs/"
    echo two >"$T/layers/2/fs/two"
    bundle 'sh("cat /two; echo new >/new; cat /new")'
    run probe -o "$T/layers" 2/fs:1/fs "$T/up" "$T/wk"
    is "two
new"
    [ "$(cat "$T/up/new")" = new ]
    run getfattr -hd -m . "$T/up"
    [ -z "$output" ] # no marks of the kernel's own
    bundle 'c["mounts"] = []' 'l["maskedPaths"] = []' 'l["readonlyPaths"] = []' 'sh("cat /two")'
    mkdir -p "$T/layers/1/fs/dev"
    run probe -o "$T/layers" 2/fs:1/fs "" ""
    [ "$status" = 125 ] # nowhere to make /dev/null
}

@test "127 layers" {
    local i names=""
    mkdir -p "$T/layers" "$T/up" "$T/wk"
    for ((i = 127; i > 1; i--)); do
        mkdir -p "$T/layers/$i/fs"
        echo $i >"$T/layers/$i/fs/f$i"
        names+="$i/fs:"
    done
    mkdir -p "$T/layers/1"
    cp -a "$BASE" "$T/layers/1/fs"
    bundle 'sh("ls /f* | wc -l")'
    run probe -o "$T/layers" "${names}1/fs" "$T/up" "$T/wk"
    is 126
    # the same in one string of descriptor names, by the older mount(2)
    run "$FORBID" 430 "$PROBE" "$B" "$ID" -o "$T/layers" "${names}1/fs" "$T/up" "$T/wk"
    is 126
}

@test "a user namespace maps ids, and binds devices" {
    chown -R 100000:100000 "$B/rootfs"
    inside 'id -u; cat /proc/self/uid_map | tr -s " "; touch /x; stat -c %u /x; echo y >/dev/null; cat /proc/self/oom_score_adj; ulimit -n; stat -c %t:%T /dev/null' \
        'mapped()' 'p["oomScoreAdj"] = 300' 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}]'
    is "0
 0 100000 65536
0
300
64
1:3"
    [ "$(stat -c %u "$B/rootfs/x")" = 100000 ]
}

# What a user without privileges can have: no control groups, ids of its own.
@test "an unprivileged caller maps itself" {
    chown -R 65534:65534 "$B/rootfs"
    bundle 'sh("id -u; id -g; touch /x; stat -c %u /x; stat -c %t:%T /dev/null; echo y >/dev/null; cat /proc/self/uid_map | tr -s \" \"")' \
        'l["namespaces"].append({"type": "user"})' 'm("devpts")["options"].remove("gid=5")' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 65534, "size": 1}]' 'c["process"]["oomScoreAdj"] = 100'
    unprivileged
    [ "$status" = 0 ] || { echo "$stderr"; return 1; }
    is "0
0
0
1:3
 0 65534 1"
    bundle 'p["args"] = ["sleep", "100"]' 'l["namespaces"].append({"type": "user"})' 'm("devpts")["options"].remove("gid=5")' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 65534, "size": 1}]'
    unprivileged -x sh -c 'id -u; hostname; cat /proc/1/comm'
    is "0
inside
sleep"
}

@test "an unprivileged caller maps what newuidmap allows it" {
    command -v newuidmap >/dev/null || skip "no newuidmap"
    chown -R 300000:300000 "$B/rootfs"
    echo nobody:300000:65536 >"$T/sub"
    bundle 'sh("id -u; id -G; cat /proc/self/uid_map | tr -s \" \"")' 'l["namespaces"].append({"type": "user"})' 'p["user"]["additionalGids"] = [7]' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 300000, "size": 65536}]'
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$B" 2>/dev/null || true
    cp "$PROBE" "$T/probe"
    run --separate-stderr unshare -m sh -ec 'mount --bind "$1" /etc/subuid; mount --bind "$1" /etc/subgid; shift
        exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"' - "$T/sub" "$T/probe" "$B" "$ID" -g
    [ "$status" = 0 ] || { echo "$stderr"; return 1; }
    is "0
0 7
 0 300000 65536"
    bundle 'l["namespaces"].append({"type": "user"})' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]'
    unprivileged
    [ "$status" = 125 ]
    [[ $stderr == *"refused (see /etc/subuid and /etc/subgid)"* ]]
}

@test "id-mapped binds" {
    mkdir "$T/src"
    touch "$T/src/f"
    chown 200000:200000 "$T/src" "$T/src/f"
    bundle 'sh("stat -c %u:%g /x/f; touch /x/new")' \
        'c["mounts"].append({"destination": "/x", "type": "bind", "source": T + "/src", "options": ["bind"],
             "uidMappings": [{"containerID": 200000, "hostID": 0, "size": 10}], "gidMappings": [{"containerID": 200000, "hostID": 0, "size": 10}]})'
    run --separate-stderr probe
    [[ $stderr != *"may not support"* ]] || skip "this file system has no id-mapped mounts"
    is 0:0
    [ "$(stat -c %u "$T/src/new")" = 200000 ]
}

@test "namespaces are joined by path, pid and user among them" {
    unshare -U --map-root-user -n -i -p -f sleep 1000 3>&- &
    local holder=$! child="" i
    for ((i = 0; i < 200; i++)); do
        child=$(pgrep -P $holder sleep || true)
        [ -n "$child" ] && break
        sleep 0.02
    done
    inside 'readlink /proc/self/ns/net; ps | grep -c sleep' 'ns("network")["path"] = "/proc/'$child'/ns/net"' 'ns("pid")["path"] = "/proc/'$child'/ns/pid"' \
        'ns("ipc")["path"] = "/proc/'$child'/ns/ipc"' 'l["namespaces"].append({"type": "user", "path": "/proc/'$child'/ns/user"})' \
        'm("devpts")["options"].remove("gid=5")' 'c["mounts"].remove(m("sysfs"))' 'del c["hostname"]'
    local want got=$output
    want=$(readlink /proc/$child/ns/net)
    kill -9 $child
    wait $holder || true
    output=$got
    [ "${lines[0]}" = "$want" ]
    [ "${lines[1]}" != 0 ]
    refused 125 "is not a network namespace" 'ns("network")["path"] = "/proc/self/ns/ipc"'
    refused 125 "/nosuch" 'ns("network")["path"] = "/nosuch"'
    refused 125 "is not a network namespace" 'ns("network")["path"] = "/etc/passwd"'
}

@test "time offsets" {
    [ -e /proc/self/ns/time ] || skip "no time namespaces"
    inside 'cut -d. -f1 /proc/uptime' 'l["namespaces"].append({"type": "time"})' 'l["timeOffsets"] = {"boottime": {"secs": 1000000}}'
    [ "$output" -gt 1000000 ]
    [ "$(cut -d. -f1 /proc/uptime)" -lt 1000000 ]
}

@test "hooks run in order, with the state on standard input, their environment and where they belong" {
    cat >"$T/hook" <<'HOOK'
#!/bin/sh
state=$(cat)
ns=host; [ "$(readlink /proc/self/ns/mnt)" = "$HOSTNS" ] || ns=container
echo "$1 $ns $(echo "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/') $(echo "$state" | grep -c '"id":"'"$ID"'".*"annotations":{"a":"b\\"c"}')" >>"$LOG"
HOOK
    chmod +x "$T/hook"
    cp "$T/hook" "$B/rootfs/hook"
    mkdir "$B/rootfs/log"
    bundle 'import os' 'env = ["HOSTNS=" + os.readlink("/proc/self/ns/mnt"), "ID='$ID'", "PATH=/bin:/usr/bin", "LOG=" + T + "/log"]' \
        'h = lambda n, path, log: [{"path": path, "args": ["hook", n], "env": [e for e in env if not e.startswith("LOG=")] + ["LOG=" + log], "timeout": 20}]' \
        'c["hooks"] = {n: h(n, T + "/hook", T + "/log") for n in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}' \
        'c["hooks"]["startContainer"] = h("startContainer", "/hook", "/log/log")' 'c["annotations"] = {"a": "b\"c"}' 'sh("cat /log/log")'
    run --separate-stderr probe
    [ "$status" = 0 ] || { echo "$output $stderr"; return 1; }
    is "startContainer container created 1"
    run cat "$T/log"
    is "prestart host created 1
createRuntime host creating 1
createContainer container creating 1
poststart host running 1
poststop host stopped 1"
}

@test "a hook that fails, is missing or sleeps for ever stops the container" {
    refused 125 "exit status 3" 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]}' 'sh("echo ran")'
    refused 125 "/nosuch" 'c["hooks"] = {"prestart": [{"path": "/nosuch"}]}'
    refused 125 "took too long" 'c["hooks"] = {"createContainer": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}'
    refused 125 "not absolute" 'c["hooks"] = {"startContainer": [{"path": "bin/x"}]}'
    refused 125 "exit status 4" 'c["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 4"]}]}'
}

@test "commands that cannot be executed are told apart" {
    printf '#!/no/such\n' >"$B/rootfs/bin/script"
    printf 'no program' >"$B/rootfs/bin/junk"
    printf 'x' >"$B/rootfs/bin/plain"
    chmod 755 "$B/rootfs/bin/script" "$B/rootfs/bin/junk"
    chmod 644 "$B/rootfs/bin/plain"
    refused 127 'exec: "nosuch": executable file not found in $PATH' 'p["args"] = ["nosuch"]'
    refused 127 'exec: "/nosuch": stat /nosuch: no such file or directory' 'p["args"] = ["/nosuch"]'
    refused 126 'exec: "/etc": is a directory: permission denied' 'p["args"] = ["/etc"]'
    refused 126 'exec: "/bin/plain": permission denied' 'p["args"] = ["/bin/plain"]'
    refused 126 'exec: "plain": permission denied' 'p["args"] = ["plain"]'
    refused 127 'exec /bin/script: no such file or directory' 'p["args"] = ["script"]'
    refused 126 'exec /bin/junk: exec format error' 'p["args"] = ["junk"]'
    refused 127 'executable file not found' 'p["args"] = [""]'
}

# --- exec ---

@test "exec joins everything, with its own process" {
    bundle 'p["args"] = ["sleep", "100"]' 'c["annotations"] = {}'
    run probe -x sh -c 'hostname; tr "\0" " " </proc/1/cmdline; echo; grep -E "^Cap(Inh|Eff)" /proc/self/status; ls /proc/self/fd | tr "\n" " "; sort -u -t: -k3 /proc/self/cgroup | tail -1'
    [ "${lines[0]}" = inside ]
    [ "${lines[1]}" = "sleep 100 " ]
    [ "${lines[2]}" = "CapInh:	0000000000000000" ]
    [ "${lines[3]}" = "CapEff:	00000000a80425fb" ]
    [[ ${lines[4]} == "0 1 2 3 "* ]]
    [[ ${lines[4]} == *":/" ]] # the root of its own cgroup namespace
    run probe -t -x sh -c 'tty; stat -c %t /dev/pts/0' </dev/null
    is $'/dev/pts/0\r\n88\r'
    run probe -x sh -c 'exit 9'
    [ "$status" = 9 ]
    run -127 probe -x nosuch
    [[ $output == *'executable file not found in $PATH'* ]]
    run probe -x /etc
    [ "$status" = 126 ]
}

@test "exec in a user namespace" {
    chown -R 100000:100000 "$B/rootfs"
    bundle 'p["args"] = ["sleep", "100"]' 'mapped()'
    run probe -x sh -c 'id -u; tr -s " " </proc/self/uid_map'
    is "0
 0 100000 65536"
}

# --- descriptors ---

# In shells of their own: bats writes to descriptor 3.
@test "3.1 descriptors of the caller do not reach the process, but those passed on do" {
    bundle 'sh("ls /proc/self/fd | tr \"\\n\" \" \"")'
    run bash -c 'exec 3</ 4</ 5</ 10</ 11</ 12</etc/passwd; exec "$@"' - "$PROBE" "$B" "$ID"
    is "0 1 2 3 "
    run bash -c 'exec 3</ 4</ 5</ 10</; exec "$@"' - "$PROBE" "$B" "$ID" -p 2
    is "0 1 2 3 4 5 "
}

@test "3.1 preserving a descriptor that is not open is refused" {
    bundle
    run bash -c 'exec 4</ 3<&-; exec "$@"' - "$PROBE" "$B" "$ID" -p 2
    [ "$status" = 125 ]
    run probe -p 40
    [ "$status" = 125 ]
    [[ $output == *"was not passed on"* ]]
}

@test "CVE-2024-21626: a working directory outside of the root" {
    ln -s /proc/self/fd/7 "$B/rootfs/leak"
    exec 200</ 201</
    for n in $(seq 3 30); do
        for cwd in /proc/self/fd/$n /proc/self/fd/$n/../../..; do
            bundle "p['cwd'] = '$cwd'" 'sh("pwd; ls -d /work/../etc/hostname")'
            run probe
            if [ "$status" = 0 ]; then
                [[ $output == /* ]]
                [[ $output != *unreachable* ]]
            fi
        done
    done
    bundle 'p["cwd"] = "/leak"'
    run probe
    [ "$status" != 0 ]
    exec 200<&- 201<&-
}

@test "CVE-2024-21626: exec" {
    bundle 'p["args"] = ["sleep", "100"]'
    exec 200</
    run probe -x sh -c 'for n in /proc/1/fd/* /proc/self/fd/*; do readlink $n; done'
    exec 200<&-
    # nothing but streams, pipes and what the shell itself has open
    ! grep -qE '^(/|/tmp|/sys/fs/cgroup|/proc)$' <<<"$output" || return 1
}

# --- mounts and links ---

@test "CVE-2019-18837: links of the image as mount targets stay inside" {
    ln -s ../../../../../../../../../../../../"$T"/canary "$B/rootfs/up"
    ln -s "$T/canary" "$B/rootfs/full"
    ln -s /proc/self/root "$B/rootfs/magic"
    mkdir "$T/src"
    touch "$T/src/mine"
    inside 'ls /up /full' 'bind(T + "/src", "/up", "bind")' 'bind(T + "/src", "/full", "bind")'
    run --separate-stderr probe
    for target in /up/new/x /full/new/x /magic/new; do
        bundle "bind(T + '/src', '$target', 'bind')"
        run probe
        echo "$target: $status $output"
        if [ "$status" != 0 ]; then [ "$status" = 125 ]; fi
    done
}

@test "CVE-2019-19921: /proc and /sys of the image must be directories" {
    rmdir "$B/rootfs/proc"
    ln -s /tmp/p "$B/rootfs/proc"
    mkdir -p "$B/rootfs/tmp/p"
    refused 125 "/proc: it must be mounted on ordinary directory" 'sh("true")'
    rm "$B/rootfs/proc"
    ln -s ../tmp "$B/rootfs/proc"
    refused 125 "/proc: it must be mounted on ordinary directory" 'sh("true")'
    rm "$B/rootfs/proc"
    mkdir "$B/rootfs/proc"
    rmdir "$B/rootfs/sys"
    ln -s "$T/canary" "$B/rootfs/sys"
    refused 125 "/sys: it must be mounted on ordinary directory" 'sh("true")'
}

@test "CVE-2019-16884: nothing is mounted over or below /proc" {
    refused 125 "/proc" 'c["mounts"].append({"destination": "/proc/sys", "type": "tmpfs"})'
    refused 125 "/proc" 'bind(T, "/proc/self/attr", "bind")'
    refused 125 "is not procfs" 'bind(T, "/proc", "bind")' 'c["mounts"].remove(m("proc"))'
    ln -s /proc/self/attr "$B/rootfs/via"
    refused 125 "leads into procfs" 'bind(T, "/via", "bind")'
    mkdir "$B/rootfs/d"
    ln -s /proc "$B/rootfs/d/p"
    refused 125 "leads into procfs" 'bind(T, "/d/p/sys", "bind")'
    echo 17 >"$T/up"
    inside 'cat /proc/uptime' 'bind(T + "/up", "/proc/uptime", "bind")'
    is 17
}

@test "CVE-2026-41579: /dev of the image is a link" {
    rmdir "$B/rootfs/dev"
    ln -s ../../../../../../../../"$T"/canary "$B/rootfs/dev"
    bundle 'c["mounts"] = [m("proc")]'
    run probe
    [ "$status" = 125 ]
    bundle 'sh("ls /dev/null")'
    run probe
    [ "$status" = 0 ] || [[ $output == *"/dev"* ]]
}

@test "CVE-2025-31133: the image's own /dev/null is a link, and gone" {
    before=$(cat /proc/sys/kernel/core_pattern)
    rm -f "$B/rootfs/dev/null"
    ln -s /proc/sys/kernel/core_pattern "$B/rootfs/dev/null"
    bundle 'c["mounts"].remove(m("tmpfs"))' 'c["mounts"] = [x for x in c["mounts"] if not x["destination"].startswith("/dev")]' \
        'sh("echo pwned >/proc/keys; cat /proc/keys; cat /proc/sys/kernel/core_pattern")'
    run probe
    [ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
    [[ $output != *pwned* ]]
    inside 'wc -c </proc/keys' # with a /dev of its own all is well
    is 0
}

@test "CVE-2021-30465, CVE-2024-45310: a neighbour swaps the mount target for a link" {
    mkdir -p "$T/vol/a/x" "$T/src"
    touch "$T/src/mine"
    ln -s "$T/canary" "$T/vol/b"
    "$SWAP" "$T/vol/a" "$T/vol/b" 3>&- &
    local swapper=$! i
    bundle 'bind(T + "/vol", "/v", "rbind")' 'bind(T + "/src", "/v/a/x", "bind")' 'bind(T + "/src", "/v/a/y/z", "bind")' 'sh("ls /")'
    for ((i = 0; i < 60; i++)); do
        run probe
        [[ $output != *secret* ]]
        [ "$(ls -A "$T/canary")" = file ] || { kill $swapper; return 1; }
    done
    kill $swapper
    wait $swapper || true
}

@test "CVE-2025-52565: /dev/console is a terminal or the start fails" {
    mkdir -p "$T/dev/pts"
    ln -s /proc/sys/kernel/core_pattern "$T/dev/console"
    before=$(cat /proc/sys/kernel/core_pattern)
    bundle 'p["terminal"] = True' 'c["mounts"] = [m("proc")]' 'bind(T + "/dev", "/dev", "rbind")' \
        'c["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]})' \
        'sh("stat -c %t /dev/console; echo pwned >/dev/console")'
    run probe </dev/null
    [ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
    [ "$status" = 125 ] || [[ $output == 88* ]]
}

@test "ownership of the streams: host files and devices stay as they are" {
    echo data >"$T/in"
    chown 7:8 "$T/in"
    bundle 'p["user"]["uid"] = 1000' 'sh("cat")'
    "$PROBE" "$B" "$ID" <"$T/in" >"$T/outfile" 2>/dev/null
    [ "$(stat -c %u:%g "$T/in")" = 7:8 ]
    [ "$(stat -c %u "$T/outfile")" = 0 ]
    "$PROBE" "$B" "$ID" </dev/null >/dev/null 2>&1
}

@test "what is asked for and not available is refused clearly" {
    refused 125 "intelRdt" 'l["intelRdt"] = {"closID": "x"}'
    refused 125 "nosuchfs" 'c["mounts"].append({"destination": "/x", "type": "nosuchfs"})'
    refused 125 "bogus" 'c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["bogus=1"]})'
}

# --- older kernels ---

# Numbers of x86-64; these are the same on every architecture but alpha.
@test "without clone3, openat2, close_range, mount_setattr and the mount calls of 5.2 all is the same" {
    mkdir "$T/src"
    echo f >"$T/src/f"
    bundle 'bind(T + "/src", "/x", "bind", "ro", "rprivate")' 'c["root"]["readonly"] = True' \
        'sh("cat /x/f; touch /x/g /y; wc -c </proc/keys; ls -A /sys/firmware | wc -l; touch /proc/sys/x; ls /proc/self/fd | tr \"\\n\" \" \"; cat /proc/mounts | wc -l")'
    run --separate-stderr probe
    local want=$output
    [ "$status" = 1 ] || [ "$status" = 0 ]
    for calls in 435 437 436 442 428,429,430,431,432,433,442 435,436,437,424,434 439; do
        run --separate-stderr "$FORBID" $calls "$PROBE" "$B" "$ID"
        [ "$output" = "$want" ] || { echo "without $calls: $output / $stderr; not $want"; return 1; }
    done
}

@test "without clone3, users of its own and control groups go together" {
    bundle 'mapped()' 'sh("cat /proc/self/uid_map; cat /proc/self/cgroup")' \
        'c["mounts"] = [x for x in c["mounts"] if x["type"] != "sysfs"]' 'l["namespaces"].remove(ns("cgroup"))'
    chown -R 100000:100000 "$B/rootfs"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$B"
    run --separate-stderr "$FORBID" 435 "$PROBE" "$B" "$ID"
    [ "$status" = 0 ] || { echo "$stderr"; return 1; }
    grep -q ' 100000 ' <<<"$output"
    ! grep ':/' <<<"$output" | grep -vF "$GROUP/$ID" || return 1
}

@test "exec without clone3, openat2, close_range and pidfds" {
    bundle 'p["args"] = ["sleep", "100"]'
    for calls in 435 437 436; do
        run "$FORBID" $calls "$PROBE" "$B" "$ID" -x hostname
        is inside
    done
}

# --- failures ---

# Every call in turn takes minutes; here a part of them, another one each day.
@test "when a system call fails, the message names the step and nothing is left" {
    [ -x "$CREEL_BUILD/tests/unit/runtime/runtime-fault" ] || skip "only on x86-64"
    ! grep -q __asan_init "$PROBE" || skip "the sanitizer itself does not survive failing calls"
    bundle 'p["oomScoreAdj"] = 100' 'l["sysctl"] = {"net.ipv4.ip_forward": "1"}' 'bind(T + "/canary", "/x", "rbind", "ro")'
    cp -a "$B" "$B.exec"
    B=$B.exec bundle 'p["args"] = ["sleep", "100"]'
    python3 "$TOP/tests/system/runtime_faults.py" "$CREEL_BUILD/tests/unit/runtime" "$B" "$GROUP/$ID" $((11 + $(date +%j | sed 's/^0*//') % 7))
}
