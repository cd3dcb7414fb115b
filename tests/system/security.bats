#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Known attacks on container engines, tried on this one; docs/security.md says which row of the threat model is tested where.
# What concerns the runtime library alone is in runtime.bats, archives and copies are in images.bats and cp.bats.
# Races go on for RACE_SECONDS (default 3) each.
load helpers

RACE_SECONDS=${RACE_SECONDS:-3}
eval "engine_$(declare -f setup_file)"

setup_file() {
    engine_setup_file
    gcc -static -O2 -o "$BATS_FILE_TMPDIR/attacker" "$TOP/tests/system/attacker.c"
    mkdir -p "$BATS_FILE_TMPDIR/layer"
    cp "$BATS_FILE_TMPDIR/attacker" "$BATS_FILE_TMPDIR/layer/attacker"
    cp "$BATS_FILE_TMPDIR/attacker" "$BATS_FILE_TMPDIR/layer/suid"
    chmod 4755 "$BATS_FILE_TMPDIR/layer/suid"
    cp "$BATS_FILE_TMPDIR/busybox.tar" "$BATS_FILE_TMPDIR/attack.tar"
    tar -C "$BATS_FILE_TMPDIR/layer" --owner=0 --group=0 -rf "$BATS_FILE_TMPDIR/attack.tar" attacker suid
    creel import -c 'CMD ["sh"]' "$BATS_FILE_TMPDIR/attack.tar" attack >/dev/null
}

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT
    T=$BATS_TEST_TMPDIR
    mkdir "$T/canary"
    echo secret >"$T/canary/file"
    chmod 640 "$T/canary/file"
    CANARY=$(canary)
    NULL=$(stat -c '%u:%g:%a:%t:%T' /dev/null)
    PATTERN=$(cat /proc/sys/kernel/core_pattern)
}

teardown() {
    [ "$(canary)" = "$CANARY" ] || { echo "the canary was changed: $(canary)"; return 1; }
    [ "$(stat -c '%u:%g:%a:%t:%T' /dev/null)" = "$NULL" ] || { echo "/dev/null was changed"; return 1; }
    [ "$(cat /proc/sys/kernel/core_pattern)" = "$PATTERN" ] || { echo "core_pattern was changed"; return 1; }
    leave_nothing
}

canary() { (cd "$T/canary" && find . -printf '%p %y %m %U:%G %l\n' | sort && cat file); }
attack() { creel run --rm attack /attacker "$@"; }
programs() { sha256sum "$CREEL" "$CREEL_BUILD"/creel-{monitor,init,archive}; }
monitor_of() { sed 's/.*) //' "/proc/$(pid_of "$1")/stat" | cut -d' ' -f2; }
memory_of() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; } # kB
descriptors_of() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
race_end() { END=$((SECONDS + RACE_SECONDS)); }
racing() { [ $SECONDS -lt $END ]; }
refused() { # TEXT CREEL-ARGUMENTS...
    local text=$1
    shift
    run --separate-stderr creel "$@"
    [ "$status" -ne 0 ] || { echo "not refused: creel $*"; return 1; }
    expect_in "$text" "$stderr"
    no_control "$stderr"
}
no_control() { # what is printed has nothing for a terminal to obey
    [ -z "$(printf '%s' "$1" | tr -d '\n\t' | LC_ALL=C grep -aP '[\x00-\x1f\x7f]')" ] || { printf 'control characters: %q\n' "$1"; return 1; }
}

# An image of the attack image's files, changed by a shell text that runs in its tree.
image_of() { # NAME SHELL-TEXT [IMPORT-OPTIONS...]
    local name=$1 text=$2 tree=$T/tree-$1
    shift 2
    mkdir "$tree"
    tar -C "$tree" -xf "$BATS_FILE_TMPDIR/attack.tar"
    (cd "$tree" && CANARY_DIR=$T/canary && eval "$text")
    tar -C "$tree" --numeric-owner -c . | creel import "$@" - "$name" >/dev/null
    rm -rf "$tree"
}

# --- 3.1 binary, descriptors, working directory ---

@test "CVE-2019-5736: a container cannot write the programs that start it" {
    local before i
    before=$(programs)
    image_of self 'printf "#!/proc/self/exe\n" >evil; chmod 755 evil; rm bin/sh; ln -s /proc/self/exe bin/sh'
    creel run -d --name box --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH self /attacker watch x >/dev/null
    logged box watching
    race_end
    for ((i = 0; i < 50; i++)); do
        racing || [ $i -lt 20 ] || break
        creel exec box /evil >/dev/null 2>&1 || true
        creel exec box /bin/sh >/dev/null 2>&1 || true
        creel exec box /bin/true
    done
    creel kill box >/dev/null
    run creel run --rm self /evil
    [ "$status" -ne 0 ]
    run creel run --rm self /bin/sh
    [ "$status" -ne 0 ]
    creel logs box >"$T/log"
    grep -q seen "$T/log" # or nothing was tried
    ! grep -E "opened for writing|only busy" "$T/log" || return 1
    [ "$(programs)" = "$before" ]
    creel rm box >/dev/null
    creel rmi self >/dev/null
}

@test "CVE-2016-9962: a process that joins cannot be traced or read before it is the container's" {
    local extra what i
    for extra in "" "--cap-add=SYS_PTRACE"; do
        for what in t f; do
            # shellcheck disable=SC2086
            creel run -d --name box $extra attack /attacker watch $what >/dev/null
            logged box watching
            for ((i = 0; i < 50; i++)); do
                creel exec box /bin/true >/dev/null 2>&1 || true # the attacker may have killed it
            done
            creel kill box >/dev/null
            creel logs box | grep -vE '^(watching|held)$' >"$T/log" || true
            [ ! -s "$T/log" ] || { echo "with $extra:"; sort "$T/log" | uniq -c | head -20; return 1; }
            creel rm box >/dev/null
        done
    done
}

