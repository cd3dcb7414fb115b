#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Control groups that systemd makes: the engine with --cgroup-manager systemd, the runtime with --systemd-cgroup. Needs a host
# that systemd runs; tests/guest/systemd.bats boots one.
load runtime_helpers
load helpers

RUNTIME=$CREEL_BUILD/creel-runtime
creel() { "$CREEL" --cgroup-manager systemd "$@"; }
oci() { timeout 100 "$RUNTIME" --root "$T/states" --systemd-cgroup "$@"; }

setup_file() {
    [ -d /run/systemd/system ] || return 0
    engine_new engine
    busybox_tar >"$BATS_FILE_TMPDIR/busybox.tar"
    creel import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
    make_root "$BATS_FILE_TMPDIR/root"
    export BASE=$BATS_FILE_TMPDIR/root
}

setup() {
    [ -d /run/systemd/system ] || skip "systemd does not run this host"
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT T=$BATS_TEST_TMPDIR
    B=$T/bundle ID=t$$-$BATS_TEST_NUMBER GROUP=unused
    UNIT=creel-$ID.scope
    mkdir -p "$B"
    cp -a "$BASE" "$B/rootfs"
}

teardown() {
    [ -d /run/systemd/system ] || return 0
    leave_nothing || return 1
    [ ! -d "$T/states" ] || ! ls "$T/states" | grep . || { echo "states left"; return 1; }
    local left
    left=$(systemctl list-units --all --plain --no-legend '*creel-*.scope'; pgrep creel-keeper)
    [ -z "$left" ] || { echo "left: $left"; return 1; }
}

teardown_file() { :; }

shown() { systemctl show "$1" -p "$2" --value; }
group_of() { echo "/sys/fs/cgroup$(shown "$1" ControlGroup)"; }
unit_of() { echo "creel-$(creel inspect -f '{{.Id}}' "$1").scope"; }
unit_gone() { [ "$(shown "$1" LoadState)" = not-found ]; }
# PROPERTY and FILE of a unit's group say so.
expect_limits() { # UNIT PROPERTY=VALUE|FILE=VALUE...
    local unit=$1 group row got
    group=$(group_of "$unit")
    shift
    for row in "$@"; do
        case $row in
        [A-Z]*) got=$(shown "$unit" "${row%%=*}") ;;
        *) got=$(cat "$group/${row%%=*}") ;;
        esac
        [ "$got" = "${row#*=}" ] || { echo "${row%%=*} is \"$got\", not \"${row#*=}\""; return 1; }
    done
}

# --- the engine ---

@test "limits are in the group's files and in systemd's unit, and stay when systemd is reloaded" {
    creel run -d --name limited --network none -m 64m --cpus 0.5 --pids-limit 7 --cpuset-cpus 0 --cpu-shares 512 \
        --memory-reservation 32m busybox sleep 1000 >/dev/null
    local unit all
    unit=$(unit_of limited)
    [ "$(creel info -f '{{.CgroupDriver}}')" = systemd ]
    expect_limits "$unit" Slice=system.slice Delegate=yes "ControlGroup=/system.slice/$unit"
    all=(MemoryMax=67108864 MemoryLow=33554432 TasksMax=7 CPUQuotaPerSecUSec=500ms AllowedCPUs=0 CPUWeight=59
        memory.max=67108864 memory.low=33554432 pids.max=7 "cpu.max=50000 100000" cpuset.cpus=0 cpu.weight=59)
    expect_limits "$unit" "${all[@]}"
    [ "$(cat "$(group_of "$unit")/cgroup.procs")" = "$(pid_of limited)" ]
    systemctl daemon-reload
    expect_limits "$unit" "${all[@]}"

    creel update -m 128m --cpus 0.75 --pids-limit 9 --cpuset-cpus 1 limited >/dev/null
    all=(MemoryMax=134217728 TasksMax=9 CPUQuotaPerSecUSec=750ms AllowedCPUs=1 CPUWeight=59
        memory.max=134217728 pids.max=9 "cpu.max=75000 100000" cpuset.cpus=1)
    expect_limits "$unit" "${all[@]}"
    systemctl daemon-reload
    expect_limits "$unit" "${all[@]}"
    [ "$(creel exec limited cat /proc/self/cgroup)" = "0::/" ]
    creel rm -f limited >/dev/null
    unit_gone "$unit"
    [ ! -e "/sys/fs/cgroup/system.slice/$unit" ]
}

@test "devices stay forbidden when systemd is reloaded" {
    creel run -d --name guarded --network none busybox sleep 1000 >/dev/null
    systemctl daemon-reload
    run ! creel exec guarded sh -c 'mknod /tmp/mem c 1 1 && cat /tmp/mem'
    expect_in "not permitted" "$output"
    creel exec guarded sh -c 'head -c1 /dev/zero >/dev/null'
}

