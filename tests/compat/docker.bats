#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A Docker daemon of its own, with creel-runtime as its default runtime: what people do with it.

load helpers

D() { docker -H "unix://$DOCKER_DIR/sock" "$@"; }

DOCKERD=(dockerd)
start_dockerd() { # DIR [OPTION...]
    local dir=$1; shift
    mkdir -p "$dir"
    "${DOCKERD[@]}" --data-root "$dir/data" --exec-root "$dir/exec" -p "$dir/pid" -H "unix://$dir/sock" --bridge=none --iptables=false \
        --ip6tables=false --ip-forward=false --ip-masq=false --cgroup-parent="/$GROUP" --exec-opt native.cgroupdriver=cgroupfs \
        --add-runtime creel="$RUNTIME" --default-runtime creel "$@" >"$dir/log" 2>&1 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/daemons"
    written "$dir/log" "API listen on" $!
}

setup_file() {
    compat_begin docker dockerd containerd
    export DOCKER_DIR=$BATS_FILE_TMPDIR/docker
    start_dockerd "$DOCKER_DIR"
    D import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
}

teardown_file() {
    local pid
    while read -r pid; do daemon_stop "$pid"; done <"$BATS_FILE_TMPDIR/daemons"
    umount "$DOCKER_DIR/exec/netns/default"     # it leaves that one itself
    compat_end
}

teardown() {
    local ids
    ids=$(D ps -aq)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || D rm -f $ids >/dev/null
}

pid_of() { D inspect -f '{{.State.Pid}}' "$1"; }
# Follows the events of a container from before it did anything, until one has been there that many times.
event() { # CONTAINER EVENT [TIMES]
    local seen
    seen=$(timeout "$PATIENCE" grep -m"${3:-1}" . < <(exec timeout "$PATIENCE" docker -H "unix://$DOCKER_DIR/sock" events --since 0 \
        --filter container="$1" --filter event="$2" --format '{{.Status}}') | wc -l)
    [ "$seen" -ge "${3:-1}" ] || { echo "$seen events $2 of $1"; return 1; }
}

@test "docker: run gives output, exit code and standard input" {
    run --separate-stderr D run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
    expect_code 7; expect_out out
    [ "$stderr" = err ] || { echo "standard error: $stderr"; return 1; }
    run D run --rm -i busybox cat <<<"hello there"
    expect_out "hello there"
}

@test "docker: commands that cannot be run are told apart" {
    run -127 D run --rm busybox no-such-command
    expect_in "executable file not found in \$PATH" "$output"
    run D run --rm busybox /bin/plainfile
    expect_code 126; expect_in "permission denied" "$output"
    run D run --rm -w /bin/plainfile busybox true
    [ "$status" -ne 0 ]
}

@test "docker: a terminal has its size, keys and end" {
    run "$PTY" expect:"# " send:'tty; stty size; exit 3\r' -- docker -H "unix://$DOCKER_DIR/sock" run --rm -it busybox sh
    expect_in "/dev/pts/0" "$output"; expect_in "24 80" "$output"; expect_in "[exit 3]" "$output"
}

@test "docker: exec with user, environment, directory, exit code and terminal" {
    D run -d --name c1 busybox sleep 1000 >/dev/null
    run D exec -u 1000:1001 -e A=b -w /tmp c1 sh -c 'echo $(id -u):$(id -g) $A $PWD; exit 9'
    expect_code 9; expect_out "1000:1001 b /tmp"
    run D exec c1 no-such-command
    [ "$status" -ge 126 ]; expect_in "executable file not found in \$PATH" "$output"   # 127 since Docker 23
    run D exec -i c1 cat <<<"through exec"
    expect_out "through exec"
    run "$PTY" expect:"# " send:'tty; exit 4\r' -- docker -H "unix://$DOCKER_DIR/sock" exec -it c1 sh
    expect_in "/dev/pts/" "$output"; expect_in "[exit 4]" "$output"
    D exec -d c1 sh -c 'echo ran >/tmp/detached; exec sleep 1000'
    D top c1 | grep -q 'sleep 1000'
}

@test "docker: pause stops everything until unpause" {
    D run -d --name c1 busybox sleep 1000 >/dev/null
    D pause c1 >/dev/null
    [ "$(D inspect -f '{{.State.Status}}' c1)" = paused ]
    run D exec c1 true
    [ "$status" -ne 0 ]; expect_in "paused" "$output"
    D unpause c1 >/dev/null
    D exec c1 true
}

