#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Waiting: for monitors that are stopped, take no more connections or were left alone in the middle of a start; and for ends.
# No command waits without a bound for a monitor that does not answer, and none burns the processor meanwhile.
load helpers

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT T=$BATS_TEST_TMPDIR
    HELD=() STOPPED=()
}

teardown() {
    local p
    for p in "${HELD[@]}"; do kill "$p" 2>/dev/null || true; done
    for p in "${STOPPED[@]}"; do kill -CONT "$p" 2>/dev/null || true; done
    leave_nothing
}

stop_monitor() { # PID: until the end of the test at the latest
    STOPPED+=("$1")
    kill -STOP "$1"
}
monitor_of() { pgrep -f "creel-monitor $1"; }

# Opens connections to the monitor of a container and keeps them. Ends when the test kills it.
hold_connections() { # ID COUNT
    python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    s.connect("monitor.sock")
    held.append(s)
print("held", flush=True)
sys.stdin.read()' "$RUN_ROOT/containers/$1" "$2" </dev/zero >"$T/held" &
    HELD+=($!)
    within grep -q held "$T/held"
}

# Processor time of a process, in ticks.
ticks_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

@test "a monitor with all the connections it takes says so, and kill works all the same" {
    local id ticks
    id=$(creel run -d --name full busybox sleep 1000)
    hold_connections "$id" 256
    ticks=$(ticks_of "$(monitor_of "$id")")
    run --separate-stderr timeout 20 "$CREEL" exec full true
    expect_failure 1 "256 connections to the monitor of container $id are open" || return 1
    run --separate-stderr timeout 20 "$CREEL" stop -t 0 full
    expect_failure 1 "256 connections to the monitor" || return 1
    timeout 20 "$CREEL" wait full >"$T/code" & # needs no connection
    [ $(($(ticks_of "$(monitor_of "$id")") - ticks)) -lt 20 ]
    timeout 20 "$CREEL" kill full >/dev/null
    wait $!
    [ "$(cat "$T/code")" = 137 ]
    creel rm full >/dev/null
}

@test "a monitor without free descriptors sleeps, and goes on when there are some" {
    local id monitor ticks
    id=$(creel run -d --name short busybox sleep 1000)
    monitor=$(monitor_of "$id")
    prlimit --pid "$monitor" --nofile="$(($(ls "/proc/$monitor/fd" | wc -l) + 2)):1024"
    hold_connections "$id" 10
    ticks=$(ticks_of "$monitor")
    read -rt 1 <> <(:) || true # what a monitor that is woken for ever would use up
    [ $(($(ticks_of "$monitor") - ticks)) -lt 20 ]
    prlimit --pid "$monitor" --nofile=1024:1024
    run creel exec short echo here
    expect_out here
    creel rm -f short >/dev/null
}

@test "exec on a stopped monitor ends with the reason, and nothing runs later" {
    local id monitor
    id=$(creel run -d --name still busybox sleep 1000)
    monitor=$(monitor_of "$id")
    stop_monitor "$monitor"
    run --separate-stderr timeout 40 "$CREEL" exec still touch /late
    expect_failure 1 "has not answered within 10 s: it is stopped" || return 1
    kill -CONT "$monitor"
    run creel exec still ls /late
    expect_code 1
    creel rm -f still >/dev/null
}

@test "more want to connect to a stopped monitor than can queue: each is told" {
    local id monitor
    id=$(creel run -d --name queue busybox sleep 1000)
    monitor=$(monitor_of "$id")
    stop_monitor "$monitor"
    hold_connections "$id" 65
    run --separate-stderr timeout 40 "$CREEL" exec queue true
    kill -CONT "$monitor"
    expect_failure 1 "has not answered within 10 s: it is stopped" || return 1
    creel rm -f queue >/dev/null
}

# A start whose maker is killed when its monitor has just been stopped, before it can be asked.
orphan_start() { # NAME
    local tracer
    creel create --name "$1" busybox sleep 1000 >"$T/id"
    strace -f -o "$T/trace" -e trace=listen -e inject=listen:signal=SIGSTOP:when=1 "$CREEL" start "$1" 2>/dev/null &
    tracer=$!
    within grep -q 'stopped by SIGSTOP' "$T/trace"
    MONITOR=$(monitor_of "$(cat "$T/id")")
    STOPPED+=("$MONITOR")
    kill -KILL "$(pgrep -P $tracer -x creel)"
    kill -KILL $tracer
    wait $tracer || true
}

