#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""image_cases.py GROUP: archives that images.bats gives to creel, and what has to come of each.

Each group is a list of cases: an archive made here, and either words of the expected error or a look at the result.
A directory of canaries lies outside the engine; after every case it must be untouched, and nothing may be left in
<root>/tmp. The process ends with 1 and a line per wrong case."""
import bz2, gzip, hashlib, io, json, lzma, os, random, re, shutil, stat, struct, subprocess, sys, tarfile, tempfile, traceback

CREEL = os.environ.get("CREEL", "build/creel")
ROOT = os.environ["CREEL_ROOT"]
WORK = tempfile.mkdtemp(prefix="image-cases-", dir=os.environ.get("T"))
CANARY = os.path.join(WORK, "canary")
failures = []
LEAD_OUT = "leads out of its directory"


def creel(*args, data=None, env=None, ok=True):
    p = subprocess.run([CREEL, *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=dict(os.environ, **(env or {})))
    if ok and p.returncode != 0:
        raise AssertionError(f"creel {' '.join(args)}: {p.stderr.decode(errors='replace').strip()}")
    return p


class Tar:
    """A tar written entry by entry; raw header fields can be forged."""

    def __init__(self, fmt=tarfile.PAX_FORMAT):
        self.out, self.fmt = io.BytesIO(), fmt

    def add(self, name, type=tarfile.REGTYPE, data=b"", link="", mode=0o644, uid=0, gid=0, mtime=1700000000, dev=(0, 0), pax=None,
            size=None, fmt=None):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode, info.uid, info.gid, info.mtime = type, link, mode, uid, gid, mtime
        info.devmajor, info.devminor = dev
        info.size = len(data) if size is None else size
        info.pax_headers = dict(pax or {})
        self.out.write(info.tobuf(fmt or self.fmt, "utf-8", "surrogateescape"))
        self.out.write(data + b"\0" * (-len(data) % 512))
        return self

    def dir(self, name, mode=0o755, **kw):
        return self.add(name, tarfile.DIRTYPE, mode=mode, **kw)

    def symlink(self, name, target, **kw):
        return self.add(name, tarfile.SYMTYPE, link=target, **kw)

    def hardlink(self, name, target, **kw):
        return self.add(name, tarfile.LNKTYPE, link=target, **kw)

    def raw(self, data):
        self.out.write(data)
        return self

    def bytes(self, end=True):
        return self.out.getvalue() + (b"\0" * 1024 if end else b"")


def header(name=b"f", mode=b"0000644\0", uid=b"0000000\0", gid=b"0000000\0", size=b"00000000000\0", mtime=b"00000000000\0", type=b"0",
           link=b"", magic=b"ustar\x0000", major=b"0000000\0", minor=b"0000000\0"):
    """One raw header block with a right checksum."""
    h = bytearray(512)
    for at, field in ((0, name), (100, mode), (108, uid), (116, gid), (124, size), (136, mtime), (156, type), (157, link),
                      (257, magic), (329, major), (337, minor)):
        h[at:at + len(field)] = field
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def pax_record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    n = len(body)
    while len(str(n + len(body) - n + 0)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def pax_block(records):
    body = b"".join(pax_record(k, v) for k, v in records)
    return header(name=b"./PaxHeaders/x", type=b"x", size=b"%011o\0" % len(body)) + body + b"\0" * (-len(body) % 512)


# --- canaries ---

def make_canary():
    os.makedirs(CANARY)
    for name, mode in (("f", 0o640), ("suid", 0o4755), ("etc-passwd", 0o600)):
        path = os.path.join(CANARY, name)
        with open(path, "w") as f:
            f.write("canary " + name)
        os.chmod(path, mode)
    os.makedirs(os.path.join(CANARY, "dir"))


def snapshot():
    seen = []
    for base, dirs, files in os.walk(CANARY):
        for n in [""] + dirs + files:
            path = os.path.join(base, n)
            st = os.lstat(path)
            body = open(path, "rb").read() if stat.S_ISREG(st.st_mode) else b""
            seen.append((path, st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_mtime_ns, st.st_ctime_ns, body))
    return sorted(seen)


def up(path):
    return "../" * 40 + path.lstrip("/")


def layer_dir(ref):
    return creel("image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", ref).stdout.decode().strip()


def clean():
    creel("rmi", "-f", "case:1", ok=False)
    left = os.listdir(os.path.join(ROOT, "tmp")) + os.listdir(os.path.join(ROOT, "trash"))
    if left:
        raise AssertionError(f"left behind: {left}")
    layers = os.listdir(os.path.join(ROOT, "layers"))
    if len(layers) > BASE_LAYERS:
        raise AssertionError(f"layers left behind: {layers}")


def case(name, archive, error=None, look=None, env=None, verb="import"):
    """error: a pattern that the one line on stderr must have. look: called with the layer's directory."""
    try:
        data = archive() if callable(archive) else archive
        data = data.bytes() if isinstance(data, Tar) else data
        args = ("import", "-", "case:1") if verb == "import" else ("load",)
        p = creel(*args, data=data, env=env, ok=False)
        err = p.stderr.decode(errors="replace").strip()
        if error is not None:
            assert p.returncode != 0, "was accepted"
            assert re.search(error, err), f"error is: {err}"
            assert "\n" not in err and not re.search(r"[\x00-\x1f\x7f]", err), f"not one clean line: {err!r}"
        else:
            assert p.returncode == 0, err
            if look is not None:
                look(layer_dir("case:1"))
        assert snapshot() == BEFORE, "the canary was touched"
        clean()
    except AssertionError as e:
        failures.append(f"{name}: {e}")
    except Exception:
        failures.append(f"{name}: {traceback.format_exc()}")


def st(root, name):
    return os.lstat(os.path.join(root, name))


def check(ok, what):
    if not ok:
        raise AssertionError(what)


def body(root, name):
    with open(os.path.join(root, name), "rb") as f:
        return f.read()


def inside(name, text=None):
    def look(root):
        check(os.path.lexists(os.path.join(root, name)), f"{name} is not there: {os.listdir(root)}")
        if text is not None:
            check(body(root, name) == text, f"{name} has {body(root, name)!r}")
    return look


