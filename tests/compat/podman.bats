#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman with stores of its own and creel-runtime: what people do with it.

load helpers

podman_command() {
    PODMAN=(podman --root "$DIR/root" --runroot "$DIR/run" --tmpdir "$DIR/tmp" --cgroup-manager cgroupfs --events-backend file
        --runtime "$RUNTIME")
}
P() { "${PODMAN[@]}" "$@"; }
# podman asks for limits that only CAP_SYS_RESOURCE may give, which not every host has; no network of the host is touched.
RUN_OPTIONS=(--network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000)
run_options() { RUN_OPTIONS+=(--cgroup-parent "/$GROUP"); }

setup_file() {
    compat_begin podman conmon
    export DIR=$BATS_FILE_TMPDIR/podman
    mkdir -p "$DIR"
    podman_command
    P import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/busybox.tar" localhost/busybox:latest >/dev/null
}

setup() {
    podman_command
    run_options
    IMAGE=localhost/busybox
}

# Now and then podman 4.3 finds its own mount of /dev/shm busy, with any runtime: it and the cleaning up that conmon starts
# unmount it at the same time.
remove() { # CONTAINER|-a
    local i
    for i in 1 2 3; do P rm -f -t 0 "$1" >"$BATS_TEST_TMPDIR/rm" 2>&1 && return; done
    cat "$BATS_TEST_TMPDIR/rm"
    return 1
}

teardown() { remove -a; }

