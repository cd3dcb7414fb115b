#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A file system without a free byte: what gives space back still works at the first attempt, and nothing is lost.
load helpers

# An engine on a file system of its own, which nobody but this test fills.
small_engine() { # FILE_SYSTEM
    mkdir -p "$T/disk"
    if [ "$1" = tmpfs ]; then
        mount -t tmpfs -o size=48m,mode=755 none "$T/disk"
    else
        truncate -s 48M "$T/disk.img"
        mkfs.ext4 -qm 0 "$T/disk.img" || skip "no mkfs.ext4"
        mount -o loop "$T/disk.img" "$T/disk" || skip "no loop device"
    fi
    export CREEL_ROOT=$T/disk/root CREEL_RUN_ROOT=$T/run
    creel import "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
}

teardown() {
    local failed=0
    rm -f "$T/disk/fill"
    leave_nothing || failed=1
    ! mountpoint -q "$T/disk" || umount "$T/disk" || failed=1
    return $failed
}

# As a program would that writes until it cannot: to the last block, also of what was deleted a moment ago.
fill() { within filled; }
filled() {
    local before
    sync -f "$T/disk" # until then ext4 holds back what was deleted
    before=$(stat -c %s "$T/disk/fill" 2>/dev/null)
    cat /dev/zero 2>/dev/null >>"$T/disk/fill" || true
    [ "$(stat -c %s "$T/disk/fill")" = "$before" ]
}

# Every verb at its first attempt, with the disk filled again before each.
everything_goes() {
    creel run -d --name loop busybox sleep 1000
    creel run -d --name victim busybox sleep 1000
    creel run -d --rm --name own busybox sleep 1000
    creel run --name ended busybox true
    creel run --name kept busybox sh -c 'exit 7' || [ $? = 7 ]
    creel tag busybox:latest other:latest
    fill
    creel stop -t 0 loop
    [ "$(state loop)" = exited ]
    [ "$(creel inspect -f '{{.State.ExitCode}}' loop)" = 137 ]
    fill
    creel kill own
    within gone own
    fill
    creel rm -f victim
    gone victim
    fill
    creel rm ended
    gone ended
    fill
    creel rmi other:latest
    [ "$(creel inspect -f '{{.State.ExitCode}}' kept)" = 7 ]
    fill
    creel check
    creel system prune -f
    gone kept
    gone loop
    fill
    creel image rm busybox:latest
    [ -z "$(creel images -q)" ]
    fill
    creel check
    # and back to work with what is there now
    rm "$T/disk/fill"
    creel import "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
    [ "$(creel run --rm busybox echo hello)" = hello ]
}
gone() { ! creel inspect "$1" >/dev/null 2>&1; }

@test "removing on a full memory file system" {
    small_engine tmpfs
    everything_goes
}

@test "removing on a full ext4" {
    small_engine ext4
    everything_goes
}

# Each of them fails, too, but with the rows as they were; the store must have room for all the removals after that.
@test "many failed attempts to create leave room for removing" {
    local i
    small_engine tmpfs
    for i in 1 2 3 4 5 6 7 8; do creel create --name "c$i" busybox true >/dev/null; done
    fill
    for i in $(seq 40); do
        run --separate-stderr creel run --rm --name more busybox true
        fill
    done
    for i in 1 2 3 4 5 6 7 8; do
        creel rm "c$i"
        fill
    done
    [ -z "$(creel ps -aq)" ]
}