@test "CVE-2016-9962: a container that joins another one's processes is not seen before it is confined" {
    local what i
    for what in t f X r; do
        creel run -d --name box --cap-add=SYS_PTRACE --cap-add=DAC_READ_SEARCH attack /attacker watch $what "$T/canary/file" >/dev/null
        logged box watching
        for ((i = 0; i < 40; i++)); do # the attacker may have killed it
            creel run --rm --pid container:box attack /bin/true >/dev/null 2>&1 || true
        done
        creel kill box >/dev/null
        creel logs box | grep -vE '^(watching|held|seen)$' >"$T/log" || true
        creel rm box >/dev/null
        [ ! -s "$T/log" ] || { echo "watching for $what:"; sort "$T/log" | uniq -c | head -20; return 1; }
    done
    creel run -d --name box attack sleep 1000 >/dev/null
    run creel run --rm --pid container:box attack sh -c 'cat /proc/1/comm; cat /proc/$$/comm; grep -c . /proc/sys/kernel/osrelease'
    expect_code 0
    [ "$output" = "sleep
sh
1" ] || { echo "$output"; return 1; }
}

@test "the caller's descriptors do not reach a container" {
    creel run -d --name box attack sleep 1000 >/dev/null
    run bash -c 'for n in {10..40}; do eval "exec $n</"; done; exec "$@"' - "$CREEL" run --rm attack /attacker fds
    expect_code 0
    [ "$(cut -d' ' -f1 <<<"$output" | xargs)" = "0 1 2" ]
    run bash -c 'for n in {10..40}; do eval "exec $n</"; done; exec "$@"' - "$CREEL" exec box /attacker fds
    [ "$(cut -d' ' -f1 <<<"$output" | xargs)" = "0 1 2" ]
    run bash -c 'for n in {10..40}; do eval "exec $n</"; done; "$@" && '"'$CREEL' exec late /attacker fds" - "$CREEL" run -d --name late attack sleep 1000
    [ "$(tail -n +2 <<<"$output" | cut -d' ' -f1 | xargs)" = "0 1 2" ]
    [ "$(find "/proc/$(monitor_of late)/fd" -lname / | wc -l)" -le 1 ] # the monitor has its own one at most
}

@test "CVE-2024-21626: a working directory on a descriptor of the host" {
    local n dir
    image_of links 'for n in 3 7 8 9 10; do ln -s /proc/self/fd/$n leak$n; done'
    creel run -d --name box links sleep 1000 >/dev/null
    for ((n = 10; n < 210; n++)); do eval "exec $n</"; done
    for n in {3..40} 200; do
        for dir in "/proc/self/fd/$n" "/proc/self/fd/$n/../../.."; do
            run creel exec -w "$dir" box sh -c 'pwd; ls -d root/../work 2>/dev/null'
            [ "$status" -ne 0 ] || [ "$output" = "/" ] || { echo "exec -w $dir: $output"; return 1; }
        done
    done
    for n in 3 7 8 9 10; do
        run creel exec -w "/leak$n" box pwd
        [ "$status" -ne 0 ]
        run creel run --rm -w "/leak$n" links pwd
        [ "$status" -ne 0 ]
        run creel run --rm -w "/proc/self/fd/$n" links pwd
        [ "$status" -ne 0 ]
    done
    for ((n = 10; n < 210; n++)); do eval "exec $n<&-"; done
    creel rm -f box >/dev/null
    creel rmi links >/dev/null
}

@test "CVE-2015-3627, CVE-2024-5154, CVE-2025-24965: links of the image where the engine makes files" {
    # shellcheck disable=SC2016
    image_of links 'rm -rf etc dev sbin run; ln -s "$CANARY_DIR" etc; mkdir dev run sbin; ln -s "$CANARY_DIR/console" dev/console
        ln -s "$CANARY_DIR" run/secrets; ln -s "$CANARY_DIR/env" run/.containerenv; ln -s "$CANARY_DIR/env" .dockerenv
        ln -s "$CANARY_DIR/init" sbin/docker-init; ln -s "$CANARY_DIR" l; ln -s "../../../../../../../../../..$CANARY_DIR" up'
    run creel run --rm links /bin/busybox ls -A /l
    run creel run --rm --init links /bin/busybox true
    run creel run --rm -w /l/x/y links /bin/busybox pwd
    [ "$status" -ne 0 ] || expect_in "$T/canary/x/y" "$output" # made inside
    run creel run --rm -w /up/x links /bin/busybox pwd
    run "$PTY" -- "$CREEL" run --rm -it -u 1000 links /bin/busybox ls /
    run creel run --rm -v "$T/new:/up/m/n" links /bin/busybox ls /up
    run creel run --rm --tmpfs /l/t --read-only links /bin/busybox ls /l
    [[ $output != *secret* ]]
    run creel create --name cp links
    run creel cp "$BATS_FILE_TMPDIR/attacker" cp:/up/attacker
    run creel cp "$BATS_FILE_TMPDIR/attacker" cp:/etc/attacker
    creel rm -f cp >/dev/null
    creel rmi links >/dev/null
}

@test "CVE-2015-3629: mount targets that became links by the next start" {
    mkdir "$T/src"
    touch "$T/src/mine"
    creel run --name box -v "$T/src:/a/b" -w /work/dir attack sh -c "if [ -e /once ]; then ls -A /a/b; else touch /once; fi"
    creel cp box:/once - >/dev/null
    # what a process with the mount's parent can do, from outside of the mount
    creel cp - box:/ < <(cd "$T" && mkdir x && ln -s "$T/canary" x/work && tar -C x -c work) || true
    run creel start -a box
    [ "$status" -ne 0 ] || expect_out mine
}

@test "CVE-2021-43784: long sources, arguments and variables leave the namespaces alone" {
    local size text
    for size in 4096 65535 65536 65537 131000; do
        text=$(head -c "$size" /dev/zero | tr '\0' a)
        run creel run --rm -e "LONG=$text" busybox sh -c 'for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done' "$text"
        expect_code 0
        [ "${#lines[@]}" = 5 ]
        [ -z "$(comm -12 <(sort <<<"$output") <(readlink /proc/self/ns/{ipc,mnt,net,pid,uts} | sort))" ]
        run creel run --rm -v "$T/$text:/x" busybox true
        expect_code 125
        run creel run --rm -v "$T:/$text" busybox true
        expect_code 125
    done
    [ ! -e "$T/aaaa" ]
    printf 'LONG=%s\n' "$(head -c 1048576 /dev/zero | tr '\0' a)" >"$T/env"
    run creel run --rm --env-file "$T/env" busybox sh -c 'readlink /proc/self/ns/net'
    [ "$status" -ne 0 ] || [ "$output" != "$(readlink /proc/self/ns/net)" ]
    ls "$T" >"$T/after"
    [ "$(wc -l <"$T/after")" -le 3 ]
}

@test "TIOCSTI: the caller's terminal is never the container's" {
    run python3 - "$CREEL" <<'PY'
import fcntl, os, pty, subprocess, sys, termios, tty
for flags in ([], ["-i"], ["-t"], ["-it"]):
    master, slave = os.openpty()
    tty.setraw(slave)
    def own():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    p = subprocess.run([sys.argv[1], "run", "--rm", *flags, "attack", "/attacker", "tty"], stdin=slave, stdout=slave,
                       stderr=slave, preexec_fn=own, timeout=30)
    os.set_blocking(slave, False)
    try:
        print(flags, "pushed", os.read(slave, 100))
    except BlockingIOError:
        print(flags, "clean")
PY
    expect_code 0
    [ "$(grep -c clean <<<"$output")" = 4 ]
}

@test "files that creel writes for its caller are new ones" {
    ln -s "$T/canary/file" "$T/cid"
    refused "container ID file found" run --rm --cidfile "$T/cid" busybox true
    ln -s "$T/canary/none" "$T/dangling"
    run creel run --rm --cidfile "$T/dangling" busybox true
    [ "$status" -ne 0 ]
    [ ! -e "$T/canary/none" ]
}

# --- 3.2 mounts, procfs ---

@test "CVE-2019-16884, CVE-2015-3631: nothing is mounted over or below /proc" {
    local flags
    for flags in "-v /tmp:/proc" "-v /tmp:/proc/self" "-v /tmp:/proc/self/attr" "-v /proc:/proc" "--tmpfs /proc" "--tmpfs /proc/sys" \
        "-v /tmp:/dev/../proc/sys" "--mount type=tmpfs,dst=/proc/sys/kernel" "--mount type=bind,src=/tmp,dst=/./proc//self"; do
        # shellcheck disable=SC2086
        refused "inside /proc" run --rm $flags busybox true || { echo "$flags"; return 1; }
    done
    image_of volumes true -c 'VOLUME /proc' -c 'VOLUME /proc/self/attr'
    run creel run --rm volumes sh -c 'cat /proc/1/comm; grep -c " /proc .* - proc " /proc/self/mountinfo; ls -A /proc/self/attr | wc -l'
    [ "$status" = 125 ] || [[ $output == sh$'\n'1$'\n'[1-9]* ]]
    creel rmi volumes >/dev/null
    image_of link 'mkdir d; ln -s /proc d/p'
    refused "procfs" run --rm -v /tmp:/d/p/sys link true
    creel rmi link >/dev/null
}

@test "no file of /proc and /sys can be opened for writing, but those of a short list" {
    run attack scan
    expect_code 0
    run grep -vE '^/proc/pressure/(cpu|io|memory|irq)$' <<<"$output"
    [ -z "$output" ] || { echo "writable: $output"; return 1; }
    # the scan does find what is open
    run creel run --rm --security-opt systempaths=unconfined attack /attacker scan
    expect_in /proc/sys/kernel "$output"
}

@test "an exec during the start sees masked files only" {
    local runner i
    for ((i = 0; i < 5; i++)); do
        creel create --name box busybox sleep 1000 >/dev/null
        (for ((n = 0; n < 200; n++)); do
            creel exec box sh -c 'for f in kcore keys timer_list sched_debug; do [ -e /proc/$f ] && head -c 1 /proc/$f | wc -c; done; echo x >/proc/sysrq-trigger && echo 1; exit 0' 2>/dev/null && break
        done >"$T/seen.$i") 3>&- &
        runner=$!
        creel start box >/dev/null
        wait $runner
        ! grep -q 1 "$T/seen.$i" || { echo "seen in round $i"; return 1; }
        creel rm -f box >/dev/null
    done
    cat "$T"/seen.* | grep -q 0 # some of them got in
}

@test "mounts do not reach the host, whatever the engine does" {
    local before
    before=$(wc -l </proc/self/mountinfo)
    cut -d' ' -f3- /proc/self/mountinfo >"$T/before"
    # all of it on a shared mount, from which everything would spread
    run unshare -m --propagation private sh -ec '
        mkdir "$2/shared"; mount -t tmpfs shared "$2/shared"; mount --make-shared "$2/shared"
        export CREEL_ROOT=$2/shared/root CREEL_RUN_ROOT=$2/shared/run
        "$1" import - one <"$3" >/dev/null
        n=$(wc -l </proc/self/mountinfo)
        "$1" create --name box -v "$2/shared:/s" --tmpfs /t one sleep 1000 >/dev/null
        for i in 1 2 3 4 5; do "$1" start box >/dev/null; "$1" exec box true; "$1" cp box:/etc/passwd - >/dev/null; "$1" stop -t 0 box >/dev/null; done
        "$1" commit box two >/dev/null; "$1" export box >/dev/null; "$1" cp box:/etc/passwd - >/dev/null
        for i in 1 2 3 4 5; do "$1" run --rm one true; done
        "$1" rm box >/dev/null
        [ "$(wc -l </proc/self/mountinfo)" = "$n" ]
        rm -rf "$2/shared/root" "$2/shared/run"; umount "$2/shared"' - "$CREEL" "$T" "$BATS_FILE_TMPDIR/attack.tar"
    expect_code 0
    [ "$(wc -l </proc/self/mountinfo)" = "$before" ] || { cut -d' ' -f3- /proc/self/mountinfo | diff "$T/before" -; return 1; }
}

@test "a read-only bind is read-only below, too" {
    run unshare -m --propagation private sh -c '
        mkdir -p "$2/tree/sub"; mount -t tmpfs sub "$2/tree/sub"
        "$1" run --rm -v "$2/tree:/t:ro" busybox sh -c "touch /t/x /t/sub/x; echo \$?"
        "$1" run --rm --mount "type=bind,src=$2/tree,dst=/t,ro" busybox sh -c "touch /t/sub/x; echo \$?"' - "$CREEL" "$T"
    [ "$(grep -c "Read-only file system" <<<"$output")" = 3 ]
}

# --- 3.3 identity, capabilities, exec, signals ---

@test "CVE-2022-29162, CVE-2016-8867: inheritable and ambient sets are empty, other users have nothing" {
    local flags
    for flags in "" "-u 1000" "--cap-add SYS_ADMIN" "--cap-add ALL" "-u 1000 --cap-add NET_ADMIN" "--privileged" "-u 1000 --privileged"; do
        # shellcheck disable=SC2086
        creel run -d --name box $flags busybox sleep 1000 >/dev/null
        for pid in "$(pid_of box)" "exec" "exec --privileged"; do
            case $pid in
            exec*) # shellcheck disable=SC2086
                sets=$(creel $pid box cat /proc/self/status) ;;
            *) sets=$(cat "/proc/$pid/status") ;;
            esac
            sets=$(sed -n 's/^Cap\(Inh\|Amb\|Eff\|Prm\):\t/\1 /p' <<<"$sets" | tr '\n' ' ')
            expect_in "Inh 0000000000000000" "$sets"
            expect_in "Amb 0000000000000000" "$sets"
            case $flags in *"-u 1000"*) expect_in "Eff 0000000000000000" "$sets"; expect_in "Prm 0000000000000000" "$sets" ;; esac
        done
        creel rm -f box >/dev/null
    done
}