# --- names (CVE-2014-6407, CVE-2014-9356, zip-slip) ---

def group_names():
    case("dot-dot", Tar().add("../x", data=b"1"), LEAD_OUT)
    case("dot-dot to canary", Tar().add(up(CANARY) + "/f", data=b"1"), LEAD_OUT)
    case("dot-dot inside", Tar().dir("a").add("a/../../x"), LEAD_OUT)
    case("dot-dot that stays", Tar().dir("a").add("a/../b"), LEAD_OUT)
    case("only dot-dot", Tar().dir(".."), LEAD_OUT)
    case("absolute", Tar().add("/x", data=b"1"), look=inside("x", b"1"))
    case("absolute canary", Tar().add(CANARY + "/f", data=b"1"), look=inside(CANARY.lstrip("/") + "/f", b"1"))
    case("link to root", Tar().symlink("a", "/").add("a/x", data=b"1"), look=inside("x", b"1"))
    case("link to parent", Tar().symlink("a", "..").add("a/x", data=b"1"), look=inside("x", b"1"))
    case("link to canary", Tar().symlink("a", CANARY).add("a/f", data=b"1"), "not a directory")
    case("link out and deeper", Tar().symlink("a", up(CANARY)).add("a/dir/new", data=b"1"), "not a directory")
    case("chain of links", Tar().dir("d").symlink("l0", "d").symlink("l1", "l0").symlink("l2", "/l1").add("l2/x", data=b"1"),
         look=inside("d/x", b"1"))
    case("long chain", lambda: [t := Tar().dir("l0"), [t.symlink(f"l{i+1}", f"l{i}") for i in range(60)], t.add("l60/x")][0],
         "go round in circles")
    case("circular links", Tar().symlink("a", "b").symlink("b", "a").add("a/x"), "go round in circles")
    case("link to itself", Tar().symlink("a", "a").add("a/x"), "go round in circles")
    case("trailing slash on a file", Tar().raw(header(name=b"a/", type=b"0")), look=lambda r: check(stat.S_ISDIR(st(r, "a").st_mode), "no directory"))
    case("doubled slashes", Tar().add("a//b///c", data=b"1"), look=inside("a/b/c", b"1"))
    case("empty name", header(name=b"") + b"\0" * 1024, "without a name|not a tar|damaged")
    case("dot as a file", Tar().add(".", data=b"1"), "top directory is not a directory")
    case("dot as a link", Tar().symlink(".", "/etc"), "top directory is not a directory")
    case("dot as a directory", Tar().dir(".", mode=0o711), look=lambda r: check(stat.S_IMODE(os.stat(r).st_mode) == 0o711, "mode"))
    case("NUL in a pax name", pax_block([(b"path", b"good\0/../../x")]) + header(name=b"f") + b"\0" * 1024,
         look=lambda r: check(os.listdir(r) == ["good"], f"{os.listdir(r)}"))
    case("not UTF-8", header(name=b"a\xff\xe4b") + b"\0" * 1024, look=lambda r: check(os.listdir(r.encode()) == [b"a\xff\xe4b"], "name"))
    case("not UTF-8 in pax", pax_block([(b"path", b"p\xff" * 60)]) + header(name=b"f") + b"\0" * 1024,
         look=lambda r: check(os.listdir(r.encode()) == [b"p\xff" * 60], "name"))
    case("decomposed UTF-8 stays decomposed", Tar().add("e\u0301" * 50),
         look=lambda r: check(os.listdir(r) == ["e\u0301" * 50], "name was normalised"))
    case("controls in a bad name", header(name=b"../\x1b[31mred\n") + b"\0" * 1024, LEAD_OUT)
    case("255 bytes", Tar().add("n" * 255), look=inside("n" * 255))
    case("256 bytes", Tar().add("n" * 256), "longer than 255")
    case("long path", Tar().add("/".join(["d" * 200] * 20), data=b"1"), look=inside("/".join(["d" * 200] * 20), b"1"))
    case("too long a path", Tar().add("/".join(["d" * 200] * 21)), "longer than 4095")
    case("deep path", Tar().add("d/" * 1500 + "f"), look=lambda r: subprocess.run(["find", r, "-name", "f"], check=True, stdout=subprocess.PIPE))
    case("deep path replaced", Tar().add("d/" * 1500 + "f").add("d", data=b"1"), look=inside("d", b"1"))
    case("parent is a file", Tar().add("a").add("a/b"), "not a directory")
    case("dangling link as parent", Tar().symlink("a", "nowhere").add("a/b"), "not a directory")


# --- links and metadata (CVE-2021-32760, CVE-2021-41089) ---

