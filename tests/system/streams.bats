#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Streams, terminals, signals, attaching and detaching.
load helpers

@test "standard input is connected with -i only, and its end is passed on" {
    run creel run --rm -i busybox cat <<<"typed"
    expect_out typed
    run creel run --rm busybox sh -c 'cat; echo end' <<<"not read"
    expect_out end
}

@test "bytes go through unchanged, both ways, whatever the size" {
    head -c 8000000 /dev/urandom >"$T/data"
    creel run --rm -i busybox cat <"$T/data" >"$T/back"
    cmp "$T/data" "$T/back"
}

@test "both streams arrive whole and apart under load" {
    creel run --rm busybox sh -c 'seq 1 200000 & seq 1 200000 >&2; wait' >"$T/out" 2>"$T/err"
    seq 1 200000 | cmp - "$T/out"
    seq 1 200000 | cmp - "$T/err"
}

@test "output that was written before the end is never lost" {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        run creel run --rm busybox sh -c 'head -c 100000 /dev/zero | tr "\0" x; exit 1'
        [ "${#output}" = 100000 ]
    done
}

@test "-a chooses the streams" {
    run --separate-stderr creel run --rm -a stderr busybox sh -c 'echo out; echo err >&2; exit 3'
    expect_code 3
    expect_out ""
    [ "$stderr" = err ]
    run --separate-stderr creel run --rm -a stdout -i busybox sh -c 'cat; echo err >&2' <<<"in"
    expect_out in
    [ -z "$stderr" ]
}

@test "a reader that goes away ends creel, and not by hanging" {
    run bash -c "timeout $PATIENCE '$CREEL' run --rm --name talks busybox sh -c 'while echo line; do :; done' | head -1"
    expect_code 0
    expect_out line
    creel kill talks
}

@test "a process that closed its streams is still waited for" {
    run timeout $PATIENCE "$CREEL" run --rm busybox sh -c 'exec >/dev/null 2>&1 </dev/null; sleep 0.3; exit 12'
    expect_code 12
}

@test "signals are passed on" {
    "$CREEL" run --rm --name target busybox sh -c 'trap "echo got usr1" USR1; trap "echo got term; exit 41" TERM; echo ready; while :; do sleep 0.05; done' >"$T/out" &
    client=$!
    within grep -q ready "$T/out"
    kill -USR1 $client
    within grep -q "got usr1" "$T/out"
    kill -TERM $client
    status=0
    wait $client || status=$?
    [ "$status" = 41 ]
    grep -q "got term" "$T/out"
}

@test "an interrupt that the process does not handle is its end: 130" {
    "$CREEL" run --rm --init busybox sh -c 'trap - INT; echo ready; exec sleep 1000' >"$T/out" &
    client=$!
    within grep -q ready "$T/out"
    # a background job of a shell ignores INT; TERM is the same path
    kill -TERM $client
    status=0
    wait $client || status=$?
    [ "$status" = 143 ]
    no_containers
}

@test "a process that ignores it leaves the third interrupt to creel" {
    "$CREEL" run --name deaf busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done' >"$T/out" 2>"$T/err" &
    client=$!
    within grep -q ready "$T/out"
    for n in 1 2 3; do
        kill -TERM $client 2>/dev/null || true
        # signals of one kind are merged while pending: give each its turn by asking for something in between
        creel inspect deaf >/dev/null
    done
    within dead_or_term $client
    status=0
    wait $client || status=$?
    [ "$status" = 1 ]
    grep -q "forcefully exiting" "$T/err"
    [ "$(state deaf)" = running ]
}
dead_or_term() { kill -TERM "$1" 2>/dev/null && return 1 || return 0; }

@test "--sig-proxy=false: the signal ends creel, the container goes on" {
    "$CREEL" run --sig-proxy=false --name spared busybox sh -c 'echo ready; while :; do sleep 0.05; done' >"$T/out" &
    client=$!
    within grep -q ready "$T/out"
    kill -TERM $client
    status=0
    wait $client || status=$?
    [ "$status" = 143 ]
    [ "$(state spared)" = running ]
}

@test "attach shows what is written from then on, and passes the exit code on" {
    mkfifo "$T/go"
    creel run -d --name live -v "$T:/x" busybox sh -c 'echo before; read x </x/go; echo after; exit 6'
    logged live before
    creel attach --no-stdin live >"$T/a" &
    a=$!
    creel attach --no-stdin live >"$T/b" &
    b=$!
    within attached live 2
    echo >"$T/go"
    status=0
    wait $a || status=$?
    [ "$status" = 6 ]
    wait $b || true
    [ "$(cat "$T/a")" = after ]
    [ "$(cat "$T/b")" = after ]
}
attached() { [ "$(creel events --since 1h --until "$(date +%s)" --filter event=attach --filter container="$1" | wc -l)" -ge "$2" ]; }

