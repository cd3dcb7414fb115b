#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel run, create and start: what the process sees, and what the caller gets back.
load helpers

# --- the caller's side ---

@test "run shows the output and passes the exit code on" {
    run --separate-stderr creel run --rm --network none busybox sh -c 'echo out; echo err >&2; exit 7'
    expect_code 7
    expect_out out
    [ "$stderr" = err ]
    run creel run --rm --network none busybox true
    expect_code 0
    expect_out ""
}

@test "a command that a signal ends gives 128 and its number" {
    run creel run --rm busybox sh -c 'kill -KILL $$; echo no'
    # init of a pid namespace cannot kill itself: a child does
    run creel run --rm busybox sh -c 'sh -c "kill -SEGV \$\$"; exit $?'
    expect_code 139
    creel run -d --name victim busybox sleep 1000
    creel kill victim
    run creel wait victim
    expect_out 137
}

@test "run -d prints the id and the container goes on" {
    id=$(creel run -d busybox sh -c 'echo up; sleep 1000')
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    [ "$(state "$id")" = running ]
    logged "$id" up
    [ "$(creel ps -q --no-trunc)" = "$id" ]
}

@test "--rm leaves nothing, whatever the exit code" {
    creel run --rm --name gone busybox true
    run creel run --rm --name gone busybox false
    expect_code 1
    run creel inspect gone
    expect_code 1
    no_containers
}

@test "a monitor makes its container's network namespace ahead and stays in the host's" {
    creel run -d --name alone --network none busybox sleep 1000
    pid=$(creel inspect -f '{{.State.Pid}}' alone)
    monitor=$(awk '{ print $4 }' "/proc/$pid/stat")
    [ "$(readlink "/proc/$monitor/ns/net")" = "$(readlink /proc/self/ns/net)" ]
    [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]
    ! ls -l "/proc/$monitor/fd" | grep net:
    run creel exec alone ip -o link
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} == *"lo: <LOOPBACK,UP,"* ]]
    creel run -d --name open --network host busybox sleep 1000
    pid=$(creel inspect -f '{{.State.Pid}}' open)
    [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ]
}

@test "only a file system that goes with its container is mounted without syncing" {
    run creel run --rm busybox grep -c '^overlay / .*volatile' /proc/mounts
    expect_out 1
    run creel run --name kept busybox grep -c '^overlay / .*volatile' /proc/mounts
    expect_out 0
    creel run -d --rm --name again busybox sleep 1000
    run creel restart -t 0 again
    expect_code 0
    creel rm -f again
}

@test "a container that ended stays until it is removed, with its code" {
    run creel run --name kept busybox sh -c 'exit 5'
    expect_code 5
    [ "$(state kept)" = exited ]
    [ "$(creel inspect -f '{{.State.ExitCode}}' kept)" = 5 ]
}

@test "--cidfile gets the id, must be new, and goes with a container that was never made" {
    creel run --rm --cidfile "$T/cid" --name first busybox true
    [[ $(cat "$T/cid") =~ ^[0-9a-f]{64}$ ]]
    run --separate-stderr creel run --rm --cidfile "$T/cid" busybox true
    expect_failure 125 "container ID file found"
    run --separate-stderr creel run --rm --cidfile "$T/none" nosuchimage true
    expect_code 125
    [ ! -e "$T/none" ]
    creel create --cidfile "$T/created" --name second busybox true
    [ "$(creel inspect -f '{{.Id}}' second)" = "$(cat "$T/created")" ]
}

@test "create makes, start starts, start -a shows and passes the code" {
    id=$(creel create --name later busybox sh -c 'echo started; exit 4')
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    [ "$(state later)" = created ]
    run creel start -a later
    expect_code 4
    expect_out started
    run creel start later
    expect_out later
    creel wait later
    [ "$(creel logs later | grep -c started)" = 2 ]
}

@test "starting a container that runs changes nothing" {
    creel run -d --name on busybox sleep 1000
    pid=$(pid_of on)
    run creel start on
    expect_code 0
    [ "$(pid_of on)" = "$pid" ]
}

@test "start -a of two containers is refused" {
    creel create --name first busybox true
    creel create --name second busybox true
    run --separate-stderr creel start -a first second
    expect_failure 1 "cannot start and attach multiple"
}

