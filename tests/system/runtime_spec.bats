#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The OCI runtime specification item by item, as far as runtime.bats does not have it already; docs/oci-spec.md is the table
# that says which item is tested where.
load runtime_helpers

# --- linux.netDevices ---

setup_veth() { # a pair that no other test has
    A=ca$BATS_TEST_NUMBER-$$ P=cp$BATS_TEST_NUMBER-$$
    A=${A:0:15} P=${P:0:15}
    ip link add "$A" type veth peer name "$P"
}

teardown() {
    for d in "${A:-}" "${P:-}"; do
        [ -z "$d" ] || ip link del "$d" 2>/dev/null || true
    done
    [ -z "${NETNS:-}" ] || ip netns del "$NETNS"
    runtime_teardown
}

links_left() { ! ip -o link show dev "$A" 2>/dev/null; }

@test "netDevices: a device moves with its name, address, MTU and state up, and is gone with the namespace" {
    setup_veth
    ip link set "$A" address 02:11:22:33:44:55 mtu 1333
    ip addr add 10.77.0.2/24 broadcast 10.77.0.255 dev "$A"
    ip addr add fd77::2/64 dev "$A" nodad
    ip link set "$A" up
    inside 'ip -o link show; ip addr show' "l['netDevices'] = {'$A': {}}"
    [[ $output == *"$A"*mtu\ 1333*02:11:22:33:44:55* ]]
    [[ $output == *"inet 10.77.0.2/24 brd 10.77.0.255"* ]]
    [[ $output == *"inet6 fd77::2/64 scope global"* ]]
    [[ $(ip -o link show) != *"$A"* ]]
    [[ $output == *"<"*UP*">"*mtu\ 1333* ]]
}

@test "netDevices: renamed, also by a template" {
    setup_veth
    inside 'ip -o link show | cut -d: -f2 | cut -d@ -f1 | sort' "l['netDevices'] = {'$A': {'name': 'ctr0'}, '$P': {'name': 'eth%d'}}"
    is "$(printf ' ctr0\n eth0\n lo')"
}

@test "netDevices: addresses that are not permanent or not global stay behind" {
    setup_veth
    ip addr add 10.77.1.2/24 dev "$A" valid_lft 1000 preferred_lft 1000
    ip addr add 10.77.2.2/24 dev "$A" scope link
    ip addr add 10.77.3.2/32 peer 10.77.3.9 dev "$A"
    inside 'ip addr show' "l['netDevices'] = {'$A': {'name': 'ctr0'}}"
    [[ $output != *10.77.1.2* && $output != *10.77.2.2* ]]
    [[ $output == *"10.77.3.2 peer 10.77.3.9/32"* ]]
}

@test "netDevices: into a namespace that is there already, where they stay" {
    setup_veth
    NETNS=$A-ns
    ip netns add "$NETNS"
    ip addr add 10.77.4.2/24 dev "$A"
    inside 'true' "l['netDevices'] = {'$A': {'name': 'ctr0'}}" "ns('network')['path'] = '/var/run/netns/$NETNS'"
    run ip -n "$NETNS" addr show dev ctr0
    [[ $output == *10.77.4.2/24* ]]
}

@test "netDevices: what cannot be is refused, and the device is as before" {
    setup_veth
    ip addr add 10.77.5.2/24 dev "$A"
    ip link set "$A" up
    refused 125 "network device nosuch0: the host has no such device" "l['netDevices'] = {'nosuch0': {}}"
    refused 125 "network device lo: a loopback device cannot be moved" "l['netDevices'] = {'lo': {'name': 'x'}}"
    refused 125 "network device $A: the container's network namespace has a lo already" "l['netDevices'] = {'$A': {'name': 'lo'}}"
    refused 125 "would both be called x0" "l['netDevices'] = {'$A': {'name': 'x0'}, '$P': {'name': 'x0'}}"
    refused 125 "is not an interface name" "l['netDevices'] = {'$A': {'name': 'a/b'}}"
    refused 125 "is not an interface name" "l['netDevices'] = {'$A': {'name': 'a%s'}}"
    refused 125 "need a network namespace" "l['netDevices'] = {'$A': {}}" "l['namespaces'].remove(ns('network'))"
    refused 125 "need a network namespace" "l['netDevices'] = {'$A': {}}" "ns('network')['path'] = '/proc/self/ns/net'"
    run ip addr show dev "$A"
    [[ $output == *10.77.5.2/24* && $output == *"<"*UP*">"* ]]
}

