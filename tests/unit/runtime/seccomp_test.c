/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiled programs answer, call by call: the BPF is run here, in a small interpreter. */
#include "check.h"

#include "base/cleanup.h"
#include "runtime/seccomp.h"
#include "spec/capability.h"
#include "spec/seccomp_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>

#define X32 0x40000000
#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(e) (SECCOMP_RET_ERRNO | (e))

/* ------------------------------------------------------------------ classic BPF, as far as seccomp uses it */

static uint32_t run(const struct sock_fprog *p, const struct seccomp_data *d)
{
    uint32_t a = 0, x = 0, m[BPF_MEMWORDS] = { 0 };
    for (unsigned pc = 0; pc < p->len; pc++) {
        const struct sock_filter *i = &p->filter[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k + 4 <= sizeof *d && i->k % 4 == 0);
            memcpy(&a, (const char *)d + i->k, 4);
            break;
        case BPF_LD | BPF_IMM: a = i->k; break;
        case BPF_LD | BPF_MEM: a = m[i->k]; break;
        case BPF_LDX | BPF_MEM: x = m[i->k]; break;
        case BPF_ST: m[i->k] = a; break;
        case BPF_STX: m[i->k] = x; break;
        case BPF_MISC | BPF_TAX: x = a; break;
        case BPF_MISC | BPF_TXA: a = x; break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        case BPF_JMP | BPF_JA: pc += i->k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: pc += a & i->k ? i->jt : i->jf; break;
        case BPF_RET | BPF_K: return i->k;
        default: fail_msg("instruction %u: code 0x%x", pc, i->code);
        }
    }
    fail_msg("the program has no end");
    return 0;
}

static uint32_t ask(const struct seccomp_program *p, uint32_t arch, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1, a2 } };
    uint32_t answer = run(&p->fprog, &d);
#ifdef __x86_64__
    const uint64_t args[6] = { a0, a1, a2 };
    if (arch == AUDIT_ARCH_X86_64) /* what the library would foretell */
        assert_int_equal(seccomp_program_answer(&p->fprog, nr, args), answer);
#endif
    return answer;
}

static struct seccomp_program build_default(const char *const *add_caps)
{
    struct creel_err err = { 0 };
    auto_strv caps = STRV_INIT;
    struct oci_seccomp s = { 0 };
    struct seccomp_program p = { 0 };
    assert_true(capability_set_print(CAPABILITY_DEFAULT, &caps));
    for (; add_caps != NULL && *add_caps != NULL; add_caps++)
        assert_true(strv_add(&caps, *add_caps));
    struct seccomp_context ctx = { .caps = &caps, .machine = "x86_64", .kernel_major = 6, .kernel_minor = 1 };
    if (seccomp_profile_default(&ctx, &s, &err) < 0 || seccomp_program_build(&s, -1, &p, &err) < 0)
        fail_msg("%s", err.text);
    oci_seccomp_fini(&s);
    return p;
}

/* ------------------------------------------------------------------ the default profile */

struct expect { const char *name; int x86_64, i386; uint64_t a0; uint32_t action; };