@test "CVE-2026-30892, CVE-2024-40635: a user means the same for run and for exec" {
    local form want
    creel run -d --name box busybox sleep 1000 >/dev/null
    while read -r form want; do
        run creel run --rm "--user=$form" busybox sh -c 'echo $(id -u) $(id -g) $(id -G)'
        expect_out "$want" || { echo "run --user $form"; return 1; }
        run creel exec "--user=$form" box sh -c 'echo $(id -u) $(id -g) $(id -G)'
        expect_out "$want" || { echo "exec --user $form"; return 1; }
    done <<'TABLE'
0 0 0 0
root 0 0 0
1000 1000 1001 1001 10
test 1000 1001 1001 10
test:wheel 1000 10 10
1000:10 1000 10 10
0:5 0 5 5
77 77 0 0
77:78 77 78 78
2147483648 2147483648 0 0
4294967294:4294967294 4294967294 4294967294 4294967294
nobody:nogroup 65534 65534 65534
TABLE
    for form in -1 +0 0x0 ' 1' 1: :1 1:1:1 4294967295 4294967296 18446744073709551616 0:4294967295 0:-1 "$(printf '0\n')x" $'0\n1'; do
        run creel run --rm "--user=$form" busybox id
        [ "$status" = 125 ] || { echo "run took $form"; return 1; }
        run creel exec "--user=$form" box id
        [ "$status" -ne 0 ] || { echo "exec took $form"; return 1; }
    done
}