@test "netDevices: a creation that fails after the move brings them back" {
    setup_veth
    ip addr add 10.77.6.2/24 dev "$A"
    ip addr add fd77:6::2/64 dev "$A" nodad
    ip link set "$A" up
    refused 125 "error running createRuntime hook" "l['netDevices'] = {'$A': {'name': 'ctr0'}, '$P': {}}" \
        "c['hooks'] = {'createRuntime': [{'path': '/bin/false'}]}"
    run ip addr show dev "$A"
    [[ $output == *10.77.6.2/24* && $output == *fd77:6::2/64* && $output == *"<"*UP*">"* ]]
    ip link show dev "$P"
    # the second one cannot be moved: the first one comes back, too
    ip link add "br$A" type bridge 2>/dev/null || ip link add "${A:0:13}br" type bridge
    local bridge
    bridge=$(ip -o link show type bridge | cut -d' ' -f2 | tr -d : | grep -F "${A:0:10}")
    refused 125 "network device $bridge: move it into the container" "l['netDevices'] = {'$A': {'name': 'ctr0'}, '$bridge': {}}"
    ip link del "$bridge"
    ip link show dev "$A"
}

# --- linux.intelRdt; what it does on a host that has it is in tests/unit/runtime/resctrl_test.c ---

@test "intelRdt: refused before anything is made where no resctrl is mounted" {
    ! grep -q ' - resctrl ' /proc/self/mountinfo || skip "this host has resctrl"
    refused 125 "linux.intelRdt: no resctrl file system is mounted on this host" 'l["intelRdt"] = {}'
    refused 125 "memBwSchema \"L3:0=f\" is not one line" 'l["intelRdt"] = {"memBwSchema": "L3:0=f"}'
    refused 125 "closID \"a/b\" is not the name of a group" 'l["intelRdt"] = {"closID": "a/b"}'
}

# --- linux.namespaces ---

hold_namespaces() { # UNSHARE-OPTION...: a process in namespaces of its own, $HOLDER; ends with the test
    unshare "$@" sh -c 'echo $$ >"$1/holder"; exec sleep 1000' - "$T" 3>&- >/dev/null 2>&1 &
    OUTER=$!
    for ((i = 0; i < 500; i++)); do
        [ -s "$T/holder" ] && break
        sleep 0.01
    done
    HOLDER=$(pgrep -P $OUTER sleep || true)
    [ -n "$HOLDER" ] || HOLDER=$OUTER
}

runtime_release() {
    [ -z "${HOLDER:-}" ] || kill -9 "$HOLDER" 2>/dev/null || true
    [ -z "${OUTER:-}" ] || { kill -9 "$OUTER" 2>/dev/null || true; wait "$OUTER" 2>/dev/null || true; }
}

@test "namespaces: what is named is new or the one at the path, what is not is the caller's, in any combination" {
    hold_namespaces -m -p -f -n -i -u -C -T
    local seed
    seed=$(date +%j)
    HOLDER=$HOLDER timeout 300 python3 - "$PROBE" "$B" "$ID" "$GROUP/$ID" "$seed" <<'PY'
import json, os, random, subprocess, sys
probe, bundle, name, group, seed = sys.argv[1:]
files = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "time": "time", "user": "user"}
holder = os.environ["HOLDER"]
link = lambda who, t: os.readlink(f"/proc/{who}/ns/{files[t]}")
host = {t: link("self", t) for t in files}
held = {t: link(holder, t) for t in files}
assert all(host[t] != held[t] for t in files if t != "user"), "the holder shares"
r = random.Random(int(seed))
print("seed", seed)
cases = [{t: "new" for t in files}, {t: "join" for t in files if t != "user"}]
cases += [{"mount": "new", t: how} for t in files if t != "mount" for how in ("new", "join") if (t, how) != ("user", "join")]
for _ in range(40):
    c = {"mount": "new"}
    for t in files:
        if t != "mount":
            how = r.choice((None, "new", "join"))
            if how and (t, how) != ("user", "join"):
                c[t] = how
    if "user" not in c and r.random() < 0.2:
        c["mount"] = "join"
    cases.append(c)
