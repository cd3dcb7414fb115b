#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images: hostile and broken archives, layers against a model, load and save with other engines' tools, commit, diff,
# concurrent and killed commands.
load helpers

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT
    export T=$BATS_TEST_TMPDIR CREEL CREEL_ROOT CREEL_RUN_ROOT
    cd "$T"
}

teardown() {
    rm -f /creel-canary-marker
    leave_nothing
    [ -z "$(ls -A "$ROOT/tmp" "$ROOT/trash" | grep -v : | grep .)" ] || { echo "work left in tmp or trash"; return 1; }
}

cases() { timeout 600 python3 "$TOP/tests/system/image_cases.py" "$1"; }

@test "names in archives never lead out of the layer" { cases names; }
@test "links in archives never reach what is not in them" { cases links; }
@test "devices, attributes, numbers and times of archives are judged one by one" { cases special; }
@test "whiteouts are taken strictly" { cases whiteouts; }
@test "cut, lying and expanding archives are refused and leave nothing" { cases bombs; }
@test "every broken promise of an image archive is noticed" { cases archives; }
@test "layout directories are resolved without links" { cases layout; }
@test "layers make the tree that the specification says, up to 127 of them" { cases model; }
@test "export, import, save and load give back what they got" { cases roundtrip; }

@test "skopeo reads both formats, and its copies load" {
    command -v skopeo >/dev/null || skip "skopeo is not installed"
    id=$(creel image inspect -f '{{.Id}}' busybox)
    creel save -o d.tar busybox
    creel save --format oci-archive -o o.tar busybox
    [ "$(skopeo inspect --config --raw docker-archive:d.tar | sha256sum | cut -c1-64)" = "${id#sha256:}" ]
    [ "$(skopeo inspect --config --raw oci-archive:o.tar | sha256sum | cut -c1-64)" = "${id#sha256:}" ]
    for to in docker-archive:d2.tar:copy/d:1 oci-archive:o2.tar:copy/o:1 oci:layout:copy/l:1; do
        skopeo --insecure-policy copy -q oci-archive:o.tar "$to"
    done
    creel load -i d2.tar
    creel load -i o2.tar
    creel load -i layout
    creel run --rm copy/d:1 echo from docker
    creel run --rm copy/o:1 echo from oci
    creel run --rm copy/l:1 echo from a layout
    creel rmi copy/d:1 copy/o:1 copy/l:1
}

@test "podman loads both formats, and what it saves loads" {
    command -v podman >/dev/null || skip "podman is not installed"
    pod() { podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs "$@" 2>/dev/null; }
    creel tag busybox example.com/pod/d:1
    creel save -o d.tar example.com/pod/d:1
    creel save --format oci-archive -o o.tar example.com/pod/d:1
    pod load -i d.tar
    pod rmi -af >/dev/null
    pod load -i o.tar
    for format in docker-archive oci-archive; do
        pod save --format $format -o p.tar example.com/pod/d:1
        creel rmi example.com/pod/d:1
        creel load -i p.tar
        creel run --rm example.com/pod/d:1 true
        rm p.tar
    done
    creel rmi example.com/pod/d:1
    pod rmi -af >/dev/null
}

@test "an image with everything keeps it in a container" {
    creel import -c 'ENTRYPOINT ["/bin/echo"]' -c 'CMD ["a b"]' -c 'ENV X=1' -c 'WORKDIR /tmp' -c 'USER 1000' -c 'EXPOSE 80' \
        -c 'LABEL l="v w"' -c 'VOLUME /v' -c 'STOPSIGNAL SIGINT' -c 'HEALTHCHECK CMD true' -m words - all:1 <"$BATS_FILE_TMPDIR/busybox.tar"
    [ "$(creel run --rm all:1)" = "a b" ]
    [ "$(creel run --rm --entrypoint /bin/sh all:1 -c 'echo $X $PWD $(id -u)')" = "1 /tmp 1000" ]
    [ "$(creel image inspect -f '{{.Config.StopSignal}} {{json .Config.ExposedPorts}} {{index .Config.Labels "l"}} {{.Comment}}' all:1)" \
        = 'SIGINT {"80/tcp":{}} v w words' ]
    creel rmi all:1
    run --separate-stderr creel import -c 'RUN make' - all:1 </dev/null
    expect_failure 1 "expected CMD, ENTRYPOINT"
}