@test "a start left alone with a stopped monitor: who waits for it sleeps, and gives up with the reason" {
    orphan_start alone
    TIMEFORMAT='%U %S'
    { time timeout 40 "$CREEL" rm alone 2>"$T/err"; } 2>"$T/time" && return 1
    grep -q "its monitor (creel-monitor $(cat "$T/id")) does not answer" "$T/err"
    awk '{ exit $1 + $2 > 1.0 }' "$T/time" # of ten seconds
    timeout 40 "$CREEL" wait alone >"$T/code" &
    kill -CONT "$MONITOR"
    wait $!
    [ "$(cat "$T/code")" = 128 ]
    [ "$(state alone)" = created ]
    creel rm alone >/dev/null
}

@test "a start left alone whose monitor goes on: everybody sees how it ended" {
    local waiter
    orphan_start goes
    timeout 40 "$CREEL" stop -t 0 goes >"$T/stop" 2>&1 &
    waiter=$!
    kill -CONT "$MONITOR"
    wait $waiter
    [ "$(state goes)" != starting ]
    creel rm goes >/dev/null
}

@test "waiting for a container whose monitor is killed ends at once" {
    local id waiter
    id=$(creel run -d --name gone busybox sleep 1000)
    "$CREEL" wait gone >"$T/code" &
    waiter=$!
    within watches $waiter
    kill -KILL "$(monitor_of "$id")"
    wait $waiter
    [ "$(cat "$T/code")" = 255 ]
    creel rm gone >/dev/null
}
watches() { [ "$(grep -l inotify "/proc/$1/fdinfo/"* 2>/dev/null | wc -l)" = 2 ]; } # the store and the run

@test "many wait for one end" {
    local i
    creel run -d --name many -i busybox sh -c 'sleep 1; exit 7' >/dev/null
    for i in $(seq 40); do
        timeout 40 "$CREEL" wait many >"$T/code.$i" &
    done
    wait
    [ "$(cat "$T"/code.* | sort -u)" = 7 ]
    [ "$(cat "$T"/code.* | wc -l)" = 40 ]
    creel rm many >/dev/null
}

# What is committed, read without a command of creel's: opening the engine would commit what is left.
committed() { sqlite3 -readonly "$ROOT/store.db" "$1"; }

@test "the end of a container that nobody watches is committed, and with --rm it goes, without another command" {
    creel run -d --name kept busybox sh -c 'exit 3' >/dev/null
    creel run -d --rm --name going busybox sh -c 'exit 4' >/dev/null
    within ended_unseen
    within eval '[ -z "$(ls "$ROOT/exits")" ]'
    [ "$(creel inspect -f '{{.State.ExitCode}}' kept)" = 3 ]
    creel rm kept >/dev/null
}
ended_unseen() {
    [ "$(committed "SELECT count(*) FROM events WHERE action='die' AND attributes LIKE '%\"kept\"%'")" = 1 ] &&
        [ "$(committed "SELECT count(*) FROM events WHERE action='destroy' AND attributes LIKE '%\"going\"%'")" = 1 ]
}

@test "execs leave three events, attached, detached and left by their client" {
    local before
    within count_before # other tests have execs, too
    local since client
    since=$(date +%s.%N)
    creel run -d --name busy busybox sleep 1000 >/dev/null
    run creel exec busy sh -c 'exit 5'
    expect_code 5
    creel exec -d busy sh -c 'exit 6'
    "$CREEL" exec busy sh -c 'until [ -e /go ]; do sleep 0.05; done; exit 7' &
    client=$!
    within committed_events "exec_start%/go%" 1
    kill -KILL $client
    wait $client || true
    creel exec busy touch /go
    within committed_events exec_die 4
    run creel events --since "$since" --until "$(date +%s.%N)" --filter event=exec_die --format '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.name}}'
    [ "$(sort <<<"$output" | tr '\n' ,)" = "0 busy,5 busy,6 busy,7 busy," ]
    [ "$(creel events --since "$since" --until "$(date +%s.%N)" --filter event=exec_create | wc -l)" = 4 ]
    creel rm -f busy >/dev/null
}
count_before() { before=$(committed "SELECT coalesce(max(seq), 0) FROM events") && [ -n "$before" ]; }
committed_events() { [ "$(committed "SELECT count(*) FROM events WHERE seq > $before AND action LIKE '$1'")" = "$2" ]; } # LIKE COUNT