teardown_file() {
    umount "$DIR"/root/overlay "$DIR"/root/overlay-containers/*/userdata/shm 2>/dev/null || true
    compat_end
}

pid_of() { P inspect -f '{{.State.Pid}}' "$1"; }

@test "podman: run gives output, exit code and standard input" {
    run --separate-stderr P run --rm "${RUN_OPTIONS[@]}" $IMAGE sh -c 'echo out; echo err >&2; exit 7'
    expect_code 7; expect_out out
    [ "$stderr" = err ] || { echo "standard error: $stderr"; return 1; }
    run P run --rm -i "${RUN_OPTIONS[@]}" $IMAGE cat <<<"hello there"
    expect_out "hello there"
}

@test "podman: commands that cannot be run are told apart" {
    run -127 P run --rm "${RUN_OPTIONS[@]}" $IMAGE no-such-command
    expect_in "executable file not found in \$PATH" "$output"
    run -126 P run --rm "${RUN_OPTIONS[@]}" $IMAGE /bin/plainfile
    expect_in "ermission denied" "$output"
}

@test "podman: a terminal has its size, keys and end" {
    run "$PTY" expect:"# " send:'tty; stty size; exit 3\r' -- "${PODMAN[@]}" run --rm -it "${RUN_OPTIONS[@]}" $IMAGE sh
    expect_in "/dev/pts/0" "$output"; expect_in "24 80" "$output"; expect_in "[exit 3]" "$output"
}

@test "podman: exec with user, environment, directory, exit code and terminal" {
    P run -d --name c1 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    run P exec -u 1000:1001 -e A=b -w /tmp c1 sh -c 'echo $(id -u):$(id -g) $A $PWD; exit 9'
    expect_code 9; expect_out "1000:1001 b /tmp"
    run -127 P exec c1 no-such-command
    run P exec -i c1 cat <<<"through exec"
    expect_out "through exec"
    run "$PTY" expect:"# " send:'tty; exit 4\r' -- "${PODMAN[@]}" exec -it c1 sh
    expect_in "/dev/pts/" "$output"; expect_in "[exit 4]" "$output"
    run P exec --preserve-fds 1 c1 cat /proc/self/fd/3 3<<<"kept open"
    expect_out "kept open"
}

@test "podman: pause stops everything until unpause" {
    P run -d --name c1 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    P pause c1 >/dev/null
    [ "$(P inspect -f '{{.State.Status}}' c1)" = paused ]
    run P exec c1 true
    [ "$status" -ne 0 ]
    P unpause c1 >/dev/null
    P exec c1 true
}

@test "podman: update changes the limits of what runs" {
    P run -d --name c1 -m 64m --cpus 0.5 --pids-limit 50 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    pid=$(pid_of c1)
    [ "$(limit "$pid" memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
    P update -m 96m --memory-swap 128m --cpu-shares 512 c1 >/dev/null
    [ "$(limit "$pid" memory memory.limit_in_bytes memory.max)" = $((96 << 20)) ]
    [ "$(limit "$pid" pids pids.max pids.max)" = 50 ]
}

@test "podman: stats and top know the container" {
    P run -d --name c1 -m 64m "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    run P stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' c1
    expect_in "c1 " "$output"; expect_in "67.11MB 1" "$output"
    run P top c1 pid args
    expect_in "sleep 1000" "$output"
}

@test "podman: stop lets it end, kill does not, both give the exit code" {
    P run -d --name nice "${RUN_OPTIONS[@]}" $IMAGE sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 1000 & wait; done' >/dev/null
    grep -qm1 ready < <(P logs -f nice)
    P stop -t 30 nice >/dev/null
    [ "$(P inspect -f '{{.State.ExitCode}}' nice)" = 5 ]
    P run -d --name c1 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    P kill c1 >/dev/null
    [ "$(P wait c1)" = 137 ]
}

@test "podman: create, start, restart, restart policies" {
    P create --name c1 "${RUN_OPTIONS[@]}" $IMAGE sh -c 'echo run; exec sleep 1000' >/dev/null
    P init c1 >/dev/null
    [ "$(P inspect -f '{{.State.Status}}' c1)" = initialized ]
    P start c1 >/dev/null
    P restart -t 0 c1 >/dev/null
    [ "$(P inspect -f '{{.State.Running}}' c1)" = true ]
    P kill c1 >/dev/null; P wait c1 >/dev/null
    [ "$(P logs c1 | grep -c run)" = 2 ]
    run P run --name again --restart on-failure:2 "${RUN_OPTIONS[@]}" $IMAGE sh -c 'echo tried; exit 1'
    expect_code 1
    [ "$(P inspect -f '{{.RestartCount}}' again)" = 2 ]
}

@test "podman: health checks" {
    P run -d --name c1 --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    run P healthcheck run c1
    [ "$status" -ne 0 ]
    P exec c1 touch /tmp/well
    P healthcheck run c1
}

@test "podman: running out of memory is told" {
    run P run --name c1 -m 16m --memory-swap 16m "${RUN_OPTIONS[@]}" $IMAGE sh -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x)'
    expect_code 137
    # conmon 2.1 hears of it on version 2 only
    [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || [ "$(P inspect -f '{{.State.OOMKilled}}' c1)" = true ]
}

@test "podman: user namespaces with maps of their own" {
    run P run --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 "${RUN_OPTIONS[@]}" $IMAGE sh -c \
        'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; id -u; touch /made && stat -c %u:%g /made'
    expect_out $' 0 200000 1000\n 0 300000 1000\n0\n0:0'
    P run -d --name c1 --uidmap 0:200000:2000 "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    [ "$(stat -c %u "/proc/$(pid_of c1)")" = 200000 ]
    run P exec -u 1000:1001 c1 id -u
    expect_out 1000
    # another one in its namespaces
    run P run --rm --userns container:c1 --pid container:c1 "${RUN_OPTIONS[@]}" $IMAGE sh -c 'tr -s " " </proc/self/uid_map; ps -o args | grep -c "[s]leep 1000"'
    expect_out $' 0 200000 2000\n1'
}

@test "podman: read-only root, tmpfs, volumes, devices" {
    run P run --rm --read-only --read-only-tmpfs=false --tmpfs /scratch:size=1m,mode=700 -v "$BATS_TEST_TMPDIR:/host:ro" \
        --device /dev/null:/dev/nothing "${RUN_OPTIONS[@]}" $IMAGE sh -c '
        echo x 2>/dev/null >/file && echo root is writable
        echo x >/scratch/file && echo scratch
        echo x 2>/dev/null >/host/file && echo volume is writable
        echo x >/dev/nothing && echo device
        true'
    expect_out $'scratch\ndevice'
}

@test "podman: capabilities, seccomp, no-new-privileges, limits, user" {
    run P run --rm --cap-drop all --cap-add chown "${RUN_OPTIONS[@]}" $IMAGE grep CapEff /proc/self/status
    expect_in 0000000000000001 "$output"
    run P run --rm "${RUN_OPTIONS[@]}" $IMAGE grep Seccomp: /proc/self/status
    expect_in "$(printf 'Seccomp:\t2')" "$output"
    run P run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges "${RUN_OPTIONS[@]}" $IMAGE \
        grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
    expect_in "$(printf 'Seccomp:\t0')" "$output"; expect_in "$(printf 'NoNewPrivs:\t1')" "$output"
    run P run --rm -u 1000:1001 --group-add 10 --hostname named --sysctl net.ipv4.ip_forward=1 "${RUN_OPTIONS[@]}" $IMAGE \
        sh -c 'id -u; id -G; ulimit -n; hostname; cat /proc/sys/net/ipv4/ip_forward'
    expect_out $'1000\n1001 10\n1024\nnamed\n1'
}

@test "podman: host namespaces, and pods that share theirs" {
    run P run --rm --pid host --network host --ipc host --uts host --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 $IMAGE \
        sh -c 'readlink /proc/self/ns/pid; readlink /proc/self/ns/net'
    expect_out "$(readlink /proc/self/ns/pid)"$'\n'"$(readlink /proc/self/ns/net)"
    P run -d --name net "${RUN_OPTIONS[@]}" $IMAGE sleep 1000 >/dev/null
    run P run --rm "${RUN_OPTIONS[@]/none/container:net}" --ipc container:net $IMAGE readlink /proc/self/ns/net
    expect_out "$(readlink "/proc/$(pid_of net)/ns/net")"
}

@test "podman: nothing of a removed container is left" {
    id=$(P run -d "${RUN_OPTIONS[@]}" $IMAGE sleep 1000)
    [ -n "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
    remove "$id"
    [ -z "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
}