def group_links():
    case("hard link to canary", Tar().hardlink("h", up(CANARY) + "/f"), LEAD_OUT)
    case("hard link to absolute canary", Tar().hardlink("h", CANARY + "/f"), "not in this archive")
    case("hard link through a link", Tar().symlink("a", CANARY).hardlink("h", "a/f"), "not in this archive")
    case("hard link to a link", Tar().symlink("a", CANARY + "/f").hardlink("h", "a").add("h", data=b"1", mode=0o777),
         look=lambda r: [check(body(r, "h") == b"1", "content"), check(os.readlink(r + "/a") == CANARY + "/f", "link")])
    case("hard link keeps the link", Tar().symlink("a", CANARY + "/f").hardlink("h", "a"),
         look=lambda r: check(os.readlink(r + "/h") == CANARY + "/f" and st(r, "a").st_ino == st(r, "h").st_ino, "not linked"))
    case("hard link then file of the name", Tar().add("a", data=b"old").hardlink("h", "a").add("h", data=b"new"),
         look=lambda r: check(body(r, "a") == b"old" and body(r, "h") == b"new", "wrote through the link"))
    case("hard link to a directory", Tar().dir("d").hardlink("h", "d"), "to a directory")
    case("hard link to nothing", Tar().hardlink("h", "none"), "not in this archive")
    case("hard link to itself", Tar().add("a", data=b"1").hardlink("a", "a"), look=inside("a", b"1"))
    case("hard link to a later file", Tar().hardlink("h", "a").add("a"), "not in this archive")
    case("hard link replaces its target's directory", Tar().dir("d").add("d/t").hardlink("d", "d/t"), "replaces its own target|not in this")
    case("hard link to a whiteout", Tar().add(".wh.a").hardlink("h", "a"), "not in this archive")
    case("hard links share", Tar().add("a", data=b"1").hardlink("b/c", "a"),
         look=lambda r: check(st(r, "a").st_ino == st(r, "b/c").st_ino and st(r, "a").st_nlink == 2, "not shared"))
    case("link, then its name as a file with a mode", Tar().symlink("a", CANARY + "/f").add("a", data=b"1", mode=0o4777),
         look=lambda r: check(stat.S_IMODE(st(r, "a").st_mode) == 0o4777 and body(r, "a") == b"1", "not replaced"))
    case("link, then its name as a directory", Tar().symlink("a", CANARY + "/dir").dir("a", mode=0o777),
         look=lambda r: check(stat.S_ISDIR(st(r, "a").st_mode), "not replaced"))
    case("directory replaced by a link to it from inside", Tar().dir("d").add("d/f").symlink("d", CANARY + "/dir").add("d/x"), "not a directory")
    case("owner of a link", Tar().symlink("a", CANARY + "/f", uid=1234, gid=5678),
         look=lambda r: check((st(r, "a").st_uid, st(r, "a").st_gid) == (1234, 5678), "owner"))
    case("times of a link to canary", Tar().symlink("a", CANARY + "/f", mtime=5), look=lambda r: check(st(r, "a").st_mtime == 5, "time"))
    case("empty link target", header(name=b"l", type=b"2") + b"\0" * 1024, "empty or too long target")
    case("duplicates: the last wins", Tar().add("a", data=b"1").add("a", data=b"22").dir("a").add("a/b", data=b"3"), look=inside("a/b", b"3"))


# --- special entries ---

def set_cap():
    # VFS_CAP_REVISION_2 | effective, CAP_NET_RAW permitted
    return struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def xattr(root, name, key):
    try:
        return os.getxattr(os.path.join(root, name), key, follow_symlinks=False)
    except OSError:
        return None


def group_special():
    def same(mode, uid=0, gid=0):
        return lambda r: check((stat.S_IMODE(st(r, "f").st_mode), st(r, "f").st_uid, st(r, "f").st_gid) == (mode, uid, gid),
                               f"is {oct(st(r, 'f').st_mode)} {st(r, 'f').st_uid}:{st(r, 'f').st_gid}")

    case("set-uid, set-gid, sticky", Tar().add("f", mode=0o7755, uid=1000, gid=1001), look=same(0o7755, 1000, 1001))
    case("largest owner", Tar().add("f", uid=4294967294, gid=4294967294), look=same(0o644, 4294967294, 4294967294))
    case("owner -1", Tar().add("f", uid=4294967295), "impossible owner")
    case("owner past 32 bits", Tar().add("f", uid=1 << 40), "impossible owner")
    case("negative base-256 owner", header(uid=b"\xff" * 7 + b"\xfe") + b"\0" * 1024, "impossible owner|damaged|negative")
    case("character device", Tar().add("f", tarfile.CHRTYPE, dev=(1, 3), mode=0o666),
         look=lambda r: check(st(r, "f").st_rdev == os.makedev(1, 3) and stat.S_ISCHR(st(r, "f").st_mode), "device"))
    case("block device", Tar().add("f", tarfile.BLKTYPE, dev=(8, 1), mode=0o660), look=lambda r: check(st(r, "f").st_rdev == os.makedev(8, 1), "device"))
    case("fifo", Tar().add("f", tarfile.FIFOTYPE, mode=0o600), look=lambda r: check(stat.S_ISFIFO(st(r, "f").st_mode), "fifo"))
    case("forged whiteout", Tar().add("f", tarfile.CHRTYPE, dev=(0, 0)), "character device 0:0")
    case("impossible device", header(type=b"3", major=b"7777777\0", minor=b"0000001\0") + b"\0" * 1024, "impossible numbers")
    case("file capabilities", pax_block([(b"SCHILY.xattr.security.capability", set_cap())]) + header(name=b"f", mode=b"0000755\0") + b"\0" * 1024,
         look=lambda r: check(xattr(r, "f", "security.capability") == set_cap(), "capabilities"))
    case("malformed capabilities", pax_block([(b"SCHILY.xattr.security.capability", b"xx")]) + header(name=b"f") + b"\0" * 1024,
         "malformed file capabilities")
    case("user attribute", pax_block([(b"SCHILY.xattr.user.x", b"a\0b\n")]) + header(name=b"f") + b"\0" * 1024,
         look=lambda r: check(xattr(r, "f", "user.x") in (b"a\0b\n", None), f"{xattr(r, 'f', 'user.x')}"))
    for key in ("trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.opaque", "trusted.x",
                "security.selinux", "security.ima", "security.apparmor", "security.SMACK64"):
        case(f"attribute {key}", pax_block([(b"SCHILY.xattr." + key.encode(), b"y")]) + header(name=b"f/", type=b"5", mode=b"0000755\0") + b"\0" * 1024,
             look=lambda r, k=key: check(xattr(r, "f", k) is None, f"{k} was set"))
    case("too many attributes", pax_block([(b"SCHILY.xattr.user.a%d" % i, b"v") for i in range(100)]) + header(name=b"f") + b"\0" * 1024,
         "too many extended attributes")
    case("large attributes", pax_block([(b"SCHILY.xattr.user.a", b"v" * 200000)]) + header(name=b"f") + b"\0" * 1024, "too many extended attributes")
    case("pax record of 2 MiB", pax_block([(b"comment", b"v" * (2 << 20))]) + header(name=b"f") + b"\0" * 1024, "damaged|too large")
    case("pax record that claims 1 GiB", header(type=b"x", size=b"%011o\0" % (1 << 30)) + b"9" * 512, "damaged|cut off|too large")
    case("nested pax", pax_block([(b"path", b"one")]) + pax_block([(b"path", b"two")]) + header() + b"\0" * 1024, look=inside("two"))
    case("pax size smaller than the data", pax_block([(b"size", b"1")]) + header(size=b"%011o\0" % 600) + b"x" * 1024 + b"\0" * 1024, "damaged|cut off|not a tar")
    case("pax path wins", pax_block([(b"path", b"p")]) + header(name=b"../x") + b"\0" * 1024, look=inside("p"))
    case("pax path leads out", pax_block([(b"path", b"../p")]) + header(name=b"x") + b"\0" * 1024, LEAD_OUT)
    case("pax linkpath leads out", pax_block([(b"linkpath", b"../../p")]) + header(name=b"x", type=b"1", link=b"p") + b"\0" * 1024, LEAD_OUT)
    case("long hard link", Tar().add("t" * 150, data=b"1").hardlink("x", "t" * 150), look=inside("x", b"1"))
    case("GNU long name leads out", Tar(tarfile.GNU_FORMAT).add("../" + "n" * 150), LEAD_OUT)
    case("size past the end", header(size=b"%011o\0" % 5000) + b"x" * 512, "cut off")
    case("negative base-256 size", header(size=b"\xff" * 12) + b"\0" * 1024, "negative size|damaged|cut off")
    case("size of 8 EiB", header(size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7) + b"\0" * 1024, "limit|damaged|cut off")
    case("bad checksum", bytearray(header())[:148] + b"0000000\0" + header()[156:] + b"\0" * 1024, "not a tar|damaged")
    case("time with nanoseconds", Tar().add("f", pax={"mtime": "1700000000.123456789"}), look=lambda r: check(st(r, "f").st_mtime_ns == 1700000000123456789, "time"))
    case("time before 1970", Tar().add("f", pax={"mtime": "-1000"}), look=lambda r: check(st(r, "f").st_mtime == -1000, f"{st(r, 'f').st_mtime}"))
    case("times out of range", Tar().add("f", pax={"mtime": "99999999999999999999"}).add("g", pax={"mtime": "-99999999999999999999"}), look=inside("g"))
    case("times of directories", Tar().dir("d", mtime=1000).add("d/f", mtime=2000).dir("d/e", mtime=3000).add("d/e/g", mtime=4000),
         look=lambda r: check([st(r, n).st_mtime for n in ("d", "d/f", "d/e", "d/e/g")] == [1000, 2000, 3000, 4000], "times"))

    def sparse():
        path = os.path.join(WORK, "sparse")
        with open(path, "wb") as f:
            f.seek(50 << 20)
            f.write(b"middle")
            f.truncate(300 << 20)
        return subprocess.run(["tar", "-C", WORK, "-S", "-c", "sparse"], check=True, stdout=subprocess.PIPE).stdout

    def look_sparse(r):
        s = st(r, "sparse")
        check(s.st_size == 300 << 20 and s.st_blocks * 512 < 1 << 20, f"{s.st_size} {s.st_blocks}")
        with open(r + "/sparse", "rb") as f:
            f.seek(50 << 20)
            check(f.read(7) == b"middle\0", "content")

    case("sparse", sparse, look=look_sparse)
    case("sparse GNU 1.0", lambda: subprocess.run(["tar", "-C", WORK, "--format=posix", "-S", "-c", "sparse"], check=True, stdout=subprocess.PIPE).stdout,
         look=look_sparse)
    case("unknown type", header(type=b"Z") + b"\0" * 1024, look=inside("f"))
    case("v7 header", header(magic=b"") + b"\0" * 1024, look=inside("f"))


