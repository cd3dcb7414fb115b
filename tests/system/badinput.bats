#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line on standard error, the right exit code, and nothing left behind.
load helpers

# No container, no directory, no difference; then the host's side is looked at by teardown.
nothing_left() {
    no_containers
    [ -z "$(ls -A "$CREEL_ROOT/containers" "$CREEL_ROOT/tmp" "$CREEL_RUN_ROOT/containers" 2>/dev/null | grep -v '^/.*:$')" ]
    creel check
}

refused() { # CODE TEXT COMMAND...
    local code=$1 text=$2
    shift 2
    run --separate-stderr "$CREEL" "$@"
    expect_failure "$code" "$text" || return 1
    [ -z "$output" ] || { echo "on standard output: $output"; return 1; }
    nothing_left
}

@test "unknown image" {
    refused 125 "No such image: nosuch:latest" run --rm nosuch true
    refused 125 "No such image: nosuch:1" run nosuch:1 true
    refused 1 "No such image: nosuch:latest" create nosuch
}

@test "image name that is none" {
    refused 125 "must be lowercase" run --rm Busybox true
    refused 125 "invalid reference format" run --rm 'a b' true
}

@test "command not found: 127" {
    refused 127 "nosuchcommand" run --rm busybox nosuchcommand
    refused 127 "/no/such" run --rm busybox /no/such
    refused 127 "nosuch" run --rm --init busybox nosuch
}

@test "command that cannot be executed: 126" {
    refused 126 "plainfile" run --rm busybox /bin/plainfile
    refused 126 "/etc" run --rm busybox /etc
}

@test "a failed start without --rm keeps the container, with the code and the reason" {
    run --separate-stderr creel run --name failed busybox nosuchcommand
    expect_failure 127 nosuchcommand
    [ "$(state failed)" = created ]
    [ "$(creel inspect -f '{{.State.ExitCode}}' failed)" = 127 ]
    [ -n "$(creel inspect -f '{{.State.Error}}' failed)" ]
    [ "$(pid_of failed)" = 0 ]
    run --separate-stderr creel start -a failed
    expect_code 1
}

@test "bad flags and missing operands: 125" {
    refused 125 "unknown option --nosuch" run --nosuch busybox
    refused 125 "unknown option -z" run -z busybox
    refused 125 "needs a value" run --name
    refused 125 "at least 1 operand" run
    refused 125 "is not a whole number" run --pids-limit x busybox
    refused 125 "unknown command 'rnu'" rnu
}

@test "bad sizes and numbers: 125" {
    refused 125 "invalid size: 'x'" run -m x busybox
    refused 125 "invalid size: '-5'" run -m -5 busybox
    refused 125 "invalid size: '10q'" run --shm-size 10q busybox
    refused 125 "inimum memory limit" run -m 1m busybox
    refused 125 "failed to parse" run --cpus many busybox
    refused 125 "CPUs" run --cpus 100000 busybox
    refused 125 "value out of range" run --blkio-weight 100000 busybox
    refused 125 "soft limit must be less" run --ulimit nofile=2:1 busybox
    refused 125 "out of range" run --oom-score-adj 2000 busybox
}

@test "name in use, invalid name" {
    creel create --name taken busybox true
    run --separate-stderr creel run --name taken busybox true
    expect_failure 125 'The container name "/taken" is already in use by container'
    creel rm taken
    refused 125 "Invalid container name" run --name '-x' busybox true
    refused 125 "Invalid container name" run --name 'a b' busybox true
    refused 125 "Invalid container name" run --name x busybox true
    refused 125 "Invalid container name" run --name "$(printf '%0300d' 0)" busybox true
}

@test "no such user or group" {
    refused 125 "nosuchuser" run --rm -u nosuchuser busybox true
    refused 125 "nosuchgroup" run --rm -u 0:nosuchgroup busybox true
    refused 125 "nosuchgroup" run --rm --group-add nosuchgroup busybox true
}

@test "missing bind source, bad mounts" {
    refused 125 "bind source path does not exist: /no/such" run --rm --mount type=bind,src=/no/such,dst=/x busybox true
    refused 125 "target is required" run --mount type=bind,src=/tmp busybox true
    refused 125 "not available" run --mount type=volume,src=v,dst=/x busybox true
    refused 125 "named volumes are not available" run -v name:/x busybox true
    refused 125 "invalid mode: sw" run -v /tmp:/x:sw busybox true
    refused 125 "must be absolute" run -v /tmp:x busybox true
    refused 125 "uplicate mount point" run -v /tmp:/x -v /var:/x busybox true
    refused 125 "must be absolute" run --tmpfs x busybox true
}