@test "a container that may have one process gets it" {
    creel run -d --name single --network none --pids-limit 1 busybox sleep 1000 >/dev/null
    expect_limits "$(unit_of single)" TasksMax=1 pids.max=1
    run ! creel exec single true
}

@test "a parent is a slice" {
    creel run -d --name nested --network none --cgroup-parent one-two.slice busybox sleep 1000 >/dev/null
    expect_limits "$(unit_of nested)" Slice=one-two.slice "ControlGroup=/one.slice/one-two.slice/$(unit_of nested)"
    run --separate-stderr "$CREEL" --cgroup-manager systemd create --network none --cgroup-parent /a/b busybox
    expect_failure 1 'valid slice named as "xxx.slice"'
    creel pause nested >/dev/null
    [ "$(state nested)" = paused ]
    creel unpause nested >/dev/null
    creel stop -t 0 nested >/dev/null
    creel start nested >/dev/null
    [ "$(state nested)" = running ]
}

@test "what was killed for its memory leaves no failed unit" {
    run creel run --name hungry --network none -m 16m busybox sh -c 'tail /dev/zero'
    [ "$(creel inspect -f '{{.State.OOMKilled}}' hungry)" = true ]
    within unit_gone "$(unit_of hungry)"
}

@test "a killed monitor leaves no scope" {
    creel run -d --name orphan --network none busybox sleep 1000 >/dev/null
    local unit pid
    unit=$(unit_of orphan)
    pid=$(sed -n 's/^PPid:\t//p' "/proc/$(pid_of orphan)/status")
    [ "$(cat "/proc/$pid/comm")" = creel-monitor ]
    kill -9 "$pid"
    within unit_gone "$unit"
    creel ps -a >/dev/null
    [ "$(state orphan)" = exited ]
}

# --- the runtime ---

scope() { bundle "l['cgroupsPath'] = 'system.slice:creel:$ID'" 'p["args"] = ["sleep", "1000"]' "$@"; }

@test "create, update and delete with --systemd-cgroup" {
    scope 'l["resources"]["memory"] = {"limit": 67108864}' 'l["resources"]["pids"] = {"limit": 20}' \
        'l["resources"]["cpu"] = {"quota": 12345, "period": 100000}' \
        'l["resources"]["unified"] = {"memory.high": "50331648", "pids.max": "21"}' \
        'c["annotations"] = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Description": "\"my own\""}'
    oci create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1
    expect_limits "$UNIT" MemoryMax=67108864 MemoryHigh=50331648 TasksMax=21 TimeoutStopUSec=7s "Description=my own" \
        CPUQuotaPerSecUSec=130ms pids.max=21 memory.high=50331648 "cpu.max=13000 100000"
    oci start "$ID"
    oci update --memory 134217728 --pids-limit 0 "$ID"
    systemctl daemon-reload
    expect_limits "$UNIT" MemoryMax=134217728 TasksMax=1 memory.max=134217728 pids.max=1
    oci delete --force "$ID"
    unit_gone "$UNIT"
}

@test "without a name the scope is the container's, below system.slice" {
    bundle 'del l["cgroupsPath"]' 'p["args"] = ["cat", "/proc/1/cgroup"]' 'l["namespaces"].remove(ns("cgroup"))'
    run -0 oci run --bundle "$B" "$ID"
    expect_out "0::/system.slice/$UNIT"
    unit_gone "$UNIT"
}

@test "names and properties that are not in order are refused, and nothing is made" {
    local row
    for row in /abs/path a:b "system.slice:../x:y" "no-slice:a:b" "a--b.slice:p:n" "system.slice:a:b.slice" "system.slice:a:"; do
        bundle "l['cgroupsPath'] = '$row'"
        run ! oci run --bundle "$B" "$ID"
    done
    for row in PIDs Slice Delegate OnFailure ExecStart FailureAction; do
        scope "c['annotations'] = {'org.systemd.property.$row': \"'x'\"}"
        run ! oci run --bundle "$B" "$ID"
        expect_in "org.systemd.property.$row: this property of a scope cannot be set" "$output"
    done
    unit_gone "$UNIT"
    [ ! -e "/sys/fs/cgroup/system.slice/$UNIT" ]
}

@test "a unit that is there is not taken over; one that has failed is" {
    systemd-run --scope --quiet --unit "$UNIT" sleep 1000 &
    local other=$!
    within test -d "/sys/fs/cgroup/system.slice/$UNIT"
    scope
    run ! oci run --bundle "$B" "$ID"
    expect_in "already" "$output"
    [ -n "$(cat "/sys/fs/cgroup/system.slice/$UNIT/cgroup.procs")" ]
    # it fails when its time is up
    systemctl set-property --runtime "$UNIT" RuntimeMaxSec=1 2>/dev/null || systemctl kill -s KILL "$UNIT"
    wait $other || true
    scope 'p["args"] = ["true"]'
    within oci run --bundle "$B" "$ID"
}