for case in cases:
    c = {"ociVersion": "1.2.0", "root": {"path": "rootfs"},
         "process": {"cwd": "/", "args": ["sh", "-c", "for n in " + " ".join(files.values()) + "; do readlink /proc/self/ns/$n; done"],
                     "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
         "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/sys", "type": "sysfs", "options": ["ro"]},
                    {"destination": "/dev", "type": "tmpfs"}, {"destination": "/dev/mqueue", "type": "mqueue"}],
         "linux": {"cgroupsPath": group, "namespaces": [{"type": t} | ({"path": f"/proc/{holder}/ns/{files[t]}"} if how == "join" else {})
                                                          for t, how in r.sample(list(case.items()), len(case))]}}
    if case.get("user") == "new":
        c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    if case.get("user") == "new" and case.get("ipc") != "new":
        c["mounts"].pop()   # mqueue of an ipc namespace that is not the user namespace's, and the host has none to borrow
    if case.get("user") == "new" and case.get("pid") != "new":
        c["mounts"].pop(0)  # procfs of a pid namespace that is not the user namespace's
        c["mounts"].append({"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]})
    json.dump(c, open(bundle + "/config.json", "w"))
    x = subprocess.run([probe, bundle, name], capture_output=True, text=True, timeout=60)
    assert x.returncode == 0, (case, x.stderr)
    got = dict(zip(files, x.stdout.split()))
    for t in files:
        if t == "cgroup" and t not in case:
            continue
        how = case.get(t)
        ok = got[t] == host[t] if how is None else got[t] == held[t] if how == "join" else got[t] not in (host[t], held[t])
        assert ok, (case, t, how, got[t], host[t], held[t])
PY
    runtime_release
}

@test "namespaces: a mount namespace that is joined becomes the container's, and the host's is refused" {
    hold_namespaces -m
    local want
    want=$(readlink /proc/$HOLDER/ns/mnt)
    inside 'readlink /proc/self/ns/mnt; ls /; ls /nosuch "$0" 2>/dev/null; cut -d" " -f5 /proc/self/mountinfo | grep -cx /' \
        "ns('mount')['path'] = '/proc/$HOLDER/ns/mnt'" 'l["maskedPaths"] = ["/proc/kcore"]'
    [ "${lines[0]}" = "$want" ]
    [[ $output == *rootfs* ]] && return 1
    [ "${lines[-1]}" = 1 ]
    ! grep -F "$T" /proc/self/mountinfo || return 1
    refused 125 "the caller's own mount namespace" 'ns("mount")["path"] = "/proc/self/ns/mnt"'
    refused 125 "has no right to mount in" "ns('mount')['path'] = '/proc/$HOLDER/ns/mnt'" 'mapped()'
    refused 125 "is not a mount namespace" 'ns("mount")["path"] = "/proc/self/ns/net"'
    runtime_release
}

@test "namespaces: time offsets, also in a user namespace, and a time namespace that is joined" {
    [ -e /proc/self/ns/time ] || skip "no time namespaces"
    local up
    up=$(cut -d. -f1 /proc/uptime)
    inside 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets | tr -s " "' 'l["namespaces"].append({"type": "time"})' 'mapped()' \
        'l["timeOffsets"] = {"boottime": {"secs": 1000000}, "monotonic": {"secs": 77, "nanosecs": 5}}'
    [ "${lines[0]}" -ge $((up + 1000000)) ]
    [[ $output == *"monotonic 77 5"*"boottime 1000000 0"* ]]
    hold_namespaces -T --boottime 5000000
    inside 'cut -d. -f1 /proc/uptime' "l['namespaces'].append({'type': 'time', 'path': '/proc/$HOLDER/ns/time'})"
    [ "$output" -ge $((up + 5000000)) ]
    inside 'cut -d. -f1 /proc/uptime' "l['namespaces'].append({'type': 'time', 'path': '/proc/$HOLDER/ns/time'})" 'mapped()'
    [ "$output" -ge $((up + 5000000)) ]
    runtime_release
    refused 125 "linux.timeOffsets need a new time namespace" 'l["timeOffsets"] = {"boottime": {"secs": 1}}'
    refused 125 "set the offsets of the time namespace" 'l["namespaces"].append({"type": "time"})' \
        'l["timeOffsets"] = {"boottime": {"secs": -100000000000}}'
}

@test "namespaces: an unprivileged caller has time offsets, too" {
    [ -e /proc/self/ns/time ] || skip "no time namespaces"
    chown -R 65534:65534 "$B/rootfs"
    bundle 'sh("cut -d. -f1 /proc/uptime")' 'l["namespaces"] += [{"type": "user"}, {"type": "time"}]' 'm("devpts")["options"].remove("gid=5")' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 65534, "size": 1}]' 'l["timeOffsets"] = {"boottime": {"secs": 1000000}}'
    unprivileged
    [ "$status" = 0 ] || { echo "$stderr"; return 1; }
    [ "$output" -ge 1000000 ]
}