@test "without a terminal nothing is said about the missing network" {
    run --separate-stderr creel run --rm busybox true
    [ -z "$stderr" ]
}

@test "on a terminal the default network is explained once" {
    run "$PTY" -- "$CREEL" run --rm busybox true
    expect_in "until networks exist the default is --network none" "$output"
    run "$PTY" -- "$CREEL" run --rm --network none busybox true
    [[ $output != *"until networks exist"* ]]
}

# --- the process ---

@test "environment: image, command line, files, the caller's, and names that are unset" {
    printf 'FROM_FILE=f\n# no\nBOTH=file\nCALLER\n' >"$T/env"
    CALLER=mine run creel run --rm --env-file "$T/env" -e BOTH=option -e CALLER -e FROM_IMAGE busybox env
    expect_in "FROM_FILE=f" "$output"
    expect_in "BOTH=option" "$output"
    expect_in "CALLER=mine" "$output"
    expect_in "PATH=/usr/local/sbin" "$output"
    [[ $output != *FROM_IMAGE* ]]
    [[ $output != *BOTH=file* ]]
    run creel run --rm busybox sh -c 'echo $FROM_IMAGE $HOME $HOSTNAME ${TERM-none}'
    [[ $output =~ ^yes\ /root\ [0-9a-f]{12}\ none$ ]]
}

@test "--workdir, --user, --group-add, --hostname, --domainname" {
    run creel run --rm -w /var busybox pwd
    expect_out /var
    run creel run --rm -u test --group-add 77 busybox sh -c 'id -u; id -g; id -G; echo $HOME'
    expect_out "$(printf '1000\n1001\n1001 10 77\n/tmp')"
    run creel run --rm -u 5:6 busybox sh -c 'id -u; id -g'
    expect_out "$(printf '5\n6')"
    run creel run --rm --hostname box --domainname example.org busybox sh -c 'hostname; cat /proc/sys/kernel/domainname; cat /etc/hostname'
    expect_out "$(printf 'box\nexample.org\nbox')"
}

@test "--entrypoint replaces the image's, empty resets it" {
    run creel run --rm --entrypoint echo busybox a b
    expect_out "a b"
    run creel run --rm --entrypoint "" busybox echo c
    expect_out c
}

@test "arguments arrive as they were given" {
    run creel run --rm busybox sh -c 'for a; do printf "<%s>" "$a"; done' x "" "a b" '$(no)' -- --rm $'new\nline' $'\xc3\xa9'
    expect_out $'<><a b><$(no)><--><--rm><new\nline><\xc3\xa9>'
}

@test "--init puts a reaper in front" {
    run creel run --rm --init busybox sh -c 'cat /proc/1/comm; echo $$'
    expect_code 0
    [ "${lines[0]}" != sh ]
    [ "${lines[1]}" != 1 ]
    run creel run --rm --init busybox sh -c 'exit 9'
    expect_code 9
}

@test "--stop-signal and --stop-timeout decide how stop goes" {
    creel run -d --name polite --stop-signal USR1 busybox sh -c 'trap "exit 33" USR1; echo ready; while :; do sleep 0.1; done'
    logged polite ready
    creel stop polite
    [ "$(creel inspect -f '{{.State.ExitCode}}' polite)" = 33 ]
    creel run -d --name deaf --stop-timeout 0 busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
    logged deaf ready
    creel stop deaf
    [ "$(creel inspect -f '{{.State.ExitCode}}' deaf)" = 137 ]
}

@test "labels, annotations and the name are kept" {
    printf 'from.file=1\nboth=file\n' >"$T/labels"
    creel create --name tagged --label-file "$T/labels" -l both=option -l bare --annotation note=x busybox true
    run creel inspect -f '{{index .Config.Labels "from.file"}}/{{.Config.Labels.both}}/{{.Config.Labels.bare}}/{{.HostConfig.Annotations.note}}/{{.Name}}' tagged
    expect_out "1/option//x//tagged"
}

# --- files ---

@test "-v binds host paths, read-only when asked, and makes a missing source" {
    echo host >"$T/file"
    run creel run --rm -v "$T:/x" -v "$T/file:/f:ro" busybox sh -c 'cat /f; echo in >/x/new; echo no >/f'
    expect_code 1
    expect_in host "$output"
    expect_in "Read-only file system" "$output"
    [ "$(cat "$T/new")" = in ]
    creel run --rm -v "$T/made/here:/y" busybox touch /y/z
    [ -f "$T/made/here/z" ]
    cd "$T"
    run creel run --rm -v ./file:/f busybox cat /f
    expect_out host
}