@test "a failed unit goes with the container" {
    scope 'c["annotations"] = {"org.systemd.property.RuntimeMaxSec": "1", "org.systemd.property.TimeoutStopSec": "1"}'
    oci run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1
    within eval '[ "$(oci state "$ID" | jq -r .status)" = stopped ]'
    [ "$(shown "$UNIT" ActiveState)" = failed ]
    oci delete "$ID"
    unit_gone "$UNIT"
}

@test "a runtime that is killed while it makes a container leaves no scope" {
    scope 'c["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}'
    "$RUNTIME" --root "$T/states" --systemd-cgroup create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 &
    local pid=$! hook
    within eval "hook=\$(pgrep -P $pid -x sleep)"
    kill -9 $pid
    wait $pid || true
    kill -9 $hook
    within unit_gone "$UNIT" # by itself: nothing else has looked after it yet
    oci delete --force "$ID"
}

@test "a container with users of its own may make groups, and not change its limits" {
    scope 'mapped()' 'c["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": []})' \
        'l["resources"]["memory"] = {"limit": 67108864}' 'c["root"]["readonly"] = False' \
        'sh("cd /sys/fs/cgroup; mkdir inner && echo 1 >inner/cgroup.procs && echo +memory >cgroup.subtree_control && echo made; echo max >memory.max || echo kept; sleep 1000")'
    chown -R 100000:100000 "$B/rootfs"
    oci run --detach --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
    within grep -q -e kept -e 'can.t' "$T/out"
    grep -qx made "$T/out"
    grep -qx kept "$T/out"
    local group
    group=$(group_of "$UNIT")
    [ "$(stat -c %u "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control" "$group/memory.max" | tr '\n' ' ')" = "100000 100000 100000 0 " ]
    [ "$(cat "$group/memory.max")" = 67108864 ]
    oci delete --force "$ID"
    [ ! -e "$group" ]
}

# --- a user's manager ---

as_user() { setpriv --reuid 4321 --regid 4321 --clear-groups env XDG_RUNTIME_DIR=/run/user/4321 HOME="$T" "$@"; }
user_oci() { as_user timeout 100 "$RUNTIME" --root /run/user/4321/states --systemd-cgroup "$@"; }
user_shown() { as_user systemctl --user show "$1" -p "$2" --value; }

# From a session's group, into which nothing of the manager may be moved by the user.
user_session() {
    local session=/sys/fs/cgroup/user.slice/user-4321.slice/session-1.scope
    mkdir -p "$session"
    echo $BASHPID >"$session/cgroup.procs"
    user_oci "$@"
}

@test "without privilege the user's manager makes the scope, and moves the process into it" {
    [ -n "${GUEST:-}" ] || skip "adds a user: only in a guest"
    useradd -u 4321 creel-tester 2>/dev/null
    install -d -m 700 -o 4321 -g 4321 /run/user/4321
    systemd-run --quiet --unit=user-manager --uid=4321 --slice=user-4321.slice -p DefaultDependencies=no -p Delegate=yes -p Type=notify \
        -E XDG_RUNTIME_DIR=/run/user/4321 /lib/systemd/systemd --user --unit=basic.target
    local group
    bundle "l['cgroupsPath'] = ':creel:$ID'" 'p["args"] = ["sleep", "1000"]' 'l["namespaces"].append({"type": "user"})' \
        'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 4321, "size": 1}]' \
        'l["namespaces"].remove(ns("network"))' 'c["mounts"] = [m("proc")]' 'l["maskedPaths"] = l["readonlyPaths"] = []' \
        'l["resources"].update({"memory": {"limit": 67108864}, "pids": {"limit": 10}})'
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$T"
    chown -R 4321:4321 "$B"
    (user_session run --detach --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1) || { cat "$T/out"; return 1; }
    group=/sys/fs/cgroup$(user_shown "$UNIT" ControlGroup)
    [[ $group == */user-manager.service/user.slice/$UNIT ]]
    [ "$(cat "$group/memory.max" "$group/pids.max" | tr '\n' ' ')" = "67108864 10 " ]
    [ "$(user_shown "$UNIT" MemoryMax)" = 67108864 ]
    [ "$(user_oci state "$ID" | jq .pid)" = "$(cat "$group/cgroup.procs")" ]
    (user_session exec "$ID" cat /proc/self/cgroup >"$T/out" 2>&1) || { cat "$T/out"; return 1; }
    (user_session update --memory 33554432 "$ID")
    as_user systemctl --user daemon-reload
    [ "$(cat "$group/memory.max")" = 33554432 ]
    (user_session delete --force "$ID")
    [ "$(user_shown "$UNIT" LoadState)" = not-found ]
    [ ! -e "$group" ]
    systemctl stop user-manager
    userdel creel-tester
}