@test "CVE-2022-2989, CVE-2022-36109: groups are the container's, not the caller's" {
    local with="setpriv --groups 4242,4243"
    $with "$CREEL" run -d --name box --group-add 99 busybox sh -c 'echo no >/f; chown 0:1001 /f; chmod 0604 /f; sleep 1000' >/dev/null
    within creel exec box test -e /f
    [ "$(sed -n 's/^Groups:[[:blank:]]*//p' "/proc/$(pid_of box)/status" | xargs)" = "0 99" ]
    run $with "$CREEL" exec box id -G
    expect_out "0 99"
    run $with "$CREEL" exec -u 1000 box id -G
    expect_in "1001 10" "$output"
    [[ $output != *424* ]]
    run $with "$CREEL" exec -u 1000 box cat /f # others may, the group may not
    expect_in "Permission denied" "$output"
    run creel exec -u 77 box cat /f
    expect_out no
    image_of keep true -c 'LABEL run.oci.keep_original_groups=1'
    run $with "$CREEL" run --rm --annotation run.oci.keep_original_groups=1 -u 77:78 keep id -G
    expect_out 78
    creel rmi keep >/dev/null
}

@test "CVE-2022-1227, CVE-2019-14271: nothing of the image is executed or loaded by commands about it" {
    # shellcheck disable=SC2016
    image_of evil 'printf "#!/bin/busybox sh\n/bin/busybox touch /shared/marker\nexec /bin/busybox sh\n" >evil; chmod 755 evil
        for n in ps nsenter sh top tar ls cat id du df gzip xz zstd; do rm -f bin/$n; cp evil bin/$n; done
        mkdir -p lib/x86_64-linux-gnu lib64 etc; for n in libnss_files.so.2 libnss_dns.so.2 libc.so.6; do cp attacker lib/x86_64-linux-gnu/$n; done
        echo /evil >etc/ld.so.preload; echo "passwd: files dns evil" >etc/nsswitch.conf'
    mkdir "$T/shared"
    creel run -d --name box -v "$T/shared:/shared" evil /bin/busybox sleep 1000 >/dev/null
    creel top box >/dev/null
    creel stats --no-stream box >/dev/null
    creel inspect -s box >/dev/null
    creel cp box:/etc/passwd - >/dev/null
    creel cp "$T/canary/file" box:/tmp/
    creel logs box
    creel diff box >/dev/null 2>&1 || true
    creel update -m 64m --memory-swap 64m box >/dev/null
    creel exec -u test box /bin/busybox true
    creel commit box evil2 >/dev/null
    creel export box >/dev/null
    creel stop -t 0 box >/dev/null
    [ ! -e "$T/shared/marker" ]
    creel rm box >/dev/null
    run creel run --rm -v "$T/shared:/shared" evil sh -c true # the trap does work
    [ -e "$T/shared/marker" ]
    creel rmi evil evil2 >/dev/null
}

@test "kill and rm -f end processes that fork faster than they can be listed, with the host's pids too" {
    local id verb
    for verb in kill "rm -f"; do
        id=$(creel run -d --name bomb --pid host --pids-limit 400 attack /attacker forks 60)
        logged bomb forking
        # shellcheck disable=SC2086
        timeout 20 "$CREEL" $verb bomb >/dev/null
        within group_is_empty "$id"
        creel rm -f bomb >/dev/null 2>&1 || true
    done
}
group_is_empty() { [ -z "$(find /sys/fs/cgroup -path "*$1*" -name cgroup.procs -exec cat {} + 2>/dev/null)" ]; }

@test "--security-opt no-new-privileges holds for run and exec; without it set-uid works" {
    creel run -d --name box --security-opt no-new-privileges -u 1000 attack sleep 1000 >/dev/null
    grep -q 'NoNewPrivs:.*1' "/proc/$(pid_of box)/status"
    run creel exec box grep NoNewPrivs /proc/self/status
    expect_in 1 "$output"
    run creel exec -u 1000 box /suid ids
    expect_out "1000 1000 1000"
    run creel run --rm -u 1000 attack /suid ids
    expect_out "1000 0 0"
}