# --- process ---

@test "process: execCPUAffinity is for further processes, before and after they enter the cgroup" {
    [ "$(nproc)" -ge 2 ] || skip "one CPU"
    inside 'grep Cpus_allowed_list /proc/self/status' 'p["execCPUAffinity"] = {"initial": "0", "final": "1"}'
    [[ $output != *list:*1 || $output == *0-* ]]
    bundle 'p["args"] = ["sleep", "100"]' 'p["execCPUAffinity"] = {"initial": "0", "final": "1"}'
    run --separate-stderr probe -x grep Cpus_allowed_list /proc/self/status
    is "Cpus_allowed_list:	1"
    [[ $(grep Cpus_allowed_list /proc/self/status) != *"	0" ]]
    # the cgroup has the last word about what is only initial, and nothing of it stays with the caller
    bundle 'p["args"] = ["sleep", "100"]' 'p["execCPUAffinity"] = {"initial": "99"}'
    run -125 --separate-stderr probe -x true
    [[ $stderr == *"set the initial CPU affinity"* ]]
    bundle 'p["args"] = ["sleep", "100"]' 'p["execCPUAffinity"] = {"final": "99"}'
    run -125 --separate-stderr probe -x true
    [[ $stderr == *"set the final CPU affinity"* ]]
    bundle 'p["args"] = ["sleep", "100"]' 'p["execCPUAffinity"] = {"final": "2-1"}'
    run -125 --separate-stderr probe -x true
    [[ $stderr == *"execCPUAffinity.final"* ]]
}