@test "commit keeps changes, deletions and modes, on a running and on a stopped container" {
    creel run --name cc busybox sh -c 'echo new >/new; rm /bin/plainfile; rm -r /root; mkdir /root; echo x >/root/x; chmod 700 /var; mkfifo /p; ln /new /hard
        chown 5:6 /etc; ln -s /nowhere /dangling'
    creel commit -a me -m words -c 'CMD cat /new' cc kept:1
    [ "$(creel run --rm kept:1)" = new ]
    [ "$(creel run --rm kept:1 sh -c 'ls /root; stat -c %a /var; stat -c "%a %h" /hard; stat -c %u:%g /etc; test -e /bin/plainfile || echo gone; readlink /dangling')" \
        = "$(printf 'x\n700\n644 2\n5:6\ngone\n/nowhere')" ]
    creel history --format '{{.Comment}}' kept:1 | head -1 | grep -x words
    creel run -d --name rr busybox sh -c 'echo live >/live; sleep 1000'
    within creel exec rr test -e /live
    creel commit rr kept:2
    [ "$(state rr)" = running ]
    [ "$(creel run --rm kept:2 cat /live)" = live ]
    creel rm -f cc rr
    creel rmi kept:1 kept:2
}

@test "a committed name that layers reserve is refused, and the container runs on" {
    creel run -d --name rr busybox sh -c 'touch /.wh.x; sleep 1000'
    within creel exec rr test -e /.wh.x
    run --separate-stderr creel commit rr bad:1
    expect_failure 1 "reserve for deletions"
    [ "$(state rr)" = running ]
}

@test "diff tells of changes, not of what the runtime made" {
    creel create --name cc busybox sh -c 'echo n >/new; rm /etc/group; mkdir -p /var/a/b; chmod 600 /etc/passwd; rm -r /root; mkdir /root'
    [ -z "$(creel diff cc)" ]
    creel start -a cc
    [ "$(creel diff cc)" = "$(printf 'C /etc\nD /etc/group\nC /etc/passwd\nA /new\nC /var\nA /var/a\nA /var/a/b')" ]
    creel run --name quiet busybox true
    [ -z "$(creel diff quiet)" ]
}

@test "removing: names, ids, force, and what containers use" {
    creel tag busybox one/x:1
    creel tag busybox two/x:1
    creel create --name user busybox true
    id=$(creel image inspect -f '{{.Id}}' busybox)
    run --separate-stderr creel rmi "$id"
    expect_failure 1 "must be forced"
    creel rmi one/x:1
    creel rmi two/x:1
    run --separate-stderr creel rmi busybox
    expect_failure 1 "is using its referenced image"
    creel rmi -f busybox
    [ "$(creel images -q --no-trunc)" = "$id" ] # the container can still start
    creel start -a user
    creel tag "$id" busybox
    creel rm user
    run --separate-stderr creel rmi nothing:1
    expect_failure 1 "No such image: nothing:1"
}

@test "an image loaded many times at once is there once" {
    creel save -o d.tar busybox
    creel rmi busybox
    for i in 1 2 3 4 5 6; do creel load -i d.tar >"out$i" & pids+=($!); done
    for p in "${pids[@]}"; do wait "$p"; done
    [ "$(creel images -q | wc -l)" = 1 ]
    [ "$(ls "$ROOT/layers" | wc -l)" = 1 ]
    creel run --rm busybox true
}

@test "loading and removing against each other never gives an image without its layers" {
    creel save -o d.tar busybox
    for _ in $(seq 15); do creel load -i d.tar >/dev/null 2>>errors || [ $? = 1 ]; done &
    a=$!
    for _ in $(seq 15); do creel rmi busybox >/dev/null 2>&1 || true; done &
    b=$!
    for _ in $(seq 30); do # a container is made from the whole image or not at all
        creel run --rm busybox true 2>run.err || grep -q "No such image" run.err || { cat run.err; return 1; }
    done
    wait $a
    wait $b
    creel check
    creel load -i d.tar
    creel run --rm busybox true
}