@test "the system call filter covers every entry of the kernel, and is the same for exec" {
    run attack entries
    expect_in "native unshare EPERM" "$output"
    if [ "$(uname -m)" = x86_64 ]; then
        expect_in "int80 unshare EPERM" "$output"
        expect_in "int80 keyctl EPERM" "$output"
        [[ $output != *"x32 unshare 0"* ]]
        [[ $output != *"x32 keyctl 0"* ]]
    fi
    creel run -d --name box attack sleep 1000 >/dev/null
    local mode count
    mode=$(sed -n 's/^Seccomp:\t//p' "/proc/$(pid_of box)/status")
    count=$(sed -n 's/^Seccomp_filters:\t//p' "/proc/$(pid_of box)/status")
    [ "$mode" = 2 ]
    [ "$(creel exec box sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 2 ]
    [ "$(creel exec box sed -n 's/^Seccomp_filters:\t//p' /proc/self/status)" = "$count" ]
    run creel exec box /attacker entries
    expect_in "native unshare EPERM" "$output"
}

@test "streams keep their owner and mode, whoever the process is" {
    echo data >"$T/in"
    chown 7:8 "$T/in"
    creel run -d --name box busybox sleep 1000 >/dev/null
    creel run --rm -i -u 1000 busybox cat <"$T/in" >"$T/out"
    creel exec -i -u 1000 box cat <"$T/in" >>"$T/out"
    creel exec -u 1000 box true </dev/null >/dev/null 2>&1
    creel run --rm -u 1000 busybox true </dev/null >/dev/null 2>&1
    [ "$(stat -c %u:%g "$T/in" "$T/out" | xargs)" = "7:8 0:0" ]
    run python3 - "$CREEL" <<'PY'
import os, subprocess, sys
for command in (["run", "--rm", "-it", "-u", "1000", "busybox"], ["exec", "-it", "-u", "1000", "box"]):
    master, slave = os.openpty()
    before = os.fstat(slave)
    subprocess.run([sys.argv[1], *command, "true"], stdin=slave, stdout=slave, stderr=slave, timeout=30)
    after = os.fstat(slave)
    assert (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode), command
PY
    expect_code 0
}

@test "no core dumps unless they are asked for" {
    ulimit -S -c "$(ulimit -H -c)" # what is inherited, otherwise
    [ "$(ulimit -c)" != 0 ] || skip "the hard limit is 0 already"
    creel run -d --name box busybox sleep 1000 >/dev/null
    [ "$(awk '/core file/ { print $5 }' "/proc/$(pid_of box)/limits")" = 0 ]
    [ "$(creel exec box sh -c 'ulimit -c')" = 0 ]
    [ "$(creel run --rm --ulimit core=1024 busybox sh -c 'ulimit -c')" = 2 ] # of 512 bytes
}

@test "each container has a session keyring of its own" {
    creel run -d --name box --security-opt seccomp=unconfined attack sleep 1000 >/dev/null
    one=$(creel exec box /attacker keyring)
    expect_in "add_key 0" "$one"
    id=$(creel inspect -f '{{.Id}}' box)
    expect_in "${id:0:12}" "$one"
    two=$(creel run --rm --security-opt seccomp=unconfined attack /attacker keyring)
    [ "$(head -1 <<<"$one")" != "$(head -1 <<<"$two")" ]
    [ "$(head -1 <<<"$one")" != "$("$BATS_FILE_TMPDIR/attacker" keyring | head -1)" ]
}

@test "variables of the image change nothing outside of the process" {
    local n flags=()
    for n in LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG GCONV_PATH LOCPATH MALLOC_TRACE GLIBC_TUNABLES LISTEN_FDS LISTEN_PID NOTIFY_SOCKET \
        CREEL_ROOT CREEL_RUN_ROOT CREEL_BUILD _LIBCONTAINER_INITPIPE _CONTAINERS_USERNS_CONFIGURED TMPDIR HTTP_PROXY TZ LC_ALL HOSTALIASES; do
        flags+=(-c "ENV $n=/evil")
    done
    image_of env true "${flags[@]}"
    creel run -d --name box env sleep 1000 >/dev/null
    [ "$(tr '\0' '\n' <"/proc/$(monitor_of box)/environ" | wc -c)" = 0 ]
    [ "$(creel exec box sh -c 'echo $LD_PRELOAD $CREEL_ROOT $LISTEN_FDS')" = "/evil /evil /evil" ]
    [ "$(creel inspect -f '{{.State.Status}}' box)" = running ]
    creel cp box:/etc/passwd - >/dev/null
    creel commit box env2 >/dev/null
    creel stop -t 0 box >/dev/null
    [ "$(LD_PRELOAD=/evil TMPDIR=/evil creel run --rm busybox sh -c 'echo $LD_PRELOAD$TMPDIR')" = "" ]
    creel rm box >/dev/null
    creel rmi env env2 >/dev/null
}

# --- 3.4 control groups, kernel settings, the kernel's surface ---

@test "CVE-2022-0811, CVE-2022-0532: kernel settings that are the host's, or smuggle another" {
    local s before
    before=$(cat /proc/sys/kernel/{core_pattern,hostname,shmmax,shm_rmid_forced} /proc/sys/vm/swappiness /proc/sys/net/ipv4/ip_forward)
    for s in 'kernel.core_pattern=x' 'kernel.hostname=x' 'vm.swappiness=1' 'fs.file-max=1' 'kernel.shm_rmid_forced=1+kernel.core_pattern=x' \
        $'kernel.shmmax=1\nkernel.core_pattern=x' 'kernel/../kernel/core_pattern=1' 'net.ipv4.ip_forward/../../../kernel/core_pattern=1' \
        'net/../kernel/core_pattern=1' 'net/ipv4/../../kernel/core_pattern=1' 'net..ipv4=1' 'net.=1' 'kernel.shm/../core_pattern=1' '=1' \
        'net.ipv4.ip_forward' 'kernel.shmmax/x=1' 'kernel.shm*=1' 'kernel.sem.=1' '/kernel/shmmax=1' 'kernel.msgmax =1'; do
        run creel run --rm --sysctl "$s" busybox true
        [ "$status" = 125 ] || { echo "taken: $s"; return 1; }
    done
    for s in '--network=host --sysctl=net.ipv4.ip_forward=0' '--ipc=host --sysctl=kernel.shmmax=1' '--ipc=host --sysctl=fs.mqueue.msg_max=9' \
        '--uts=host --sysctl=kernel.domainname=x'; do
        # shellcheck disable=SC2086
        run creel run --rm $s busybox true
        [ "$status" = 125 ] || { echo "taken: $s"; return 1; }
    done
    [ "$(cat /proc/sys/kernel/{core_pattern,hostname,shmmax,shm_rmid_forced} /proc/sys/vm/swappiness /proc/sys/net/ipv4/ip_forward)" = "$before" ]
}

@test "CVE-2022-0492, CVE-2023-25809: the control groups' files cannot be written, mounted or given a namespace" {
    for flags in "" "--cgroupns=host"; do
        # shellcheck disable=SC2086
        run creel run --rm $flags busybox sh -c 'unshare -Ur true; unshare -m true; mkdir /tmp/c; mount -t cgroup -o memory c /tmp/c; mount -t cgroup2 c /tmp/c
            for f in $(find /sys/fs/cgroup \( -name release_agent -o -name cgroup.procs -o -name tasks -o -name "memory.max" \) 2>/dev/null | head -40); do
                (echo 1 >$f) 2>/dev/null && echo "wrote $f"; done
            mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x /sys/fs/cgroup/unified/x 2>/dev/null && echo made; echo end'
        [ "$(grep -ciE 'permission denied|not permitted' <<<"$output")" = 4 ]
        [[ $output != *wrote* ]]
        [[ $output != *made* ]]
        expect_in end "$output"
    done
}

@test "a limit is in force or refused, never forgotten" {
    local flags file value id found
    while read -r flags file value; do
        if ! id=$(creel run -d --name box $flags busybox sleep 1000 2>"$T/err"); then
            [ -s "$T/err" ]
            creel rm -f box >/dev/null 2>&1 || true
            continue
        fi
        found=
        for f in ${file//,/ }; do
            while read -r path; do
                case ,$value, in *",$(cat "$path"),"*) found=1 ;; esac
            done < <(find /sys/fs/cgroup -path "*/$id/$f" 2>/dev/null)
        done
        [ -n "$found" ] || [ -s "$T/err" ] || { echo "$flags is not in $file"; return 1; }
        creel rm -f box >/dev/null
    done <<'TABLE'
--memory=32m memory.limit_in_bytes,memory.max 33554432
--memory=32m memory.memsw.limit_in_bytes,memory.swap.max 67108864,33554432
--memory-reservation=16m memory.soft_limit_in_bytes,memory.low 16777216
--cpus=0.5 cpu.cfs_quota_us,cpu.max 50000,50000 100000
--cpu-shares=512 cpu.shares,cpu.weight 512,20,59
--cpuset-cpus=0 cpuset.cpus 0
--cpuset-mems=0 cpuset.mems 0
--pids-limit=17 pids.max 17
--blkio-weight=300 blkio.weight,blkio.bfq.weight,io.bfq.weight,io.weight 300,default 300,default 2929
TABLE
}

@test "devices that were not given cannot be opened, whatever nodes are made" {
    local node
    for node in "8 0 b" "259 0 b" "7 0 b" "1 1 c" "1 2 c" "10 229 c" "10 200 c" "4 0 c" "5 1 c"; do
        # shellcheck disable=SC2086
        run attack device $node
        [[ $output != *"open 0"* ]] || { echo "opened $node"; return 1; }
        case $node in *b | "1 "*) [ "$(grep -c 'open EPERM' <<<"$output")" = 2 ] || { echo "$node: $output"; return 1; } ;; esac
    done
    run creel run --rm attack /attacker device 1 3 c # the test can see an open
    expect_in "open 0" "$output"
}