@test "attach needs a running container" {
    creel create --name idle busybox true
    run --separate-stderr creel attach idle
    expect_failure 1 "cannot attach to a stopped container"
    creel run -d --name frozen busybox sleep 1000
    creel pause frozen
    run --separate-stderr creel attach frozen
    expect_failure 1 "cannot attach to a paused container"
    creel unpause frozen
}

@test "a slow reader does not stall another, or the container" {
    creel run -d -i --name busy busybox sh -c 'read x; seq 1 300000; exit 2'
    mkfifo "$T/never"
    sleep 1000 <"$T/never" 3>&- &
    reader=$!
    "$CREEL" attach --no-stdin busy >"$T/never" 2>/dev/null &
    stuck=$!
    within attached busy 1
    mkfifo "$T/in"
    timeout $PATIENCE "$CREEL" attach busy <"$T/in" >"$T/out" &
    client=$!
    exec 7>"$T/in" # held open: the end of an attached input ends the session
    echo >&7
    status=0
    wait $client || status=$?
    exec 7>&-
    [ "$status" = 2 ]
    seq 1 300000 | cmp - "$T/out"
    kill $stuck $reader 2>/dev/null || true
    wait $stuck $reader 2>/dev/null || true
    creel logs busy | cmp - <(seq 1 300000)
}

@test "a terminal: size, echo, carriage returns, and put back at the end" {
    run "$PTY" raw 'expect:24 80' 'send:hello\r' 'expect:got hello' -- \
        "$CREEL" run --rm -it --network none busybox sh -c 'stty size; read x; echo got $x; exit 3'
    expect_code 0
    expect_in "[exit 3]" "$output"
    expect_in $'got hello\r' "$output"
    [[ $output != *"[terminal changed]"* ]]
}

@test "a terminal follows the caller's size" {
    run "$PTY" raw 'expect:ready' 'resize:33,99' 'expect:33 99' -- \
        "$CREEL" run --rm -it --network none busybox sh -c 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done'
    expect_in "[exit 0]" "$output"
}

@test "ctrl-c reaches the process as a key" {
    run "$PTY" raw 'expect:ready' 'send:\x03' -- "$CREEL" run --rm -it --network none busybox sh -c 'trap "echo int; exit 4" INT; echo ready; while :; do sleep 0.05; done'
    expect_in "[exit 4]" "$output"
}

@test "detach with ctrl-p ctrl-q and attach again" {
    run "$PTY" raw 'expect:ready' 'send:\x10\x11' -- "$CREEL" run -it --name shell --network none busybox sh -c 'echo ready; read x; echo got $x; exit 8'
    expect_in "[exit 0]" "$output"
    expect_in "read escape sequence" "$output"
    [[ $output != *"[terminal changed]"* ]]
    [ "$(state shell)" = running ]
    run "$PTY" raw 'send:again\r' 'expect:got again' -- "$CREEL" attach shell
    expect_in "[exit 8]" "$output"
}

@test "other detach keys, and a partial match that is passed on" {
    run "$PTY" raw 'expect:ready' 'send:a' 'send:b' 'send:\r' 'expect:got ab' 'send:a' 'send:c' -- \
        "$CREEL" run -it --name keys --detach-keys a,c --network none busybox sh -c 'echo ready; read x; echo got $x; read x; exit 1'
    expect_in "[exit 0]" "$output"
    [ "$(state keys)" = running ]
    run --separate-stderr creel run --rm --detach-keys foo busybox true
    expect_failure 125 "invalid detach keys (foo)"
}

@test "killed from outside, creel puts the terminal back first" {
    run "$PTY" raw 'expect:ready' 'signal:TERM' -- "$CREEL" run -it --name survives --network none busybox sh -c 'echo ready; read x'
    expect_in "[signal 15]" "$output"
    [[ $output != *"[terminal changed]"* ]]
    [ "$(state survives)" = running ]
}

@test "-t without -i gives the process a terminal and no keys" {
    run creel run --rm -t --network none busybox sh -c '[ -t 1 ] && echo terminal'
    expect_out $'terminal\r'
    run --separate-stderr creel run --rm -it busybox true </dev/null
    expect_failure 1 "the input device is not a TTY"
    no_containers
}

@test "start -ai connects to a container that was made with -i" {
    creel create -i --name later busybox sh -c 'read x; echo got $x; exit 2'
    run creel start -ai later <<<"this"
    expect_code 2
    expect_out "got this"
}
