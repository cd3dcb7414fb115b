/* SPDX-License-Identifier: Apache-2.0 */
/* spec/seccomp_profile.c: read a profile in Docker's format, keep the rules that apply to this container.
 *
 * A rule applies when every condition under "includes" holds and none under "excludes" does. Rules without conditions
 * always apply, so an OCI seccomp object passes through unchanged. */
#include "spec/seccomp_profile.h"

#include "spec/oci_shape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct condition { struct strv caps, arches; char *min_kernel; };
struct rule {
    char *name;                 /* older profiles: one name instead of a list */
    struct oci_syscall call;
    struct condition includes, excludes;
};
struct arch_row { char *architecture; struct strv sub; };
struct profile {
    struct oci_seccomp base;    /* without its system calls */
    struct arch_row *arch_map; size_t arch_count;
    struct rule *rules; size_t rule_count;
};

#define ROW(T, k, key, m) { key, OCI_F_##k, 0, offsetof(T, m), 0, NULL }
static const struct oci_field condition_fields[] = {
    ROW(struct condition, STRV, "caps", caps),
    ROW(struct condition, STRV, "arches", arches),
    ROW(struct condition, STR, "minKernel", min_kernel),
};
static const struct oci_shape condition_shape = {sizeof(struct condition), condition_fields,
                                                 ARRAY_LEN(condition_fields), -1};

static const struct oci_field rule_fields[] = {
    ROW(struct rule, STRV, "names", call.names),
    ROW(struct rule, STR, "name", name),
    ROW(struct rule, STR, "action", call.action),
    {"errnoRet", OCI_F_SET_U32, 0, offsetof(struct rule, call.errno_ret), offsetof(struct rule, call.errno_set),
     NULL},
    {"args", OCI_F_ARR, 0, offsetof(struct rule, call.args), offsetof(struct rule, call.arg_count),
     &oci_seccomp_arg_shape},
    {"includes", OCI_F_OBJ, 0, offsetof(struct rule, includes), 0, &condition_shape},
    {"excludes", OCI_F_OBJ, 0, offsetof(struct rule, excludes), 0, &condition_shape},
};
static const struct oci_shape rule_shape = { sizeof(struct rule), rule_fields, ARRAY_LEN(rule_fields), -1 };

static const struct oci_field arch_row_fields[] = {
    ROW(struct arch_row, STR, "architecture", architecture),
    ROW(struct arch_row, STRV, "subArchitectures", sub),
};
static const struct oci_shape arch_row_shape = {sizeof(struct arch_row), arch_row_fields, ARRAY_LEN(arch_row_fields),
                                                -1};

static const struct oci_field profile_fields[] = {
    ROW(struct profile, STR, "defaultAction", base.default_action),
    {"defaultErrnoRet", OCI_F_SET_U32, 0, offsetof(struct profile, base.default_errno),
     offsetof(struct profile, base.default_errno_set), NULL},
    ROW(struct profile, STRV, "architectures", base.architectures),
    {"archMap", OCI_F_ARR, 0, offsetof(struct profile, arch_map), offsetof(struct profile, arch_count),
     &arch_row_shape},
    { "flags", OCI_F_SET_STRV, 0, offsetof(struct profile, base.flags), offsetof(struct profile, base.flags_set), NULL },
    ROW(struct profile, STR, "listenerPath", base.listener_path),
    ROW(struct profile, STR, "listenerMetadata", base.listener_metadata),
    {"syscalls", OCI_F_ARR, 0, offsetof(struct profile, rules), offsetof(struct profile, rule_count), &rule_shape},
};
static const struct oci_shape profile_shape = {sizeof(struct profile), profile_fields, ARRAY_LEN(profile_fields), -1};
#undef ROW

/* uname's word, Go's word (which profiles use) and libseccomp's. */
static const struct { const char *machine, *go, *scmp; } machines[] = {
    { "x86_64", "amd64", "SCMP_ARCH_X86_64" },
    { "i386", "386", "SCMP_ARCH_X86" },
    { "i686", "386", "SCMP_ARCH_X86" },
    { "aarch64", "arm64", "SCMP_ARCH_AARCH64" },
    { "armv7l", "arm", "SCMP_ARCH_ARM" },
    { "armv6l", "arm", "SCMP_ARCH_ARM" },
    { "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
    { "ppc64", "ppc64", "SCMP_ARCH_PPC64" },
    { "s390x", "s390x", "SCMP_ARCH_S390X" },
    { "riscv64", "riscv64", "SCMP_ARCH_RISCV64" },
    { "loongarch64", "loong64", "SCMP_ARCH_LOONGARCH64" },
    { "mips64", "mips64", "SCMP_ARCH_MIPS64" },
};

static int kernel_parse(const char *s, unsigned *major, unsigned *minor)
{
    char *end;
    if (s[0] < '0' || s[0] > '9')
        return -1;
    unsigned long a = strtoul(s, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9')
        return -1;
    unsigned long b = strtoul(end + 1, &end, 10);
    if (*end != '\0' || a > 1000 || b > 100000)
        return -1;
    *major = (unsigned)a;
    *minor = (unsigned)b;
    return 0;
}

/* ctx->kernel is at least `text` ("4.8"); text was checked by rules_check. */
static bool kernel_reached(const struct seccomp_context *ctx, const char *text)
{
    unsigned major = 0, minor = 0;
    int r = kernel_parse(text, &major, &minor);
    assert(r == 0);
    return ctx->kernel_major > major || (ctx->kernel_major == major && ctx->kernel_minor >= minor);
}

static const char *go_arch(const char *machine)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (strcmp(machines[i].machine, machine) == 0)
            return machines[i].go;
    return machine;
}

static const char *scmp_arch(const char *machine)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (strcmp(machines[i].machine, machine) == 0)
            return machines[i].scmp;
    return NULL;
}

