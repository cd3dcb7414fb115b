# SPDX-License-Identifier: Apache-2.0
# The runner itself, and cgroups on a host that has version 2 and nothing else.
bats_require_minimum_version 1.5.0

setup() {
    TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
    GUEST=$TOP/tests/guest/run
    T=$BATS_TEST_TMPDIR
}

script() { # writes $T/script from standard input
    cat >"$T/script"
    chmod +x "$T/script"
}

@test "the guest has version 2 only, gives back output and status, and takes files" {
    echo "some data" >"$T/data"
    script <<'EOF'
#!/bin/sh
cat /proc/self/cgroup /in/data
stat -f -c %t /sys/fs/cgroup
for argument in "$@"; do echo "<$argument>"; done
exit 7
EOF
    run -7 "$GUEST" --add "$T/data:/in/data" "$T/script" one "two  words"
    [ "$output" = "0::/guest
some data
63677270
<one>
<two  words>" ]
}

@test "a guest that hangs is ended, one that dies is reported" {
    script <<'EOF'
#!/bin/sh
sleep 1000
EOF
    run -124 "$GUEST" --timeout 15 "$T/script"
    [[ "$output" == *"still running after 15 seconds"* ]]
    script <<'EOF'
#!/bin/sh
echo c >/proc/sysrq-trigger
EOF
    run -125 "$GUEST" "$T/script"
    [[ "$output" == *"ended without a status"* ]]
}

@test "cgroup limits, devices, freezing, killing and removal on version 2" {
    [ -x "$CREEL_BUILD/tests/unit/runtime/system-cgroup" ]
    script <<'EOF'
#!/bin/sh
CMOCKA_MESSAGE_OUTPUT=TAP exec /tests/system-cgroup
EOF
    run -0 "$GUEST" --add "$CREEL_BUILD/tests/unit/runtime/system-cgroup:/tests/system-cgroup" "$T/script"
    [ "$(grep -c '^ok ' <<<"$output")" -gt 10 ]
    run ! grep -q '^not ok' <<<"$output"
}
