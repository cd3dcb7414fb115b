# SPDX-License-Identifier: Apache-2.0
# runtime_helpers.bash: what the tests of the runtime library load. Each test has a bundle, $B, with a busybox root and a
# configuration that Python statements change; it must leave no mount, no control group and the host's files as they were.
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CREEL_BUILD=${CREEL_BUILD:-$TOP/build}
PROBE=$CREEL_BUILD/tests/unit/runtime/runtime-probe
FORBID=$CREEL_BUILD/tests/unit/runtime/runtime-forbid
GROUP=/creel-test-$(basename "$BATS_TEST_FILENAME" .bats | tr _ -)-$$
SWAP=$TOP/tests/system/swap.py

setup_file() {
    [ "$(id -u)" = 0 ] || { echo "must be run as root" >&2; return 1; }
    [ -x "$PROBE" ] || { echo "$PROBE is not built" >&2; return 1; }
    make_root "$BATS_FILE_TMPDIR/root"
    export BASE=$BATS_FILE_TMPDIR/root
}

make_root() { # DIRECTORY
    local applet
    mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp,mnt}
    cp /bin/busybox "$1/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\ntest:x:1000:1001:test:/home/test:/bin/sh\n' >"$1/etc/passwd"
}

setup() {
    T=$BATS_TEST_TMPDIR
    B=$T/bundle
    ID=t$BATS_TEST_NUMBER
    mkdir -p "$B"
    cp -a "$BASE" "$B/rootfs"
    mkdir -p "$T/canary"
    echo secret >"$T/canary/file"
    NULL=$(stat -c '%u:%g:%a:%t:%T' /dev/null)
}

teardown() { runtime_teardown; }

runtime_teardown() {
    if grep -F "$T" /proc/self/mountinfo; then # taken off, or the removal of $T would go through them
        cut -d' ' -f5 /proc/self/mountinfo | grep -F "$T" | sort -r | xargs -r -n1 umount -l
        echo "mounts left"
        return 1
    fi
    [ "$(stat -c '%u:%g:%a:%t:%T' /dev/null)" = "$NULL" ] || { echo "/dev/null was changed"; return 1; }
    [ "$(ls -A "$T/canary")" = file ] || { echo "canary: $(ls -lA "$T/canary")"; return 1; }
    [ "$(cat "$T/canary/file")" = secret ] || { echo "the canary's file was changed"; return 1; }
    local left
    left=$(find /sys/fs/cgroup -type d -path "*$GROUP/$ID*" 2>/dev/null)
    [ -z "$left" ] || { echo "control groups left: $left"; return 1; }
    find /sys/fs/cgroup -depth -type d -path "*$GROUP*" -exec rmdir {} + 2>/dev/null || true
}

# A configuration, changed by Python statements on `c`. m(type) finds a mount; ns(name) a namespace.
bundle() {
    python3 - "$B/config.json" "$GROUP/$ID" "$T" "$@" <<'PY'
import json, sys
caps = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]
path, group, T = sys.argv[1:4]
c = {"ociVersion": "1.2.0", "hostname": "inside", "root": {"path": "rootfs"},
     "process": {"cwd": "/", "args": ["true"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
                 "capabilities": {"bounding": caps, "effective": caps, "permitted": caps}},
     "mounts": [
         {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
         {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
         {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
          "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
         {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
         {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}],
     "linux": {"cgroupsPath": group,
               "namespaces": [{"type": t} for t in ("mount", "pid", "network", "ipc", "uts", "cgroup")],
               "resources": {"devices": [{"allow": False, "access": "rwm"}]},
               "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/nosuch"],
               "readonlyPaths": ["/proc/bus", "/proc/sys", "/proc/sysrq-trigger"]}}
p, l = c["process"], c["linux"]
def m(t): return next(x for x in c["mounts"] if x["type"] == t)
def ns(t): return next(x for x in l["namespaces"] if x["type"] == t)
def sh(text): p["args"] = ["sh", "-c", text]
def bind(source, destination, *options):
    c["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": list(options) or ["rbind"]})
def mapped():
    l["namespaces"].append({"type": "user"})
    l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
for text in sys.argv[4:]:
    exec(text)
json.dump(c, open(path, "w"))
PY
}

probe() { timeout 60 "$PROBE" "$B" "$ID" "$@"; }

inside() { # SHELL-TEXT PYTHON...: run it, check success
    local text=$1
    shift
    SH_TEXT=$text bundle 'import os; sh(os.environ["SH_TEXT"])' "$@"
    run --separate-stderr probe
    [ "$status" = 0 ] || { echo "status $status: $output $stderr"; return 1; }
}

refused() { # CODE TEXT PYTHON...
    local code=$1 text=$2
    shift 2
    bundle "$@"
    run -"$code" --separate-stderr probe
    case $stderr in *"$text"*) ;; *) echo "no \"$text\" in: $stderr"; return 1 ;; esac
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ] || { echo "not one line: $stderr"; return 1; }
}

is() { [ "$output" = "$1" ] || { printf 'got:\n%s\nnot:\n%s\n' "$output" "$1"; return 1; }; }

unprivileged() { # OPTION...
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$B" 2>/dev/null || true
    cp "$PROBE" "$T/probe"
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$T/probe" "$B" "$ID" -g "$@"
}
