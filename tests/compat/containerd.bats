#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A containerd of its own; ctr is told to use creel-runtime. (With --uidmap ctr 1.6 takes runc all the same, so user namespaces
# are tested with Docker and podman.)

load helpers

C() { timeout "$PATIENCE" ctr --address "$DIR/sock" -n compat "$@"; }
RUN() { timeout "$PATIENCE" ctr --address "$DIR/sock" -n compat run --runc-binary "$RUNTIME" --runc-root "$DIR/runc" "$@"; }

setup_file() {
    compat_begin ctr containerd
    export DIR=$BATS_FILE_TMPDIR/containerd CREEL_ROOT=$BATS_FILE_TMPDIR/engine/root CREEL_RUN_ROOT=$BATS_FILE_TMPDIR/engine/run
    mkdir -p "$DIR"
    cat >"$DIR/config.toml" <<END
version = 2
root = "$DIR/root"
state = "$DIR/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$DIR/sock"
END
    containerd --config "$DIR/config.toml" >"$DIR/log" 2>&1 3>&- &
    export CONTAINERD_PID=$!
    written "$DIR/log" "containerd successfully booted" $CONTAINERD_PID
    "$CREEL" import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
    "$CREEL" save -o "$BATS_FILE_TMPDIR/image.tar" busybox:latest
    C images import "$BATS_FILE_TMPDIR/image.tar" >/dev/null
    IMAGE=$(C images ls -q)
    export IMAGE
}

setup() { OPTIONS=(--cgroup "/$GROUP/$BATS_TEST_NUMBER"); }

teardown() {
    local t
    for t in $(C tasks ls -q); do C tasks kill -s KILL -a "$t" 2>/dev/null || true; C tasks rm -f "$t" >/dev/null 2>&1 || true; done
    for t in $(C containers ls -q); do C containers rm "$t"; done
}

teardown_file() {
    daemon_stop "$CONTAINERD_PID" && compat_end
}

pid_of() { C tasks ls | awk -v t="$1" '$1 == t {print $2}'; }

@test "containerd: run gives output and exit code" {
    run --separate-stderr RUN --rm "${OPTIONS[@]}" "$IMAGE" c1 sh -c 'echo out; echo err >&2; exit 7'
    expect_code 7; expect_out out
    expect_in err "$stderr"     # ctr may add lines of its own log
}

@test "containerd: a command that is not there is told, and nothing is left" {
    run RUN --rm "${OPTIONS[@]}" "$IMAGE" c1 no-such-command
    [ "$status" -ne 0 ]; expect_in "executable file not found in \$PATH" "$output"
    [ -z "$(C tasks ls -q)" ]
    [ -z "$(find "$DIR/state" -name state.json -path '*c1*')" ]
}

@test "containerd: a terminal has its size, keys and end" {
    run "$PTY" expect:"# " send:'tty; stty size; exit 3\r' -- ctr --address "$DIR/sock" -n compat run --runc-binary "$RUNTIME" --runc-root "$DIR/runc" --rm -t \
        "${OPTIONS[@]}" "$IMAGE" c1 sh
    expect_in "/dev/pts/0" "$output"; expect_in "24 80" "$output"; expect_in "[exit 3]" "$output"
}

@test "containerd: exec, its exit code and terminal, and ps" {
    RUN -d "${OPTIONS[@]}" "$IMAGE" c1 sleep 1000
    run C tasks exec --exec-id e1 --user 1000:1001 --cwd /tmp c1 sh -c 'echo $(id -u):$(id -g) $PWD; exit 9'
    expect_code 9; expect_out "1000:1001 /tmp"
    run "$PTY" expect:'$ ' send:'tty; exit 4\r' -- ctr --address "$DIR/sock" -n compat tasks exec -t --exec-id e2 --user 1000 c1 sh
    expect_in "/dev/pts/" "$output"; expect_in "[exit 4]" "$output"
    run C tasks exec --exec-id e3 c1 no-such-command
    [ "$status" -ne 0 ]; expect_in "executable file not found in \$PATH" "$output"
    run C tasks ps c1
    expect_in "$(pid_of c1)" "$output"
}

@test "containerd: pause, resume, metrics, kill, delete" {
    RUN -d --memory-limit $((64 << 20)) "${OPTIONS[@]}" "$IMAGE" c1 sleep 1000
    C tasks pause c1
    expect_in PAUSED "$(C tasks ls)"
    C tasks resume c1
    expect_in RUNNING "$(C tasks ls)"
    C tasks metrics c1 | grep -q memory
    [ "$(limit "$(pid_of c1)" memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
    C tasks kill -s TERM c1     # pid 1 has no handler for it
    C tasks kill -s KILL c1
    C tasks rm -f c1 || [ $? = 137 ]
    [ -z "$(find /sys/fs/cgroup -type d -path "*/$GROUP/$BATS_TEST_NUMBER")" ]
}

@test "containerd: read-only root, seccomp, capabilities, host network" {
    run RUN --rm --read-only --seccomp --cap-drop CAP_CHOWN --net-host "${OPTIONS[@]}" "$IMAGE" c1 sh -c '
        echo x 2>/dev/null >/file && echo root is writable
        chown 1:1 /proc/self/fd 2>/dev/null && echo may chown
        grep Seccomp: /proc/self/status; readlink /proc/self/ns/net'
    expect_out "$(printf 'Seccomp:\t2\n%s' "$(readlink /proc/self/ns/net)")"
}
