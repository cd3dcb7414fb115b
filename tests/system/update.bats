# SPDX-License-Identifier: Apache-2.0
# What is changed and asked of containers that exist: update, top, stats, inspect; and whom their users are read from.

load helpers

# The file of a limit below the container's control group, whichever version is mounted: V1-CONTROLLER/FILE V2-FILE
limit() { # ID V1 V2
    local group
    group=$(awk -v id="$1" '$0 ~ id { print; exit }' "/proc/$(pid_of "$1")/cgroup") || return 1
    group=/${group#*:*:/}
    if [ -f "/sys/fs/cgroup$group/cgroup.procs" ] && [ -f "/sys/fs/cgroup$group/$3" ]; then
        cat "/sys/fs/cgroup$group/$3"
    else
        cat "/sys/fs/cgroup/${2%%/*}$group/${2#*/}"
    fi
}

@test "update changes the limits of a container that runs" {
    local id
    id=$(creel run -d --name box -m 64m --memory-swap 128m busybox sleep 1000)
    run creel update -m 32m --memory-swap 64m --pids-limit 30 --cpus 0.5 box
    expect_code 0
    expect_out box
    [ "$(limit "$id" memory/memory.limit_in_bytes memory.max)" = 33554432 ]
    [ "$(limit "$id" pids/pids.max pids.max)" = 30 ]
    case $(limit "$id" cpu/cpu.cfs_quota_us cpu.max) in 50000 | "50000 100000") ;; *) false ;; esac
    [ "$(creel inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' box)" = "33554432 30 500000000" ]
    run creel update --pids-limit -1 box
    expect_code 0
    [ "$(limit "$id" pids/pids.max pids.max)" = max ]
    [ "$(creel inspect -f '{{.HostConfig.PidsLimit}}' box)" = "<nil>" ] # Go's word for null
    expect_in "container update $id" "$(creel events --since 1m --until 0s --filter event=update)"
}

@test "update of a stopped container holds from its next start" {
    creel create --name box busybox sh -c 'sleep 1000' >/dev/null
    creel update -m 16m --memory-swap 32m box >/dev/null
    creel start box >/dev/null
    [ "$(limit "$(creel inspect -f '{{.Id}}' box)" memory/memory.limit_in_bytes memory.max)" = 16777216 ]
}

@test "update refuses conflicts, and then nothing has changed" {
    local before
    creel run -d --name box --cpus 0.5 -m 64m busybox sleep 1000 >/dev/null
    before=$(creel inspect box)
    run --separate-stderr creel update --cpu-quota 20000 box
    expect_failure 1 'Conflicting options: CPU Quota cannot be updated as Nano CPUs has already been set'
    run --separate-stderr creel update --cpu-shares 300 -m 800m box
    expect_failure 1 'Memory limit should be smaller than already set memoryswap limit'
    run --separate-stderr creel update -m 1m box
    expect_failure 1 'Minimum memory limit allowed is 6MB'
    run --separate-stderr creel update --cpus 4000 box
    expect_failure 1 'Range of CPUs is from 0.01 to'
    [ "$(creel inspect box)" = "$before" ]
}