/* Numbers from the kernel's tables; -1: the architecture has no such call. */
static const struct expect default_answers[] = {
    {"read", 0, 3, 0, ALLOW},
    {"write", 1, 4, 0, ALLOW},
    {"openat", 257, 295, 0, ALLOW},
    {"openat2", 437, 437, 0, ALLOW},
    {"execve", 59, 11, 0, ALLOW},
    {"exit_group", 231, 252, 0, ALLOW},
    {"futex", 202, 240, 0, ALLOW},
    {"rseq", 334, 386, 0, ALLOW},
    {"close_range", 436, 436, 0, ALLOW},
    {"pidfd_open", 434, 434, 0, ALLOW},
    {"landlock_create_ruleset", 444, 444, 0, ALLOW},
    {"memfd_create", 319, 356, 0, ALLOW},
    {"seccomp", 317, 354, 0, ALLOW},
    {"chroot", 161, 61, 0, ALLOW},
    {"fchmodat2", 452, 452, 0, ALLOW},
    {"statmount", 457, 457, 0, ALLOW},
    {"listmount", 458, 458, 0, ALLOW},
    {"ptrace", 101, 26, 0, ALLOW},
    {"process_vm_readv", 310, 347, 0, ALLOW},
    {"modify_ldt", 154, 123, 0, ALLOW},
    {"waitpid", -1, 7, 0, ALLOW},
    {"socketcall", -1, 102, 0, ALLOW},
    /* with conditions */
    {"socket AF_INET", 41, 359, 2, ALLOW},
    {"socket AF_UNIX", 41, 359, 1, ALLOW},
    {"socket AF_NETLINK", 41, 359, 16, ALLOW},
    {"socket AF_ALG", 41, 359, 38, FAIL(EPERM)},
    {"socket 39", 41, 359, 39, ALLOW},
    {"socket AF_VSOCK", 41, 359, 40, FAIL(EPERM)},
    {"socket AF_XDP", 41, 359, 44, ALLOW},
    {"personality 0", 135, 136, 0, ALLOW},
    {"personality 8", 135, 136, 8, ALLOW},
    {"personality query", 135, 136, 0xffffffff, ALLOW},
    {"personality 0x20000", 135, 136, 0x20000, ALLOW},
    {"personality 0x20008", 135, 136, 0x20008, ALLOW},
    {"personality no randomisation", 135, 136, 0x0040000, FAIL(EPERM)},
    {"clone thread", 56, 120, 0x3d0f00, ALLOW},
    {"clone NEWUSER", 56, 120, 0x10000000, FAIL(EPERM)},
    {"clone NEWNS", 56, 120, 0x00020000, FAIL(EPERM)},
    {"clone NEWNET", 56, 120, 0x40000000, FAIL(EPERM)},
    {"clone NEWCGROUP", 56, 120, 0x02000000, FAIL(EPERM)},
    {"clone3", 435, 435, 0, FAIL(ENOSYS)},
    /* tied to capabilities the default set does not have */
    {"mount", 165, 21, 0, FAIL(EPERM)},
    {"umount2", 166, 52, 0, FAIL(EPERM)},
    {"setns", 308, 346, 0, FAIL(EPERM)},
    {"unshare", 272, 310, 0, FAIL(EPERM)},
    {"bpf", 321, 357, 0, FAIL(EPERM)},
    {"perf_event_open", 298, 336, 0, FAIL(EPERM)},
    {"open_by_handle_at", 304, 342, 0, FAIL(EPERM)},
    {"fsopen", 430, 430, 0, FAIL(EPERM)},
    {"move_mount", 429, 429, 0, FAIL(EPERM)},
    {"sethostname", 170, 74, 0, FAIL(EPERM)},
    {"reboot", 169, 88, 0, FAIL(EPERM)},
    {"init_module", 175, 128, 0, FAIL(EPERM)},
    {"acct", 163, 51, 0, FAIL(EPERM)},
    {"iopl", 172, 110, 0, FAIL(EPERM)},
    {"clock_settime", 227, 264, 0, FAIL(EPERM)},
    {"settimeofday", 164, 79, 0, FAIL(EPERM)},
    {"kcmp", 312, 349, 0, FAIL(EPERM)},
    {"pidfd_getfd", 438, 438, 0, FAIL(EPERM)},
    {"syslog", 103, 103, 0, FAIL(EPERM)},
    {"mbind", 237, 274, 0, FAIL(EPERM)},
    {"vhangup", 153, 111, 0, FAIL(EPERM)},
    /* never */
    {"keyctl", 250, 288, 0, FAIL(EPERM)},
    {"add_key", 248, 286, 0, FAIL(EPERM)},
    {"request_key", 249, 287, 0, FAIL(EPERM)},
    {"userfaultfd", 323, 374, 0, FAIL(EPERM)},
    {"io_uring_setup", 425, 425, 0, FAIL(EPERM)},
    {"io_uring_enter", 426, 426, 0, FAIL(EPERM)},
    {"kexec_load", 246, 283, 0, FAIL(EPERM)},
    {"swapon", 167, 87, 0, FAIL(EPERM)},
    {"pivot_root", 155, 217, 0, FAIL(EPERM)},
    {"move_pages", 279, 317, 0, FAIL(EPERM)},
    {"uselib", 134, 86, 0, FAIL(EPERM)},
    {"ustat", 136, 62, 0, FAIL(EPERM)},
    {"_sysctl", 156, 149, 0, FAIL(EPERM)},
    {"vm86", -1, 166, 0, FAIL(EPERM)},
    /* newer than anything the profile names */
    {"not yet", 1000, 1000, 0, FAIL(ENOSYS)},
};

