#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A part of the system calls of creel-runtime's commands fails, or is where the program is killed; ociruntime_faults.py without
# --every tries them all.
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
export CREEL_BUILD
EVERY=${EVERY:-$((23 + $(date +%j | sed 's/^0*//') % 9))}

setup() {
    [ "$(id -u)" = 0 ] || { echo "must be run as root" >&2; return 1; }
    [ -x "$CREEL_BUILD/tests/unit/runtime/runtime-fault" ] || skip "only on x86-64"
    ! grep -q __asan_init "$CREEL_BUILD/creel-runtime" || skip "the sanitizer itself does not survive failing calls"
}

@test "when a system call fails, the message names the step and nothing is left" {
    python3 "$TOP/tests/system/ociruntime_faults.py" fault --every "$EVERY"
}

@test "when the program is killed, delete --force leaves nothing" {
    python3 "$TOP/tests/system/ociruntime_faults.py" kill --every "$EVERY"
}
