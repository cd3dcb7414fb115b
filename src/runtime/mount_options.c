/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_options.c: see runtime/mount_options.h. */
#include "runtime/mount_options.h"

#include "sys/mnt.h"

#include <string.h>

enum option_kind { OPT_FLAG_ONLY, OPT_ATTR, OPT_ATTR_OFF, OPT_ATIME, OPT_SHARING, OPT_BIND, OPT_REMOUNT, OPT_COPY_UP, OPT_IDMAP,
                   OPT_SUPER, OPT_NOFAIL, OPT_NOTHING };

/* In order of name. `rec` marks the recursive form. */
static const struct option_row {
    const char *name;
    enum option_kind kind;
    bool rec;
    uint64_t value;
} option_rows[] = {
    { "_netdev", OPT_NOTHING, false, 0 },
    { "async", OPT_NOTHING, false, 0 },
    { "atime", OPT_FLAG_ONLY, false, 0 },    /* as in mount(8): the mode that there is stays */
    { "auto", OPT_NOTHING, false, 0 },
    { "bind", OPT_BIND, false, 0 },
    { "defaults", OPT_NOTHING, false, 0 },
    { "dev", OPT_ATTR_OFF, false, MOUNT_ATTR_NODEV },
    { "diratime", OPT_ATTR_OFF, false, MOUNT_ATTR_NODIRATIME },
    { "dirsync", OPT_SUPER, false, 0 },
    { "exec", OPT_ATTR_OFF, false, MOUNT_ATTR_NOEXEC },
    { "idmap", OPT_IDMAP, false, 0 },
    { "iversion", OPT_SUPER, false, 0 },
    { "lazytime", OPT_SUPER, false, 0 },
    { "loud", OPT_NOTHING, false, 0 },
    { "mand", OPT_SUPER, false, 0 },
    { "noatime", OPT_ATIME, false, MOUNT_ATTR_NOATIME },
    { "noauto", OPT_NOTHING, false, 0 },
    { "nodev", OPT_ATTR, false, MOUNT_ATTR_NODEV },
    { "nodiratime", OPT_ATTR, false, MOUNT_ATTR_NODIRATIME },
    { "noexec", OPT_ATTR, false, MOUNT_ATTR_NOEXEC },
    { "nofail", OPT_NOFAIL, false, 0 },
    { "noiversion", OPT_NOTHING, false, 0 },
    { "nolazytime", OPT_NOTHING, false, 0 },
    { "nomand", OPT_NOTHING, false, 0 },
    { "norelatime", OPT_NOTHING, false, 0 },
    { "nostrictatime", OPT_NOTHING, false, 0 },
    { "nosuid", OPT_ATTR, false, MOUNT_ATTR_NOSUID },
    { "nosymfollow", OPT_ATTR, false, MOUNT_ATTR_NOSYMFOLLOW },
    { "private", OPT_SHARING, false, MS_PRIVATE },
    { "ratime", OPT_ATIME, true, MOUNT_ATTR_RELATIME },
    { "rbind", OPT_BIND, true, 0 },
    { "rdev", OPT_ATTR_OFF, true, MOUNT_ATTR_NODEV },
    { "rdiratime", OPT_ATTR_OFF, true, MOUNT_ATTR_NODIRATIME },
    { "relatime", OPT_ATIME, false, MOUNT_ATTR_RELATIME },
    { "remount", OPT_REMOUNT, false, 0 },
    { "rexec", OPT_ATTR_OFF, true, MOUNT_ATTR_NOEXEC },
    { "ridmap", OPT_IDMAP, true, 0 },
    { "rnoatime", OPT_ATIME, true, MOUNT_ATTR_NOATIME },
    { "rnodev", OPT_ATTR, true, MOUNT_ATTR_NODEV },
    { "rnodiratime", OPT_ATTR, true, MOUNT_ATTR_NODIRATIME },
    { "rnoexec", OPT_ATTR, true, MOUNT_ATTR_NOEXEC },
    { "rnorelatime", OPT_NOTHING, true, 0 },
    { "rnostrictatime", OPT_NOTHING, true, 0 },
    { "rnosuid", OPT_ATTR, true, MOUNT_ATTR_NOSUID },
    { "rnosymfollow", OPT_ATTR, true, MOUNT_ATTR_NOSYMFOLLOW },
    { "ro", OPT_ATTR, false, MOUNT_ATTR_RDONLY },
    { "rprivate", OPT_SHARING, true, MS_PRIVATE },
    { "rrelatime", OPT_ATIME, true, MOUNT_ATTR_RELATIME },
    { "rro", OPT_ATTR, true, MOUNT_ATTR_RDONLY },
    { "rrw", OPT_ATTR_OFF, true, MOUNT_ATTR_RDONLY },
    { "rshared", OPT_SHARING, true, MS_SHARED },
    { "rslave", OPT_SHARING, true, MS_SLAVE },
    { "rstrictatime", OPT_ATIME, true, MOUNT_ATTR_STRICTATIME },
    { "rsuid", OPT_ATTR_OFF, true, MOUNT_ATTR_NOSUID },
    { "rsymfollow", OPT_ATTR_OFF, true, MOUNT_ATTR_NOSYMFOLLOW },
    { "runbindable", OPT_SHARING, true, MS_UNBINDABLE },
    { "rw", OPT_ATTR_OFF, false, MOUNT_ATTR_RDONLY },
    { "shared", OPT_SHARING, false, MS_SHARED },
    { "silent", OPT_NOTHING, false, 0 },
    { "slave", OPT_SHARING, false, MS_SLAVE },
    { "strictatime", OPT_ATIME, false, MOUNT_ATTR_STRICTATIME },
    { "suid", OPT_ATTR_OFF, false, MOUNT_ATTR_NOSUID },
    { "symfollow", OPT_ATTR_OFF, false, MOUNT_ATTR_NOSYMFOLLOW },
    { "sync", OPT_SUPER, false, 0 },
    { "tmpcopyup", OPT_COPY_UP, false, 0 },
    { "unbindable", OPT_SHARING, false, MS_UNBINDABLE },
};