@test "a change of limits opens no window for devices" {
    creel run -d --name box attack sh -c 'mknod /tmp/d b 8 0; mknod /tmp/m c 1 1; while true; do (: </tmp/d) 2>/dev/null && echo OPENED; (: </tmp/m) 2>/dev/null && echo OPENED; done' >/dev/null
    race_end
    local n=100
    while racing; do
        creel update --cpu-shares $((n += 1)) box >/dev/null
    done
    [ "$n" -gt 110 ]
    [ -z "$(creel logs box)" ]
}

@test "open_by_handle_at finds no file of the host, with and without the filter" {
    run attack handle
    expect_in "/ EPERM" "$output"
    run creel run --rm --security-opt seccomp=unconfined attack /attacker handle
    expect_in "/etc/hostname EPERM" "$output"
    [[ $output != *" 0"* ]]
}

@test "the kernel's surface: each call has its answer" {
    run attack syscalls
    expect_code 0
    local line
    while read -r line; do
        case $line in
        "personality 0 0" | "socket AF_UNIX 0" | "clone3 ENOSYS" | "unknown ENOSYS") ;;
        "personality 0 "* | "socket AF_UNIX "* | "clone3 "* | "unknown "*) echo "$line"; return 1 ;;
        *" EPERM") ;;
        *) echo "$line"; return 1 ;;
        esac
    done <<<"$output"
    [ "$(wc -l <<<"$output")" -gt 45 ]
    run creel run --rm --cap-add SYS_ADMIN attack /attacker syscalls # the calls of a capability come with it
    expect_in "fsopen EFAULT" "$output"
    expect_in "keyctl EPERM" "$output"
    expect_in "io_uring_setup EPERM" "$output"
}

@test "--pid=host: the monitors' memory, variables and descriptors stay theirs" {
    creel run -d --name other -e SECRET=marker busybox sleep 1000 >/dev/null
    local monitor
    monitor=$(monitor_of other)
    run creel run --rm --pid=host busybox sh -c "cat /proc/$monitor/environ; cat /proc/$monitor/maps; ls -l /proc/$monitor/fd/; readlink /proc/$monitor/exe; readlink /proc/$monitor/root; dd if=/proc/$monitor/mem of=/dev/null count=1; kill -0 $monitor && echo seen"
    expect_in seen "$output" # root may signal what it can name: that is what the host's pids mean
    [ "$(grep -c "ermission denied" <<<"$output")" -ge 4 ]
    [[ $output != *marker* ]]
    [[ $output != *r-xp* ]]
}

@test "a start in a frozen control group ends in an error, and nothing is left" {
    local dir=/sys/fs/cgroup/freezer/creel-test-security-$$
    if [ -d /sys/fs/cgroup/freezer ]; then
        mkdir "$dir"
        echo FROZEN >"$dir/freezer.state"
    else
        dir=/sys/fs/cgroup/creel-test-security-$$
        mkdir "$dir"
        echo 1 >"$dir/cgroup.freeze"
    fi
    run timeout 90 "$CREEL" run --rm --cgroup-parent "/creel-test-security-$$" busybox true
    local code=$status text=$output
    find /sys/fs/cgroup -depth -type d -path "*/creel-test-security-$$*" -exec rmdir {} + 2>/dev/null || true
    [ ! -d "$dir" ]
    [ "$code" = 125 ] || { echo "status $code: $text"; return 1; }
    expect_in "frozen" "$text"
}

@test "/dev/shm and message queues are bounded, and freed" {
    run creel run --rm --shm-size 1m busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=3
    expect_in "No space left" "$output"
    run creel run --rm busybox sh -c 'ls -A /dev/shm /dev/mqueue | grep -v "^/" | grep . ; cat /proc/sysvipc/shm | wc -l'
    expect_out 1
}

# --- 3.6 what images and requests put into files and variables ---

