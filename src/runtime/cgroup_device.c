/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_device.c: which devices a container may make, read and write.
 *
 * The rules are a list of which the last matching one decides, for each of mknod, read and write by itself. It starts
 * with "nothing", then come the configuration's rules, then the few devices every container has. Version 2 runs the
 * list as an eBPF program, last rule first. Version 1 knows only a default and exceptions from it, to which the list
 * is reduced; a list that cannot be reduced is an error, never something looser.
 *
 * In force before the first process enters. An update never opens a gap in either direction: version 2 replaces the
 * program in one step, version 1 first adds what is newly allowed, then takes away what no longer is. */
#include "runtime/cgroup_internal.h"

#include "sys/bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

enum { RULES_MAX = 4096 };

/* ------------------------------------------------------------------ the list */

/* Without 5:1, which other runtimes allow: it is the host's console. The container's is a pseudo-terminal. */
static const struct device_rule always_allowed[] = {
    { true, 'c', -1, -1, DEVICE_MKNOD }, { true, 'b', -1, -1, DEVICE_MKNOD },   /* a node alone opens nothing */
    { true, 'c', 1, 3, DEVICE_ALL },    /* null */
    { true, 'c', 1, 8, DEVICE_ALL },    /* random */
    { true, 'c', 1, 7, DEVICE_ALL },    /* full */
    { true, 'c', 5, 0, DEVICE_ALL },    /* tty */
    { true, 'c', 1, 5, DEVICE_ALL },    /* zero */
    { true, 'c', 1, 9, DEVICE_ALL },    /* urandom */
    { true, 'c', 136, -1, DEVICE_ALL }, /* pseudo-terminals */
    { true, 'c', 5, 2, DEVICE_ALL },    /* ptmx */
};

static int rule_parse(const struct oci_device_rule *r, size_t i, struct device_rule *ret, struct creel_err *err)
{
    const char *type = r->type != NULL && r->type[0] != '\0' ? r->type : "a";
    const char *access = r->access != NULL && r->access[0] != '\0' ? r->access : "rwm";
    *ret = (struct device_rule){ .allow = r->allow, .major = -1, .minor = -1 };
    if (strlen(type) != 1 || strchr("abcu", type[0]) == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "device rule %zu: type \"%.20s\" is unknown (a, b or c)", i, type);
    ret->type = type[0] == 'u' ? 'c' : type[0];
    for (const char *p = access; *p != '\0'; p++) {
        if (*p == 'a')  /* found in the field, without meaning: the kernel has it for types only */
            continue;
        if (*p != 'r' && *p != 'w' && *p != 'm')
            return creel_fail(err, CREEL_INVALID, 0, "device rule %zu: access \"%.20s\" is not made of r, w and m", i,
                              access);
        ret->access |= *p == 'r' ? DEVICE_READ : *p == 'w' ? DEVICE_WRITE : DEVICE_MKNOD;
    }
    if (ret->access == 0)
        return creel_fail(err, CREEL_INVALID, 0, "device rule %zu: access \"%.20s\" is not made of r, w and m", i, access);
    if (r->major.set && r->major.value != -1)
        ret->major = r->major.value;
    if (r->minor.set && r->minor.value != -1)
        ret->minor = r->minor.value;
    if (ret->major < -1 || ret->major > UINT32_MAX || ret->minor < -1 || ret->minor > UINT32_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "device rule %zu: the device number is out of range", i);
    return 0;
}

int device_rules_build(const struct oci_resources *r, struct device_rules *ret, struct creel_err *err)
{
    if (r->device_count > RULES_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%zu device rules are too many (%d at most)", r->device_count,
                          RULES_MAX);
    struct device_rule *items = calloc(1 + r->device_count + ARRAY_LEN(always_allowed), sizeof *items);
    if (items == NULL)
        return creel_fail_nomem(err);
    size_t n = 0;
    items[n++] = (struct device_rule){ false, 'a', -1, -1, DEVICE_ALL };
    for (size_t i = 0; i < r->device_count; i++)
        if (rule_parse(&r->devices[i], i, &items[n++], err) < 0) {
            free(items);
            return -1;
        }
    for (size_t i = 0; i < ARRAY_LEN(always_allowed); i++)
        items[n++] = always_allowed[i];
    *ret = (struct device_rules){ .items = items, .count = n };
    return 0;
}

