#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the field's suites have found in creel-runtime and no other test looks at (docs/conformance.md): kept here, so that it stays
# found without them.
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
    runtime_teardown
}

R() { "$RT" --root "$ROOT" "$@" 3>&-; }
in_terminal() { script -qec "$RT --root $ROOT $*" /dev/null </dev/null 3>&-; }
# A tree of directories, each with a file that says where it is, and mounts that are made of mounts.
layers() {
    mkdir -p "$T"/src/{a/x,b/y,c/z}
    echo a/x >"$T/src/a/x/file"
    mkdir "$B/rootfs/final"
    chmod -R a+rX "$T" "$T/src"
}
stack='
root = T + "/bundle/rootfs"
bind(T + "/src/a", "/mnt"); bind(T + "/src/b", "/mnt/x"); bind(T + "/src/c", "/mnt/x/y"); bind(T + "/src/a", "/mnt/x/y/z")
bind(root + "/mnt/x", root + "/mnt/x/y/z/x"); bind(root + "/mnt/x/y", root + "/mnt/x/y/z"); bind(root + "/mnt", root + "/final")
p["args"] = ["cat", "/final/x/y/z/z/x/y/z/x/file"]'
idmapped='
for x in c["mounts"]:
    if x.get("source", "").startswith(root):
        x["uidMappings"] = x["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]'

@test "mountinfo lists mounts in the order of the configuration, binds and new file systems alike" {
    mkdir "$T/src"
    bundle 'for i in range(4):
    c["mounts"].append({"destination": f"/new{i}", "type": "tmpfs", "source": "tmpfs"}); bind(T + "/src", f"/bound{i}", "bind")
p["args"] = ["awk", "$5 ~ /(new|bound)/ { printf \"%s \", $5 }", "/proc/self/mountinfo"]'
    run R run -b "$B" one
    is "/new0 /bound0 /new1 /bound1 /new2 /bound2 /new3 /bound3 "
}

@test "binds of what earlier binds made, at targets that name the root directory" {
    layers
    bundle "$stack"
    run R run -b "$B" one
    is a/x
}

@test "the same in a user namespace, whose root cannot get at the sources itself" {
    layers
    chmod o-rwx "$T/src"
    bundle "$stack" 'mapped()'
    chown -R 100000:100000 "$B/rootfs"
    run R run -b "$B" one
    is a/x
}

@test "the same with mapped ids, which in a user namespace only the caller may give" {
    layers
    bundle "$stack" "$idmapped"
    run R run -b "$B" one
    is a/x
    bundle "$stack" "$idmapped" 'mapped(); p["args"] = ["sh", "-c", "cat /final/x/y/z/z/x/y/z/x/file; stat -c %u /final"]'
    chown -R 100000:100000 "$B/rootfs"
    run R run -b "$B" two
    # what is 0 outside is 100000 by the mapping of the mount, and that is 0 inside
    is $'a/x\n0'
}

@test "a source that is missing is an error that names it; with nofail it is left out" {
    bundle 'bind(T + "/nothing", "/mnt", "bind")'
    run R run -b "$B" one
    [ "$status" = 1 ]
    [[ $output == *"bind $T/nothing on /mnt: No such file or directory"* ]]
    bundle 'bind(T + "/nothing", "/mnt", "bind", "nofail")' 'p["args"] = ["echo", "left out"]'
    run R run -b "$B" one
    is "left out"
}

@test "a terminal that is relayed has no carriage returns, from the first line on, in run and exec" {
    local i
    bundle 'p["terminal"] = True; p["args"] = ["echo", "line"]'
    for i in 1 2 3 4 5 6; do
        run in_terminal run -b "$B" "t$i" '|' cat -A
        [[ $output == *'line$'* && $output != *'line^M'* ]] || { echo "$output"; return 1; }
    done
    bundle 'p["args"] = ["sleep", "1000"]'
    R run -d -b "$B" long >/dev/null 2>&1 </dev/null
    for i in 1 2 3; do
        run in_terminal exec -t long echo line '|' cat -A
        [[ $output == *'line$'* && $output != *'line^M'* ]] || { echo "$output"; return 1; }
    done
}

# --- control groups that somebody else has made ---

@test "a group whose parents others have made, with empty cpusets, takes a container" {
    [ -e /sys/fs/cgroup/cpuset/cpuset.cpus ] || skip "cpuset is not on version 1"
    mkdir -p "/sys/fs/cgroup/cpuset$GROUP/$ID/above"
    [ -z "$(cat "/sys/fs/cgroup/cpuset$GROUP/$ID/above/cpuset.cpus")" ] || skip "children copy the cpuset here"
    bundle 'l["cgroupsPath"] += "/above/container"; p["args"] = ["echo", "in"]'
    run R run -b "$B" one
    is in
    [ -n "$(cat "/sys/fs/cgroup/cpuset$GROUP/$ID/above/cpuset.mems")" ]
    find /sys/fs/cgroup/*"$GROUP/$ID" -depth -type d -exec rmdir {} +
}

@test "a group with processes, and one that is frozen, are refused in the words of the field" {
    local freezer=/sys/fs/cgroup/freezer$GROUP/$ID file=freezer.state frozen=FROZEN
    bundle 'p["args"] = ["sleep", "1000"]'
    R run -d -b "$B" one >/dev/null 2>&1 </dev/null
    run R create -b "$B" two
    [ "$status" = 1 ]
    [[ $output == *"container's cgroup is not empty"* ]]
    R delete --force one
    [ -d /sys/fs/cgroup/freezer ] || freezer=/sys/fs/cgroup$GROUP/$ID file=cgroup.freeze frozen=1
    mkdir -p "$freezer"
    echo $frozen >"$freezer/$file"
    run R create -b "$B" two
    rmdir "$freezer"
    [ "$status" = 1 ]
    [[ $output == *"container's cgroup unexpectedly frozen"* ]]
}

@test "a device rule may say \"rwa\", whose last letter means nothing, and must say something else" {
    bundle 'l["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rwa"}); p["args"] = ["echo", "in"]'
    run R run -b "$B" one
    is in
    bundle 'l["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "a"})'
    run R run -b "$B" one
    [ "$status" = 1 ]
    [[ $output == *"is not made of r, w and m"* ]]
}

@test "huge page limits may spell \"pagesize\", and not both ways" {
    local size
    size=$(ls /sys/kernel/mm/hugepages | sed -n 's/hugepages-\([0-9]*\)kB/\1/p' | head -1)
    [ -n "$size" ] && grep -q hugetlb /proc/self/cgroup /sys/fs/cgroup/{,unified/}cgroup.controllers 2>/dev/null || skip "no control of huge pages"
    SIZE=$((size < 1048576 ? size / 1024 : size / 1048576))$([ "$size" -lt 1048576 ] && echo MB || echo GB) \
        bundle 'import os; l["resources"]["hugepageLimits"] = [{"pagesize": os.environ["SIZE"], "limit": 0}]; p["args"] = ["echo", "in"]'
    run R run -b "$B" one
    is in
    bundle 'l["resources"]["hugepageLimits"] = [{"pagesize": "2MB", "pageSize": "1GB", "limit": 0}]'
    run R run -b "$B" one
    [ "$status" = 1 ]
    [[ $output == *"the member is there twice"* ]]
}

@test "a user namespace cannot clear the flags of a bind's source: in runc's words, whole" {
    mkdir "$T/src"
    mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$T/src"
    bundle 'mapped(); bind(T + "/src", "/mnt", "bind", "exec")'
    chown -R 100000:100000 "$B/rootfs"
    run R run -b "$B" one
    umount "$T/src"
    [ "$status" = 1 ]
    local words="runc run failed: unable to start container process: error during container init: error mounting"
    [[ $output == *"$words"*"operation not permitted"* ]] || { echo "$output"; return 1; }
}

@test "rbind and bind together, as podman writes them, are recursive" {
    mkdir -p "$T/src/below"
    mount -t tmpfs tmpfs "$T/src/below"
    touch "$T/src/below/file"
    bundle 'bind(T + "/src", "/mnt", "rbind", "rprivate", "rw", "bind"); p["args"] = ["ls", "/mnt/below"]'
    run R run -b "$B" one
    umount "$T/src/below"
    is file
}

@test "exec into a group that divides its limits says that it cannot be added, and why" {
    local v2=/sys/fs/cgroup controller pid
    [ ! -d /sys/fs/cgroup/unified ] || v2=/sys/fs/cgroup/unified
    [ -e "$v2/cgroup.subtree_control" ] || skip "no version 2 here"
    bundle 'p["args"] = ["sleep", "1000"]'
    R run -d -b "$B" one >/dev/null 2>&1 </dev/null
    v2=$v2$GROUP/$ID
    read -r controller _ <"$v2/cgroup.controllers" || true
    [ -n "$controller" ] || skip "no controller below $v2"
    mkdir "$v2/below"
    for pid in $(cat "$v2/cgroup.procs"); do echo "$pid" >"$v2/below/cgroup.procs"; done
    echo "+$controller" >"$v2/cgroup.subtree_control"
    run R exec --cgroup / one true
    [ "$status" = 255 ]
    [[ $output == *" adding pid "*" to cgroups"*"evice or resource busy"* ]]
    run R exec one cat /proc/self/cgroup
    [[ $status = 0 && $output == *"/below"* ]] || { echo "$output"; return 1; }
    R delete --force one
}