@test "docker: update changes the limits of what runs" {
    D run -d --name c1 -m 64m --cpus 0.5 --pids-limit 50 busybox sleep 1000 >/dev/null
    pid=$(pid_of c1)
    [ "$(limit "$pid" memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
    D update -m 96m --memory-swap 128m --pids-limit 60 --cpu-shares 512 c1 >/dev/null
    [ "$(limit "$pid" memory memory.limit_in_bytes memory.max)" = $((96 << 20)) ]
    [ "$(limit "$pid" pids pids.max pids.max)" = 60 ]
    # what was not named has stayed
    case $(limit "$pid" cpu cpu.cfs_quota_us cpu.max) in 50000 | "50000 100000") ;; *) false ;; esac
}

@test "docker: stats and top know the container" {
    D run -d --name c1 -m 64m busybox sleep 1000 >/dev/null
    run D stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' c1
    expect_in "c1 " "$output"; expect_in "/ 64MiB 1" "$output"
    run D top c1 -o pid,args
    expect_in "sleep 1000" "$output"
}

@test "docker: stop lets it end, kill does not, both give the exit code" {
    D run -d --name nice busybox sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 1000 & wait; done' >/dev/null
    grep -qm1 ready < <(D logs -f nice)
    D stop -t 30 nice >/dev/null
    [ "$(D inspect -f '{{.State.ExitCode}}' nice)" = 5 ]
    D run -d --name c1 busybox sleep 1000 >/dev/null
    D kill c1 >/dev/null
    [ "$(timeout "$PATIENCE" docker -H "unix://$DOCKER_DIR/sock" wait c1)" = 137 ]
    D run -d --name usr busybox sh -c 'trap "exit 6" USR1; echo ready; while :; do sleep 1000 & wait; done' >/dev/null
    grep -qm1 ready < <(D logs -f usr)
    D kill -s USR1 usr >/dev/null
    [ "$(timeout "$PATIENCE" docker -H "unix://$DOCKER_DIR/sock" wait usr)" = 6 ]
}

@test "docker: start, restart and restart policies" {
    D run -d --name c1 busybox sh -c 'echo run; sleep 1000' >/dev/null
    D restart -t 0 c1 >/dev/null
    D kill c1 >/dev/null; D wait c1 >/dev/null
    D start c1 >/dev/null
    [ "$(D inspect -f '{{.State.Running}}' c1)" = true ]
    [ "$(D logs c1 | grep -c run)" = 3 ]
    D run -d --name again --restart on-failure:2 busybox false >/dev/null
    event again die 3
    [ "$(D inspect -f '{{.RestartCount}}' again)" = 2 ]
}

@test "docker: a container whose first process is killed from outside can be started again" {
    D run -d --name c1 busybox sleep 1000 >/dev/null
    kill -KILL "$(pid_of c1)"
    [ "$(timeout "$PATIENCE" docker -H "unix://$DOCKER_DIR/sock" wait c1)" = 137 ]
    D start c1 >/dev/null
    D exec c1 true
}

@test "docker: health checks" {
    D run -d --name c1 --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 busybox sleep 1000 >/dev/null
    event c1 "health_status: unhealthy"
    D exec c1 touch /tmp/well
    event c1 "health_status: healthy"
}

@test "docker: running out of memory is told" {
    run D run --name c1 -m 16m --memory-swap 16m busybox sh -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x)'
    expect_code 137
    [ "$(D inspect -f '{{.State.OOMKilled}}' c1)" = true ]
}

@test "docker: read-only root, tmpfs, volumes, devices" {
    run D run --rm --read-only --tmpfs /scratch:size=1m,mode=700 -v "$BATS_TEST_TMPDIR:/host:ro" --device /dev/null:/dev/nothing busybox sh -c '
        echo x 2>/dev/null >/file && echo root is writable
        echo x >/scratch/file && echo scratch
        echo x 2>/dev/null >/host/file && echo volume is writable
        echo x >/dev/nothing && echo device
        mknod /scratch/sda b 8 0 2>/dev/null && head -c1 /scratch/sda 2>/dev/null && echo disk is readable
        true'
    expect_out $'scratch\ndevice'
}

@test "docker: capabilities, seccomp, no-new-privileges, limits, user" {
    run D run --rm --cap-drop all --cap-add chown busybox grep CapEff /proc/self/status
    expect_in 0000000000000001 "$output"
    run D run --rm busybox grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
    expect_in "$(printf 'Seccomp:\t2')" "$output"
    run D run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges busybox grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
    expect_in "$(printf 'Seccomp:\t0')" "$output"; expect_in "$(printf 'NoNewPrivs:\t1')" "$output"
    echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":99}]}' \
        >"$BATS_TEST_TMPDIR/profile.json"
    run D run --rm --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" busybox mkdir /x
    expect_in "Cannot assign requested address" "$output"
    run D run --rm -u 1000:1001 --group-add 10 --ulimit nofile=64:64 --hostname named --sysctl net.ipv4.ip_forward=1 busybox sh -c \
        'id -u; id -G; ulimit -n; hostname; cat /proc/sys/net/ipv4/ip_forward'
    expect_out $'1000\n1001 10\n64\nnamed\n1'
}

@test "docker: privileged, init, host namespaces, a shared network" {
    run D run --rm --privileged busybox sh -c 'mount -t tmpfs x /mnt 2>/dev/null || { mkdir -p /mnt && mount -t tmpfs x /mnt; } && echo mounted'
    expect_out mounted
    run D run --rm --init busybox sh -c 'tr "\0" " " </proc/1/cmdline'
    expect_in init "$output"
    run D run --rm --pid host --network host --ipc host --uts host busybox sh -c 'readlink /proc/self/ns/pid; readlink /proc/self/ns/net'
    expect_out "$(readlink /proc/self/ns/pid)"$'\n'"$(readlink /proc/self/ns/net)"
    D run -d --name net --network none busybox sleep 1000 >/dev/null
    run D run --rm --network container:net --pid container:net busybox sh -c 'readlink /proc/self/ns/net; ps -o args | grep -c "[s]leep 1000"'
    expect_out "$(readlink "/proc/$(pid_of net)/ns/net")"$'\n'1
}

@test "docker: nothing of a removed container is left" {
    id=$(D run -d busybox sleep 1000)
    [ -n "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
    D rm -f "$id" >/dev/null
    [ -z "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
    [ -z "$(find "$DOCKER_DIR/exec" -path "*$id*")" ]
}

# The files that give the daemon its ids are covered in a mount namespace of its own; the host's stay as they are.
@test "docker: a daemon that maps users gives containers ids of their own" {
    local dir
    dir=$(mktemp -d /tmp/creel-test.XXXXXX)     # the mapped root has to reach it
    chmod 711 "$dir"
    echo remapped:200000:65536 >"$dir/ids"
    { cat /etc/passwd; echo remapped:x:60123:60123::/:/bin/false; } >"$dir/passwd"
    { cat /etc/group; echo remapped:x:60123:; } >"$dir/group"
    cat >"$dir/start" <<'END'
mount --bind "$1/ids" /etc/subuid && mount --bind "$1/ids" /etc/subgid && mount --bind "$1/passwd" /etc/passwd \
    && mount --bind "$1/group" /etc/group && shift && exec "$@"
END
    DOCKERD=(unshare -m sh "$dir/start" "$dir" dockerd)
    touch /etc/subuid /etc/subgid
    start_dockerd "$dir" --userns-remap=remapped
    local old=$DOCKER_DIR
    DOCKER_DIR=$dir
    D import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest >/dev/null
    run D run --rm busybox sh -c 'cat /proc/self/uid_map; id -u; touch /made && echo made; hostname x 2>/dev/null && echo named'
    D run -d --name c1 busybox sleep 1000 >/dev/null
    local owner exec_id
    owner=$(stat -c %u "/proc/$(pid_of c1)")
    exec_id=$(D exec -u 5 c1 id -u)
    D rm -f c1 >/dev/null
    DOCKER_DIR=$old
    daemon_stop "$(tail -1 "$BATS_FILE_TMPDIR/daemons")"
    rm -rf "$dir"
    expect_in 200000 "$output"; expect_in $'0\nmade' "$output"
    [ "$owner" = 200000 ]
    [ "$exec_id" = 5 ]
}
