#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# creel cp: Docker's rules about names, both ways, on containers that run or not.
load helpers

setup() {
    ROOT=$CREEL_ROOT RUN_ROOT=$CREEL_RUN_ROOT T=$BATS_TEST_TMPDIR
    creel create --name box busybox sleep 1000
    mkdir -p "$T/src/dir/sub" "$T/dst"
    echo file >"$T/src/file"
    echo one >"$T/src/dir/one"
    echo two >"$T/src/dir/sub/two"
    ln -s dir "$T/src/link"
    cd "$T"
}

@test "in: a file to a new name, into a directory, over a file" {
    creel cp src/file box:/new
    creel cp src/file box:/tmp
    creel cp src/file box:/root/
    creel cp src/dir/one box:/new
    creel start box
    [ "$(creel exec box cat /new)" = one ]
    [ "$(creel exec box cat /tmp/file)" = file ]
    [ "$(creel exec box cat /root/file)" = file ]
}

@test "in: a file to a directory that does not exist is refused" {
    run --separate-stderr creel cp src/file box:/none/
    expect_failure 1 "no such directory"
    run --separate-stderr creel cp src/file box:/none/deeper
    expect_code 1
}

@test "in: a directory gets the new name, or goes into the directory, or gives its content" {
    creel cp src/dir box:/new
    creel cp src/dir box:/tmp
    creel cp src/dir/. box:/root
    creel cp src/dir/. box:/content
    run --separate-stderr creel cp src/dir box:/etc/passwd
    expect_failure 1 "cannot copy directory"
    creel start box
    run creel exec box sh -c 'cd /; find new tmp root content -type f | sort'
    expect_out "$(printf 'content/one\ncontent/sub/two\nnew/one\nnew/sub/two\nroot/one\nroot/sub/two\ntmp/dir/one\ntmp/dir/sub/two')"
}

@test "in: a link is copied as one, followed with -L or a slash" {
    creel cp src/link box:/a
    creel cp -L src/link box:/b
    creel cp src/link/ box:/c
    creel cp src/link/ box:/tmp
    creel start box
    [ "$(creel exec box readlink /a)" = dir ]
    [ "$(creel exec box cat /b/one)" = one ]
    [ "$(creel exec box cat /c/one)" = one ]
    [ "$(creel exec box cat /tmp/link/one)" = one ]
}

@test "out: a file, to a name, into a directory, over a file" {
    creel cp box:/etc/passwd dst/new
    creel cp box:/etc/passwd dst
    creel cp box:/etc/group dst/new
    grep -q '^root:x:0:0' dst/passwd
    grep -q '^root:x:0:$' dst/new
    [ "$(stat -c %u:%g dst/passwd)" = 0:0 ]
    run --separate-stderr creel cp box:/etc/passwd dst/none/
    expect_failure 1 "no such directory"
    run --separate-stderr creel cp box:/etc/passwd nodir/x
    expect_failure 1 "does not exist"
}

@test "out: a directory, its content, a link" {
    creel cp src/dir box:/d
    creel cp src/link box:/l
    creel cp box:/d dst/new
    creel cp box:/d dst
    creel cp box:/d/. dst/content
    creel cp box:/d/ dst/slash
    ln -sf /d "$T/abs"
    creel cp abs box:/abs
    creel cp box:/abs dst/link
    creel cp -L box:/abs dst/followed
    creel cp -L box:/abs dst
    run bash -c 'cd dst; find . -type f | sort'
    expect_out "$(printf './abs/one\n./abs/sub/two\n./content/one\n./content/sub/two\n./d/one\n./d/sub/two\n./followed/one\n./followed/sub/two\n./new/one\n./new/sub/two\n./slash/one\n./slash/sub/two')"
    [ "$(readlink dst/link)" = /d ]
    run --separate-stderr creel cp box:/d dst/d/one
    expect_failure 1 "cannot copy directory"
}

@test "out: the whole root" {
    creel cp box:/ dst/root
    [ -x dst/root/bin/busybox ]
    [ "$(readlink dst/root/bin/sh)" = busybox ]
}

@test "modes, times and sparse and odd names survive the way in and out" {
    mkdir odd
    printf x >"odd/$(printf 'nl\n\\back')"
    printf y >"odd/$(head -c 200 /dev/zero | tr '\0' n)"
    truncate -s 5M odd/sparse
    chmod 4751 odd/sparse
    touch -d @1234567890 odd/sparse
    ln odd/sparse odd/hard
    mkfifo odd/fifo
    creel cp odd box:/odd
    creel cp box:/odd back
    diff <(cd odd && find . ! -type p -printf '%p %m %s %T@ %n\n' | sort | grep -v '^\. ') \
        <(cd back && find . ! -type p -printf '%p %m %s %T@ %n\n' | sort | grep -v '^\. ')
    [ -p back/fifo ]
    cmp odd/sparse back/sparse
}