@test "what the kernel refuses is put back, in the store and in the kernel" {
    local id
    id=$(creel run -d --name box -m 64m --memory-swap 64m busybox sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=24; echo full; sleep 1000')
    logged box full
    run --separate-stderr creel update --cpu-shares 300 -m 7m --memory-swap 7m box
    if [ "$status" = 0 ]; then # v2 takes it and reclaims, or kills
        skip "this kernel takes a limit below what is used"
    fi
    [ "$(creel inspect -f '{{.HostConfig.Memory}} {{.HostConfig.CpuShares}}' box)" = "67108864 0" ]
    [ "$(limit "$id" memory/memory.limit_in_bytes memory.max)" = 67108864 ]
    [ "$(limit "$id" cpu/cpu.shares cpu.weight)" = 1024 ]
}

@test "top lists the container's processes with the host's numbers, from outside" {
    creel run -d --name box --label x=y busybox sh -c 'sleep 1001 & sleep 1002 & wait' >/dev/null
    within expect_top_lines 4
    run creel top box
    expect_code 0
    expect_in "UID" "${lines[0]}"
    expect_in "CMD" "${lines[0]}"
    expect_in " $(pid_of box) " "$output"
    expect_in "sleep 1001" "$output"
    expect_in "sleep 1002" "$output"
    run creel top box aux
    expect_in "%CPU" "$output"
    expect_in "STAT" "$output"
    run creel top box -o pid,comm
    [ "$(printf '%s\n' "$output" | awk 'NR == 1 { print $1, $2 }')" = "PID COMMAND" ]
    [ "$(printf '%s\n' "$output" | awk 'NR > 1 { print $2 }' | sort | xargs)" = "sh sleep sleep" ]
    run --separate-stderr creel top box -o comm
    expect_failure 1 "Couldn't find PID field in ps output"
    run --separate-stderr creel top box --forest
    expect_failure 1 'ps arguments "--forest" are not known'
    creel stop -t 0 box >/dev/null
    run --separate-stderr creel top box
    expect_failure 1 "is not running"
}
expect_top_lines() { [ "$(creel top box | wc -l)" = "$1" ]; }

@test "top runs nothing of the container's" {
    local canary=$T/canary
    creel run -d --name box -v "$T:$T" busybox sleep 1000 >/dev/null
    printf '#!/bin/sh\ntouch %s\n' "$canary" | creel exec -i box sh -c 'cat >/bin/evil; chmod 755 /bin/evil; for p in ps nsenter sh top; do rm /bin/$p; cp /bin/evil /bin/$p; done'
    creel top box >/dev/null
    creel stats --no-stream box >/dev/null
    creel inspect -s box >/dev/null
    [ ! -e "$canary" ]
}

@test "stats are the control group's, and zero when nothing runs" {
    creel run -d --name box -m 64m busybox sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=10; echo full; sleep 1000' >/dev/null
    logged box full
    run creel stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' box
    expect_code 0
    expect_in "box 1" "$output" # 10 MiB and a little
    expect_in "/ 64MiB" "$output"
    creel stop -t 0 box >/dev/null
    run creel stats --no-stream --format '{{.PIDs}}' box
    expect_out 0
}

@test "inspect says what was asked for, and the defaults that hold" {
    creel create --name box -v /usr:/u:ro -e A=b --memory 16m --tmpfs /t busybox echo 'a b' >/dev/null
    [ "$(creel inspect -f '{{.Name}} {{.Path}} {{index .Args 0}} {{.State.Status}}' box)" = "/box echo a b created" ]
    [ "$(creel inspect -f '{{.HostConfig.MemorySwap}} {{.HostConfig.IpcMode}} {{.HostConfig.NetworkMode}}' box)" = "33554432 private none" ]
    [ "$(creel inspect -f '{{len .Mounts}} {{(index .Mounts 0).Destination}} {{(index .Mounts 0).RW}}' box)" = "1 /u false" ]
    [ "$(creel inspect -f '{{.State.StartedAt}}' box)" = 0001-01-01T00:00:00Z ]
    [ "$(creel inspect -f '{{len .HostConfig.MaskedPaths}}' box)" -ge 12 ]
    [ "$(creel inspect -f '{{.HostConfig.RestartPolicy.Name}} {{json .HostConfig.Tmpfs}}' box)" = 'no {"/t":""}' ]
    run creel inspect -s -f '{{.SizeRw}}' box
    expect_out 0
}

@test "--pid container: joins, when that container runs" {
    creel run -d --name box busybox sleep 1003 >/dev/null
    run creel run --rm --pid container:box busybox ps
    expect_in "sleep 1003" "$output"
    creel stop -t 0 box >/dev/null
    run --separate-stderr creel run --rm --pid container:box busybox ps
    expect_failure 125 "cannot join PID of a non running container"
    run --separate-stderr creel run --rm --pid container:nosuch busybox ps
    expect_failure 125 "No such container: nosuch"
}

# An image whose etc/passwd is made by the command behind.
hostile_image() { # NAME COMMAND...
    local tree=$T/$1
    mkdir -p "$tree/bin" "$tree/etc"
    cp /bin/busybox "$tree/bin/busybox"
    ln -s busybox "$tree/bin/id"
    (cd "$tree/etc" && shift && "$@")
    tar -C "$tree" -c . | creel import - "$1" >/dev/null
}

@test "users are read from the container's own files, whatever those are" {
    printf 'canary:x:0:0::/:/bin/sh\n' >"$T/canary"
    hostile_image link ln -s "../../../../../../../..$T/canary" passwd
    run --separate-stderr creel run --rm -u canary link id
    expect_failure 125 "unable to find user canary"
    hostile_image abslink ln -s "$T/canary" passwd
    run --separate-stderr creel run --rm -u canary abslink id
    expect_failure 125 "unable to find user canary"
    hostile_image fifo mkfifo passwd
    run --separate-stderr creel run --rm -u name fifo id
    expect_failure 125 "/etc/passwd in the container is not a regular file"
    run creel run --rm -u 7:8 fifo busybox grep -E '^(Uid|Gid|Groups)' /proc/self/status # id would open the fifo itself
    expect_out "$(printf 'Uid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nGroups:\t8 ')"
    hostile_image directory mkdir passwd
    run --separate-stderr creel run --rm -u name directory id
    expect_failure 125 "not a regular file"
    hostile_image huge truncate -s 64M passwd
    run --separate-stderr creel run --rm -u name huge id
    expect_failure 125 "is larger than"
    hostile_image digits sh -c 'echo 1000:x:0:0::/: >passwd'
    run creel run --rm -u 1000 digits id
    expect_in "uid=1000" "$output"
    expect_in "gid=0" "$output"
    creel rmi link abslink fifo directory huge digits >/dev/null
}

@test "a container's changes to its users count at its next start, and for exec" {
    creel run -d --name box busybox sleep 1000 >/dev/null
    creel exec box sh -c 'echo new:x:77:78::/tmp: >>/etc/passwd; echo more:x:79:new >>/etc/group'
    run creel exec -u new box sh -c 'id -u; id -g; id -G; echo $HOME'
    expect_out "77
78
78 79
/tmp"
    creel exec box rm /etc/passwd
    run --separate-stderr creel exec -u new box id
    expect_failure 1 "unable to find user new"
}

@test "user strings that are no ids and no names never become root" {
    local form
    for form in -1 +0 0x0 ' 1' 1: :1 1:1:1 4294967295 4294967296 18446744073709551616 root:nosuch; do
        run --separate-stderr creel run --rm "--user=$form" busybox id
        expect_code 125 || { echo "form: $form"; return 1; }
        no_containers
    done
    creel run -d --name box busybox sleep 1000 >/dev/null
    for form in -1 +0 1: :1 4294967295; do
        run --separate-stderr creel exec "--user=$form" box id
        [ "$status" -ne 0 ] || { echo "form: $form"; return 1; }
    done
    for form in 2147483648 4294967294 0:5; do
        run creel run --rm -u "$form" busybox sh -c 'echo $(id -u):$(id -g)'
        case $form in *:*) expect_out "$form" ;; *) expect_out "$form:0" ;; esac
    done
}

@test "an external runtime takes update, top and stats, too" {
    command -v runc >/dev/null || skip "runc is not installed"
    local id
    id=$(creel run -d --name box --runtime runc -m 64m --memory-swap 128m busybox sleep 1000)
    creel update -m 32m --memory-swap 64m box >/dev/null
    [ "$(limit "$id" memory/memory.limit_in_bytes memory.max)" = 33554432 ]
    expect_in "sleep 1000" "$(creel top box)"
    [ "$(creel stats --no-stream --format '{{.PIDs}}' box)" = 1 ]
    run --separate-stderr creel run --rm --runtime nosuch busybox true
    expect_failure 125 "unknown or invalid runtime name: nosuch"
    run --separate-stderr creel run --rm --runtime /etc/passwd busybox true
    expect_failure 125 "runtime /etc/passwd does not exist or is not executable"
}