@test "process: the environment, each variable once" {
    inside 'env | sort' 'p["env"] = ["PATH=/bin", "A=1", "A=2", "HOME=", "B=x=y", "C="]'
    [[ $output == *"A=2
B=x=y
C=
HOME=/root
PATH=/bin"* && $output != *A=1* ]]
    refused 125 "missing '='" 'p["env"] = ["PATH"]'
}

@test "process: every scheduling policy, with its values" {
    inside 'cut -d" " -f41 /proc/self/stat' 'p["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}'
    is 3
    inside 'cut -d" " -f41 /proc/self/stat' 'p["scheduler"] = {"policy": "SCHED_IDLE"}'
    is 5
    inside 'cut -d" " -f19 /proc/self/stat' 'p["scheduler"] = {"policy": "SCHED_OTHER", "nice": 7}'
    is 7
    # without a control group: version 1's cpu controller gives new groups no real time
    bundle 'sh("cut -d\" \" -f40,41 /proc/self/stat")' 'p["scheduler"] = {"policy": "SCHED_FIFO", "priority": 3}'
    run probe -g
    is "3 1"
    bundle 'sh("cut -d\" \" -f40,41 /proc/self/stat; :")' 'p["scheduler"] = {"policy": "SCHED_RR", "priority": 4, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
    run probe -g
    is "0 0" # of a child
    bundle 'p["args"] = ["cat", "/proc/self/sched"]' 'p["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000}'
    run --separate-stderr probe -g
    [[ $status = 0 && $(tr -d " " <<<"$output") == *policy:6* ]] || { echo "$output $stderr"; return 1; }
    refused 125 "can't be used together with AllowedCPUs" 'p["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000}' \
        'l["resources"]["cpu"] = {"cpus": "0", "mems": "0"}'
    refused 125 "set the scheduler" 'p["scheduler"] = {"policy": "SCHED_ISO"}'
    refused 125 "policy SCHED_FAST is not known" 'p["scheduler"] = {"policy": "SCHED_FAST"}'
    refused 125 "flag SCHED_FLAG_X is not known" 'p["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]}'
}

@test "process: memory policy, of further processes too" {
    [ -e /proc/self/numa_maps ] || skip "no NUMA"
    inside 'head -n1 /proc/self/numa_maps | cut -d" " -f2' 'l["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
    is bind=static:0
    bundle 'p["args"] = ["sleep", "100"]' 'l["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}'
    run probe -x sh -c 'head -n1 /proc/self/numa_maps | cut -d" " -f2'
    is interleave:0
    refused 125 "invalid memory policy mode" 'l["memoryPolicy"] = {}'
    refused 125 "set the memory policy" 'l["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "63"}'
}

# --- hooks ---

@test "hooks: startContainer's have the container's environment and its filter" {
    printf '#!/bin/sh\nenv | sort >/out; readlink /proc/self/ns/mnt >>/out\n' >"$B/rootfs/hook"
    chmod +x "$B/rootfs/hook"
    inside 'cat /out; readlink /proc/self/ns/mnt' 'p["env"] = ["PATH=/bin", "A=1"]' 'c["hooks"] = {"startContainer": [{"path": "/hook"}]}'
    [[ $output == *A=1*HOME=/root*PATH=/bin* ]]
    [ "${lines[-1]}" = "${lines[-2]}" ]
    inside 'cat /out' 'p["env"] = ["PATH=/bin", "A=1"]' 'c["hooks"] = {"startContainer": [{"path": "/hook", "env": ["PATH=/bin", "ONLY=this"]}]}'
    [[ $output == *ONLY=this* && $output != *A=1* ]]
    local nnp
    for nnp in True False; do
        refused 125 "error running startContainer hook #0: /bin/mkdir: ended by signal 31: bad system call" 'p["args"] = ["true"]' \
            "p['noNewPrivileges'] = $nnp" 'p["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]' \
            'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}' \
            'c["hooks"] = {"startContainer": [{"path": "/bin/mkdir", "args": ["mkdir", "/new"]}]}'
    done
    # what our own doing needs, the filter need not allow
    inside 'cat /out' 'c["hooks"] = {"startContainer": [{"path": "/hook"}]}' \
        'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["memfd_create", "seccomp", "setpgid"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
}

# --- security modules ---

@test "AppArmor profiles and SELinux labels are refused before anything is made where there is no such module" {
    [ ! -e /sys/module/apparmor/parameters/enabled ] || skip "this host has AppArmor"
    [ ! -e /sys/fs/selinux/enforce ] || skip "this host has SELinux"
    refused 125 "process.apparmorProfile docker-default: AppArmor is not active on this host" 'p["apparmorProfile"] = "docker-default"'
    refused 125 "process.selinuxLabel a:b:c:s0: SELinux is not active on this host" 'p["selinuxLabel"] = "a:b:c:s0"'
    refused 125 "linux.mountLabel: SELinux is not active on this host" 'l["mountLabel"] = "a:b:c:s0"'
    inside 'true' 'p["apparmorProfile"] = "unconfined"' 'p["selinuxLabel"] = ""'
}

# --- mounts ---

@test "mounts: a tmpfs without a mode has that of the directory it covers" {
    mkdir -m 0710 "$B/rootfs/narrow"
    inside 'stat -c %a /narrow /fresh /given' 'c["mounts"] += [{"destination": "/" + d, "type": "tmpfs", "options": o} for d, o in
        (("narrow", ["nosuid"]), ("fresh", []), ("given", ["mode=0751"]))]'
    is "710
1777
751"
}

@test "mounts: a read-only /dev with a terminal, devices and files in it" {
    command -v newuidmap >/dev/null || true
    echo x >"$T/f"
    bundle 'sh("touch /dev/x 2>&1; tty; cat /dev/f")' 'm("tmpfs")["options"].append("ro")' 'p["terminal"] = True' 'bind(T + "/f", "/dev/f", "bind")'
    run probe
    [ "$status" = 0 ]
    [[ $output == *"Read-only file system"*"/dev/pts/0"*x* ]]
    bundle 'sh("touch /dev/x 2>&1; echo y >/dev/null && cat /dev/f")' 'm("tmpfs")["options"].append("ro")' 'mapped()' 'bind(T + "/f", "/dev/f", "bind")' \
        'm("devpts")["options"].remove("gid=5")'
    run probe
    [[ $status = 0 && $output == *"Read-only file system"*x* ]] || { echo "$output"; return 1; }
}

@test "mounts: what is covered twice is covered once" {
    mkdir "$B/rootfs/dir"
    inside 'grep -c " /dir " /proc/mounts' 'l["maskedPaths"] += ["/dir", "/dir"]'
    is 1
    inside 'grep -c " /dir " /proc/mounts' 'l["readonlyPaths"] += ["/dir", "/dir"]'
    is 1
}

@test "mounts: a source below the container's root is what earlier mounts have made of it, and never leaves the root" {
    mkdir -p "$T/src/a/x" "$T/src/b/y" "$B/rootfs/mnt" "$B/rootfs/final"
    echo deep >"$T/src/b/y/file"
    inside 'cat /final/x/y/file; cat /again/y/file' 'bind(T + "/src/a", "/mnt", "rbind")' 'bind(T + "/src/b", "/mnt/x", "rbind")' \
        'bind(T + "/bundle/rootfs/mnt", T + "/bundle/rootfs/final", "rbind")' 'bind("rootfs/mnt/x", "/again", "rbind")'
    is "deep
deep"
    ln -s "$T/canary" "$B/rootfs/link"
    refused 125 "No such file" 'bind("rootfs/link", "/final", "bind")'
    inside 'stat -c %u /final/file' 'bind(T + "/src/b/y", "/mnt", "bind")' 'c["mounts"].append({"destination": "/final", "source": "rootfs/mnt", "options": ["bind", "idmap"],
        "uidMappings": [{"containerID": 0, "hostID": 7, "size": 10}], "gidMappings": [{"containerID": 0, "hostID": 7, "size": 10}]})'
    is 7
}