# --- whiteouts ---

def group_whiteouts():
    def is_whiteout(root, name):
        s = st(root, name)
        return stat.S_ISCHR(s.st_mode) and s.st_rdev == 0

    opaque = "trusted.overlay.opaque"
    case("whiteout", Tar().dir("d").add("d/.wh.x"), look=lambda r: check(is_whiteout(r, "d/x") and os.listdir(r + "/d") == ["x"], "no whiteout"))
    case("opaque", Tar().dir("d").add("d/.wh..wh..opq"), look=lambda r: check(xattr(r, "d", opaque) == b"y" and os.listdir(r + "/d") == [], "not opaque"))
    case("opaque before its directory", Tar().add("d/.wh..wh..opq").dir("d", mode=0o700),
         look=lambda r: check(xattr(r, "d", opaque) == b"y" and stat.S_IMODE(st(r, "d").st_mode) == 0o700, "not opaque"))
    case("whiteout of nothing", Tar().add(".wh."), "whiteout of nothing")
    case("whiteout of dot", Tar().add(".wh.."), "whiteout of nothing")
    case("whiteout of dot-dot", Tar().add("a/.wh..."), "whiteout of nothing")
    case("whiteout with dot-dot", Tar().add(".wh.a/../.."), LEAD_OUT)
    case("reserved directory", Tar().add(".wh.a/b"), "reserved for whiteouts")
    case("aufs metadata", Tar().dir(".wh..wh.plnk").add(".wh..wh.plnk/1.2").add(".wh..wh.aufs"), look=lambda r: check(os.listdir(r) == [], "kept"))
    case("opaque through a link to canary", Tar().symlink("a", CANARY + "/dir").add("a/.wh..wh..opq"), "not a directory")
    case("whiteout through a link to canary", Tar().symlink("a", CANARY).add("a/.wh.f"), "not a directory")
    case("whiteout of a link to canary", Tar().symlink("a", CANARY + "/f").add(".wh.a"), look=lambda r: check(os.readlink(r + "/a") == CANARY + "/f", "gone"))
    case("whiteout then directory", Tar().add(".wh.d").dir("d").add("d/f"), look=lambda r: check(xattr(r, "d", opaque) == b"y", "lower shows through"))
    case("whiteout then implied directory", Tar().add(".wh.d").add("d/f"), look=lambda r: check(xattr(r, "d", opaque) == b"y", "lower shows through"))
    case("directory then whiteout", Tar().dir("d").add("d/f").add(".wh.d"), look=lambda r: check(xattr(r, "d", opaque) == b"y" and inside("d/f")(r) is None, "gone"))
    case("whiteout then file", Tar().add(".wh.f").add("f", data=b"1"), look=inside("f", b"1"))
    case("file then whiteout", Tar().add("f", data=b"1").add(".wh.f"), look=inside("f", b"1"))
    case("whiteout of a long name", Tar().add(".wh." + "n" * 251), look=lambda r: check(is_whiteout(r, "n" * 251), "no whiteout"))