@test "a bind's propagation is the one asked for" {
    mkdir "$T/shared"
    # the host's mounts may all be private: in a mount namespace of our own there is a shared one
    run unshare -m --propagation unchanged sh -c 'mount --bind "$1" "$1" && mount --make-shared "$1" && shift && "$@"' sh "$T/shared" \
        "$CREEL" run --rm -v "$T/shared:/x:rslave" -v "$T/shared:/y" busybox sh -c 'grep -E " /(x|y) " /proc/self/mountinfo | sed "s/.* \(\/[xy]\) [^-]*/\1 &/"'
    expect_code 0
    expect_in "master:" "$(printf '%s\n' "${lines[@]}" | grep ' /x ')"
    [[ $(printf '%s\n' "${lines[@]}" | grep ' /y ') != *master:* ]]
}

@test "--mount type=bind and type=tmpfs" {
    echo host >"$T/with,comma"
    run creel run --rm --mount "type=bind,\"src=$T/with,comma\",dst=/f,ro" --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 \
        busybox sh -c 'cat /f; stat -c %a /t; df -k /t | tail -1 | tr -s " " | cut -d" " -f2; echo x >/f'
    expect_code 1
    [ "${lines[0]}" = host ]
    [ "${lines[1]}" = 1770 ]
    [ "${lines[2]}" = 1024 ]
}

@test "--tmpfs, --read-only and --shm-size" {
    run creel run --rm --read-only --tmpfs /scratch:size=64k --shm-size 2m busybox sh -c \
        'echo x >/scratch/x && echo y >/dev/shm/y && df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; touch /no'
    expect_code 1
    [ "${lines[0]}" = 2048 ]
    expect_in "Read-only file system" "$output"
}

@test "devices: the default ones, an added one, a rule" {
    run creel run --rm busybox sh -c 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; ls -d /dev/pts /dev/shm /dev/mqueue; [ -e /dev/kmsg ] && echo kmsg; true'
    expect_out "$(printf '/dev/mqueue\n/dev/pts\n/dev/shm')"
    run creel run --rm --cap-add SYSLOG --device /dev/kmsg:/dev/klog:r busybox sh -c 'stat -c "%t:%T" /dev/klog; (exec 3</dev/klog) && echo readable; (exec 3>/dev/klog) 2>&1'
    [ "${lines[0]}" = 1:b ]
    [ "${lines[1]}" = readable ]
    expect_in "Operation not permitted" "$output"
    run creel run --rm --cap-add SYSLOG busybox sh -c 'mknod /k c 1 11; (exec 3</k) 2>&1'
    expect_in "Operation not permitted" "$output"
    run creel run --rm --cap-add SYSLOG --device-cgroup-rule 'c 1:11 rwm' busybox sh -c 'mknod /k c 1 11; exec 3</k && echo open'
    expect_out open
}

# --- network ---

@test "the network is none by default, host when asked" {
    run creel run --rm busybox sh -c 'ip -o link | cut -d: -f2'
    expect_out " lo"
    host=$(readlink /proc/self/ns/net)
    run creel run --rm --network host busybox readlink /proc/self/ns/net
    expect_out "$host"
    run creel run --rm --net none busybox readlink /proc/self/ns/net
    [ "$output" != "$host" ]
}

# --- confinement ---

@test "capabilities are Docker's, and can be changed" {
    caps() { creel run --rm "$@" busybox sed -n 's/^Cap\(Eff\|Bnd\|Amb\):\t//p' /proc/self/status | tr '\n' ' '; }
    [ "$(caps)" = "00000000a80425fb 00000000a80425fb 0000000000000000 " ]
    [ "$(caps --cap-drop ALL)" = "0000000000000000 0000000000000000 0000000000000000 " ]
    [ "$(caps --cap-drop ALL --cap-add NET_RAW)" = "0000000000002000 0000000000002000 0000000000000000 " ]
    [ "$(caps --cap-add CAP_SYS_ADMIN --cap-drop chown)" = "00000000a82425fa 00000000a82425fa 0000000000000000 " ]
    # not root: nothing effective, the bounding set as before
    [ "$(caps -u 1000)" = "0000000000000000 00000000a80425fb 0000000000000000 " ]
}