static bool rule_applies(const struct rule *r, const struct seccomp_context *ctx)
{
    const struct condition *in = &r->includes, *ex = &r->excludes;
    const char *arch = go_arch(ctx->machine);
    if (strv_has(&ex->arches, arch) || (in->arches.count > 0 && !strv_has(&in->arches, arch)))
        return false;
    for (size_t i = 0; i < ex->caps.count; i++)
        if (strv_has(ctx->caps, ex->caps.items[i]))
            return false;
    for (size_t i = 0; i < in->caps.count; i++)
        if (!strv_has(ctx->caps, in->caps.items[i]))
            return false;
    if (ex->min_kernel != NULL && ex->min_kernel[0] != '\0' && kernel_reached(ctx, ex->min_kernel))
        return false;
    return in->min_kernel == NULL || in->min_kernel[0] == '\0' || kernel_reached(ctx, in->min_kernel);
}

static int rules_check(const struct profile *p, struct creel_err *err)
{
    if (p->base.default_action == NULL || p->base.default_action[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "seccomp profile: defaultAction is missing");
    if (p->arch_count > 0 && p->base.architectures.count > 0)
        return creel_fail(err, CREEL_INVALID, 0, "seccomp profile: architectures and archMap exclude each other");
    for (size_t i = 0; i < p->rule_count; i++) {
        const struct rule *r = &p->rules[i];
        const char *kernels[] = { r->includes.min_kernel, r->excludes.min_kernel };
        unsigned major, minor;
        bool named = r->name != NULL && r->name[0] != '\0';
        if (named && r->call.names.count > 0)
            return creel_fail(err, CREEL_INVALID, 0,
                              "seccomp profile: syscalls[%zu]: name and names exclude each other", i);
        if (!named && r->call.names.count == 0)
            return creel_fail(err, CREEL_INVALID, 0, "seccomp profile: syscalls[%zu]: names are missing", i);
        if (r->call.action == NULL || r->call.action[0] == '\0')
            return creel_fail(err, CREEL_INVALID, 0, "seccomp profile: syscalls[%zu]: action is missing", i);
        for (size_t k = 0; k < ARRAY_LEN(kernels); k++)
            if (kernels[k] != NULL && kernels[k][0] != '\0' && kernel_parse(kernels[k], &major, &minor) < 0)
                return creel_fail(err, CREEL_INVALID, 0,
                                  "seccomp profile: syscalls[%zu]: minKernel \"%.40s\" is not a kernel version", i,
                                  kernels[k]);
    }
    return 0;
}

static int architectures_resolve(struct profile *p, const struct seccomp_context *ctx, struct creel_err *err)
{
    const char *native = scmp_arch(ctx->machine);
    for (size_t i = 0; i < p->arch_count && native != NULL; i++) {
        const struct arch_row *a = &p->arch_map[i];
        if (a->architecture == NULL || strcmp(a->architecture, native) != 0)
            continue;
        if (!strv_add(&p->base.architectures, native) || !strv_copy(&p->base.architectures, &a->sub))
            return creel_fail_nomem(err);
        break;
    }
    return 0;
}

/* Move the rules that apply. */
static int rules_take(struct profile *p, const struct seccomp_context *ctx, struct creel_err *err)
{
    struct oci_seccomp *s = &p->base;
    s->syscalls = calloc(p->rule_count > 0 ? p->rule_count : 1, sizeof *s->syscalls);
    if (s->syscalls == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < p->rule_count; i++) {
        struct rule *r = &p->rules[i];
        if (!rule_applies(r, ctx))
            continue;
        if (r->call.names.count == 0 && !strv_add(&r->call.names, r->name))
            return creel_fail_nomem(err);
        s->syscalls[s->syscall_count++] = r->call;
        memset(&r->call, 0, sizeof r->call);
    }
    return 0;
}

int seccomp_profile_resolve(const char *text, size_t len, const struct seccomp_context *ctx, struct oci_seccomp *ret,
                            struct creel_err *err)
{
    if (text == NULL)
        return seccomp_profile_default(ctx, ret, err);
    struct profile p = { .arch_count = 0 };
    struct json_reader r;
    int result = -1;
    if (json_reader_init(&r, "seccomp profile", text, len, err) == 0 && oci_shape_parse(&profile_shape, &r, &p) == 0
        && json_end(&r) == 0 && rules_check(&p, err) == 0 && architectures_resolve(&p, ctx, err) == 0
        && rules_take(&p, ctx, err) == 0) {
        *ret = p.base;
        ret->present = true;
        memset(&p.base, 0, sizeof p.base);
        result = 0;
    }
    oci_seccomp_fini(&p.base);
    oci_shape_fini(&profile_shape, &p);
    return result;
}

int seccomp_profile_default(const struct seccomp_context *ctx, struct oci_seccomp *ret, struct creel_err *err)
{
    return seccomp_profile_resolve(seccomp_default_text, strlen(seccomp_default_text), ctx, ret, err);
}