@test "mounts: idmap alone means the user namespace of the container, new or joined" {
    mkdir "$T/src" "$B/rootfs/m"
    echo x >"$T/src/f"
    chown 5:6 "$T/src/f"
    inside 'stat -c %u:%g /m/f' 'mapped()' 'bind(T + "/src", "/m", "bind", "idmap")'
    is 5:6
    unshare -U sh -c 'echo $$ >"$1/holder"; exec sleep 1000' - "$T" 3>&- >/dev/null 2>&1 &
    OUTER=$!
    for ((i = 0; i < 500; i++)); do [ -s "$T/holder" ] && break; sleep 0.01; done
    echo "0 100000 65536" >/proc/$OUTER/gid_map
    echo "0 100000 65536" >/proc/$OUTER/uid_map
    chmod 755 "$T" "$B"
    inside 'stat -c %u:%g /m/f' "l['namespaces'].append({'type': 'user', 'path': '/proc/$OUTER/ns/user'})" 'bind(T + "/src", "/m", "bind", "idmap")'
    local got=$output
    runtime_release
    output=$got
    is 5:6
    refused 125 "needs both uidMappings and gidMappings" 'bind(T + "/src", "/m", "bind", "idmap")'
}

@test "namespaces: without a mount namespace everything is mounted below the root, and is gone afterwards" {
    inside 'readlink /proc/self/ns/mnt; ls /; cat /proc/kcore | wc -c; touch /x 2>&1; echo y >/dev/null' \
        'l["namespaces"].remove(ns("mount"))' 'c["root"]["readonly"] = True'
    [ "${lines[0]}" = "$(readlink /proc/self/ns/mnt)" ]
    ! grep -qx boot <<<"$output" || return 1
    [[ $output == *"Read-only file system"* ]]
    ! grep -F "$T" /proc/self/mountinfo || return 1
    bundle 'p["args"] = ["sleep", "100"]' 'l["namespaces"].remove(ns("mount"))'
    run probe -x sh -c 'ls /bin/busybox; [ -e /usr ] || cat /proc/1/comm'
    is "/bin/busybox
sleep"
    ! grep -F "$T" /proc/self/mountinfo || return 1
    refused 125 "error running createRuntime hook" 'l["namespaces"].remove(ns("mount"))' "c['hooks'] = {'createRuntime': [{'path': '/bin/false'}]}"
    refused 125 "no right to mount in the caller's mount namespace" 'l["namespaces"].remove(ns("mount"))' 'mapped()'
    ! grep -F "$T" /proc/self/mountinfo || return 1
}

@test "rootfsPropagation: a slave sees what the host mounts, a private or shared root does not; nothing comes back" {
    mount --bind "$B/rootfs" "$B/rootfs"
    mount --make-shared "$B/rootfs"
    printf '#!/bin/sh\nmount -t tmpfs t "%s" && touch "%s/seen"\n' "$B/rootfs/mnt" "$B/rootfs/mnt" >"$T/hook"
    chmod +x "$T/hook"
    local how got=()
    for how in slave rslave private shared; do
        bundle "l['rootfsPropagation'] = '$how'" "c['hooks'] = {'poststart': [{'path': T + '/hook', 'env': ['PATH=/usr/bin:/bin']}]}" \
            'sh("for i in $(seq 100); do [ -e /mnt/seen ] && echo seen && break; [ $i -lt 30 ] || [ -z \"$SHORT\" ] && sleep 0.05; done; mount -t tmpfs t /root && touch /root/inner; exit 0")' \
            "p['env'] = ['PATH=/bin'] + (['SHORT=1'] if '$how' in ('private', 'shared') else [])" \
            'p["capabilities"]["bounding"] += ["CAP_SYS_ADMIN"]' 'p["capabilities"]["effective"] = p["capabilities"]["permitted"] = p["capabilities"]["bounding"]'
        run probe
        got+=("$how:$status:$output")
        [ ! -e "$B/rootfs/root/inner" ] || got+=(leaked)
        umount "$B/rootfs/mnt" || true
    done
    umount -l "$B/rootfs"
    [ "${got[*]}" = "slave:0:seen rslave:0:seen private:0: shared:0:" ] || { echo "${got[*]}"; return 1; }
}