@test "owners: numbers are kept on the way in; out they are the caller's, with -a the container's" {
    chown 1234:5678 src/file
    creel cp src/file box:/owned
    creel cp box:/owned dst/mine
    creel cp -a box:/owned dst/theirs
    [ "$(stat -c %u:%g dst/mine)" = 0:0 ]
    [ "$(stat -c %u:%g dst/theirs)" = 1234:5678 ]
    creel start box
    [ "$(creel exec box stat -c %u:%g /owned)" = 1234:5678 ]
}

@test "- is a tar on standard input or output" {
    tar -C src -c dir | creel cp - box:/tmp
    run bash -c "'$CREEL' cp box:/tmp/dir - | tar t | sort"
    expect_out "$(printf 'dir/\ndir/one\ndir/sub/\ndir/sub/two')"
    run --separate-stderr bash -c "tar -C src -c dir | '$CREEL' cp - box:/none"
    expect_failure 1 "must be a directory"
    run "$PTY" -- "$CREEL" cp box:/tmp -
    expect_in "refusing to write an archive to a terminal" "$output"
}

@test "a tar that is none, or is cut, is an error" {
    run --separate-stderr bash -c "echo nonsense | '$CREEL' cp - box:/tmp"
    expect_code 1
    [ "$(printf '%s\n' "$stderr" | wc -l)" = 1 ]
    head -c 3000000 /dev/urandom >src/dir/big
    run --separate-stderr bash -c "tar -C src -c dir | head -c 1000000 | '$CREEL' cp - box:/tmp"
    expect_code 1
}

@test "it works on a container that runs, and is seen there at once" {
    creel start box
    creel cp src/dir box:/live
    [ "$(creel exec box cat /live/sub/two)" = two ]
    creel exec box sh -c 'echo changed >/live/one'
    creel cp box:/live/one dst/
    [ "$(cat dst/one)" = changed ]
}

@test "mounts of the container are seen" {
    mkdir vol
    creel run -d --name mounted -v "$T/vol:/vol" busybox sleep 1000
    creel cp src/file mounted:/vol/in
    [ "$(cat vol/in)" = file ]
    creel cp mounted:/vol/in dst/
    [ "$(cat dst/in)" = file ]
}

@test "a read-only root file system is not written to" {
    creel run -d --name ro --read-only busybox sleep 1000
    run --separate-stderr creel cp src/file ro:/tmp
    expect_code 1
    expect_in "read-only" "$stderr"
    creel cp ro:/etc/passwd dst/
}

@test "links in the container lead nowhere outside of it" {
    creel start box
    creel exec box sh -c 'ln -s / /tmp/root; ln -s ../../../../../../etc /tmp/up; ln -s /etc/passwd /tmp/pw'
    echo poison >"$T/poison"
    creel cp poison box:/tmp/up/creel-test-poison
    [ ! -e /etc/creel-test-poison ]
    [ "$(creel exec box cat /etc/creel-test-poison)" = poison ]
    creel cp poison box:/tmp/root/creel-test-poison
    [ ! -e /creel-test-poison ]
    creel cp -L box:/tmp/pw dst/pw
    grep -q '^test:x:1000' dst/pw
}

@test "a container that writes links into the archive cannot make the caller write elsewhere" {
    creel start box
    creel exec box sh -c "mkdir /evil; ln -s $T/dst/outside /evil/x"
    creel cp box:/evil dst/
    creel exec box sh -c 'rm /evil/x; mkdir /evil/x; echo poison >/evil/x/f'
    run --separate-stderr creel cp box:/evil dst/
    expect_code 1
    [ ! -e dst/outside ]
}

@test "arguments that make no sense" {
    run --separate-stderr creel cp a b
    expect_failure 1 "must specify at least one container source"
    run --separate-stderr creel cp box:/a box:/b
    expect_failure 1 "copying between containers is not supported"
    run --separate-stderr creel cp "" box:/b
    expect_failure 1 "source can not be empty"
    run --separate-stderr creel cp src/none box:/b
    expect_failure 1 "No such file or directory"
    run --separate-stderr creel cp box:/none dst
    expect_failure 1 "Could not find the file /none in container box"
    run --separate-stderr creel cp nobox:/etc dst
    expect_failure 1 "No such container: nobox"
}
