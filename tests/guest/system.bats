# SPDX-License-Identifier: Apache-2.0
# The part of the system suite that touches control groups, devices and resources, on a host with version 2 only.
bats_require_minimum_version 1.5.0

setup() {
    TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
}

# Runs the tests of a file whose names match, in a guest that has this machine's tools and files. Programs and tests go in by
# themselves: the checkout may be in /tmp, which is the guest's own.
in_guest() { # FILE REGEX LEAST: at least so many must have run and all have passed
    local program add=(--add "$TOP/tests/system:/opt/creel-tests/tests/system")
    for program in creel creel-monitor creel-archive creel-init; do
        [ -x "$CREEL_BUILD/$program" ]
        add+=(--add "$CREEL_BUILD/$program:/opt/creel-build/$program")
    done
    cat >"$BATS_TEST_TMPDIR/script" <<EOF
#!/bin/bash
cd /opt/creel-tests
export CREEL_BUILD=/opt/creel-build CREEL=/opt/creel-build/creel PATIENCE=120
exec bats --tap --filter '$2' 'tests/system/$1'
EOF
    chmod +x "$BATS_TEST_TMPDIR/script"
    run "$TOP/tests/guest/run" --timeout 900 --memory 2048 --cpus 3 --host-root "${add[@]}" "$BATS_TEST_TMPDIR/script"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -ge "$3" ]
}

@test "limits, devices and parents of the control group at run" {
    in_guest run.bats '^(devices:|--privileged gives|memory, processor|more processes than|a container that uses too much|--cgroup-parent)' 6
}

@test "update, top and stats" {
    in_guest update.bats '^(update |what the kernel refuses|top |stats )' 7
}

@test "exec is in the container's groups" {
    in_guest exec.bats '^(it is in the container|the container.s end)' 2
}
