#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel exec: another process in a container.
load helpers

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT T=$BATS_TEST_TMPDIR
    creel run -d --name box -e OF_BOX=yes -w /var busybox sleep 1000
}

@test "exec shows both streams and passes the exit code on" {
    run --separate-stderr creel exec box sh -c 'echo out; echo err >&2; exit 9'
    expect_code 9
    expect_out out
    [ "$stderr" = err ]
    run creel exec box sh -c 'kill -TERM $$'
    expect_code 143
}

@test "a command that is missing is 127, one that cannot be run 126, no container 1" {
    run --separate-stderr creel exec box nosuchcommand
    expect_failure 127 "nosuchcommand"
    run --separate-stderr creel exec box /bin/plainfile
    expect_failure 126 "plainfile"
    run --separate-stderr creel exec box /etc
    expect_code 126
    run --separate-stderr creel exec nobox true
    expect_failure 1 "No such container: nobox"
    creel stop -t 0 box
    run --separate-stderr creel exec box true
    expect_failure 1 "is not running"
}

@test "it sees the container's environment and its own" {
    run creel exec -e MINE=1 -e OF_BOX=changed box sh -c 'echo $OF_BOX $MINE $FROM_IMAGE; pwd'
    expect_out "$(printf 'changed 1 yes\n/var')"
    printf 'A=file\n' >"$T/env"
    run creel exec --env-file "$T/env" -w /tmp -u test box sh -c 'echo $A; pwd; id -u; id -G'
    expect_out "$(printf 'file\n/tmp\n1000\n1001 10')"
}

@test "it is in the container's namespaces, control groups and confinement" {
    pid=$(pid_of box)
    for ns in pid mnt net ipc uts; do
        [ "$(creel exec box readlink /proc/self/ns/$ns)" = "$(readlink "/proc/$pid/ns/$ns")" ]
    done
    [ "$(creel exec box sed -n 's/^CapEff:\t//p' /proc/self/status)" = 00000000a80425fb ]
    [ "$(creel exec box sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 2 ]
    creel exec -d box sh -c 'echo $$ >/tmp/pid; exec sleep 500'
    within creel exec box test -s /tmp/pid
    inner=$(creel exec box cat /tmp/pid)
    outer=$(grep -l "^NSpid:.*[[:space:]]$inner$" /proc/[0-9]*/status 2>/dev/null | while read -r s; do
        # another process may have the same number in a namespace of its own
        if [ "$(readlink "${s%/status}/ns/pid")" = "$(readlink "/proc/$pid/ns/pid")" ]; then basename "${s%/status}"; fi
    done)
    [ -n "$outer" ]
    diff <(sort "/proc/$pid/cgroup") <(sort "/proc/$outer/cgroup")
}

@test "--privileged gives all capabilities" {
    bounding=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
    run creel exec --privileged box sed -n 's/^CapEff:\t//p' /proc/self/status
    expect_out "$bounding"
}

@test "-i connects standard input and its end; without it there is none" {
    run creel exec -i box cat <<<"typed"
    expect_out typed
    run creel exec box cat <<<"not read"
    expect_out ""
    head -c 3000000 /dev/urandom >"$T/data"
    creel exec -i box cat <"$T/data" >"$T/back"
    cmp "$T/data" "$T/back"
}

@test "-d returns at once and the process goes on" {
    run creel exec -d box sh -c 'echo done >/tmp/mark; exec sleep 500'
    expect_code 0
    expect_out ""
    within creel exec box grep -q done /tmp/mark
    run --separate-stderr creel exec -d box nosuchcommand
    expect_failure 127 nosuchcommand
}

@test "a terminal has its size, follows changes, and is put back" {
    run "$PTY" raw 'expect:24 80' 'resize:40,120' 'expect:changed' 'expect:40 120' 'send:exit\r' -- \
        "$CREEL" exec -it box sh -c 'trap "echo changed; stty size" WINCH; stty size; while :; do read -r x; [ "$x" = exit ] && exit 5; done'
    expect_code 0
    expect_in "[exit 5]" "$output"
    [[ $output != *"[terminal changed]"* ]]
}

@test "-t without a terminal on standard input is refused with -i" {
    run --separate-stderr creel exec -it box true </dev/null
    expect_failure 1 "the input device is not a TTY"
}

@test "the keys typed on a terminal are the process's: ctrl-c interrupts it, not creel" {
    run "$PTY" raw 'expect:ready' 'send:\x03' 'expect:caught' -- \
        "$CREEL" exec -it box sh -c 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done'
    expect_in "[exit 3]" "$output"
}

@test "detach keys end the session and not the process" {
    run "$PTY" raw 'expect:ready' 'send:\x10\x11' -- "$CREEL" exec -it box sh -c 'echo ready; read x; echo more >/tmp/late; sleep 500'
    expect_code 0
    expect_in "read escape sequence" "$output"
    expect_in "[exit 0]" "$output"
    [[ $output != *"[terminal changed]"* ]]
    creel top box | grep -q 'echo ready'
}

@test "the container's end ends its execs with 137" {
    creel exec box sh -c 'echo in; exec sleep 500' >"$T/out" &
    client=$!
    within grep -q in "$T/out"
    creel kill box
    status=0
    wait $client || status=$?
    [ "$status" = 137 ]
}

@test "many execs at once, each gets its own output" {
    for i in $(seq 30); do
        creel exec box echo "$i" >"$T/out.$i" &
    done
    wait
    for i in $(seq 30); do
        [ "$(cat "$T/out.$i")" = "$i" ]
    done
}