@test "a command that is killed while it unpacks leaves nothing" {
    mkfifo pipe
    for who in creel creel-archive; do
        "$CREEL" import - killed:1 <pipe 2>err &
        pid=$!
        exec 7>pipe
        head -c 200000 "$BATS_FILE_TMPDIR/busybox.tar" >&7
        within sh -c "ls $ROOT/tmp/*/0.layer/fs/bin >/dev/null 2>&1"
        worker=$(pgrep -P $pid creel-archive)
        if [ $who = creel ]; then kill -9 $pid; else kill -9 "$worker"; fi
        wait $pid || true
        exec 7>&-
        within sh -c "! kill -0 $worker 2>/dev/null"
        [ $who = creel ] || grep -q "killed by signal 9" err
        creel import - after:1 <"$BATS_FILE_TMPDIR/busybox.tar" >/dev/null
        creel rmi after:1
        [ -z "$(ls -A "$ROOT/tmp")" ]
        ! creel image inspect killed:1 >/dev/null 2>&1 || return 1
    done
}

@test "commit that is killed unpauses the container" {
    creel run -d --name rr busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=200 2>/dev/null; touch /ready; sleep 1000'
    within creel exec rr test -e /ready
    "$CREEL" commit rr killed:1 >/dev/null 2>&1 &
    pid=$!
    within sh -c "[ \"\$($CREEL inspect -f '{{.State.Status}}' rr)\" = paused ] || ! kill -0 $pid 2>/dev/null"
    kill -9 $pid 2>/dev/null || true
    wait $pid || true
    creel ps >/dev/null # whoever comes next makes it run again
    [ "$(state rr)" = running ]
    creel rmi -f killed:1 2>/dev/null || true
    creel import - after:1 <"$BATS_FILE_TMPDIR/busybox.tar" >/dev/null # sweeps
    creel rmi after:1
}

@test "copying out of a container that swaps links never reads the host" {
    mkdir canary
    echo "secret of the host" >canary/marker
    echo "secret of the host" >/creel-canary-marker
    creel run -d --name rr busybox sh -c 'mkdir /a /b; echo inside >/a/creel-canary-marker; while true; do mv /a /c; ln -s / /a; rm /a; mv /c /a; done'
    within creel exec rr test -e /b
    end=$((SECONDS + 8))
    n=0
    while [ $SECONDS -lt $end ]; do
        creel cp rr:/a/creel-canary-marker - >out.tar 2>/dev/null || true
        ! grep -q "secret of the host" out.tar || { rm /creel-canary-marker; echo "the host was read"; return 1; }
        tar -C canary -c marker | creel cp - rr:/a 2>/dev/null || true
        n=$((n + 1))
    done
    ! [ -e /marker ] || return 1
    rm /creel-canary-marker
    [ $n -gt 10 ]
}

@test "nothing of the image is executed or loaded when files are copied" {
    tree=$T/evil
    mkdir -p "$tree"/{bin,usr/bin,lib/x86_64-linux-gnu,etc}
    tar -C "$tree" -xf "$BATS_FILE_TMPDIR/busybox.tar"
    for n in xz unpigz gzip zstd bzip2 tar; do
        rm -f "$tree/usr/bin/$n" "$tree/bin/$n" # not through busybox's links
        printf '#!/bin/sh\ntouch /marker\n' | tee "$tree/usr/bin/$n" >"$tree/bin/$n"
        chmod 755 "$tree/usr/bin/$n" "$tree/bin/$n"
    done
    for n in libnss_files.so.2 libnss_dns.so.2 libz.so.1; do printf 'not a library' >"$tree/lib/x86_64-linux-gnu/$n"; done
    echo /lib/x86_64-linux-gnu/libz.so.1 >"$tree/etc/ld.so.preload"
    tar -C "$tree" -c . | creel import - evil:1
    creel run -d --name rr evil:1 /bin/busybox sleep 1000
    echo x >x
    for z in gzip bzip2 xz zstd; do
        tar -c x | $z | creel cp - rr:/tmp
        creel cp rr:/tmp - >/dev/null
    done
    creel commit rr evil:2
    creel diff rr >/dev/null
    creel export rr >/dev/null
    run creel cp rr:/marker -
    expect_code 1
    creel rm -f rr
    creel rmi evil:2 evil:1
}

@test "prune takes what nothing uses" {
    creel tag busybox used:1
    printf 'x' >x
    tar -c x | creel import - >/dev/null # without a name
    creel run --name stopped busybox true
    creel system prune -f
    [ -z "$(creel ps -aq)" ]
    [ "$(creel images -q | sort -u | wc -l)" = 1 ]
    creel rmi used:1
}
