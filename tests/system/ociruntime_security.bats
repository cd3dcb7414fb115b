#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Known attacks on container runtimes, tried on creel-runtime's command line: what its bundles, files, sockets, ids and
# environment can be made into, and what a hostile process in a container gets of it. docs/security.md is the table.
load runtime_helpers
eval "runtime_$(declare -f setup_file)"

setup_file() {
    runtime_setup_file
    gcc -static -O2 -o "$BATS_FILE_TMPDIR/attacker" "$TOP/tests/system/attacker.c"
    cp "$BATS_FILE_TMPDIR/attacker" "$BASE/attacker"
    cp "$BATS_FILE_TMPDIR/attacker" "$BASE/suid"
    chmod 4755 "$BASE/suid"
}

setup() {
    T=$BATS_TEST_TMPDIR B=$T/bundle ID=t$BATS_TEST_NUMBER ROOT=$T/state
    mkdir -p "$B" "$T/canary"
    cp -a "$BASE" "$B/rootfs"
    echo secret >"$T/canary/file"
    NULL=$(stat -c '%u:%g:%a:%t:%T' /dev/null)
    PATTERN=$(cat /proc/sys/kernel/core_pattern)
}

teardown() {
    local id
    for id in $(R list -q 2>/dev/null); do R delete --force "$id" || true; done
    [ "$(cat /proc/sys/kernel/core_pattern)" = "$PATTERN" ] || { echo "core_pattern was changed"; return 1; }
    runtime_teardown
}

R() { "$CREEL_BUILD/creel-runtime" --root "$ROOT" "$@"; }
limited() { timeout 20 "$CREEL_BUILD/creel-runtime" --root "$ROOT" "$@"; }
programs() { sha256sum "$CREEL_BUILD/creel-runtime"; }
background() { R run -d -b "$B" --pid-file "$T/pid" "$1" <"/dev/null" >"$T/$1.log" 2>&1; }
within() { # COMMAND...: until it succeeds, PATIENCE seconds at most
    local i
    for ((i = 0; i < 1500; i++)); do "$@" && return 0; sleep 0.02; done
    echo "never: $*" >&2
    return 1
}
is_not() { ! R state "$2" | grep -q "\"$1\""; }
empty_root() { [ -z "$(ls -A "$ROOT" 2>/dev/null | grep -v '^@seccomp$')" ] || { echo "left: $(ls -lA "$ROOT")"; return 1; }; }
fails() { # TEXT COMMAND...: with one line that has it
    local text=$1
    shift
    run --separate-stderr "$@"
    [ "$status" -ne 0 ] || { echo "not refused: $*"; return 1; }
    [ "$status" -lt 124 ] || [ "$status" = 255 ] || { echo "ended with $status: $*"; return 1; }
    case $stderr$output in *"$text"*) ;; *) echo "no \"$text\" in: $stderr $output"; return 1 ;; esac
}

# --- binary, descriptors, working directory ---

@test "CVE-2019-5736: the program cannot be written through a process of the container" {
    local before what
    before=$(programs)
    bundle 'p["capabilities"] = {k: caps + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] for k in ("bounding", "effective", "permitted")}' \
        'p["args"] = ["/attacker", "watch", "x"]'
    background box
    within grep -q watching "$T/box.log"
    for ((i = 0; i < 40; i++)); do R exec box /bin/true >/dev/null 2>&1 || true; done
    ln -s /proc/self/exe "$B/rootfs/bin/self"
    printf '#!/proc/self/exe\n' >"$B/rootfs/bin/bang"
    chmod 755 "$B/rootfs/bin/bang"
    for what in self bang; do
        for ((i = 0; i < 15; i++)); do limited exec box "/bin/$what" >/dev/null 2>&1 || true; done
        bundle "p['args'] = ['/bin/$what']"
        limited run -b "$B" "$what" >/dev/null 2>&1 || true
    done
    R kill box KILL
    grep -vE '^(watching|seen)$' "$T/box.log" >"$T/log" || true
    [ ! -s "$T/log" ] || { sort "$T/log" | uniq -c; return 1; }
    grep -q '^seen$' "$T/box.log" # the attack did look at it
    [ "$(programs)" = "$before" ]
}