static void default_profile_answers_as_dockers(void **state)
{
    (void)state;
    struct seccomp_program p = build_default(NULL);
    for (size_t i = 0; i < ARRAY_LEN(default_answers); i++) {
        const struct expect *e = &default_answers[i];
        uint32_t got;
        if (e->x86_64 >= 0 && (got = ask(&p, AUDIT_ARCH_X86_64, e->x86_64, e->a0, 0, 0)) != e->action)
            fail_msg("%s on x86_64: 0x%x, expected 0x%x", e->name, got, e->action);
        if (e->i386 >= 0 && (got = ask(&p, AUDIT_ARCH_I386, e->i386, e->a0, 0, 0)) != e->action)
            fail_msg("%s on i386: 0x%x, expected 0x%x", e->name, got, e->action);
    }
    seccomp_program_fini(&p);
}

static void default_profile_covers_x32(void **state)
{
    (void)state;
    struct seccomp_program p = build_default(NULL);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 0, 0, 0, 0), ALLOW);          /* read */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 520, 0, 0, 0), ALLOW);        /* execve */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 165, 0, 0, 0), FAIL(EPERM));  /* mount */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 452, 0, 0, 0), ALLOW);        /* fchmodat2 */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 435, 0, 0, 0), FAIL(ENOSYS)); /* clone3 */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 41, 38, 0, 0), FAIL(EPERM));  /* socket AF_ALG */
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, X32 | 5000, 0, 0, 0), FAIL(ENOSYS));
    seccomp_program_fini(&p);
}

/* The upper halves of arguments count: 0x1_0000_0000 is not 0. */
static void conditions_look_at_all_64_bits(void **state)
{
    (void)state;
    struct seccomp_program p = build_default(NULL);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 135, UINT64_C(0x100000000), 0, 0), FAIL(EPERM));
    seccomp_program_fini(&p);
}

static void other_architectures_are_killed(void **state)
{
    (void)state;
    struct seccomp_program p = build_default(NULL);
    assert_int_equal(ask(&p, AUDIT_ARCH_AARCH64, 63, 0, 0, 0), SECCOMP_RET_KILL_THREAD);
    seccomp_program_fini(&p);
}