@test "CVE-2026-57231: variables of an image without = take nothing from the caller" {
    python3 - "$T/image.tar" "$BATS_FILE_TMPDIR/busybox.tar" <<'PY'
import hashlib, io, json, sys, tarfile
layer = open(sys.argv[2], "rb").read()
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATHX", "*", "FOO*", "=x", "", "GOOD=1"]},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
manifest = json.dumps([{"Config": "c.json", "RepoTags": ["noequals:1"], "Layers": ["l.tar"]}]).encode()
with tarfile.open(sys.argv[1], "w") as t:
    for name, data in (("c.json", config), ("l.tar", layer), ("manifest.json", manifest)):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
PY
    run creel load -i "$T/image.tar"
    if [ "$status" = 0 ]; then
        run env PATHX=host FOO1=host "$CREEL" run --rm noequals:1 env
        [[ $output != *host* ]]
        [ "$status" -ne 0 ] || expect_in GOOD=1 "$output"
        creel rmi noequals:1 >/dev/null
    fi
}

@test "CVE-2021-21334, CVE-2020-14370: many at once, each sees its own variables" {
    local i
    for i in 1 2 3 4 5 6 7 8; do
        creel run --rm -e "MINE$i=$i" busybox env >"$T/env.$i" 3>&- &
    done
    wait
    for i in 1 2 3 4 5 6 7 8; do
        [ "$(grep -c ^MINE "$T/env.$i")" = 1 ]
        grep -qx "MINE$i=$i" "$T/env.$i"
    done
}

@test "CVE-2024-9676: lists of users that are long or have no end" {
    image_of many 'awk "BEGIN { for (i = 0; i < 1000000; i++) printf \"u%d:x:%d:%d::/:/bin/sh\n\", i, i + 5, i + 5 }" >etc/passwd'
    run timeout 20 "$CREEL" run --rm -u u999999 many /bin/busybox true
    [ "$status" = 125 ] || [ "$status" = 0 ]
    run timeout 20 "$CREEL" run --rm -u 7 many sh -c 'echo $HOME'
    [ "$status" = 125 ] || [ "$status" = 0 ]
    creel rmi many >/dev/null
    image_of endless 'head -c 900000 /dev/zero | tr "\0" a >etc/passwd; printf "last:x:8:9::/:/bin/sh" >etc/group; printf "\nlast:x:8:9::/last:/bin/sh" >>etc/passwd'
    run timeout 20 "$CREEL" run --rm -u last endless sh -c 'echo $(id -u 2>/dev/null) $HOME'
    [ "$status" = 125 ] || expect_out "8 /last"
    creel rmi endless >/dev/null
}

