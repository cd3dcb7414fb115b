# SPDX-License-Identifier: Apache-2.0
# helpers.bash: what the tests with foreign engines load. Each file starts an engine of its own below a temporary directory, with
# creel-runtime as its runtime; nothing of an engine that the host may have is touched.
#   RUNTIME      the runtime under test (default: creel-runtime of $CREEL_BUILD); an absolute path
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
CREEL=${CREEL:-$CREEL_BUILD/creel}
RUNTIME=${RUNTIME:-$CREEL_BUILD/creel-runtime}
PTY=$TOP/tests/system/terminal.py
PATIENCE=${PATIENCE:-60}

# The root file system of a busybox image as a tar on standard output, as the system tests have it.
eval "$(sed -n '/^busybox_tar() {$/,/^}$/p' "$TOP/tests/system/helpers.bash")"

compat_begin() { # COMMAND...: what has to be there
    local c
    [ "$(id -u)" = 0 ] || { echo "the tests with foreign engines must be run as root" >&2; return 1; }
    [ -x "$RUNTIME" ] || { echo "$RUNTIME is not built" >&2; return 1; }
    for c in "$@"; do
        command -v "$c" >/dev/null || { echo "$c is missing: tools/install-packages test" >&2; return 1; }
    done
    export GROUP=creel-compat-$$
    mount | sort >"$BATS_FILE_TMPDIR/mounts.before"
    printf '%s\n' /sys/fs/cgroup/*/ >"$BATS_FILE_TMPDIR/hierarchies.before"
    busybox_tar >"$BATS_FILE_TMPDIR/busybox.tar"
}

# The groups that an engine made around its containers, which it leaves behind itself. One that is in use stays, and is told of.
# podman makes plain directories and files where a hierarchy could be mounted. Others may work on the same tree: find's complaints about
# what vanishes mean nothing.
our_groups() { find /sys/fs/cgroup -depth -type d -path "*/$GROUP*" 2>/dev/null || true; }
compat_end() {
    local g left
    for g in /sys/fs/cgroup/*/; do
        mountpoint -q "$g" || grep -qxF "$g" "$BATS_FILE_TMPDIR/hierarchies.before" || rm -rf --one-file-system "$g"
        [ -e "$g/cgroup.procs" ] || rm -rf --one-file-system "${g:?}$GROUP"
    done
    for g in $(our_groups); do rmdir "$g" 2>/dev/null || true; done
    left=$(our_groups)
    [ -z "$left" ] || { echo "control groups left: $left"; return 1; }
    left=$(mount | sort | comm -13 "$BATS_FILE_TMPDIR/mounts.before" - | grep -F "$BATS_FILE_TMPDIR") || true
    [ -z "$left" ] || { echo "mounts left: $left"; return 1; }
}

# Waits until the file has a line with the text; ends early when the process does.
written() { # FILE TEXT PID
    timeout "$PATIENCE" grep -qm1 -F -- "$2" < <(exec tail --pid="$3" -s 0.05 -n +1 -F "$1" 2>/dev/null) && return
    echo "no \"$2\" in $1:"; tail -20 "$1"; return 1
}

# Ends a daemon and waits for it.
daemon_stop() { # PID
    kill "$1" 2>/dev/null || return 0
    timeout "$PATIENCE" tail --pid="$1" -f /dev/null || { kill -KILL "$1"; echo "daemon $1 did not end by itself"; return 1; }
}

expect_code() { # CODE
    [ "$status" -eq "$1" ] || { echo "exit code $status, not $1; output: $output ${stderr:-}"; return 1; }
}
expect_out() { # TEXT
    [ "$output" = "$1" ] || { printf 'output is:\n%s\nnot:\n%s\n%s' "$output" "$1" "${stderr:-}"; return 1; }
}
expect_in() { # TEXT HAYSTACK
    case $2 in *"$1"*) ;; *) printf 'no "%s" in:\n%s\n' "$1" "$2"; return 1 ;; esac
}
# One file of a container's group, whatever the version: name in version 1, name in version 2.
limit() { # PID CONTROLLER V1 V2
    local path
    path=$(awk -F: -v c="$2" 'index("," $2 ",", "," c ",") {print $3}' "/proc/$1/cgroup")
    if [ -n "$path" ]; then
        cat "$(awk -v c="$2" '/ - cgroup / && index("," $NF ",", "," c ",") {print $5; exit}' /proc/self/mountinfo)$path/$3"
    else
        cat "$(awk '/ - cgroup2 / {print $5; exit}' /proc/self/mountinfo)$(awk -F: '$1 == 0 {print $3}' "/proc/$1/cgroup")/$4"
    fi
}