@test "CVE-2016-9962: exec, and a container that joins the processes of another, are not seen before they are confined" {
    local what i mode
    for mode in exec join; do
        for what in t f X r; do
            ID=box bundle 'p["capabilities"] = {k: caps + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] for k in ("bounding", "effective", "permitted")}' \
                "p['args'] = ['/attacker', 'watch', '$what', T + '/canary/file']" \
                'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
            background box
            within grep -q watching "$T/box.log"
            bundle "ns('pid')['path'] = '/proc/$(cat "$T/pid")/ns/pid'" \
                'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
            for ((i = 0; i < 15; i++)); do # the attacker may have killed it
                if [ $mode = exec ]; then
                    R exec box /bin/true >/dev/null 2>&1 || true
                else
                    limited create -b "$B" other </dev/null >/dev/null 2>&1 || true
                    limited start other >/dev/null 2>&1 || true
                    limited delete --force other
                fi
            done
            R delete --force box
            grep -vE '^(watching|held|seen)$' "$T/box.log" >"$T/log" || true
            [ ! -s "$T/log" ] || { echo "$mode, watching for $what:"; sort "$T/log" | uniq -c | head -20; return 1; }
        done
    done
}

@test "CVE-2024-21626: a working directory on a descriptor of the host" {
    local n dir
    for n in 3 7 8 9 10; do ln -s /proc/self/fd/$n "$B/rootfs/leak$n"; done
    ID=box bundle 'p["args"] = ["sleep", "1000"]'
    background box
    for ((n = 10; n < 210; n++)); do eval "exec $n</"; done
    for dir in $(for n in {3..20} 200; do echo "/proc/self/fd/$n /proc/self/fd/$n/../../.."; done) /leak3 /leak7 /leak8 /leak9 /leak10; do
        run limited exec --cwd "$dir" box sh -c 'pwd; ls -d root/../work 2>/dev/null'
        [ "$status" -ne 0 ] || [ "$output" = "/" ] || { echo "exec --cwd $dir: $output"; return 1; }
    done
    for dir in /proc/self/fd/{3..12} /proc/self/fd/7/../../.. /leak7 /leak9; do
        bundle "p['cwd'] = '$dir'" 'sh("pwd; ls -d root/../work 2>/dev/null")'
        run limited run -b "$B" cwd
        [ "$status" -ne 0 ] || [ "$output" = "/" ] || { echo "cwd $dir: $output"; return 1; }
    done
    for ((n = 10; n < 210; n++)); do eval "exec $n<&-"; done
    R delete --force box
    empty_root
}

@test "the caller's descriptors do not reach the container, but those it passes on do" {
    bundle 'p["args"] = ["/attacker", "fds"]'
    run bash -c 'for n in {3..40}; do eval "exec $n</"; done; exec "$@"' - "$CREEL_BUILD/creel-runtime" --root "$ROOT" run -b "$B" one
    [ "$(cut -d' ' -f1 <<<"$output" | xargs)" = "0 1 2" ] || { echo "$output"; return 1; }
    run bash -c 'for n in {3..40}; do eval "exec $n</"; done; exec "$@"' - "$CREEL_BUILD/creel-runtime" --root "$ROOT" run --preserve-fds 2 -b "$B" two
    [ "$(cut -d' ' -f1 <<<"$output" | xargs)" = "0 1 2 3 4" ] || { echo "$output"; return 1; }
    ID=box bundle 'p["args"] = ["sleep", "1000"]'
    background box
    run bash -c 'for n in {3..40}; do eval "exec $n</"; done; exec "$@"' - "$CREEL_BUILD/creel-runtime" --root "$ROOT" exec box /attacker fds
    [ "$(cut -d' ' -f1 <<<"$output" | xargs)" = "0 1 2" ] || { echo "$output"; return 1; }
    [ -z "$(find "/proc/$(cat "$T/pid")/fd" -lname '/*' ! -lname /dev/null ! -lname "$T/box.log")" ] # the first process neither
    fails "was not passed on" bash -c 'exec 3<&- 4<&-; "$@"' - "$CREEL_BUILD/creel-runtime" --root "$ROOT" run --preserve-fds 1 -b "$B" three
}

