# SPDX-License-Identifier: Apache-2.0
# Control groups made by systemd, in a guest that it runs.
bats_require_minimum_version 1.5.0

in_guest() { # LEAST FILTER OPTION...: at least so many tests of the suite must have run, and all have passed
    local least=$1 filter=$2 program add TOP
    shift 2
    TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
    add=(--add "$TOP/tests/system:/opt/creel-tests/tests/system")
    for program in creel creel-monitor creel-archive creel-init creel-runtime; do
        [ -x "$CREEL_BUILD/$program" ]
        add+=(--add "$CREEL_BUILD/$program:/opt/creel-build/$program")
    done
    cat >"$BATS_TEST_TMPDIR/script" <<END
#!/bin/bash
cd /opt/creel-tests
export CREEL_BUILD=/opt/creel-build CREEL=/opt/creel-build/creel PATIENCE=120
exec bats --tap --filter '$filter' tests/system/systemd.bats
END
    chmod +x "$BATS_TEST_TMPDIR/script"
    run "$TOP/tests/guest/run" --systemd --timeout 900 --memory 1536 --cpus 2 "$@" "${add[@]}" "$BATS_TEST_TMPDIR/script"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -ge "$least" ]
    ! grep -q '# skip' <<<"$output" || return 1
}

@test "the systemd driver" {
    in_guest 14 .
}

@test "devices with the systemd driver on version 1" {
    in_guest 1 '^devices stay' --hybrid
}