void device_rules_fini(struct device_rules *d)
{
    free(d->items);
    *d = (struct device_rules){ .items = NULL };
}

static void number_print(int64_t n, char *buf, size_t cap)
{
    if (n < 0)
        (void)snprintf(buf, cap, "*");
    else
        (void)snprintf(buf, cap, "%" PRId64, n);    /* 20 digits at most */
}

/* "c 1:3 rwm", as version 1 reads and writes it. */
static void rule_print(const struct device_rule *r, char *buf, size_t cap)
{
    char major[24], minor[24];
    number_print(r->major, major, sizeof major);
    number_print(r->minor, minor, sizeof minor);
    (void)snprintf(buf, cap, "%c %s:%s %s%s%s", r->type, major, minor, r->access & DEVICE_READ ? "r" : "",
                   r->access & DEVICE_WRITE ? "w" : "", r->access & DEVICE_MKNOD ? "m" : "");
}

void device_rules_print(const struct device_rules *d, struct bytes *out)
{
    char text[80];
    for (size_t i = 0; i < d->count; i++) {
        rule_print(&d->items[i], text, sizeof text);
        bytes_addf(out, "%s %s\n", d->items[i].allow ? "allow" : "deny", text);
    }
}

/* The name of a major number in /proc/devices: "136 pts" below "Character devices:" or "Block devices:". */
static bool major_name(const char *majors, char type, int64_t number, char *out, size_t cap)
{
    char want[24];
    bool here = false;
    (void)snprintf(want, sizeof want, "%" PRId64 " ", number);     /* 20 digits at most */
    for (const char *p = majors, *end; p != NULL && *p != '\0'; p = *end == '\n' ? end + 1 : end) {
        end = strchrnul(p, '\n');
        if (strncmp(p, "Character", 9) == 0 || strncmp(p, "Block", 5) == 0)
            here = (*p == 'C') == (type == 'c');
        p += strspn(p, " ");
        if (!here || strncmp(p, want, strlen(want)) != 0)
            continue;
        p += strlen(want);
        size_t n = (size_t)(end - p);
        if (n == 0 || n >= cap || strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") < n)
            return false;
        memcpy(out, p, n);
        out[n] = '\0';
        return true;
    }
    return false;
}

bool device_rule_unit(const struct device_rule *r, const char *majors, char node[DEVICE_UNIT_MAX], char access[4])
{
    const char *type = r->type == 'b' ? "block" : "char";
    char name[DEVICE_UNIT_MAX - 8];
    (void)snprintf(access, 4, "%s%s%s", r->access & DEVICE_READ ? "r" : "", r->access & DEVICE_WRITE ? "w" : "",
                   r->access & DEVICE_MKNOD ? "m" : "");
    int n = DEVICE_UNIT_MAX;
    if (r->major >= 0 && r->minor >= 0)
        n = snprintf(node, DEVICE_UNIT_MAX, "/dev/%s/%" PRId64 ":%" PRId64, type, r->major, r->minor);
    else if (r->major < 0 && r->minor < 0)
        n = snprintf(node, DEVICE_UNIT_MAX, "%s-*", type);
    else if (r->minor < 0 && major_name(majors, r->type, r->major, name, sizeof name))
        n = snprintf(node, DEVICE_UNIT_MAX, "%s-%s", type, name);
    return n < DEVICE_UNIT_MAX;
}

/* ------------------------------------------------------------------ version 1: reduce */

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
    return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Everything `b` names is named by `a`. Types are b or c here. */
static bool covers(const struct device_rule *a, const struct device_rule *b)
{
    return a->type == b->type && (a->major < 0 || a->major == b->major) && (a->minor < 0 || a->minor == b->minor);
}

static bool overlap(const struct device_rule *a, const struct device_rule *b)
{
    return a->type == b->type && (a->major < 0 || b->major < 0 || a->major == b->major)
           && (a->minor < 0 || b->minor < 0 || a->minor == b->minor);
}

/* The bits of `r` that no later rule of the other sense gives back anyway. */
static unsigned lasting_access(const struct device_rule *r, const struct device_rule *later, size_t count)
{
    unsigned access = r->access;
    for (size_t i = 0; i < count; i++) {
        struct device_rule l = later[i];
        if (l.type == 'a')
            l.type = r->type;
        if (l.allow != r->allow && covers(&l, r))
            access &= ~l.access;
    }
    return access;
}

/* A rule of the same sense as the default: it takes exceptions back. later: the rules behind it. */
static int reduce_same(struct device_rules *list, const struct device_rule *r, const struct device_rule *later,
                       size_t count, struct creel_err *err)
{
    size_t kept = 0;
    unsigned access = lasting_access(r, later, count);
    for (size_t i = 0; i < list->count; i++) {
        struct device_rule *e = &list->items[i];
        if (covers(r, e)) {
            e->access &= ~r->access;
        } else if (overlap(r, e) && (access & e->access) != 0) {
            char a[80], b[80];
            rule_print(r, a, sizeof a);
            rule_print(e, b, sizeof b);
            return creel_fail(err, CREEL_UNSUPPORTED, 0,
                              "cgroup version 1 cannot %s \"%s\" after it was told to %s \"%s\"",
                              r->allow ? "allow" : "deny", a, r->allow ? "deny" : "allow", b);
        }
        if (e->access != 0)
            list->items[kept++] = *e;
    }
    list->count = kept;
    return 0;
}

/* A rule of the other sense: an exception. */
static void reduce_other(struct device_rules *list, const struct device_rule *r)
{
    for (size_t i = 0; i < list->count; i++)
        if (same_device(&list->items[i], r)) {
            list->items[i].access |= r->access;
            return;
        }
    list->items[list->count++] = *r;
}

int device_rules_reduce(const struct device_rules *d, bool *ret_allow, struct device_rules *ret,
                        struct creel_err *err)
{
    /* A rule for both types becomes two. */
    struct device_rules list = { .items = calloc(2 * d->count + 1, sizeof *list.items), .count = 0 };
    bool allow = false;
    if (list.items == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < d->count; i++) {
        struct device_rule r = d->items[i];
        if (r.type == 'a' && r.major < 0 && r.minor < 0 && r.access == DEVICE_ALL) {
            allow = r.allow;
            list.count = 0;
            continue;
        }
        char types[] = { d->items[i].type, '\0', '\0' };
        if (r.type == 'a') {
            types[0] = 'b';
            types[1] = 'c';
        }
        for (const char *t = types; *t != '\0'; t++) {
            r.type = *t;
            if (r.allow != allow) {
                reduce_other(&list, &r);
            } else if (reduce_same(&list, &r, d->items + i + 1, d->count - i - 1, err) < 0) {
                free(list.items);
                return -1;
            }
        }
    }
    *ret_allow = allow;
    *ret = list;
    return 0;
}

/* ------------------------------------------------------------------ version 1: write */

struct v1_files { int allow, deny; };

static int v1_write(const struct cgroup *c, int fd, const char *text, struct creel_err *err)
{
    ssize_t n;
    do {
        n = write(fd, text, strlen(text));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "device rule \"%s\" of cgroup %s", text, c->path);
    return 0;
}

static int v1_write_rules(const struct cgroup *c, int fd, const struct device_rules *list, struct creel_err *err)
{
    char text[80];
    for (size_t i = 0; i < list->count; i++) {
        rule_print(&list->items[i], text, sizeof text);
        if (v1_write(c, fd, text, err) < 0)
            return -1;
    }
    return 0;
}

/* A line of devices.list. */
static bool v1_line_parse(const char *p, struct device_rule *r)
{
    char type, major[16], minor[16], access[8];
    if (sscanf(p, "%c %15[0-9*]:%15[0-9*] %7[rwm]", &type, major, minor, access) != 4)
        return false;
    *r = (struct device_rule){ .allow = true, .type = type, .major = -1, .minor = -1 };
    if (major[0] != '*')
        r->major = (int64_t)strtoul(major, NULL, 10);
    if (minor[0] != '*')
        r->minor = (int64_t)strtoul(minor, NULL, 10);
    for (const char *a = access; *a != '\0'; a++)
        r->access |= *a == 'r' ? DEVICE_READ : *a == 'w' ? DEVICE_WRITE : DEVICE_MKNOD;
    return true;
}

/* What is allowed now and will not be any more, for groups that deny by default before and after. */
static int v1_surplus(const char *current, const struct device_rules *want, struct device_rules *ret,
                      struct creel_err *err)
{
    size_t lines = 1;
    for (const char *p = current; *p != '\0'; p++)
        lines += *p == '\n';
    struct device_rules list = { .items = calloc(lines, sizeof *list.items), .count = 0 };
    if (list.items == NULL)
        return creel_fail_nomem(err);
    for (const char *p = current; *p != '\0';) {
        struct device_rule r;
        if (v1_line_parse(p, &r)) {
            for (size_t i = 0; i < want->count; i++)
                if (same_device(&want->items[i], &r))
                    r.access &= ~want->items[i].access;
            if (r.access != 0)
                list.items[list.count++] = r;
        }
        p = strchrnul(p, '\n');
        p += *p == '\n';
    }
    *ret = list;
    return 0;
}

static int v1_update(struct cgroup *c, size_t h, struct v1_files f, const struct device_rules *want,
                     struct creel_err *err)
{
    struct device_rules surplus;
    auto_free char *current = malloc(CGROUP_FILE_MAX);
    if (current == NULL)
        return creel_fail_nomem(err);
    int n = cgroup_file_read(c, h, "devices.list", current, CGROUP_FILE_MAX);
    if (n < 0)
        return creel_fail(err, creel_kind_of_errno(-n), -n, "read the device rules of cgroup %s", c->path);
    if (strncmp(current, "a ", 2) == 0)     /* everything was allowed */
        return v1_write(c, f.deny, "a", err) < 0 ? -1 : v1_write_rules(c, f.allow, want, err);
    if (v1_write_rules(c, f.allow, want, err) < 0 || v1_surplus(current, want, &surplus, err) < 0)
        return -1;
    int r = v1_write_rules(c, f.deny, &surplus, err);
    device_rules_fini(&surplus);
    return r;
}

static int v1_apply(struct cgroup *c, size_t h, const struct device_rules *d, bool update, struct creel_err *err)
{
    struct device_rules list;
    bool allow;
    if (device_rules_reduce(d, &allow, &list, err) < 0)
        return -1;
    auto_fd allow_fd = cgroup_file_open(c, h, "devices.allow", O_WRONLY);
    auto_fd deny_fd = cgroup_file_open(c, h, "devices.deny", O_WRONLY);
    int r;
    if (allow_fd < 0 || deny_fd < 0)
        r = creel_fail(err, CREEL_INTERNAL, allow_fd < 0 ? -allow_fd : -deny_fd, "open the device rules of cgroup %s",
                       c->path);
    else if (allow)
        r = v1_write(c, allow_fd, "a", err) < 0 ? -1 : v1_write_rules(c, deny_fd, &list, err);
    else if (update)
        r = v1_update(c, h, (struct v1_files){ allow_fd, deny_fd }, &list, err);
    else
        r = v1_write(c, deny_fd, "a", err) < 0 ? -1 : v1_write_rules(c, allow_fd, &list, err);
    device_rules_fini(&list);
    return r;
}

/* ------------------------------------------------------------------ version 2 */

/* Registers: r2 wanted access bits not decided yet, r3 type, r4 major, r5 minor. */
struct program { struct bpf_insn *items; size_t count; };

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    p->items[p->count++] =
        (struct bpf_insn){.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

enum { INSNS_HEAD = 6, INSNS_PER_RULE = 11, INSNS_TAIL = 2 };

static void emit_return(struct program *p, int value)
{
    emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
    emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The jumps to the next rule are filled in when it is known where that begins. */
static void emit_rule(struct program *p, const struct device_rule *r)
{
    size_t jumps[6], n = 0;
    if (r->type != 'a') {
        jumps[n++] = p->count;
        emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0,
             r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    }
    /* 32-bit comparisons: immediates of the 64-bit ones are sign-extended */
    if (r->major >= 0) {
        jumps[n++] = p->count;
        emit(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)(uint32_t)r->major);
    }
    if (r->minor >= 0) {
        jumps[n++] = p->count;
        emit(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)(uint32_t)r->minor);
    }
    if (r->access != DEVICE_ALL && !r->allow) {
        jumps[n++] = p->count + 2;
        emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
        emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, (int32_t)r->access);
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);     /* none of the wanted bits */
    }
    if (r->access != DEVICE_ALL && r->allow) {
        emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int32_t)(DEVICE_ALL & ~r->access));
        jumps[n++] = p->count;
        emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, 0);     /* some bits are left to decide */
    }
    emit_return(p, r->allow);
    for (size_t i = 0; i < n; i++)
        p->items[jumps[i]].off = (int16_t)(p->count - jumps[i] - 1);
}