static const struct option_row *option_find(const char *name)
{
    size_t lo = 0, hi = ARRAY_LEN(option_rows);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(name, option_rows[mid].name);
        if (c == 0)
            return &option_rows[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const char *mount_option_at(size_t n)
{
    return n < ARRAY_LEN(option_rows) ? option_rows[n].name : NULL;
}

bool mount_propagation_parse(const char *s, unsigned long *ret_flag, bool *ret_recursive)
{
    const struct option_row *o = option_find(s);
    if (o == NULL || o->kind != OPT_SHARING)
        return false;
    *ret_flag = (unsigned long)o->value;
    *ret_recursive = o->rec;
    return true;
}

static int add_sharing(struct mount_options *o, const struct option_row *row, struct creel_err *err)
{
    if (o->propagation_count == MOUNT_PROPAGATION_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "more than %d propagation options", (int)MOUNT_PROPAGATION_MAX);
    o->propagation[o->propagation_count].flag = (unsigned long)row->value;
    o->propagation[o->propagation_count++].recursive = row->rec;
    return 0;
}

/* Turn attribute bits on or off; `mask` are the bits that exclude one another (the access time modes). */
static void apply_attr(struct mount_options *o, bool rec, uint64_t value, uint64_t mask, bool on)
{
    uint64_t *set = rec ? &o->rec_set : &o->set, *clear = rec ? &o->rec_clear : &o->clear;
    *set &= ~mask;
    *clear &= ~mask;
    if (on)
        *set |= value;
    if (!on || mask == MOUNT_ATTR__ATIME)
        *clear |= mask;
}

static int apply_option(struct mount_options *o, const struct option_row *row, const char *text, struct creel_err *err)
{
    o->named |= !row->rec && (row->kind == OPT_ATTR || row->kind == OPT_ATTR_OFF || row->kind == OPT_ATIME
                              || row->kind == OPT_FLAG_ONLY);
    switch (row->kind) {
    case OPT_FLAG_ONLY:
        return 0;
    case OPT_ATTR:
        apply_attr(o, row->rec, row->value, row->value, true);
        return 0;
    case OPT_ATTR_OFF:
        apply_attr(o, row->rec, row->value, row->value, false);
        return 0;
    case OPT_ATIME:
        apply_attr(o, row->rec, row->value, MOUNT_ATTR__ATIME, true);
        return 0;
    case OPT_SHARING:
        return add_sharing(o, row, err);
    case OPT_BIND:
        o->bind = true;
        o->recursive = o->recursive || row->rec;   /* both are given in the field, in any order */
        return 0;
    case OPT_REMOUNT:
        o->remount = true;
        return 0;
    case OPT_COPY_UP:
        o->copy_up = true;
        return 0;
    case OPT_IDMAP:
        o->idmap = true;
        o->idmap_recursive = row->rec;
        return 0;
    case OPT_SUPER:
        return strv_add(&o->super, text) ? 0 : creel_fail_nomem(err);
    case OPT_NOFAIL:
        o->nofail = true;
        return 0;
    case OPT_NOTHING:
        return 0;
    }
    return 0;
}

int mount_options_parse(const struct strv *options, struct mount_options *ret, struct creel_err *err)
{
    *ret = (struct mount_options){ 0 };
    for (size_t i = 0; i < options->count; i++) {
        const char *text = options->items[i];
        if (text[0] == '\0')
            continue;
        const struct option_row *row = option_find(text);
        if (row == NULL) {
            if (!strv_add(&ret->data, text))
                return creel_fail_nomem(err);
            continue;
        }
        if (apply_option(ret, row, text, err) < 0)
            return -1;
    }
    return 0;
}

void mount_options_fini(struct mount_options *o)
{
    strv_fini(&o->super);
    strv_fini(&o->data);
    *o = (struct mount_options){ 0 };
}

static void print_attrs(uint64_t attrs, const char *prefix, struct bytes *out)
{
    static const struct { uint64_t bit; const char *name; } names[] = {
        { MOUNT_ATTR_RDONLY, "ro" }, { MOUNT_ATTR_NOSUID, "nosuid" }, { MOUNT_ATTR_NODEV, "nodev" },
        { MOUNT_ATTR_NOEXEC, "noexec" }, { MOUNT_ATTR_NODIRATIME, "nodiratime" },
        { MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (attrs & names[i].bit)
            bytes_addf(out, ",%s%s", prefix, names[i].name);
    if ((attrs & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME)
        bytes_addf(out, ",%snoatime", prefix);
    if ((attrs & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME)
        bytes_addf(out, ",%sstrictatime", prefix);
}

const char *mount_propagation_name(unsigned long flag)
{
    return flag == MS_PRIVATE ? "private" : flag == MS_SHARED ? "shared" : flag == MS_SLAVE ? "slave" : "unbindable";
}

void mount_options_print(const struct mount_options *o, struct bytes *out)
{
    bytes_adds(out, o->set & MOUNT_ATTR_RDONLY ? "" : "rw");
    size_t at = out->len;
    print_attrs(o->set, "", out);
    if ((o->set & MOUNT_ATTR_RDONLY) && bytes_ok(out) && out->len > at) {
        /* "ro" came first: no leading comma */
        memmove(out->data + at, out->data + at + 1, out->len - at);
        out->len--;
    }
    print_attrs(o->rec_set, "rec:", out);
    print_attrs(o->rec_clear & ~(uint64_t)MOUNT_ATTR__ATIME, "rec-off:", out);
    for (size_t i = 0; i < o->propagation_count; i++)
        bytes_addf(out, ",%s%s", o->propagation[i].recursive ? "r" : "", mount_propagation_name(o->propagation[i].flag));
    if (o->copy_up)
        bytes_adds(out, ",copy-up");
    if (o->idmap)
        bytes_adds(out, o->idmap_recursive ? ",ridmap" : ",idmap");
    if (o->nofail)
        bytes_adds(out, ",nofail");
    for (size_t i = 0; i < o->super.count; i++)
        bytes_addf(out, ",super:%s", o->super.items[i]);
    for (size_t i = 0; i < o->data.count; i++)
        bytes_addf(out, ",data:%s", o->data.items[i]);
}