static void capabilities_open_their_calls(void **state)
{
    (void)state;
    const struct { const char *cap; int nr; uint64_t a0;
    } rows[] = {
        {"CAP_SYS_ADMIN", 165, 0},
        {"CAP_SYS_ADMIN", 435, 0},
        {"CAP_SYS_ADMIN", 56, 0x10000000},
        {"CAP_SYS_ADMIN", 272, 0},
        {"CAP_SYS_ADMIN", 459, 0},
        {"CAP_DAC_READ_SEARCH", 304, 0},
        {"CAP_SYS_BOOT", 169, 0},
        {"CAP_SYS_MODULE", 175, 0},
        {"CAP_SYS_PACCT", 163, 0},
        {"CAP_SYS_PTRACE", 312, 0},
        {"CAP_SYS_RAWIO", 172, 0},
        {"CAP_SYS_TIME", 227, 0},
        {"CAP_SYS_TTY_CONFIG", 153, 0},
        {"CAP_SYS_NICE", 237, 0},
        {"CAP_SYSLOG", 103, 0},
        {"CAP_BPF", 321, 0},
        {"CAP_PERFMON", 298, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seccomp_program p = build_default((const char *const[]){ rows[i].cap, NULL });
        if (ask(&p, AUDIT_ARCH_X86_64, rows[i].nr, rows[i].a0, 0, 0) != ALLOW)
            fail_msg("%s does not open call %d", rows[i].cap, rows[i].nr);
        seccomp_program_fini(&p);
    }
}

/* ------------------------------------------------------------------ other profiles */

static int compile_text(const char *json, struct seccomp_program *ret, struct creel_err *err)
{
    auto_strv caps = STRV_INIT;
    struct oci_seccomp s = { 0 };
    struct seccomp_context ctx = { .caps = &caps, .machine = "x86_64", .kernel_major = 6, .kernel_minor = 1 };
    if (seccomp_profile_resolve(json, strlen(json), &ctx, &s, err) < 0)
        return -1;
    int r = seccomp_program_build(&s, -1, ret, err);
    oci_seccomp_fini(&s);
    return r;
}

static struct seccomp_program compile_ok(const char *json)
{
    struct creel_err err = { 0 };
    struct seccomp_program p = { 0 };
    if (compile_text(json, &p, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

static void every_action_is_compiled(void **state)
{
    (void)state;
    struct seccomp_program p = compile_ok(
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/s\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":["
        "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_KILL\"},{\"names\":[\"rmdir\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
        "{\"names\":[\"link\"],\"action\":\"SCMP_ACT_TRAP\"},{\"names\":[\"unlink\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13},"
        "{\"names\":[\"symlink\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":7},{\"names\":[\"chmod\"],\"action\":\"SCMP_ACT_LOG\"},"
        "{\"names\":[\"chown\"],\"action\":\"SCMP_ACT_NOTIFY\"},{\"names\":[\"rename\"],\"action\":\"SCMP_ACT_ERRNO\"}]}");
    const struct { int nr; uint32_t action;
    } rows[] = {
        {83, SECCOMP_RET_KILL_THREAD},
        {84, SECCOMP_RET_KILL_PROCESS},
        {86, SECCOMP_RET_TRAP},
        {87, FAIL(13)},
        {88, SECCOMP_RET_TRACE | 7},
        {90, SECCOMP_RET_LOG},
        {92, SECCOMP_RET_USER_NOTIF},
        {82, FAIL(EPERM)},
        {0, ALLOW},
        {1000, ALLOW}, /* no ENOSYS where everything is allowed by default */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, rows[i].nr, 0, 0, 0), rows[i].action);
    assert_int_equal(p.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER);
    seccomp_program_fini(&p);
}

static void flags_are_those_given_and_a_default_where_none_are(void **state)
{
    (void)state;
#define NOTIFY "\"listenerPath\":\"/s\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}],"
    static const struct { const char *text; unsigned flags; } rows[] = {
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", 0 },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"]}", 0 },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]}",
          SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW },
        { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}", 0 },
        { "{" NOTIFY "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
          1u << 5 | SECCOMP_FILTER_FLAG_NEW_LISTENER },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seccomp_program p = compile_ok(rows[i].text);
        assert_int_equal(p.flags, rows[i].flags);
        seccomp_program_fini(&p);
    }
#undef NOTIFY
}

static void conditions_on_different_arguments_must_all_hold(void **state)
{
    (void)state;
    struct seccomp_program p = compile_ok(
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
        "{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_GT\"},{\"index\":1,\"value\":15,\"op\":\"SCMP_CMP_EQ\"}]}]}");
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 6, 15, 0), ALLOW);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 5, 15, 0), FAIL(EPERM));
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 6, 9, 0), FAIL(EPERM));
    seccomp_program_fini(&p);
}