int device_program_build(const struct device_rules *d, struct bpf_insn **ret, size_t *ret_count,
                         struct creel_err *err)
{
    /* What stands before the last rule for everything is never reached. */
    size_t first = d->count;
    while (first > 0) {
        const struct device_rule *r = &d->items[first - 1];
        if (r->type == 'a' && r->major < 0 && r->minor < 0 && r->access == DEVICE_ALL)
            break;
        first--;
    }
    struct program p = {.items = calloc(INSNS_HEAD + INSNS_PER_RULE * d->count + INSNS_TAIL, sizeof *p.items),
                        .count = 0};
    if (p.items == NULL)
        return creel_fail_nomem(err);
    emit(&p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
         (int16_t)offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
    emit(&p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
    emit(&p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, 0xffff);
    emit(&p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_2, 0, 0, 16);
    emit(&p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, (int16_t)offsetof(struct bpf_cgroup_dev_ctx, major), 0);
    emit(&p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, (int16_t)offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
    for (size_t i = d->count; i > first; i--)
        emit_rule(&p, &d->items[i - 1]);
    emit_return(&p, first > 0 && d->items[first - 1].allow);
    *ret = p.items;
    *ret_count = p.count;
    return 0;
}

/* We cannot load programs inside a user namespace, or without privilege; there the devices of the host are out of reach
 * anyway, because the kernel lets nobody in such a namespace make or open nodes that the host did not hand in. */
bool cgroup_in_user_namespace(void)
{
    char text[64];
    auto_fd fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    unsigned a = 0, b = 0, count = 0;
    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "%u %u %u", &a, &b, &count) == 3 && !(a == 0 && b == 0 && count == UINT32_MAX);
}

static int v2_attach(struct cgroup *c, int prog, struct creel_err *err)
{
    uint32_t ids[SYS_BPF_PROGS_MAX];
    int count = sys_bpf_device_list(c->v2_dir, ids);
    if (count < 0)
        return creel_fail(err, CREEL_INTERNAL, -count, "list the device programs of cgroup %s", c->path);
    if (count == 1) {
        auto_fd old = sys_bpf_open(ids[0]);
        if (old >= 0 && sys_bpf_attach_device(c->v2_dir, prog, old) == 0)
            return 0;
        /* before 5.6 programs cannot be replaced: both are in force for a moment, which is the stricter side */
    }
    int r = sys_bpf_attach_device(c->v2_dir, prog, -1);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "attach the device program to cgroup %s", c->path);
    for (int i = 0; i < count; i++) {
        auto_fd old = sys_bpf_open(ids[i]);
        r = old < 0 ? old : sys_bpf_detach_device(c->v2_dir, old);
        if (r < 0 && r != -ENOENT)
            return creel_fail(err, CREEL_INTERNAL, -r, "detach the former device program of cgroup %s", c->path);
    }
    return 0;
}

static int v2_apply(struct cgroup *c, const struct device_rules *d, struct creel_err *err)
{
    struct bpf_insn *insns = NULL;
    size_t count = 0;
    if (device_program_build(d, &insns, &count, err) < 0)
        return -1;
    auto_fd prog = sys_bpf_load_device(insns, count);
    free(insns);
    if (prog < 0 && (prog == -EPERM || prog == -EACCES) && (geteuid() != 0 || cgroup_in_user_namespace()))
        return 0;
    if (prog < 0)
        return creel_fail(err, prog == -EPERM ? CREEL_DENIED : CREEL_UNSUPPORTED, -prog,
                          "device rules cannot be enforced: load the eBPF program of cgroup %s", c->path);
    return v2_attach(c, prog, err);
}

int cgroup_device_apply(struct cgroup *c, const struct oci_resources *r, bool update, struct creel_err *err)
{
    struct device_rules d;
    size_t v1 = cgroup_v1_find(c, "devices");
    if (device_rules_build(r, &d, err) < 0)
        return -1;
    int result;
    if (v1 < c->layout.count)
        result = v1_apply(c, v1, &d, update, err);
    else if (c->v2_dir >= 0)
        result = v2_apply(c, &d, err);
    else
        result = creel_fail(err, CREEL_UNSUPPORTED, 0,
                            "device rules cannot be enforced: this host has neither the devices controller "
                            "nor cgroup version 2");
    device_rules_fini(&d);
    return result;
}
