/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp.c: compile a seccomp description with libseccomp.
 *
 * In front of libseccomp's program stand a few instructions of our own, for two things it cannot do:
 *   - calls newer than any that the description names return ENOSYS instead of the default action, so that a C
 * library which tries a new call falls back to the old one (only where the default action is not to allow);
 *   - calls that the installed libseccomp has no name for yet. New calls have had one number on every architecture
 * since Linux 5.1, so a short table is enough.
 *
 * As in the field: a name that nobody knows is skipped; conditions on different arguments must all hold, several
 * conditions on one argument are alternatives; a rule that does what happens by default anyway is left out. */
#include "runtime/seccomp.h"

#include "base/cleanup.h"
#include "runtime/seccomp_shrink.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define X32_BIT 0x40000000u

enum { ARCHES_MAX = 24, ERRNO_MAX = 4095 };

/* ------------------------------------------------------------------ words */

struct word { const char *name; uint32_t value; };

static const struct word actions[] = {
    { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
    { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
    { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
    { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
    { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
    { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
    { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
    { "SCMP_ACT_LOG", SCMP_ACT_LOG },
    { "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
};
static const struct word arches[] = {
    { "SCMP_ARCH_NATIVE", SCMP_ARCH_NATIVE },
    { "SCMP_ARCH_X86", SCMP_ARCH_X86 },
    { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
    { "SCMP_ARCH_X32", SCMP_ARCH_X32 },
    { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
    { "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
    { "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
    { "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
    { "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
    { "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
    { "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
    { "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
    { "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
    { "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
    { "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
    { "SCMP_ARCH_S390", SCMP_ARCH_S390 },
    { "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
    { "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
    { "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
    { "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
#ifdef SCMP_ARCH_LOONGARCH64
    { "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64 },
#endif
#ifdef SCMP_ARCH_M68K
    { "SCMP_ARCH_M68K", SCMP_ARCH_M68K },
#endif
#ifdef SCMP_ARCH_SH
    { "SCMP_ARCH_SH", SCMP_ARCH_SH },
    { "SCMP_ARCH_SHEB", SCMP_ARCH_SHEB },
#endif
};
static const struct word operators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};
static const struct word flags[] = {
    /* TSYNC has no effect: the process that loads the filter has one thread. */
    { "SECCOMP_FILTER_FLAG_TSYNC", 0 },
    { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
    { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
    { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};
/* Calls that came after libseccomp 2.5.4 (Debian 12), by the number that all architectures share. */
static const struct word newer_calls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},     {"listns", 470},
};

static bool word_find(const struct word *list, size_t count, const char *name, uint32_t *ret)
{
    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(list[i].name, name) == 0) {
            *ret = list[i].value;
            return true;
        }
    return false;
}
#define FIND(list, name, ret) word_find(list, ARRAY_LEN(list), name, ret)

/* Architectures of the specification that came to libseccomp later. */
static bool is_unbuilt(const char *name)
{
    static const char *const names[] = {
#ifndef SCMP_ARCH_LOONGARCH64
        "SCMP_ARCH_LOONGARCH64",
#endif
#ifndef SCMP_ARCH_M68K
        "SCMP_ARCH_M68K",
#endif
#ifndef SCMP_ARCH_SH
        "SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
#endif
        NULL,
    };
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const char *shown(const char *s) { return s != NULL ? s : ""; }

static int action_parse(const char *name, bool errno_set, uint32_t errno_ret, uint32_t *ret, struct creel_err *err)
{
    uint32_t number = errno_set ? errno_ret : EPERM;
    if (!FIND(actions, name, ret))
        return creel_fail(err, CREEL_INVALID, 0, "seccomp: unknown action \"%.60s\"", shown(name));
    if (*ret != SCMP_ACT_ERRNO(0) && *ret != SCMP_ACT_TRACE(0))
        return !errno_set ? 0 : creel_fail(err, CREEL_INVALID, 0, "seccomp: %s takes no errno value", name);
    if (number > (*ret == SCMP_ACT_ERRNO(0) ? (uint32_t)ERRNO_MAX : 0xffffu))
        return creel_fail(err, CREEL_INVALID, 0, "seccomp: errno %u is out of range", number);
    *ret |= number;
    return 0;
}

/* ------------------------------------------------------------------ the filter under construction */

struct extra { uint32_t number, action; };
struct filter {
    scmp_filter_ctx ctx;
    uint32_t tokens[ARCHES_MAX];        /* the architectures, native one first */
    size_t token_count;
    uint32_t default_action;
    bool notifies;
    struct extra extras[ARRAY_LEN(newer_calls)];
    size_t extra_count;
    struct creel_err *err;
};

static void filter_fini(struct filter *f)
{
    if (f->ctx != NULL)
        seccomp_release(f->ctx);
    f->ctx = NULL;
}

static int arches_add(struct filter *f, const struct oci_seccomp *s)
{
    uint32_t native = seccomp_arch_native();
    f->tokens[f->token_count++] = native;
    for (size_t i = 0; i < s->architectures.count; i++) {
        uint32_t token;
        const char *name = s->architectures.items[i];
        if (is_unbuilt(name))
            return creel_fail(f->err, CREEL_UNSUPPORTED, 0, "seccomp: this build's libseccomp does not know %s", name);
        if (!FIND(arches, name, &token))
            return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: unknown architecture \"%.60s\"", name);
        if (token == SCMP_ARCH_NATIVE || token == native)
            continue;
        int r = seccomp_arch_add(f->ctx, token);
        if (r == -EEXIST)
            continue;
        if (r < 0)
            return creel_fail(f->err, CREEL_INVALID, -r, "seccomp: architecture %s cannot go with this host's", name);
        f->tokens[f->token_count++] = token;
    }
    return 0;
}

static int conditions_parse(const struct oci_syscall *call, struct scmp_arg_cmp *out, bool *ret_alternatives,
                            struct creel_err *err)
{
    unsigned seen = 0;
    *ret_alternatives = false;
    for (size_t i = 0; i < call->arg_count; i++) {
        const struct oci_seccomp_arg *a = &call->args[i];
        uint32_t op;
        if (a->index > 5)
            return creel_fail(err, CREEL_INVALID, 0, "seccomp: %s: argument %u does not exist (0 to 5)",
                              call->names.items[0], a->index);
        if (!FIND(operators, a->op, &op))
            return creel_fail(err, CREEL_INVALID, 0, "seccomp: %s: unknown operator \"%.40s\"", call->names.items[0],
                              shown(a->op));
        out[i] = (struct scmp_arg_cmp){
            .arg = a->index, .op = (enum scmp_compare)op, .datum_a = a->value, .datum_b = a->value_two};
        *ret_alternatives |= (seen & 1u << a->index) != 0;
        seen |= 1u << a->index;
    }
    return 0;
}

/* A call that libseccomp has no name for. */
static int extra_add(struct filter *f, const struct oci_syscall *call, const char *name, uint32_t action)
{
    uint32_t number;
    if (!FIND(newer_calls, name, &number))
        return 0;   /* nobody knows it */
    if (call->arg_count > 0)
        return creel_fail(f->err, CREEL_UNSUPPORTED, 0,
                          "seccomp: %s: this build's libseccomp cannot check its arguments", name);
    for (size_t i = 0; i < f->extra_count; i++)
        if (f->extras[i].number == number) {
            if (f->extras[i].action == action)
                return 0;
            return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: %s has two actions", name);
        }
    f->extras[f->extra_count++] = (struct extra){ .number = number, .action = action };
    return 0;
}

static int rule_add(struct filter *f, const char *name, uint32_t action, unsigned count,
                    const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(name);
    int r = seccomp_rule_add_array(f->ctx, action, number, count, args);
    if (r == 0 || r == -EDOM)   /* EDOM: none of the filter's architectures has the call */
        return 0;
    return creel_fail(f->err, r == -ENOMEM ? CREEL_EXHAUSTED : CREEL_INVALID, -r, "seccomp: rule for %s", name);
}

static int call_add(struct filter *f, const struct oci_syscall *call)
{
    uint32_t action;
    bool alternatives;
    if (call->names.count == 0)
        return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: a rule names no system call");
    if (action_parse(call->action, call->errno_set, call->errno_ret, &action, f->err) < 0)
        return creel_wrap(f->err, "%s", call->names.items[0]);
    auto_free struct scmp_arg_cmp *args = calloc(call->arg_count + 1, sizeof *args);
    if (args == NULL)
        return creel_fail_nomem(f->err);
    if (conditions_parse(call, args, &alternatives, f->err) < 0)
        return -1;
    f->notifies |= action == SCMP_ACT_NOTIFY;
    for (size_t i = 0; i < call->names.count; i++) {
        const char *name = call->names.items[i];
        /* The process that hands the listener over needs it itself. */
        if (action == SCMP_ACT_NOTIFY && strcmp(name, "write") == 0)
            return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall");
        if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR) {
            if (extra_add(f, call, name, action) < 0)
                return -1;
            continue;
        }
        if (action == f->default_action)
            continue;
        if (!alternatives && rule_add(f, name, action, (unsigned)call->arg_count, args) < 0)
            return -1;
        for (size_t k = 0; alternatives && k < call->arg_count; k++)
            if (rule_add(f, name, action, 1, &args[k]) < 0)
                return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ our instructions in front */

struct code { struct sock_filter *items; size_t count, cap; bool failed; };

static void emit(struct code *c, uint16_t op, uint8_t jt, uint8_t jf, uint32_t k)
{
    if (c->count == c->cap) {
        c->failed = true;
        return;
    }
    c->items[c->count++] = (struct sock_filter){ .code = op, .jt = jt, .jf = jf, .k = k };
}

/* The highest number that the description names, on that architecture; -1: none. */
static int64_t last_number(const struct filter *f, const struct oci_seccomp *s, uint32_t token)
{
    int64_t last = -1;
    for (size_t i = 0; i < s->syscall_count; i++)
        for (size_t k = 0; k < s->syscalls[i].names.count; k++) {
            int n = seccomp_syscall_resolve_name_arch(token, s->syscalls[i].names.items[k]);
            if (n >= 0 && (token == SCMP_ARCH_X32 ? n & ~(int)X32_BIT : n) > last)
                last = token == SCMP_ARCH_X32 ? n & ~(int)X32_BIT : n;
        }
    for (size_t i = 0; i < f->extra_count; i++)
        if (f->extras[i].number > last)
            last = f->extras[i].number;
    return last;
}

/* How far an architecture's numbers are shifted against the shared ones. */
static uint32_t number_base(uint32_t token)
{
    switch (token) {
    case SCMP_ARCH_X32: return X32_BIT;
    case SCMP_ARCH_MIPS: case SCMP_ARCH_MIPSEL: return 4000;
    case SCMP_ARCH_MIPS64: case SCMP_ARCH_MIPSEL64: return 5000;
    case SCMP_ARCH_MIPS64N32: case SCMP_ARCH_MIPSEL64N32: return 6000;
    default: return 0;
    }
}

/* With the number in the accumulator: answers for one architecture; falls through when libseccomp is to decide. */
static void emit_numbers(struct code *c, const struct filter *f, const struct oci_seccomp *s, uint32_t token,
                         bool enosys)
{
    uint32_t base = number_base(token);
    int64_t last = last_number(f, s, token);
    for (size_t i = 0; i < f->extra_count; i++) {
        emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, base + f->extras[i].number);
        emit(c, BPF_RET | BPF_K, 0, 0, f->extras[i].action);
    }
    if (!enosys || last < 0)
        return;
    uint32_t limit = token == SCMP_ARCH_X32  ? X32_BIT | (uint32_t)last
                     : (uint32_t)last < base ? base + (uint32_t)last
                                             : (uint32_t)last;
    emit(c, BPF_JMP | BPF_JGT | BPF_K, 0, 1, limit);
    emit(c, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
}

/* `if (arch == audit) { A = nr; … }`, leaving with A = arch on the way past. x86_64 and x32 are one audit
 * architecture, told apart by a bit of the number. */
static void emit_front(struct code *c, const struct filter *f, const struct oci_seccomp *s, bool enosys)
{
    size_t ends[2 * ARCHES_MAX], end_count = 0;
    bool has_x32 = false;
    for (size_t i = 0; i < f->token_count; i++)
        has_x32 |= f->tokens[i] == SCMP_ARCH_X32;
    emit(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
    for (size_t i = 0; i < f->token_count; i++) {
        uint32_t token = f->tokens[i];
        if (token == SCMP_ARCH_X32)
            continue;   /* with x86_64 */
        size_t test = c->count, split = 0;
        emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, token);
        emit(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
        if (token == SCMP_ARCH_X86_64) {
            split = c->count;
            emit(c, BPF_JMP | BPF_JGE | BPF_K, 0, 0, X32_BIT);
        }
        emit_numbers(c, f, s, token, enosys);
        ends[end_count++] = c->count;
        emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
        if (split != 0) {
            if (!c->failed)
                c->items[split].jt = (uint8_t)(c->count - split - 1);
            if (has_x32)
                emit_numbers(c, f, s, SCMP_ARCH_X32, enosys);
            ends[end_count++] = c->count;
            emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
        }
        if (!c->failed)
            c->items[test].jf = (uint8_t)(c->count - test - 1);
    }
    for (size_t i = 0; i < end_count && !c->failed; i++)
        c->items[ends[i]].k = (uint32_t)(c->count - ends[i] - 1);
}
/* Two conditional jumps span one architecture: they are 8 bits wide. */
static_assert(2 * (2 * ARRAY_LEN(newer_calls) + 2) + 5 < 255, "the front block is too long for its jumps");

/* ------------------------------------------------------------------ export */

static int export(struct filter *f, struct code *c)
{
    auto_fd fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return creel_fail(f->err, CREEL_INTERNAL, errno, "memfd for the seccomp program");
    int r = seccomp_export_bpf(f->ctx, fd);
    if (r < 0)
        return creel_fail(f->err, CREEL_INVALID, -r, "compile the seccomp program");
    off_t size = lseek(fd, 0, SEEK_END);
    size_t n = (size_t)size / sizeof *c->items;
    if (size < 0 || n > c->cap - c->count)
        return creel_fail(f->err, CREEL_INVALID, 0,
                          "the seccomp program is too large (%zu instructions, the kernel takes %d)", n + c->count,
                          BPF_MAXINSNS);
    if (pread(fd, c->items + c->count, (size_t)size, 0) != size)
        return creel_fail(f->err, CREEL_INTERNAL, errno, "read the seccomp program back");
    c->count += n;
    return 0;
}

static bool permissive(uint32_t action) { return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG; }

static int compile(struct filter *f, const struct oci_seccomp *s, struct seccomp_program *ret)
{
    if (arches_add(f, s) < 0)
        return -1;
    for (size_t i = 0; i < s->syscall_count; i++)
        if (call_add(f, &s->syscalls[i]) < 0)
            return -1;
    /* A binary tree instead of a list; older libraries do not know the attribute, which costs speed only. */
    (void)seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    struct code c = { .items = calloc(BPF_MAXINSNS, sizeof *c.items), .cap = BPF_MAXINSNS };
    if (c.items == NULL)
        return creel_fail_nomem(f->err);
    if (f->extra_count > 0 || !permissive(f->default_action))
        emit_front(&c, f, s, !permissive(f->default_action));
    if (c.failed || export(f, &c) < 0) {
        free(c.items);
        return c.failed ? creel_fail(f->err, CREEL_INVALID, 0, "the seccomp program is too large") : -1;
    }
    c.count = seccomp_shrink(c.items, c.count);
    void *fit = realloc(c.items, c.count * sizeof *c.items);
    ret->fprog = (struct sock_fprog){ .len = (unsigned short)c.count, .filter = fit != NULL ? fit : c.items };
    return 0;
}

static int listener_check(const struct filter *f, const struct oci_seccomp *s)
{
    bool has_path = s->listener_path != NULL && s->listener_path[0] != '\0';
    if (f->default_action == SCMP_ACT_NOTIFY)
        return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: SCMP_ACT_NOTIFY cannot be the default action");
    if (f->notifies && !has_path)
        return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
    if (!has_path && s->listener_metadata != NULL && s->listener_metadata[0] != '\0')
        return creel_fail(f->err, CREEL_INVALID, 0, "seccomp: listenerMetadata needs a listenerPath");
    return 0;
}

int seccomp_program_build(const struct oci_seccomp *s, int cache_fd, struct seccomp_program *ret,
                          struct creel_err *err)
{
    struct filter f = { .err = err };
    struct seccomp_program p = { .flags = 0 };
    if (seccomp_program_cached(s, cache_fd, ret, NULL) == 1)
        return 0; /* else, whatever the reason, it can be compiled */
    /* As runc does: without any said, what a filter once cost in speed for its mitigations it does not cost. */
    if (!s->flags_set)
        p.flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < s->flags.count; i++) {
        uint32_t flag;
        if (!FIND(flags, s->flags.items[i], &flag))
            return creel_fail(err, CREEL_INVALID, 0, "seccomp: unknown flag \"%.60s\"", s->flags.items[i]);
        p.flags |= flag;
    }
    if (action_parse(s->default_action, s->default_errno_set, s->default_errno, &f.default_action, err) < 0)
        return creel_wrap(err, "default action");
    if (f.default_action != SCMP_ACT_NOTIFY)
        f.ctx = seccomp_init(f.default_action);
    if (f.ctx == NULL && f.default_action != SCMP_ACT_NOTIFY)
        return creel_fail(err, CREEL_INVALID, 0, "seccomp: the default action %s is not supported here",
                          s->default_action);
    int r = f.ctx == NULL ? 0 : compile(&f, s, &p);
    if (r == 0)
        r = listener_check(&f, s);
    filter_fini(&f);
    if (r < 0) {
        seccomp_program_fini(&p);
        return -1;
    }
    if (f.notifies)
        p.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    else
        p.flags &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* the kernel takes it with a listener only */
    seccomp_cache_store(s, cache_fd, &p);
    *ret = p;
    return 0;
}