@test "CVE-2022-4318: line breaks in values add no lines to generated files" {
    local bad want
    want=$(creel run --rm busybox sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf /etc/passwd /etc/group 2>/dev/null | wc -l')
    for bad in $'a\nb' $'a\rb' 'a b' $'a\tb' $'a\eb'; do
        refused "" run --rm --hostname "$bad" busybox true
        refused "" run --rm --domainname "$bad" busybox true
        refused "" run --rm --name "$bad" busybox true
        refused "" run --rm --user "$bad" busybox true
        refused "" run --rm --group-add "$bad" busybox true
    done
    run creel run --rm -e HOME=$'/\nevil:x:0:0::/:/bin/sh' -e HOSTNAME=$'x\n127.0.0.1 evil' -l $'a=b\nc' -w $'/tmp/a\nb' busybox \
        sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf /etc/passwd /etc/group 2>/dev/null | wc -l'
    expect_out "$want"
}

# --- 3.8 state, logs, streams, terminals, names ---

@test "CVE-2020-15257: no socket of the engine has an abstract name, and none can be used by others" {
    local monitor inode
    creel run -d --name box --network=host attack sleep 1000 >/dev/null
    monitor=$(monitor_of box)
    for inode in $(find "/proc/$monitor/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n'); do
        ! awk -v i="$inode" '$7 == i' /proc/net/unix | grep -q @ || { echo "abstract: $inode"; return 1; }
    done
    [ -n "$(find "$RUN_ROOT" -type s)" ] # there is one
    [ -z "$(find "$RUN_ROOT" -type s -perm /077)" ]
    ! creel exec box /attacker sockets | grep -i creel || return 1
}

@test "CVE-2021-41091, CVE-2024-25621: other users of the host get nothing from the engine's directories" {
    local dir path other="setpriv --reuid 65534 --regid 65534 --clear-groups"
    dir=$(mktemp -d /tmp/creel-security.XXXXXX)
    chmod 755 "$dir"
    cp "$BATS_FILE_TMPDIR/attacker" "$dir/attacker"
    chmod 4755 "$dir/attacker"
    [ "$($other sh -c '"$0" ids' "$dir/attacker")" = "65534 0 0" ] # so the way there is open
    (
        umask 000
        export CREEL_ROOT=$dir/root CREEL_RUN_ROOT=$dir/run
        trap 'creel rm -f box >/dev/null 2>&1; rm -rf "$dir"' EXIT
        creel import - attack <"$BATS_FILE_TMPDIR/attack.tar" >/dev/null
        creel run -d --name box attack sh -c 'cp /suid /mine; chmod 4755 /mine; echo ready; sleep 1000' >/dev/null
        logged box ready
        creel commit box two >/dev/null
        [ -z "$($other find "$dir/root" "$dir/run" -mindepth 1 2>/dev/null)" ]
        [ "$(stat -c %a "$dir/root" "$dir/run" "$dir/root"/{containers,layers,blobs,tmp} "$dir/run/containers" | sort -u)" = 700 ]
        [ "$(stat -c %a "$dir/root"/store.* | sort -u)" = 600 ]
        found=$(find "$dir" -name mine -perm -4000 | wc -l)
        [ "$found" -ge 1 ]
        while read -r path; do
            ! $other sh -c '"$0" ids' "$path" 2>/dev/null || exit 1 # not by setpriv, which keeps its rights up to execve
        done < <(find "$dir/root" "$dir/run" -perm -4000 -type f)
        [ -z "$(find "$dir/run" -type s -perm /077)" ]
    )
}

@test "terminal escapes in names, labels, commands and errors are printed as text" {
    local esc=$'\e]0;owned\a\e[31m' verb
    image_of colours true -c "LABEL evil=$esc" -c "ENV E=$esc" -m "$esc"
    creel create --name box -l "l=$esc" colours "cmd$esc" "$esc" >/dev/null
    for verb in "ps -a --no-trunc" "images" "history --no-trunc colours" "inspect box" "inspect colours" "events --until 1s --since 1h" "df" "df -v" "info" "check"; do
        # shellcheck disable=SC2086
        run creel $verb
        case $verb in events*) continue ;; esac
        no_control "$output" || { echo "in $verb"; return 1; }
    done
    refused "" logs "no$esc"
    refused "" run "no$esc" true
    refused "" start "$esc"
    refused "" run --rm "--$esc" busybox
    refused "" "$esc"
    refused "" cp "box:/$esc" -
    run -127 --separate-stderr creel run --rm busybox "$esc"
    no_control "$stderr"
    refused "" run --rm -u "$esc" busybox true
    refused "" run --rm -v "/no$esc:/x:bad$esc" busybox true
    refused "" run --rm --runtime "$esc" busybox true
    refused "" import "/no$esc"
    creel run -d --name run busybox sh -c 'exec -a "$(printf "x\033[31m")" sleep 1000; sleep 1000' "$esc" >/dev/null
    run creel top run
    no_control "$output"
    creel rm -f box run >/dev/null
    creel rmi colours >/dev/null
}

@test "a log is bounded by default, and so is one without line ends" {
    local id dir used most=0
    id=$(creel run -d --name box --log-opt max-size=1m --log-opt max-file=3 busybox sh -c 'head -c 60000000 /dev/zero | tr "\0" a; seq 1 200000; head -c 3000000 /dev/urandom; echo; echo end')
    dir=$ROOT/containers/$id
    while [ "$(state box)" = running ]; do
        used=$(du -k "$dir" | tail -1 | cut -f1)
        [ "$used" -le "$most" ] || most=$used
        read -rt 0.05 <> <(:) || true
    done
    used=$(du -k "$dir" | tail -1 | cut -f1)
    [ "$used" -le 3500 ] && [ "$most" -le 3700 ] || { echo "$used kB, at most $most kB"; return 1; }
    [ "$(creel logs --tail 1 box)" = end ]
    # what holds without options: 5 files of 20 MB
    creel run --name plain busybox sh -c 'head -c 21000000 /dev/zero | tr "\0" a' >/dev/null
    [ "$(find "$ROOT/containers/$(creel inspect -f '{{.Id}}' plain)" -name '*-json.log*' | wc -l)" = 2 ]
}

@test "CVE-2022-1708: a reader that stalls keeps nothing in memory" {
    local monitor before after client
    creel run -d --name box busybox sleep 1000 >/dev/null
    monitor=$(monitor_of box)
    creel exec box true
    before=$(memory_of "$monitor")
    mkfifo "$T/never"
    sleep 1000 <"$T/never" 3>&- &
    local reader=$!
    "$CREEL" exec box yes >"$T/never" 2>/dev/null 3>&- &
    client=$!
    race_end
    local most=0 now
    while racing; do
        now=$(memory_of "$monitor")
        [ "$now" -le "$most" ] || most=$now
        now=$(memory_of "$client")
        [ "$now" -lt 20000 ] || { echo "the client has $now kB"; return 1; }
        read -rt 0.1 <> <(:) || true
    done
    kill "$client" "$reader" 2>/dev/null || true
    wait "$client" "$reader" 2>/dev/null || true
    [ $((most - before)) -lt 4096 ] || { echo "from $before kB to $most kB"; return 1; }
    creel exec box true # and it still works
}

@test "CVE-2022-23471, CVE-2025-64329: attaching, resizing and leaving again leaks nothing" {
    local monitor before i
    creel run -d -it --name box busybox sleep 1000 >/dev/null
    monitor=$(monitor_of box)
    once() { "$PTY" raw resize:30,100 send:'\x10\x11' -- "$CREEL" attach box >/dev/null; }
    once
    creel exec box true
    within idle "$monitor" 1000
    before=$(descriptors_of "$monitor") memory=$(memory_of "$monitor")
    for i in 1 2 3 4 5 6 7 8 9 10; do once; done
    for ((i = 0; i < 60; i++)); do
        timeout 0.01 "$CREEL" attach box </dev/null >/dev/null 2>&1 || true
        creel exec box true
    done
    within idle "$monitor" "$before"
    [ $(($(memory_of "$monitor") - memory)) -lt 1024 ]
}
idle() { [ "$(descriptors_of "$1")" -le "$2" ]; }

@test "secrets given as variables are in no command line, event or log of the engine" {
    printf 'SECRET=marker-in-file\n' >"$T/env"
    creel run -d --name box --env-file "$T/env" busybox sleep 1000 >/dev/null
    creel exec --env-file "$T/env" box true
    local p monitor
    for p in /proc/[0-9]*; do
        ! { tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -F marker-in-file || { echo "in $p"; return 1; }
    done
    monitor=$(monitor_of box)
    ! grep -aF marker-in-file "/proc/$monitor/environ" || return 1
    creel stop -t 0 box >/dev/null
    run timeout 10 "$CREEL" events --since 1h --until 1s --format '{{json .}}'
    [[ $output != *marker-in-file* ]]
}

@test "CVE-2025-0750: names and references that are none are refused everywhere" {
    local name verb long
    long=$(head -c 4096 /dev/zero | tr '\0' a)
    mkdir "$ROOT/../canary"
    for name in .. . ../.. a/../../x /etc ../../canary canary/.. "$long" $'a\nb' '' ' ' '*' '%s%n' -- --root=/x; do
        for verb in start stop kill rm logs inspect wait pause unpause restart top "exec" "update -m 64m" rmi save history "cp"; do
            case $verb in
            exec) set -- exec -- "$name" true ;;
            cp) set -- cp -- "$name:/etc" - ;;
            # shellcheck disable=SC2086
            *) set -- $verb -- "$name" ;;
            esac
            run timeout 20 "$CREEL" "$@" </dev/null
            [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [ "$status" -lt 128 ] || { echo "status $status: creel $*"; return 1; }
            no_control "$output" || { echo "creel $*"; return 1; }
        done
        run creel create --name "$name" busybox
        case $name in
        /etc) creel rm etc >/dev/null ;; # a slash in front means nothing
        *) [ "$status" -ne 0 ] || { echo "create --name $name"; return 1; } ;;
        esac
        run creel tag busybox "$name"
        [ "$status" -ne 0 ] || { echo "tag $name"; return 1; }
    done
    rmdir "$ROOT/../canary"
    no_containers
}

# --- 3.10 what a request may name ---

@test "a runtime is a name or an absolute path, never relative to anything" {
    printf '#!/bin/sh\ntouch %s/ran\n' "$T" >"$T/evil"
    chmod 755 "$T/evil"
    cd "$T"
    local name
    for name in ./evil evil ../evil x/../evil "../..$T/evil" "--evil" '' $'evil\n' '.' '..' /; do
        [ -n "$name" ] || continue
        refused "" run --rm --runtime "$name" busybox true
    done
    PATH=$T:$PATH run "$CREEL" run --rm --runtime evil busybox true # nor from the caller's PATH
    [ "$status" = 125 ]
    [ ! -e "$T/ran" ]
}

@test "no program that is installed is set-uid or has capabilities" {
    [ -z "$(find "$CREEL_BUILD" -maxdepth 1 -type f -perm /6000)" ]
}