@test "environment that cannot be passed: too long, not text" {
    head -c 200000 /dev/zero | tr '\0' x | sed 's/^/LONG=/' >"$T/env"
    run --separate-stderr creel run --rm --env-file "$T/env" busybox true
    [ "$status" -ge 125 ] && [ "$status" -le 127 ]
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ]
    [ "${#stderr}" -lt 2000 ]
    nothing_left
    for i in $(seq 100); do printf 'V%d=' "$i"; head -c 100000 /dev/zero | tr '\0' x; echo; done >"$T/env"
    run --separate-stderr creel run --rm --env-file "$T/env" busybox true
    [ "$status" -ge 125 ] && [ "$status" -le 127 ]
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ]
    nothing_left
    printf 'A=\377\n' >"$T/env"
    refused 125 "invalid utf8 bytes or NUL at line 1" run --env-file "$T/env" busybox true
    refused 125 "invalid environment variable" run -e =x busybox true
    refused 125 "No such file" run --env-file "$T/none" busybox true
}

@test "a command line of ten megabytes" {
    ulimit -s unlimited || skip "the stack limit cannot be raised"
    args=()
    for i in $(seq 100); do args+=("$(head -c 100000 /dev/zero | tr '\0' y)"); done
    run --separate-stderr creel run --rm busybox echo "${args[@]}"
    if [ "$status" = 126 ] && [[ $stderr == *"Argument list too long"* ]] && [[ $stderr != creel:* ]]; then
        skip "this kernel lets nobody pass so much to a program"
    fi
    if [ "$status" != 0 ]; then
        [ "$status" -ge 125 ] && [ "$status" -le 127 ]
        [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ]
        [ "${#stderr}" -lt 2000 ]
    fi
    nothing_left
}

@test "text that is not UTF-8, and control characters in what is reported" {
    refused 125 "not valid UTF-8" run busybox echo $'\xff'
    run --separate-stderr creel run --rm busybox $'no\e[31msuch'
    expect_code 127
    [[ $stderr != *$'\e'* ]]
    nothing_left
}

@test "what has to wait for later versions is refused with a reason" {
    refused 125 "ports cannot be published" run -p 80:80 busybox
    refused 125 "ports cannot be published" run -P busybox
    refused 125 "restart policy 'always' is not available" run --restart always busybox
    refused 125 "network 'bridge' is not available" run --network bridge busybox
    refused 125 "images cannot be pulled" run --pull always busybox
}

@test "confinement options that do not exist" {
    refused 125 "NOSUCH" run --cap-add NOSUCH busybox true
    refused 125 "invalid --security-opt" run --security-opt nosuch busybox true
    refused 125 "opening seccomp profile" run --security-opt seccomp=/no/such busybox true
    printf '{' >"$T/profile"
    refused 125 "is not a JSON object" run --security-opt seccomp="$T/profile" busybox true
    printf '{"defaultAction":"SCMP_ACT_NOSUCH"}' >"$T/profile"
    refused 125 "SCMP_ACT_NOSUCH" run --rm --security-opt seccomp="$T/profile" busybox true
    refused 125 "is not allowed" run --sysctl kernel.panic=1 busybox true
    refused 125 "invalid device cgroup format" run --device-cgroup-rule x busybox true
    refused 125 "/dev/nosuch" run --rm --device /dev/nosuch busybox true
    refused 125 "nosuchruntime" run --rm --runtime nosuchruntime busybox true
    refused 125 "nosuchdriver" run --rm --log-driver nosuchdriver busybox true
    refused 125 "nosuchopt" run --rm --log-opt nosuchopt=1 busybox true
    refused 125 "FOO" run --rm --stop-signal FOO busybox true
    refused 125 "--pid: invalid mode" run --pid nosuch busybox true
}

@test "the systemd manager where systemd does not run" {
    [ ! -d /run/systemd/system ] || skip "systemd runs here"
    refused 125 "systemd is not running on this host" --cgroup-manager systemd run --rm busybox true
    run ! "$CREEL_BUILD/creel-runtime" --root "$T/states" --systemd-cgroup run --bundle "$T" nothing
}

@test "a working directory that is a file" {
    refused 125 "/etc/passwd" run --rm -w /etc/passwd busybox true
}

@test "the engine's directories cannot be used" {
    touch "$T/file"
    run --separate-stderr env CREEL_ROOT="$T/file" "$CREEL" run --rm busybox true
    expect_code 125
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ]
    run --separate-stderr env CREEL_ROOT="$T/file" "$CREEL" ps
    expect_code 1
}