# --- bombs, cuts and lies ---

def limited(**kw):
    return {"CREEL_ARCHIVE_LIMITS": ",".join(f"{k.replace('_', '-')}={v}" for k, v in kw.items())}


def zeros_gzip(total, block=64 << 20):
    """A tar of one file of zeros: members of a repeated block, so that 10 GiB take no time to make."""
    block = min(block, total)
    head = header(name=b"zeros", size=b"\x80" + total.to_bytes(11, "big"))
    return gzip.compress(head) + gzip.compress(b"\0" * block) * (total // block) + gzip.compress(b"\0" * 1024)


def zstd(data, *args):
    return subprocess.run(["zstd", "-q", "-c", *args], input=data, check=True, stdout=subprocess.PIPE).stdout


def zstd_zeros(total):
    """Frames of a repeated block: 10 GiB in a few hundred kilobytes, made in no time."""
    head = header(name=b"zeros", size=b"\x80" + total.to_bytes(11, "big"))
    block = zstd(b"\0" * (64 << 20))
    return zstd(head) + block * (total // (64 << 20)) + zstd(b"\0" * 1024)


def group_bombs():
    good = Tar().dir("d").add("d/f", data=b"x" * 5000).add("g", data=b"y" * 700).bytes()
    case("empty input", b"", "input is empty")
    case("text", b"hello, this is no archive\n" * 100, "not a tar archive")
    case("noise", random.Random(1).randbytes(10000), "not a tar archive")
    for at in (100, 512, 700, 1024, 1536, len(good) - 1024):
        case(f"cut at {at}", good[:at], "cut off|not a tar")
    for name, pack in (("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress), ("zstd", zstd)):
        case(name, pack(good), look=inside("g", b"y" * 700))
        case(f"{name} cut", pack(good)[:-20], "damaged or cut off")
        case(f"{name} cut early", pack(good)[:12], "damaged or cut off|not a tar")
        case(f"{name} of {name}", pack(pack(good)), "not a tar archive")
    case("gzip of many members", b"".join(gzip.compress(good[i:i + 512]) for i in range(0, len(good), 512)), look=inside("g", b"y" * 700))
    case("endless empty gzip members", gzip.compress(good) + gzip.compress(b"") * 20000, look=inside("g", b"y" * 700))
    case("damaged gzip", bytes(b ^ (i == 60) for i, b in enumerate(gzip.compress(random.Random(2).randbytes(4096)))), "damaged|not a tar")
    case("zstd with a window of 2 GiB", lambda: zstd_window(31), "damaged|memory|window")
    case("10 GiB of zeros in gzip", lambda: zeros_gzip(10 << 30), "looks like a bomb|limit")
    case("10 GiB of zeros in zstd", lambda: zstd_zeros(10 << 30), "looks like a bomb|limit")
    case("a larger bomb with a lower limit", lambda: zeros_gzip(64 << 20), "limit", env=limited(bytes=1 << 20))
    case("zeros behind the end", good + b"\0" * (20 << 20), "follow the end of the archive")
    case("padding behind the end", good + b"\0" * (1 << 20), look=inside("g"))

    def many(n):
        block = b"".join(header(name=b"e%07d" % i) for i in range(1000))
        return block * (n // 1000) + b"\0" * 1024

    case("more names than allowed", many(50000), "more than 20000 entries", env=limited(entries=20000))
    case("many names in gzip", gzip.compress(many(300000), 1), "more than 20000 entries", env=limited(entries=20000))
    case("wrong limits", good, "archive limit", env={"CREEL_ARCHIVE_LIMITS": "size=1"})


def zstd_window(log):
    """A frame header that asks for a window of 2^log, then a raw block."""
    return b"\x28\xb5\x2f\xfd" + bytes([0x00, (log - 10) << 3]) + (1 | 0 << 1 | 5 << 3).to_bytes(3, "little") + b"hello"


# --- image archives ---

def sha(data):
    return hashlib.sha256(data).hexdigest()


def config_for(layers, **kw):
    doc = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
           "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(l) for l in layers]}}
    doc.update(kw)
    return json.dumps(doc).encode()


def docker_archive(layers, tags=("case:1",), config=None, manifest=None, names=None, extra=None):
    config = config if config is not None else config_for(layers)
    names = names or [f"{i}/layer.tar" for i in range(len(layers))]
    t = Tar()
    for n, l in zip(names, layers):
        t.add(n, data=l)
    t.add("config.json", data=config)
    if manifest is None:
        manifest = json.dumps([{"Config": "config.json", "RepoTags": list(tags), "Layers": names}]).encode()
    t.add("manifest.json", data=manifest)
    for n, d in (extra or {}).items():
        t.add(n, data=d)
    return t


def desc(data, type, **kw):
    return dict({"mediaType": type, "digest": "sha256:" + sha(data), "size": len(data)}, **kw)


OCI = "application/vnd.oci.image."


def oci_archive(layers, names=("case:1",), change=None, blobs=None, packed=gzip.compress, layer_type="layer.v1.tar+gzip"):
    raw = [packed(l) for l in layers]
    config = config_for(layers)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": desc(config, OCI + "config.v1+json"),
                           "layers": [desc(r, OCI + layer_type) for r in raw]}).encode()
    index = {"schemaVersion": 2, "manifests": [desc(manifest, OCI + "manifest.v1+json", annotations={"io.containerd.image.name": "docker.io/library/" + n})
                                               for n in names]}
    files = {"blobs/sha256/" + sha(b): b for b in raw + [config, manifest]}
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    if change:
        change(files, index, manifest, config, raw)
    files.setdefault("index.json", json.dumps(index).encode())
    t = Tar()
    for n, d in files.items():
        t.add(n, data=d)
    return t


def group_archives():
    one, two = Tar().add("a", data=b"1").bytes(), Tar().add("b", data=b"2").bytes()
    load = lambda *a, **k: case(*a, verb="load", **k)

    def has_both(root):
        p = creel("image", "inspect", "-f", "{{len .RootFS.Layers}}", "case:1")
        check(p.stdout.strip() == b"2", f"layers: {p.stdout}")

    load("docker archive", docker_archive([one, two]), look=has_both)
    load("docker archive in gzip", lambda: gzip.compress(docker_archive([one, two]).bytes()), look=has_both)
    load("docker archive in zstd", lambda: zstd(docker_archive([one, two]).bytes()), look=has_both)
    load("compressed layers", lambda: docker_archive([gzip.compress(one), two], config=config_for([one, two])), look=has_both)
    load("oci archive", oci_archive([one, two]), look=has_both)
    load("oci archive with zstd layers", lambda: oci_archive([one, two], packed=zstd, layer_type="layer.v1.tar+zstd"), look=has_both)
    load("oci archive with plain layers", lambda: oci_archive([one, two], packed=lambda x: x, layer_type="layer.v1.tar"), look=has_both)
    load("the same layer twice", docker_archive([one, one], names=["x.tar", "y.tar"]), look=lambda r: None)
    t = docker_archive([one], names=["l/layer.tar"]).symlink("m/layer.tar", "../l/layer.tar").hardlink("n.tar", "l/layer.tar")
    t.add("manifest.json", data=json.dumps([{"Config": "config.json", "RepoTags": ["case:1"], "Layers": ["m/layer.tar"]}]).encode())
    load("linked layer", t, look=lambda r: inside("a", b"1")(r))

    load("neither format", Tar().add("x"), "neither manifest.json nor index.json")
    load("old format", Tar().add("repositories", data=b"{}"), "before Docker 1.10")
    load("not an archive", b"hello" * 1000, "not a tar archive")
    load("empty", b"", "empty")
    load("a device as member", docker_archive([one]).add("d", tarfile.CHRTYPE, dev=(1, 3)), "device or a fifo")
    load("member leads out", docker_archive([one]).add("../x"), LEAD_OUT)
    load("missing layer", docker_archive([], config=config_for([one]), manifest=json.dumps([{"Config": "config.json", "Layers": ["x.tar"]}]).encode()), "no x.tar")
    load("missing configuration", docker_archive([one], manifest=b'[{"Config":"none.json","Layers":["0/layer.tar"]}]'), "no none.json")
    load("circular links", docker_archive([one], manifest=b'[{"Config":"config.json","Layers":["p"]}]').symlink("p", "q").symlink("q", "p"), "round in circles")
    load("link out of the archive", docker_archive([one]).symlink("p", "../../etc/passwd"), "leads out of the archive")
    load("link to what is not UTF-8", docker_archive([one]).symlink("p", "q\udcff"), "not UTF-8")
    load("path as layer name", docker_archive([one], manifest=json.dumps([{"Config": "config.json", "RepoTags": ["case:1"], "Layers": [CANARY + "/f"]}]).encode()), "no /")
    load("path as configuration", docker_archive([one], manifest=b'[{"Config":"/etc/passwd","Layers":["0/layer.tar"]}]'), "no /etc/passwd")
    load("wrong diff id", docker_archive([one], config=config_for([two])), "configuration says")
    load("wrong count of layers", docker_archive([one, two], config=config_for([one])), "lists 1 layers, its manifest 2")
    load("flipped bit in a layer", docker_archive([one[:600] + b"!" + one[601:]], config=config_for([one])), "configuration says|damaged")
    load("name promises another digest", docker_archive([one], manifest=json.dumps([{"Config": "0" * 64 + ".json", "Layers": ["0/layer.tar"]}]).encode(),
                                                        extra={"0" * 64 + ".json": config_for([one])}), "has digest")
    load("bad tag", docker_archive([one], tags=("../x",)), "invalid reference format")
    load("bad manifest", docker_archive([one], manifest=b"{"), "not proper JSON")
    load("duplicate members", docker_archive([one], manifest=b'[{"Config":"a","Config":"b","Layers":[]}]'), "not proper JSON")
    load("large manifest", docker_archive([one], manifest=b" " * (5 << 20)), "larger than 4194304")
    load("deep manifest", docker_archive([one], manifest=b"[" * 100000), "not proper JSON")
    load("configuration of another system", docker_archive([one], config=config_for([one], os="windows")), "image is for windows")
    load("traversal as diff id", docker_archive([one], config=config_for([one], rootfs={"type": "layers", "diff_ids": ["sha256:../../x"]})), "no proper digest")
    load("128 layers", lambda: docker_archive([Tar().add(f"f{i}").bytes() for i in range(128)]), "at most 127")
    load("10000 layers", lambda: docker_archive([one], manifest=json.dumps([{"Config": "config.json", "Layers": ["x"] * 10000}]).encode()), "at most 127")
    load("more members than allowed", docker_archive([one, two]), "more than 2 members", env=limited(members=2))

    # OCI: every promise broken once
    def flip(files, index, manifest, config, raw):
        name = "blobs/sha256/" + sha(raw[0])
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])

    def size(files, index, manifest, config, raw):
        index["manifests"][0]["size"] += 1

    def gone(files, index, manifest, config, raw):
        del files["blobs/sha256/" + sha(raw[0])]

    def with_manifest(edit):
        def change(files, index, manifest, config, raw):
            doc = json.loads(manifest)
            edit(doc)
            new = json.dumps(doc).encode()
            files["blobs/sha256/" + sha(new)] = new
            index["manifests"][0].update(digest="sha256:" + sha(new), size=len(new))
        return change

    def set_index(text):
        return lambda files, index, *a: files.__setitem__("index.json", text)

    load("flipped bit in a blob", oci_archive([one], change=flip), "damaged|digest")
    load("extended blob", oci_archive([one], change=lambda f, i, m, c, raw: f.__setitem__("blobs/sha256/" + sha(raw[0]), raw[0] + b"x")), "its manifest says")
    load("truncated blob", oci_archive([one], change=lambda f, i, m, c, raw: f.__setitem__("blobs/sha256/" + sha(raw[0]), raw[0][:-9])), "damaged|cut off|manifest says")
    load("wrong manifest size", oci_archive([one], change=size), "its manifest says")
    load("missing blob", oci_archive([one], change=gone), "has no blobs")
    load("manifest with another digest", oci_archive([one], change=lambda f, i, m, c, raw: i["manifests"][0].update(digest="sha256:" + "a" * 64)), "has no blobs")
    load("digest with a path", oci_archive([one], change=lambda f, i, m, c, raw: i["manifests"][0].update(digest="sha256:../../../" + "a" * 55)), "proper sha256 digest")
    load("digest in capitals", oci_archive([one], change=lambda f, i, m, c, raw: i["manifests"][0].update(digest="sha256:" + sha(m).upper())), "proper sha256 digest")
    load("another algorithm", oci_archive([one], change=lambda f, i, m, c, raw: i["manifests"][0].update(digest="md5:" + "a" * 32)), "proper sha256 digest")
    load("layers and manifests", oci_archive([one], change=with_manifest(lambda d: d.update(manifests=[]))), "as an image and as an index")
    load("media type says index", oci_archive([one], change=with_manifest(lambda d: d.update(mediaType=OCI + "index.v1+json"))), "disagree")
    load("foreign layer type", oci_archive([one], change=with_manifest(lambda d: d["layers"][0].update(mediaType="application/x-sif"))), "not a container image")
    load("fewer layers than diff ids", oci_archive([one, two], change=with_manifest(lambda d: d["layers"].pop())), "lists 2 layers, its manifest 1")
    load("swapped layers", oci_archive([one, two], change=with_manifest(lambda d: d["layers"].reverse())), "configuration says")
    load("index that is a manifest", oci_archive([one], change=lambda f, i, m, c, raw: f.__setitem__("index.json", m)), "not an index")
    load("index that is no JSON", oci_archive([one], change=set_index(b"\xff\xfe")), "not proper JSON")
    load("number out of range", oci_archive([one], change=set_index(b'{"schemaVersion":2,"manifests":[{"digest":"sha256:%s","size":1e999}]}' % (b"a" * 64))), "JSON|size")
    load("unknown layout", oci_archive([one], change=lambda f, *a: f.__setitem__("oci-layout", b'{"imageLayoutVersion":"9"}')), "unknown version")
    load("index nested too deeply", lambda: nested_index(one), "nested too deeply")


def nested_index(layer):
    def change(files, index, manifest, config, raw):
        entry = index["manifests"][0]
        for _ in range(6):
            doc = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
            files["blobs/sha256/" + sha(doc)] = doc
            entry = desc(doc, OCI + "index.v1+json")
        index["manifests"] = [entry]
    return oci_archive([layer], change=change)


# --- layers against a model ---

def random_layers(rng, count):
    """Layers as a builder would write them, and the tree that they make: path → description."""
    model, layers = {}, []
    names = ["a", "b", "c", "d"]

    def parent_ok(path):
        parts = path.split("/")[:-1]
        return all(model.get("/".join(parts[:i + 1]), ("dir",))[0] == "dir" for i in range(len(parts)))

    def drop(path):
        for p in [p for p in model if p == path or p.startswith(path + "/")]:
            del model[p]

    for n in range(count):
        t, here = Tar(), set()
        for k in range(rng.randint(1, 8)):
            path = "/".join(rng.choice(names) for _ in range(rng.randint(1, 3)))
            parts = path.split("/")
            if not parent_ok(path) or any("/".join(parts[:i + 1]) in here for i in range(len(parts))) or any(h.startswith(path + "/") for h in here):
                continue
            for i in range(1, len(parts)):  # list the parents, as builders do
                p = "/".join(parts[:i])
                mode = 0o700 + rng.randint(0, 63) if p not in model else model[p][1]
                if p not in here:
                    t.dir(p, mode=mode)
                    model[p] = ("dir", mode)
                    here.add(p + "/.")
            what = rng.choice(["file", "dir", "link", "remove", "opaque"])
            here.add(path)
            if what == "file":
                data = f"{n} {path}".encode()
                drop(path)
                t.add(path, data=data, mode=0o600 + n % 64)
                model[path] = ("file", 0o600 + n % 64, data)
            elif what == "link":
                drop(path)
                t.symlink(path, f"target-{n}")
                model[path] = ("link", f"target-{n}")
            elif what == "dir":
                if path in model and model[path][0] != "dir":
                    drop(path)
                t.dir(path, mode=0o755)
                model[path] = ("dir", 0o755)
            elif what == "remove":
                drop(path)
                t.add("/".join(parts[:-1] + [".wh." + parts[-1]]))
            else:
                drop(path)
                t.dir(path, mode=0o750)
                t.add(path + "/.wh..wh..opq")
                model[path] = ("dir", 0o750)
        layers.append(t.bytes())
    return model, layers


def exported(ref):
    """The tree that a container of the image sees."""
    name = "model"
    creel("create", "--name", name, ref, "/bin/sh")
    try:
        data = creel("export", name).stdout
    finally:
        creel("rm", name)
    tree = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        for m in t:
            path = m.name.rstrip("/")
            if m.isdir():
                tree[path] = ("dir", m.mode)
            elif m.issym():
                tree[path] = ("link", m.linkname)
            else:
                tree[path] = ("file", m.mode, t.extractfile(m).read())
    return tree


def group_model():
    for seed in range(12):
        rng = random.Random(seed)
        model, layers = random_layers(rng, rng.randint(2, 12))

        def look(_):
            tree = exported("case:1")
            check(tree == model, f"differs at {sorted(set(map(str, tree.items())) ^ set(map(str, model.items())))[:4]}")

        case(f"random layers {seed}", lambda: docker_archive(layers), look=look, verb="load")

    def deep_look(_):
        tree = exported("case:1")
        check(len(tree) == 127 + 1 and tree["f126"][2] == b"126" and tree["same"][2] == b"126", f"{len(tree)} names")

    case("127 layers", lambda: docker_archive([Tar().add(f"f{i}", data=str(i).encode()).add("same", data=str(i).encode()).bytes() for i in range(127)]),
         look=deep_look, verb="load")


# --- round trips ---

def rich_tar():
    t = Tar().dir(".", mode=0o755).dir("bin").add("bin/f", data=b"x" * 70000, mode=0o4755).hardlink("bin/g", "bin/f")
    t.symlink("l", "bin/f").add("fifo", tarfile.FIFOTYPE).add("dev", tarfile.CHRTYPE, dev=(1, 3)).add("n" * 200, data=b"long")
    t.raw(pax_block([(b"SCHILY.xattr.security.capability", set_cap())]) + header(name=b"caps", mode=b"0000755\0"))
    t.raw(header(name=b"raw\xff\xfe")).add("time", pax={"mtime": "1700000000.25"}).add("owner", uid=3000000, gid=70000)
    return t.bytes()


def describe(data):
    """A tar as comparable facts."""
    seen = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        for m in t:
            mode = None if m.issym() or m.islnk() else m.mode  # a link has none, or its target's
            facts = (m.type, mode, m.uid, m.gid, m.linkname, m.mtime, m.devmajor, m.devminor, m.pax_headers.get("SCHILY.xattr.security.capability"),
                     hashlib.sha256(t.extractfile(m).read()).hexdigest() if m.isreg() else None)
            seen[m.name.rstrip("/").removeprefix("./")] = facts
    seen.pop(".", None)
    return seen


def group_roundtrip():
    rich = rich_tar()
    try:
        image = creel("import", "-c", "CMD /bin/f", "-c", "LABEL a=b", "-", "case:1", data=rich).stdout.decode().strip()
        creel("tag", "case:1", "reg.example/x/y:2")
        creel("create", "--name", "rt", "case:1")
        out = creel("export", "rt").stdout
        check(describe(out) == describe(rich), f"export differs: {set(describe(out).items()) ^ set(describe(rich).items())}")
        check(creel("export", "rt").stdout == out, "the same tree gave other bytes")
        creel("rm", "rt")
        # what is exported and imported again has the same content
        again = creel("import", "-", "case:2", data=out).stdout.decode().strip()
        creel("create", "--name", "rt", "case:2", "/bin/f")
        check(creel("export", "rt").stdout == out, "export, import, export gave other bytes")
        creel("rm", "rt")
        creel("rmi", "case:2")
        for fmt in ("docker-archive", "oci-archive"):
            saved = creel("save", "--format", fmt, "case:1", "reg.example/x/y:2").stdout
            check(saved == creel("save", "--format", fmt, "case:1", "reg.example/x/y:2").stdout, f"{fmt}: other bytes")
            creel("rmi", "case:1", "reg.example/x/y:2")
            said = creel("load", data=saved).stdout.decode()
            check(said.count("Loaded image: ") == 2, said)
            check(creel("image", "inspect", "-f", "{{.Id}}", "case:1").stdout.decode().strip() == image, f"{fmt}: another id")
            if fmt == "oci-archive":  # unpacked, it is a layout directory
                layout = os.path.join(WORK, "layout")
                with tarfile.open(fileobj=io.BytesIO(saved)) as t:
                    t.extractall(layout)
                creel("rmi", "case:1", "reg.example/x/y:2")
                creel("load", "-i", layout)
                check(creel("image", "inspect", "-f", "{{.Id}}", "case:1").stdout.decode().strip() == image, "layout: another id")
        creel("rmi", "case:1", "reg.example/x/y:2")
        check(snapshot() == BEFORE, "the canary was touched")
        clean()
        del again
    except Exception:
        failures.append(traceback.format_exc())


# --- layout directories are as hostile as archives ---

def group_layout():
    layer = Tar().add("a", data=b"1").bytes()

    def build(path):
        with tarfile.open(fileobj=io.BytesIO(oci_archive([layer]).bytes())) as t:
            t.extractall(path)
        return path

    def blob_of(path):
        return max((os.path.join(path, "blobs/sha256", n) for n in os.listdir(path + "/blobs/sha256")), key=lambda p: b"manifests" in open(p, "rb").read())

    def swap_for_link(path, name, target):
        os.unlink(os.path.join(path, name))
        os.symlink(target, os.path.join(path, name))

    def swap_for_fifo(path, name):
        os.unlink(os.path.join(path, name))
        os.mkfifo(os.path.join(path, name))

    edits = [
        ("good", lambda p: None, None),
        ("index is a link", lambda p: swap_for_link(p, "index.json", CANARY + "/f"), "neither manifest.json nor index.json|opening"),
        ("index is a fifo", lambda p: swap_for_fifo(p, "index.json"), "not a regular file"),
        ("layout file is a link", lambda p: swap_for_link(p, "oci-layout", CANARY + "/f"), "opening"),
        ("blobs is a link", lambda p: (shutil.move(p + "/blobs", p + "/b2"), os.symlink("b2", p + "/blobs")), "opening"),
        ("a blob is a link", lambda p: [swap_for_link(p, "blobs/sha256/" + n, CANARY + "/f") for n in os.listdir(p + "/blobs/sha256")], "opening"),
    ]
    for i, (name, edit, error) in enumerate(edits):
        try:
            path = build(os.path.join(WORK, f"layout-{i}"))
            edit(path)
            p = creel("load", "-i", path, ok=False)
            err = p.stderr.decode().strip()
            check((p.returncode == 0) == (error is None), f"{p.returncode} {err}")
            check(error is None or re.search(error, err), f"error is: {err}")
            check(snapshot() == BEFORE, "the canary was touched")
            clean()
        except Exception as e:
            failures.append(f"{name}: {e}")


GROUPS = {n[6:]: f for n, f in globals().items() if n.startswith("group_")}

if __name__ == "__main__":
    make_canary()
    BEFORE = snapshot()
    BASE_LAYERS = len(os.listdir(os.path.join(ROOT, "layers")))
    try:
        GROUPS[sys.argv[1]]()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    for f in failures:
        print(f)
    sys.exit(1 if failures else 0)