@test "mounts: every recursive attribute reaches what lies below, and its opposite, too" {
    mkdir -p "$T/src/sub"
    mount -t tmpfs -o nosuid,nodev t "$T/src/sub"
    local out
    inside 'grep " /x" /proc/mounts | cut -d" " -f2,4 | sed "s/,size.*//;s/,inode.*//"' \
        'bind(T + "/src", "/x", "rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime", "rnosymfollow")' \
        'bind(T + "/src", "/xy", "rbind", "rrw", "rsuid", "rdev", "rexec", "rstrictatime", "rdiratime", "rsymfollow")' || { umount "$T/src/sub"; return 1; }
    out=$output
    umount "$T/src/sub"
    local line
    for line in /x /x/sub; do
        for word in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
            grep -E "^$line .*\b$word\b" <<<"$out" || { echo "$line $word: $out"; return 1; }
        done
    done
    [[ $(grep '^/xy/sub ' <<<"$out") == "/xy/sub rw" ]] || { echo "$out"; return 1; }
}

@test "user namespaces: any maps, a single id, and what an id outside of them means" {
    inside 'id -u; id -g; tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map' 'l["namespaces"].append({"type": "user"})' \
        'l["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 1000, "hostID": 200000, "size": 1}, {"containerID": 50, "hostID": 300000, "size": 7}]' \
        'l["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 7, "hostID": 7, "size": 1}][:1]' 'p["user"] = {"uid": 1000, "gid": 5}' \
        'm("devpts")["options"] = ["newinstance", "ptmxmode=0666"]'
    is "1000
5
 0 100000 10
 1000 200000 1
 50 300000 7
 0 100000 10"
    refused 125 "set the user id to 77" 'mapped()' 'l["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]' 'p["user"] = {"uid": 77, "gid": 0}'
    refused 125 "gid=5" 'mapped()' 'l["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1}]'
}

@test "devices: fifos, unbuffered ones, modes, owners and places" {
    inside 'stat -c "%F %a %u:%g %t:%T" /dev/pipe /deep/er/null /dev/u; [ -L /dev/ptmx ] && readlink /dev/ptmx; ls /dev/console 2>&1; true' \
        'l["devices"] = [{"path": "/dev/pipe", "type": "p", "fileMode": 0o640, "uid": 3, "gid": 4}, {"path": "/deep/er/null", "type": "c", "major": 1, "minor": 3},
            {"path": "/dev/u", "type": "u", "major": 1, "minor": 5, "fileMode": 0o600}, {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o644}]'
    [ "${lines[0]}" = "fifo 640 3:4 0:0" ]
    [ "${lines[1]}" = "character special file 666 0:0 1:3" ]
    [ "${lines[2]}" = "character special file 600 0:0 1:5" ]
    [ "${lines[3]}" = pts/ptmx ]
    [[ ${lines[4]} == *"No such file"* ]]
    touch "$B/rootfs/there"
    refused 125 "make device /there: File exists" 'l["devices"] = [{"path": "/there", "type": "c", "major": 1, "minor": 3}]'
    inside 'stat -c %t:%T /dev/zero; stat -c "%F" /dev/pipe' 'mapped()' 'l["devices"] = [{"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600, "uid": 5}, {"path": "/dev/pipe", "type": "p"}]' \
        'm("devpts")["options"].remove("gid=5")'
    is "1:5
fifo"
    bundle 'sh("stat -c \"%a %u:%g %t:%T\" /dev/kept; head -c3 /dev/kept | od -An -tx1")' 'mapped()' 'm("devpts")["options"].remove("gid=5")' \
        'l["devices"] = [{"path": "/dev/kept", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4}]'
    run --separate-stderr probe
    [[ $stderr != *"open the host's"* ]] || skip "before Linux 6.15 nodes that the host lacks cannot be given to a user namespace"
    is "640 3:4 1:5
 00 00 00"
    refused 125 "its owner 70000:0 is not mapped" 'mapped()' 'm("devpts")["options"].remove("gid=5")' \
        'l["devices"] = [{"path": "/dev/kept", "type": "c", "major": 1, "minor": 5, "uid": 70000}]'
}