static void conditions_on_one_argument_are_alternatives(void **state)
{
    (void)state;
    struct seccomp_program p = compile_ok(
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
        "{\"index\":1,\"value\":9,\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":15,\"op\":\"SCMP_CMP_EQ\"}]}]}");
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 6, 15, 0), ALLOW);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 6, 9, 0), ALLOW);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 62, 6, 1, 0), FAIL(EPERM));
    seccomp_program_fini(&p);
}

static void calls_libseccomp_does_not_know_keep_their_action(void **state)
{
    (void)state;
    struct seccomp_program p = compile_ok(
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mseal\",\"listns\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5}]}");
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 462, 0, 0, 0), FAIL(5));
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 470, 0, 0, 0), FAIL(5));
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, 463, 0, 0, 0), ALLOW);
    seccomp_program_fini(&p);
}

static void bad_descriptions_are_refused(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "unknown action"},
        {"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "default action"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_PDP11\"]}", "unknown architecture"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "unknown flag"},
        {"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "out of range"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}", "listenerPath"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
         "listenerPath"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/s\",\"syscalls\":[{\"names\":[\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
         "write"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,"
         "\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
         "argument 6"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,"
         "\"value\":0,\"op\":\"SCMP_CMP_SAME\"}]}]}",
         "unknown operator"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mseal\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,"
         "\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
         "arguments"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}", "action is missing"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_KILL\"}]}", "names are missing"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\"}]}",
         "exclude each other"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"minKernel\":"
         "\"new\"}}]}",
         "minKernel"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "twice"},
        {"{}", "defaultAction is missing"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}", "SCMP_ACT_ALLOW takes no errno value"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\",\"errnoRet\":1}]}",
         "SCMP_ACT_LOG takes no errno value"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_SHEB\"]}", "SCMP_ARCH_SHEB"},
        {"", "ends"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct seccomp_program p = { 0 };
        if (compile_text(rows[i][0], &p, &err) == 0)
            fail_msg("accepted: %s", rows[i][0]);
        if (strstr(err.text, rows[i][1]) == NULL)
            fail_msg("%s: the message is \"%s\"", rows[i][0], err.text);
        assert_true(err.kind == CREEL_INVALID || err.kind == CREEL_UNSUPPORTED);
    }
}

/* ------------------------------------------------------------------ the cache */

static int cache_dir(char *path)
{
    assert_non_null(mkdtemp(path));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The name of the only file. */
static void only_entry(const char *path, char *name, size_t cap)
{
    auto_dir DIR *d = opendir(path);
    size_t found = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') {
            assert_true((size_t)snprintf(name, cap, "%s", e->d_name) < cap);
            found++;
        }
    assert_int_equal(found, 1);
}

static struct oci_seccomp small_description(void)
{
    struct creel_err err = { 0 };
    auto_strv caps = STRV_INIT;
    struct oci_seccomp s = { 0 };
    struct seccomp_context ctx = { .caps = &caps, .machine = "x86_64", .kernel_major = 6, .kernel_minor = 1 };
    assert_int_equal(seccomp_profile_default(&ctx, &s, &err), 0);
    return s;
}

static void a_compiled_program_is_found_again(void **state)
{
    (void)state;
    char path[] = "/tmp/creel-seccomp-test-XXXXXX", name[64];
    auto_fd dir = cache_dir(path);
    struct creel_err err = { 0 };
    struct oci_seccomp s = small_description();
    struct seccomp_program a = { 0 }, b = { 0 };
    assert_int_equal(seccomp_program_cached(&s, dir, &b, &err), 0);
    assert_int_equal(seccomp_program_build(&s, dir, &a, &err), 0);
    assert_int_equal(seccomp_program_cached(&s, dir, &b, &err), 1);
    assert_int_equal(a.fprog.len, b.fprog.len);
    assert_memory_equal(a.fprog.filter, b.fprog.filter, a.fprog.len * sizeof *a.fprog.filter);
    only_entry(path, name, sizeof name);
    /* another description is another program */
    free(s.default_action);
    s.default_action = strdup("SCMP_ACT_KILL");
    seccomp_program_fini(&b);
    assert_int_equal(seccomp_program_cached(&s, dir, &b, &err), 0);
    seccomp_program_fini(&a);
    oci_seccomp_fini(&s);
    assert_int_equal(unlinkat(dir, name, 0), 0);
    assert_int_equal(rmdir(path), 0);
}

