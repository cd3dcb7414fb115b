#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel logs.
load helpers

@test "each stream comes back where it was written, in order" {
    creel run --name both busybox sh -c 'echo o1; echo e1 >&2; echo o2; echo e2 >&2' >/dev/null 2>&1
    run --separate-stderr creel logs both
    expect_code 0
    expect_out "$(printf 'o1\no2')"
    [ "$stderr" = "$(printf 'e1\ne2')" ]
}

@test "--tail counts lines over both streams" {
    creel run --name many busybox sh -c 'seq 1 1000'  >/dev/null
    run creel logs --tail 3 many
    expect_out "$(seq 998 1000)"
    run creel logs -n 0 many
    expect_out ""
    run creel logs --tail 5000 many
    expect_out "$(seq 1 1000)"
    run creel logs --tail all many
    expect_out "$(seq 1 1000)"
}

@test "--timestamps are nine digits, UTC, one per line, in order" {
    creel run --name stamped busybox sh -c 'echo a; echo b' >/dev/null
    run creel logs -t stamped
    for l in "${lines[@]}"; do
        [[ $l =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z\ [ab]$ ]]
    done
    [ "$(printf '%s\n' "${lines[@]}" | sort -c && echo sorted)" = sorted ]
}

@test "--since and --until cut at a time" {
    mkfifo "$T/go"
    creel run -d --name cut -v "$T:/x" busybox sh -c 'echo old; read x </x/go; echo new'
    logged cut old
    middle=$(date +%s.%N)
    echo >"$T/go"
    creel wait cut
    run creel logs --since "$middle" cut
    expect_out new
    run creel logs --until "$middle" cut
    expect_out old
    run creel logs --since 10m cut
    expect_out "$(printf 'old\nnew')"
    run --separate-stderr creel logs --since yesterdayish cut
    expect_failure 1 "yesterdayish"
}

@test "--details shows what the log options ask for, sorted" {
    creel run --name detailed -l colour=blue -l size=big -e MODE=test --log-opt labels=size,colour --log-opt env=MODE busybox echo line >/dev/null
    run creel logs --details detailed
    expect_out "MODE=test,colour=blue,size=big line"
}

@test "-f shows what is there and what comes, and ends with the container" {
    mkfifo "$T/go"
    creel run -d --name live -v "$T:/x" busybox sh -c 'echo one; read x </x/go; echo two; exit 3'
    timeout $PATIENCE "$CREEL" logs -f live >"$T/out" &
    follower=$!
    within grep -q one "$T/out"
    echo >"$T/go"
    wait $follower
    [ "$(cat "$T/out")" = "$(printf 'one\ntwo')" ]
    run timeout $PATIENCE "$CREEL" logs -f live
    expect_code 0
    expect_out "$(printf 'one\ntwo')"
}

@test "-f --tail 0 shows only what comes" {
    mkfifo "$T/go" "$T/on"
    creel run -d --name tail0 -v "$T:/x" busybox sh -c 'echo one; read x </x/go; echo two; read x </x/on; echo three'
    logged tail0 one
    timeout $PATIENCE "$CREEL" logs -f --tail 0 tail0 >"$T/out" &
    follower=$!
    # whether "two" is already seen depends on who is first; "one" never is, "three" always
    echo >"$T/go"
    logged tail0 two
    echo >"$T/on"
    wait $follower
    ! grep -q one "$T/out" || return 1
}

@test "a terminal's output is all standard output, with carriage returns" {
    creel run -t --name tty busybox sh -c 'echo a; echo b >&2' >/dev/null
    run --separate-stderr creel logs tty
    expect_out $'a\r\nb\r'
    [ -z "$stderr" ]
}

@test "long lines come back whole, and a last line without newline as it is" {
    creel run --name long busybox sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; printf "no newline"' >/dev/null
    creel logs long >"$T/out"
    { head -c 100000 /dev/zero | tr '\0' x; echo; printf 'no newline'; } | cmp - "$T/out"
    run creel logs -t long
    [ "${#lines[@]}" = 2 ]
    [ "${#lines[0]}" = $((31 + 100000)) ] # one time stamp, however many pieces it was stored in
}

@test "bytes that are text come back as they were" {
    creel run --name text busybox printf 'tab\tquote"back\\slash\x01\x7f \xc3\xa9 \xf0\x9f\x98\x80\r\n' >/dev/null
    creel logs text | cmp - <(printf 'tab\tquote"back\\slash\x01\x7f \xc3\xa9 \xf0\x9f\x98\x80\r\n')
}

@test "rotation keeps the newest, and reading goes across the files" {
    creel run --name rotated --log-opt max-size=20k --log-opt max-file=3 busybox seq 1 5000 >/dev/null
    creel logs rotated >"$T/out"
    [ "$(tail -1 "$T/out")" = 5000 ]
    first=$(head -1 "$T/out")
    [ "$first" -gt 1 ]
    seq "$first" 5000 | cmp - "$T/out"
    run creel logs --tail 500 rotated
    expect_out "$(seq 4501 5000)"
}

@test "a follower sees every line across rotations" {
    mkfifo "$T/go"
    creel run -d --name turning -v "$T:/x" --log-opt max-size=50k --log-opt max-file=4 busybox \
        sh -c 'read x </x/go; for i in $(seq 1 50); do seq $((i*100-99)) $((i*100)); sleep 0.01; done'
    timeout $PATIENCE "$CREEL" logs -f turning >"$T/out" &
    follower=$!
    echo >"$T/go"
    wait $follower
    seq 1 5000 | cmp - "$T/out"
}

@test "the cri format reads back the same" {
    creel run --name cri --log-driver cri busybox sh -c 'echo a; echo b >&2; head -c 40000 /dev/zero | tr "\0" x; echo' >/dev/null 2>&1
    run --separate-stderr creel logs cri
    [ "${lines[0]}" = a ]
    [ "${#lines[1]}" = 40000 ]
    [ "$stderr" = b ]
}

@test "logs of what is not there" {
    run --separate-stderr creel logs nosuch
    expect_failure 1 "No such container: nosuch"
    creel create --name never busybox true
    run creel logs never
    expect_code 0
    expect_out ""
}

@test "a reader that goes away ends it" {
    creel run --name plenty busybox seq 1 200000 >/dev/null
    run bash -c "timeout $PATIENCE '$CREEL' logs plenty | head -1"
    expect_code 0
    expect_out 1
}

@test "a full disk is said" {
    creel run --name some busybox echo x >/dev/null
    run --separate-stderr bash -c "'$CREEL' logs some >/dev/full"
    expect_failure 1 "No space left on device"
}
