# SPDX-License-Identifier: Apache-2.0
# helpers.bash: what every system test loads. Each file has an engine of its own below a temporary directory; each test
# must leave it without containers, differences, processes and control groups.
#   CREEL        the program under test (default build/creel); CREEL_BUILD its directory
#   $ROOT        the engine's durable directory, $RUN_ROOT the volatile one
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
CREEL=${CREEL:-$CREEL_BUILD/creel}
PTY=$TOP/tests/system/terminal.py

creel() { "$CREEL" "$@"; }

# Waits for conditions are bounded by this many seconds; no test asserts by letting time pass.
PATIENCE=${PATIENCE:-30}

# The root file system of a busybox image as a tar on standard output.
busybox_tar() {
    local tree=$BATS_FILE_TMPDIR/busybox applet
    mkdir -p "$tree"/{bin,dev,etc,proc,root,sys,tmp,var}
    chmod 1777 "$tree/tmp"
    cp /bin/busybox "$tree/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$tree/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\ntest:x:1000:1001:test:/tmp:/bin/sh\n' \
        >"$tree/etc/passwd"
    printf 'root:x:0:\nwheel:x:10:test\ntest:x:1001:\nnogroup:x:65534:\n' >"$tree/etc/group"
    printf '#!/bin/sh\necho script ran\n' >"$tree/bin/script"
    chmod 755 "$tree/bin/script"
    printf 'no program\n' >"$tree/bin/plainfile"
    chmod 644 "$tree/bin/plainfile"
    tar -C "$tree" --numeric-owner --owner=0 --group=0 --mtime=@1700000000 -c .
    rm -rf "$tree"
}

engine_new() { # NAME: sets and exports the directories of a new engine
    export CREEL_ROOT=$BATS_FILE_TMPDIR/$1/root CREEL_RUN_ROOT=$BATS_FILE_TMPDIR/$1/run
}

setup_file() {
    [ "$(id -u)" = 0 ] || { echo "system tests must be run as root" >&2; return 1; }
    [ -x "$CREEL" ] || { echo "$CREEL is not built" >&2; return 1; }
    engine_new engine
    busybox_tar >"$BATS_FILE_TMPDIR/busybox.tar"
    creel import -c 'CMD ["sh"]' -c 'ENV FROM_IMAGE=yes' "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
}

teardown_file() {
    local left ids
    leave_nothing || return 1
    ids=$(ids_ever) || return 1
    # shellcheck disable=SC2086
    left=$(our_cgroups $ids)
    [ -z "$left" ] || { echo "control groups left: $left"; return 1; }
}

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT
    T=$BATS_TEST_TMPDIR
}

teardown() {
    leave_nothing
}

# Processes that have something of our engine open (monitors, helpers).
our_processes() {
    local p
    for p in $(find /proc/[0-9]*/fd -maxdepth 1 \( -lname "$CREEL_ROOT/*" -o -lname "$CREEL_RUN_ROOT/*" \) -printf '%h\n' 2>/dev/null | sort -u); do
        echo "$p: $({ tr '\0' ' ' <"${p%/fd}/cmdline"; } 2>/dev/null)"
    done
}

# Every container that this engine ever had.
ids_ever() { creel events --since 0 --until "$(date +%s.%N)" --filter event=create --filter type=container --format '{{.Actor.ID}}'; }

our_cgroups() { # ID...: directories named after our containers
    [ $# -gt 0 ] || return 0
    find /sys/fs/cgroup -type d -name '*????????????????????????????????????????????????????????????????*' 2>/dev/null |
        grep -F "$(printf '%s\n' "$@")" || true
}

leave_nothing() {
    local ids left
    ids=$(creel ps -aq --no-trunc) || return 1
    # shellcheck disable=SC2086
    [ -z "$ids" ] || creel rm -f $ids >/dev/null || return 1
    left=$(creel ps -aq)
    [ -z "$left" ] || { echo "containers left: $left"; return 1; }
    creel check || { echo "creel check found differences"; return 1; }
    # shellcheck disable=SC2086
    left=$(our_cgroups $ids)
    [ -z "$left" ] || { echo "control groups left: $left"; return 1; }
    within processes_gone || { echo "processes left: $(our_processes)"; return 1; }
    left=$(ls -A "$CREEL_ROOT/containers" "$CREEL_RUN_ROOT/containers" 2>/dev/null | grep -v '^/.*:$' | grep .) || true
    [ -z "$left" ] || { echo "directories left: $left"; return 1; }
}
processes_gone() { [ -z "$(our_processes)" ]; }

# Repeats a condition that has no event to wait for, until it holds.
within() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "did not become true within ${PATIENCE}s: $*"; return 1; }
        read -rt 0.02 <> <(:) || true
    done
}

# Follows the log until TEXT (a fixed string) has been written.
logged() { # CONTAINER TEXT
    local follower found=0
    exec 8< <(exec timeout $PATIENCE "$CREEL" logs -f "$1" 2>&1)
    follower=$!
    grep -qFm1 -- "$2" <&8 || found=1
    kill $follower 2>/dev/null || true # it may have ended with the container
    exec 8<&-
    [ $found = 0 ] || { echo "not logged: $2"; return 1; }
}

state() { creel inspect -f '{{.State.Status}}' "$1"; }
pid_of() { creel inspect -f '{{.State.Pid}}' "$1"; }

expect_code() { # CODE
    [ "$status" -eq "$1" ] || { echo "exit code $status, not $1; output: $output ${stderr:-}"; return 1; }
}
expect_out() { # TEXT: the whole output
    [ "$output" = "$1" ] || { printf 'output is:\n%s\nnot:\n%s\n%s' "$output" "$1" "${stderr:-}"; return 1; }
}
expect_in() { # TEXT HAYSTACK
    case $2 in *"$1"*) ;; *) printf 'no "%s" in:\n%s\n' "$1" "$2"; return 1 ;; esac
}
# The command under `run --separate-stderr` failed with CODE and one line on stderr that has TEXT.
expect_failure() { # CODE TEXT
    expect_code "$1" || return 1
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ] || { echo "not one line on stderr: $stderr"; return 1; }
    expect_in "$2" "$stderr"
}
no_containers() {
    local left
    left=$(creel ps -aq)
    [ -z "$left" ] || { echo "a container was left behind: $(creel ps -a)"; return 1; }
}