@test "--privileged gives what the engine has" {
    bounding=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
    run creel run --rm --privileged busybox sh -c 'sed -n "s/^CapEff:\t//p; s/^Seccomp:\t//p" /proc/self/status; [ -e /dev/kmsg ] && echo kmsg; mount -t tmpfs none /tmp && echo mounted'
    expect_out "$(printf '%s\n%s\nkmsg\nmounted' "$bounding" "${SECCOMP_AROUND:-0}")"
}

@test "seccomp is on by default, off when unconfined, a profile is read here" {
    run creel run --rm busybox sh -c 'sed -n "s/^Seccomp:\t//p; s/^NoNewPrivs:\t//p" /proc/self/status; unshare -r true 2>&1'
    expect_in "Operation not permitted" "$output"
    [ "${lines[0]}" = 0 ] && [ "${lines[1]}" = 2 ]
    run creel run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges busybox \
        sed -n 's/^Seccomp:\t//p; s/^NoNewPrivs:\t//p' /proc/self/status
    expect_out "$(printf '1\n%s' "${SECCOMP_AROUND:-0}")"
    printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >"$T/profile"
    run creel run --rm --security-opt seccomp="$T/profile" busybox mkdir /new
    expect_code 1
    expect_in "Operation not permitted" "$output"
}

@test "kernel files are masked or read-only, unless unconfined" {
    run creel run --rm busybox sh -c 'for f in kcore keys timer_list sched_debug latency_stats; do [ ! -e /proc/$f ] || [ ! -s /proc/$f ] && [ -z "$(head -c 1 /proc/$f 2>/dev/null)" ] || echo $f is seen; done
        ls -A /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v "^/\|^$"; echo 1 >/proc/sys/kernel/panic; echo x >/sys/kernel/mm/x'
    [ "$(grep -c "Read-only file system" <<<"$output")" = 2 ]
    [ "${#lines[@]}" = 2 ] # nothing was seen
    run creel run --rm --security-opt systempaths=unconfined busybox sh -c 'wc -c </proc/keys >/dev/null; grep -c " /proc/[a-z]* " /proc/self/mountinfo'
    expect_out 0
}

@test "namespaces are the container's own, or the host's when asked" {
    run creel run --rm busybox sh -c 'for n in pid ipc uts mnt net; do readlink /proc/self/ns/$n; done'
    for ns in "${lines[@]}"; do
        [ "$ns" != "$(readlink "/proc/self/ns/${ns%%:*}")" ]
    done
    run creel run --rm --pid host --ipc host --uts host --cgroupns host busybox sh -c 'for n in pid ipc uts cgroup; do readlink /proc/self/ns/$n; done'
    for ns in "${lines[@]}"; do
        [ "$ns" = "$(readlink "/proc/self/ns/${ns%%:*}")" ]
    done
}

@test "--sysctl and --oom-score-adj" {
    run creel run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=12345 --oom-score-adj 321 busybox \
        sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/self/oom_score_adj'
    expect_out "$(printf '1\n12345\n321')"
}

@test "--ulimit" {
    run creel run --rm --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
    expect_out "$(printf '100\n200\n0')"
}

# --- resources: what the control group says on the host ---

cgroup_value() { # PID V1-CONTROLLER V1-FILE V2-FILE
    local v1 v2
    v1=$(awk -F: -v c="$2" '{ n = split($2, a, ","); for (i = 1; i <= n; i++) if (a[i] == c) print $3 }' "/proc/$1/cgroup")
    v2=$(sed -n 's/^0:://p' "/proc/$1/cgroup")
    if [ -n "$v1" ]; then
        cat "$(awk -v c="$2" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",") { print $2; exit }' /proc/mounts)$v1/$3"
    else
        cat "$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)$v2/$4"
    fi
}