# --- files and sockets of the caller ---

@test "pid file, log and sockets: links in their place are not followed" {
    bundle 'sh("true")'
    ln -s "$T/canary/file" "$T/pid.link"
    R run -d -b "$B" --pid-file "$T/pid.link" one </dev/null >/dev/null 2>&1
    [ ! -L "$T/pid.link" ] && [[ $(cat "$T/pid.link") =~ ^[0-9]+$ ]]
    ln -s "$T/canary/file" "$T/log.link"
    ln -s "$T/canary/new" "$T/log.new"
    fails "open log file" R --log "$T/log.link" run -b "$B" two
    fails "open log file" R --log "$T/log.new" run -b "$B" two
    mkfifo "$T/fifo"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/socket"
    ln -s "$T/socket" "$T/socket.link"
    local what
    for what in socket.link canary/file fifo canary; do
        bundle 'p["terminal"] = True'
        fails "is not a socket" limited create -b "$B" --console-socket "$T/$what" four
        bundle
        fails "is not a socket" limited create -b "$B" --pidfd-socket "$T/$what" four
    done
    R delete --force one
    empty_root
    R --log /dev/stderr state nosuch 2>&1 | grep -q 'level=error' # links of the kernel are meant
}

@test "a bundle that is no bundle: an error in time, and nothing is left" {
    local what
    for what in 'rm -f "$B/config.json"; mkfifo "$B/config.json"' 'rm -f "$B/config.json"; mkdir "$B/config.json"' \
        'rmdir "$B/config.json"; : >"$B/config.json"' 'head -c 17000000 /dev/zero >"$B/config.json"' \
        'python3 -c "print(\"[\" * 200000)" >"$B/config.json"' 'printf "{\"ociVersion\": \"1.2.0\", \"ociVersion\": \"1.0.0\"}" >"$B/config.json"' \
        'printf "{}" >"$B/config.json"' 'printf "{} trailing" >"$B/config.json"' 'printf "\000" >"$B/config.json"' \
        'bundle "p[\"env\"] = [\"A\\u0000B=x\"]"' 'bundle "p[\"args\"] = []"' 'bundle "c[\"root\"][\"path\"] = \"/nosuch\""' \
        'bundle "c[\"root\"][\"path\"] = \"config.json\""' 'bundle "del c[\"linux\"][\"namespaces\"]"' 'bundle "p[\"user\"][\"uid\"] = 4294967295"' \
        'bundle "p[\"user\"][\"uid\"] = 4294967296"' 'bundle "p[\"user\"][\"uid\"] = -1"' 'bundle "p[\"cwd\"] = \"relative\""' \
        'bundle "l[\"sysctl\"] = {\"kernel.core_pattern\": \"|/x\"}"' 'bundle "l[\"sysctl\"] = {\"net/../kernel/core_pattern\": \"x\"}"' \
        'bundle "bind(\"/\", \"/proc/self\")"' 'bundle "bind(\"/\", \"/proc/sys\")"' 'bundle "l[\"rootfsPropagation\"] = \"everywhere\""'; do
        eval "$what"
        run --separate-stderr limited create -b "$B" hostile </dev/null
        [ "$status" = 1 ] || { echo "$what: status $status $output $stderr"; return 1; }
        [ -n "$stderr" ] && [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ] || { echo "$what: words: $stderr"; return 1; }
        empty_root || { echo "$what"; return 1; }
    done
    rm -f "$B/config.json"
}

# --- ids and state ---