/* It is not the same as a filter that nobody has compiled. */
static void a_cache_that_cannot_be_read_says_why(void **state)
{
    (void)state;
    auto_fd no_directory = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct creel_err err = { 0 };
    struct oci_seccomp s = small_description();
    struct seccomp_program p = { 0 };
    assert_int_equal(seccomp_program_cached(&s, no_directory, &p, &err), -1);
    assert_int_equal(err.sys, ENOTDIR);
    assert_non_null(strstr(err.text, "Not a directory"));
    assert_int_equal(seccomp_program_build(&s, no_directory, &p, &err), 0); /* compiled, without the cache */
    seccomp_program_fini(&p);
    oci_seccomp_fini(&s);
}

static void a_damaged_file_is_a_miss_and_is_replaced(void **state)
{
    (void)state;
    char path[] = "/tmp/creel-seccomp-test-XXXXXX", name[64];
    auto_fd dir = cache_dir(path);
    struct creel_err err = { 0 };
    struct oci_seccomp s = small_description();
    struct seccomp_program p = { 0 };
    struct stat st;
    assert_int_equal(seccomp_program_build(&s, dir, &p, &err), 0);
    seccomp_program_fini(&p);
    only_entry(path, name, sizeof name);
    assert_int_equal(fstatat(dir, name, &st, 0), 0);
    for (off_t at = 0; at < st.st_size; at += at < 64 ? 1 : 997) {
        auto_fd fd = openat(dir, name, O_RDWR | O_CLOEXEC);
        unsigned char c;
        assert_int_equal(pread(fd, &c, 1, at), 1);
        c ^= 0x10;
        assert_int_equal(pwrite(fd, &c, 1, at), 1);
        if (seccomp_program_cached(&s, dir, &p, &err) != 0)
            fail_msg("byte %lld changed and nobody noticed", (long long)at);
        c ^= 0x10;
        assert_int_equal(pwrite(fd, &c, 1, at), 1);
    }
    for (off_t size = 0; size < st.st_size; size += 1009) {
        assert_int_equal(seccomp_program_build(&s, dir, &p, &err), 0);      /* repairs it */
        seccomp_program_fini(&p);
        assert_int_equal(seccomp_program_cached(&s, dir, &p, &err), 1);
        seccomp_program_fini(&p);
        auto_fd fd = openat(dir, name, O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, size), 0);
        assert_int_equal(seccomp_program_cached(&s, dir, &p, &err), 0);
    }
    oci_seccomp_fini(&s);
    assert_int_equal(unlinkat(dir, name, 0), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_profile_answers_as_dockers),
        cmocka_unit_test(default_profile_covers_x32),
        cmocka_unit_test(conditions_look_at_all_64_bits),
        cmocka_unit_test(other_architectures_are_killed),
        cmocka_unit_test(capabilities_open_their_calls),
        cmocka_unit_test(every_action_is_compiled),
        cmocka_unit_test(flags_are_those_given_and_a_default_where_none_are),
        cmocka_unit_test(conditions_on_different_arguments_must_all_hold),
        cmocka_unit_test(conditions_on_one_argument_are_alternatives),
        cmocka_unit_test(calls_libseccomp_does_not_know_keep_their_action),
        cmocka_unit_test(bad_descriptions_are_refused),
        cmocka_unit_test(a_compiled_program_is_found_again),
        cmocka_unit_test(a_cache_that_cannot_be_read_says_why),
        cmocka_unit_test(a_damaged_file_is_a_miss_and_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