@test "memory, processor and process limits are in the control group" {
    creel run -d --name limited -m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids-limit 50 busybox sleep 1000
    pid=$(pid_of limited)
    [ "$(cgroup_value "$pid" memory memory.limit_in_bytes memory.max)" = 67108864 ]
    [ "$(cgroup_value "$pid" memory memory.soft_limit_in_bytes memory.low)" = 33554432 ]
    [ "$(cgroup_value "$pid" pids pids.max pids.max)" = 50 ]
    [ "$(cgroup_value "$pid" cpuset cpuset.cpus cpuset.cpus)" = 0 ]
    case $(cgroup_value "$pid" cpu cpu.cfs_quota_us cpu.max) in 50000 | "50000 100000") ;; *) false ;; esac
    # the v2 weight is what creel makes of 512 shares; whatever the rule, it is below the default of 100
    shares=$(cgroup_value "$pid" cpu cpu.shares cpu.weight)
    [ "$shares" = 512 ] || [ "$shares" -lt 100 ]
}

@test "more processes than --pids-limit cannot be made" {
    run creel run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait' 2>&1
    [ "$status" -ne 0 ]
    expect_in "fork" "$output"
}

@test "a container that uses too much memory is killed, and inspect says why" {
    run creel run --name hungry -m 16m --memory-swap 16m busybox sh -c 'x=$(head -c 64m /dev/zero | tr "\0" x); echo no'
    expect_code 137
    [ "$(creel inspect -f '{{.State.OOMKilled}}' hungry)" = true ]
}

@test "--cgroup-parent puts the group below another" {
    creel run -d --name below --cgroup-parent "/creel-test-parent-$$" busybox sleep 1000
    grep -q ":/creel-test-parent-$$/" "/proc/$(pid_of below)/cgroup"
    creel rm -f below
    for group in /sys/fs/cgroup/creel-test-parent-$$ /sys/fs/cgroup/*/creel-test-parent-$$; do
        [ ! -d "$group" ] || rmdir "$group"
    done
}

# --- runtimes and logs ---

@test "an external runtime runs it, by name or path" {
    command -v runc >/dev/null || skip "runc is not installed"
    run creel run --rm --runtime runc busybox sh -c 'echo via runc; exit 6'
    expect_code 6
    expect_out "via runc"
    run creel run --rm --runtime "$(command -v runc)" busybox echo path
    expect_out path
}

@test "who is late to record an exit leaves the next run alone" {
    local before id
    id=$(creel run -d --name late busybox sleep 1000)
    strace -f -o "$T/trace" -e trace=unlinkat -e inject=unlinkat:delay_enter=2000000:when=1 "$CREEL" stop -t 0 late >/dev/null &
    before=$!
    creel wait late >/dev/null
    creel start late >/dev/null
    wait "$before"
    [ "$(creel inspect -f '{{.State.Status}}' late)" = running ]
    creel exec late true
    [ -e "$RUN_ROOT/containers/$id/lock" ]
    creel rm -f late >/dev/null
}

@test "a restart that fails does not leave a container that removes itself" {
    mkdir "$T/source"
    creel run -d --rm --name again --mount "type=bind,src=$T/source,dst=/m" busybox sleep 1000 >/dev/null
    rmdir "$T/source"
    run creel restart -t 0 again
    [ "$status" = 1 ]
    [[ "$output" = *"bind source path does not exist"* ]]
    [ -z "$(creel ps -aq)" ]
}

@test "a stopped monitor does not hold a command for ever" {
    local id monitor
    id=$(creel run -d --name stuck busybox sleep 1000)
    monitor=$(pgrep -f "creel-monitor $id")
    kill -STOP "$monitor"
    run timeout 40 "$CREEL" kill stuck
    kill -CONT "$monitor"
    [ "$status" = 1 ]
    [[ "$output" = *"its monitor (pid $monitor) is stopped"* ]]
    [ "$(creel wait stuck)" = 137 ]
    creel rm stuck >/dev/null
}

@test "--log-driver none keeps nothing, the output is still shown" {
    run creel run --name mute --log-driver none busybox echo shown
    expect_out shown
    run --separate-stderr creel logs mute
    expect_failure 1 "does not support reading"
}

@test "--no-healthcheck and --pull never are taken" {
    run creel run --rm --no-healthcheck --pull never -q busybox echo fine
    expect_out fine
}

@test "fifty containers at once" {
    for i in $(seq 50); do
        creel run --rm busybox echo "$i" >"$T/out.$i" 2>&1 &
    done
    wait
    for i in $(seq 50); do
        [ "$(cat "$T/out.$i")" = "$i" ]
    done
    no_containers
}