@test "ids that are paths, options or worse are refused everywhere" {
    local id long command
    long=$(printf 'x%.0s' {1..5000})
    bundle
    for id in .. . ../x a/b /etc "a b" $'a\nb' $'a\e[31m' 'a*' "$long" --root=/x -x ""; do
        for command in create run start state delete kill exec ps pause resume update events; do
            case $command in
            create | run) run --separate-stderr limited $command -b "$B" -- "$id" ;;
            exec) run --separate-stderr limited exec -- "$id" true ;;
            *) run --separate-stderr limited $command -- "$id" ;;
            esac
            [ "$status" -ne 0 ] && [ "$status" != 124 ] || { printf 'not refused: %s %q\n' "$command" "$id"; return 1; }
            [ -z "$(printf '%s' "$stderr" | tr -d '\n\t' | LC_ALL=C grep -aP '[\x00-\x1f\x7f]')" ] || { printf 'control characters: %q\n' "$stderr"; return 1; }
        done
    done
    R delete --force -- ../canary || true
    [ ! -d "$ROOT" ] || empty_root
}

@test "a state that others made is not believed" {
    local sentinel start what
    bundle 'p["args"] = ["sleep", "1000"]'
    mkdir -p "$ROOT/theirs"
    chown 65534 "$ROOT/theirs"
    fails "belongs to user 65534" R create -b "$B" theirs
    fails "belongs to user 65534" R delete --force theirs
    [ -d "$ROOT/theirs" ]
    rmdir "$ROOT/theirs"
    ln -s "$T/canary" "$ROOT/link"
    fails "" R create -b "$B" link
    fails "does not exist" R state link
    R delete --force link || true
    rm -f "$ROOT/link"
    background box
    # Its process is gone, and its number is somebody else's.
    sleep 1000 3>&- &
    sentinel=$!
    start=$(sed 's/.*) //' /proc/$sentinel/stat | cut -d' ' -f20)
    R kill box KILL
    within is_not running box
    rm "$ROOT/box/init"
    ln -s "$sentinel $((start + 1))" "$ROOT/box/init"
    R state box | grep -q '"status": "stopped"'
    fails "not running" R kill box KILL
    fails "stopped" R exec box true
    R delete --force box
    kill -0 $sentinel
    # Garbage of every kind: no crash, no hang, and delete --force makes room again.
    for what in ': >state' 'echo "{" >state' 'head -c 100000 /dev/urandom >state' 'rm state; mkfifo state' 'rm state; ln -s /etc/passwd state' \
        'rm init; ln -s "x y" init' 'rm init; ln -s "1 1" init' 'rm init; : >init' 'rm -f gate; ln -s /run/nosuch gate'; do
        background box
        (cd "$ROOT/box" && eval "$what")
        local c
        for c in state "kill box 0" ps "exec box true" "events --stats"; do
            case $c in *box*) ;; *) c="$c box" ;; esac
            # shellcheck disable=SC2086
            run limited $c
            [ "$status" -lt 124 ] || [ "$status" = 255 ] || { echo "$what, $c: $status $output"; return 1; }
        done
        run limited delete --force box
        [ "$status" -lt 124 ] || { echo "$what, delete: $status $output"; return 1; }
        kill -9 "$(cat "$T/pid")" 2>/dev/null || true # with its record gone nobody knows of it
        within bash -c "! kill -0 $(cat "$T/pid") 2>/dev/null"
        rm -rf "$ROOT/box"
        find /sys/fs/cgroup -depth -type d -path "*$GROUP/$ID" -exec rmdir {} + 2>/dev/null || true
    done
    kill -9 $sentinel
    wait $sentinel || true
}

@test "many at once: one create wins, a delete during the start leaves nothing" {
    bundle 'p["args"] = ["sleep", "1000"]'
    local i won pids
    for i in {1..8}; do limited create -b "$B" one </dev/null >/dev/null 2>&1 && echo won >>"$T/won" & done
    wait
    won=$(wc -l <"$T/won")
    [ "$won" = 1 ] || { echo "$won creates won"; return 1; }
    R delete --force one
    for i in {1..10}; do
        R create -b "$B" one </dev/null >/dev/null 2>&1
        limited start one >/dev/null 2>&1 &
        limited delete --force one
        wait
        run limited state one
        [ "$status" = 1 ]
    done
    empty_root
}

# --- identity ---