@test "when a system call fails: network devices, the root in the caller's namespace and nodes are as before" {
    [ -x "$CREEL_BUILD/tests/unit/runtime/runtime-fault" ] || skip "runtime-fault is for x86-64"
    ! ldd "$PROBE" 2>/dev/null | grep -q asan || skip "the sanitizer does not stand it"
    setup_veth
    ip addr add 10.77.9.2/24 dev "$A"
    ip link set "$A" up
    mkdir "$T/rich"
    cp -a "$B/rootfs" "$T/rich/rootfs"
    bundle 'p["args"] = ["true"]' 'l["namespaces"].remove(ns("mount"))' "l['netDevices'] = {'$A': {'name': 'ctr0'}}"
    cp "$B/config.json" "$T/plain.json"
    bundle 'p["args"] = ["true"]' 'mapped()' 'l["namespaces"].append({"type": "time"})' 'l["timeOffsets"] = {"boottime": {"secs": 5}}' \
        'm("devpts")["options"].remove("gid=5")' "l['netDevices'] = {'$A': {'name': 'ctr0'}}" \
        'l["devices"] = [{"path": "/dev/kept", "type": "c", "major": 1, "minor": 5, "uid": 3}]'
    cp "$B/config.json" "$T/rich/config.json"
    cp "$T/plain.json" "$B/config.json"
    python3 - "$CREEL_BUILD/tests/unit/runtime" "$GROUP/$ID" "$A" "$P" $((7 + $(date +%j | sed 's/^0*//') % 5)) "$B" "$T/rich" <<'PY'
import errno, os, subprocess, sys
programs, group, a, p, every = sys.argv[1:6]
def left():
    return [os.path.join(top, d) for top, dirs, _ in os.walk("/sys/fs/cgroup") for d in dirs if os.path.join(top, d).endswith(group)]
def device():
    x = subprocess.run(["ip", "addr", "show", "dev", a], capture_output=True, text=True).stdout
    return "10.77.9.2/24" in x and ",UP" in x
faults = moved = 0
for bundle in sys.argv[6:]:
    for who in (0, 1):
        n = 0
        while True:
            n += int(every)
            cmd = [programs + "/runtime-fault", str(who), str(n), str((errno.EIO, errno.ENOMEM)[n % 2]), "/dev/stdout", programs + "/runtime-probe", bundle, "f"]
            r = subprocess.run(cmd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
            assert not left(), (bundle, who, n, r.stdout, left())
            if r.stdout.strip() == "166": # the unmounting itself: nothing is left but to do it again
                subprocess.run(["umount", "-l", bundle + "/rootfs"], capture_output=True)
            assert bundle not in open("/proc/self/mountinfo").read(), (bundle, who, n, r.stdout)
            if not r.stderr.startswith("runtime_probe: create"): # it was the container's: the kernel has removed it with the namespace
                moved += r.returncode == 0
                subprocess.run(["ip", "link", "del", a], capture_output=True)
                for i in range(500): # the other end goes when the namespace does, in the background
                    if subprocess.run(["ip", "link", "add", a, "type", "veth", "peer", "name", p], capture_output=True).returncode == 0:
                        break
                subprocess.run(["ip", "addr", "add", "10.77.9.2/24", "dev", a], check=True)
                subprocess.run(["ip", "link", "set", a, "up"], check=True)
                if "none" in r.stdout:
                    break
                continue
            faults += 1
            assert len(r.stderr.strip().splitlines()) == 1, (bundle, who, n, r.stdout, r.stderr)
            assert device(), (bundle, who, n, r.stdout, r.stderr)
assert faults > 20 and moved >= 4, (faults, moved)
PY
}

@test "mounts: the host's sysfs stands in, read-only with all below it, where a user namespace may not mount its own" {
    inside 'awk "\$5 ~ /^\/sys/ { print \$6 }" /proc/self/mountinfo | grep -vc "^ro,.*nosuid,nodev,noexec"; ls -d /sys/class' 'mapped()' \
        'l["namespaces"].remove(ns("network"))' 'm("sysfs")["options"] = ["rw"]' 'm("devpts")["options"].remove("gid=5")' 'sh(os.environ["SH_TEXT"])'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = /sys/class ]
}
