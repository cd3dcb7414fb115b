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