@test "capabilities, ids and groups of run and exec are what was asked for, whoever the caller is" {
    # shellcheck disable=SC2016
    local text='id -u; id -G; grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status | tr -d "\t" | tr "\n" " "' user want
    bundle 'p["args"] = ["sleep", "1000"]' 'p["user"] = {"uid": 1000, "gid": 1001}'
    setpriv --groups 4242,0 "$CREEL_BUILD/creel-runtime" --root "$ROOT" run -d -b "$B" --pid-file "$T/pid" box </dev/null >/dev/null 2>&1
    [ "$(sed -n 's/^Groups:\t\([0-9 ]*\) *$/\1/p' "/proc/$(cat "$T/pid")/status" | xargs)" = 1001 ]
    run setpriv --groups 4242,0 "$CREEL_BUILD/creel-runtime" --root "$ROOT" exec box sh -c "$text"
    [ "$output" = "1000
1001
CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapAmb:0000000000000000 " ] || { echo "$output"; return 1; }
    run R exec --cap CAP_SYS_TIME -u 0 box sh -c "$text"
    [[ $output == *"CapInh:0000000000000000"*"CapAmb:0000000000000000"* ]] || { echo "$output"; return 1; }
    run R exec --cap CAP_SYS_TIME box sh -c "$text"
    [[ $output == *"CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapAmb:0000000000000000"* ]] || { echo "$output"; return 1; }
    while read -r user want; do
        run R exec -u "${user//_/ }" box sh -c 'id -u; id -g'
        if [ "$want" = error ]; then
            [ "$status" -ne 0 ] || { echo "-u $user gave $output"; return 1; }
        else
            [ "$(xargs <<<"$output")" = "${want/,/ }" ] || { echo "-u $user gave $output, not $want"; return 1; }
        fi
    done <<'TABLE'
1000 1000,1001
7 7,1001
7:8 7,8
2147483648 2147483648,1001
4294967294 4294967294,1001
4294967295 error
4294967296 error
-1 error
+0 error
0x0 error
_1 error
1: error
:1 error
1:1:1 error
root error
1000:4294967295 error
TABLE
}

@test "ownership of the streams: host files and devices stay as they are" {
    bundle 'p["user"] = {"uid": 1000, "gid": 1000}' 'sh("sleep 1000")'
    : >"$T/out"
    chmod 640 "$T/out"
    R run -d -b "$B" --pid-file "$T/pid" box </dev/null >"$T/out" 2>&1
    R exec -u 1000 box true </dev/null >"$T/out" 2>/dev/null
    [ "$(stat -c '%u:%g:%a' "$T/out")" = 0:0:640 ]
    [ "$(stat -c '%u:%g:%a:%t:%T' /dev/null)" = "$NULL" ]
}

@test "no_new_privs: a set-uid program gains nothing, in run and in exec" {
    bundle 'p["noNewPrivileges"] = True' 'p["user"] = {"uid": 1000, "gid": 1000}' 'p["args"] = ["/suid", "ids"]'
    run R run -b "$B" one
    [ "$output" = "1000 1000 1000" ]
    bundle 'p["noNewPrivileges"] = True' 'p["user"] = {"uid": 1000, "gid": 1000}' 'p["args"] = ["sleep", "1000"]'
    background box
    run R exec box /suid ids
    [ "$output" = "1000 1000 1000" ]
}

@test "each container has a session keyring, which no caller's key is in" {
    keyctl newring creel-test-secret @s >/dev/null 2>&1 || true
    bundle 'p["args"] = ["/attacker", "keyring"]'
    run R run -b "$B" box
    [[ $output == *"_ses.box"* ]] || { echo "$output"; return 1; }
}

@test "variables of the configuration mean nothing to the runtime" {
    bundle 'p["env"] = ["PATH=/bin", "LD_PRELOAD=/evil.so", "LISTEN_FDS=5", "LISTEN_PID=1", "NOTIFY_SOCKET=/evil", "_CREEL_RUNTIME_GUARDED=1", "XDG_RUNTIME_DIR=/evil", "GLIBC_TUNABLES=x"]' \
        'sh("ls /proc/self/fd | xargs; echo $LISTEN_FDS $NOTIFY_SOCKET")'
    run R run -b "$B" one
    [ "$output" = "0 1 2 3
5 /evil" ] || { echo "$output"; return 1; }
    run env LISTEN_FDS=5 LISTEN_PID=1 "$CREEL_BUILD/creel-runtime" --root "$ROOT" run -b "$B" two # not for this process
    [ "${lines[0]}" = "0 1 2 3" ]
}

# --- processes, control groups, output ---

@test "delete --force ends a container that shares the host's pids and forks for ever" {
    bundle 'l["namespaces"] = [x for x in l["namespaces"] if x["type"] != "pid"]' 'p["args"] = ["/attacker", "forks", "40"]' \
        'l["resources"]["pids"] = {"limit": 300}'
    background box
    within grep -q forking "$T/box.log"
    limited delete --force box
    [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP/$ID*")" ]
    empty_root
}

@test "delete --force ends a container that the version 1 freezer holds, although version 2 is there to kill it" {
    bundle 'p["args"] = ["sleep", "1000"]'
    background box
    local group=/sys/fs/cgroup/freezer$GROUP/$ID
    [ -e "$group/freezer.state" ] || skip "no version 1 freezer"
    echo FROZEN >"$group/freezer.state"
    limited delete --force box
    [ ! -d "$group" ]
    empty_root
}

@test "limits stay in force while they are changed, and what cannot be set is refused" {
    bundle 'p["args"] = ["sleep", "1000"]' 'l["resources"]["pids"] = {"limit": 20}'
    background box
    R update --pids-limit 10 box
    run R exec box sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 3 & done 2>&1; wait'
    [[ $output == *"can't fork"* ]] || { echo "$output"; return 1; }
    fails "" R update --memory banana box
    fails "" R update --cpuset-cpus 99999 box
    fails "" R update --resources "$T/canary/file" box
    run R exec box sh -c 'mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda'
    [ "$status" -ne 0 ]
}

@test "names of processes and bundles have no power over the operator's terminal" {
    mv "$B" "$T/b"$'\e[31m'
    B="$T/b"$'\e[31m'
    cp "$B/rootfs/bin/busybox" "$B/rootfs/bin/evil"$'\e[31mname'
    bundle 'p["args"] = ["sh", "-c", "exec -a \u001b[31mhidden sleep 1000 || exec sleep 1000"]'
    background box
    R exec -d box sh -c $'cp /bin/busybox /tmp/x\e[32mx; ln -s x\e[32mx /tmp/sleep; exec /tmp/sleep 1000' </dev/null >/dev/null 2>&1 || true
    local c
    for c in list "ps box" "state box" "list -f json" "ps -f json box"; do
        # shellcheck disable=SC2086
        run R $c
        [ -z "$(printf '%s' "$output" | tr -d '\n\t' | LC_ALL=C grep -aP '[\x00-\x1f\x7f]')" ] || { printf '%s: %q\n' "$c" "$output"; return 1; }
    done
}

@test "CVE-2025-31133, CVE-2026-41579, CVE-2019-19921: links of the image at /dev, /dev/null, /proc and /sys" {
    bundle 'c["mounts"] = [x for x in c["mounts"] if not x["destination"].startswith("/dev")]'
    rm -rf "$B/rootfs/dev"
    ln -s "../../canary" "$B/rootfs/dev"
    run limited run -b "$B" one
    [ "$(ls "$T/canary")" = file ]
    rm "$B/rootfs/dev"
    mkdir "$B/rootfs/dev"
    ln -s /proc/sys/kernel/core_pattern "$B/rootfs/dev/null"
    bundle 'sh("wc -c </proc/keys; echo x >/proc/sys/kernel/core_pattern")'
    run limited run -b "$B" two
    [[ $output != *" written"* ]]
    for d in proc sys; do
        rm -rf "$B/rootfs/$d"
        ln -s /tmp "$B/rootfs/$d"
        fails "not a link" limited run -b "$B" three
        rm "$B/rootfs/$d"
        mkdir "$B/rootfs/$d"
    done
    empty_root
}
