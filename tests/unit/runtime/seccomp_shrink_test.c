/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/cleanup.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_shrink.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)
#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(e) (SECCOMP_RET_ERRNO | (e))

static uint32_t answer(const struct sock_filter *items, size_t n, uint32_t arch, uint32_t nr, uint64_t a0, uint64_t a1)
{
    const struct sock_fprog p = { .len = (unsigned short)n, .filter = (struct sock_filter *)items };
    const struct seccomp_data d = { .nr = (int)nr, .arch = arch, .args = { a0, a1 } };
    return seccomp_filter_answer(&p, &d);
}

static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, UINT32_MAX };
static const uint64_t words[] = { 0, 1, 2, 8, 9, 0x2000, 0x20000, 0x7e020000, UINT64_C(1) << 32, UINT64_C(9) << 32 | 8,
                                  UINT64_MAX };

/* Every call of every architecture that the kernel has or will have for long, and the odd ones. */
static void assert_same(const struct sock_filter *a, size_t n, const struct sock_filter *b, size_t m)
{
    for (size_t i = 0; i < ARRAY_LEN(arches); i++)
        for (uint32_t nr = 0; nr < 1200; nr++)
            for (size_t j = 0; j < ARRAY_LEN(words); j++) {
                const uint32_t numbers[] = { nr, nr | 0x40000000u, ~nr, 0x7fffffffu - nr };
                for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
                    assert_int_equal(answer(a, n, arches[i], numbers[k], words[j], words[ARRAY_LEN(words) - 1 - j]),
                                     answer(b, m, arches[i], numbers[k], words[j], words[ARRAY_LEN(words) - 1 - j]));
            }
}

static size_t compiled(scmp_filter_ctx ctx, struct sock_filter *items)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
    ssize_t n = pread(fd, items, BPF_MAXINSNS * sizeof *items, 0);
    assert_true(n > 0);
    assert_int_equal(close(fd), 0);
    return (size_t)n / sizeof *items;
}

static void shrinks_to(scmp_filter_ctx ctx, size_t at_most)
{
    static struct sock_filter before[BPF_MAXINSNS], now[BPF_MAXINSNS];
    size_t n = compiled(ctx, before);
    memcpy(now, before, n * sizeof *now);
    size_t m = seccomp_shrink(now, n);
    assert_same(before, n, now, m);
    if (m > at_most)
        fail_msg("%zu instructions became %zu, expected at most %zu", n, m, at_most);
    seccomp_release(ctx);
}

/* As long lists as profiles have, with conditions in between, for three instruction sets. */
static void long_lists_become_short(void **state)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
    assert_non_null(ctx);
    (void)seccomp_arch_add(ctx, SCMP_ARCH_X86);
    (void)seccomp_arch_add(ctx, SCMP_ARCH_X32);
    for (int nr = 0; nr < 335; nr++)
        if (nr % 17 != 3 && nr != 56 && nr != 135 && nr != 41)
            assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0), 0);
    assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 56, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0)), 0);
    assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 135, 1, SCMP_A0(SCMP_CMP_EQ, 0)), 0);
    assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 135, 1, SCMP_A0(SCMP_CMP_EQ, 8)), 0);
    assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 41, 1, SCMP_A0(SCMP_CMP_GT, 0x20000)), 0);
    assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_KILL, 41, 2, SCMP_A0(SCMP_CMP_EQ, 1), SCMP_A1(SCMP_CMP_LT, 9)), 0);
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    shrinks_to(ctx, 320);
}

static void every_other_call_cannot_do_without_its_question(void **state)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    assert_non_null(ctx);
    for (int nr = 0; nr < 300; nr += 2)
        assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)nr % 7 + 1), nr, 0), 0);
    shrinks_to(ctx, 700);
}

static void conditions_that_lead_further_than_a_jump_reaches(void **state)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
    assert_non_null(ctx);
    for (int nr = 0; nr < 200; nr++)
        assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 2, SCMP_A0(SCMP_CMP_EQ, (unsigned)nr % 11),
                                          SCMP_A1(SCMP_CMP_NE, 8)), 0);
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    shrinks_to(ctx, BPF_MAXINSNS);
}

static void a_filter_of_one_answer_is_that_answer(void **state)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1), BPF_STMT(BPF_RET | BPF_K, ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 9, 1, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW),
        BPF_STMT(BPF_RET | BPF_K, ALLOW),
    };
    assert_int_equal(seccomp_shrink(f, ARRAY_LEN(f)), 1);
    assert_int_equal(f[0].code, BPF_RET | BPF_K);
    assert_int_equal(f[0].k, ALLOW);
}

static void the_largest_number_is_a_value_like_others(void **state)
{
    const struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_STMT(BPF_JMP | BPF_JA, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 1, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW), BPF_STMT(BPF_RET | BPF_K, FAIL(2)),
    };
    struct sock_filter now[ARRAY_LEN(f)];
    memcpy(now, f, sizeof f);
    size_t n = seccomp_shrink(now, ARRAY_LEN(f));
    assert_true(n < ARRAY_LEN(f));
    assert_same(f, ARRAY_LEN(f), now, n);
}

static void what_is_not_understood_stays(void **state)
{
    const struct sock_filter masked[] = { /* the number is masked before it is compared */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, ALLOW),
    };
    const struct sock_filter set[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 0, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW),
    };
    const struct sock_filter scratch[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_RET | BPF_K, ALLOW),
    };
    const struct { const struct sock_filter *items; size_t n; } cases[] = {
        { masked, ARRAY_LEN(masked) }, { set, ARRAY_LEN(set) }, { scratch, ARRAY_LEN(scratch) }, { scratch, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sock_filter now[8];
        memcpy(now, cases[i].items, cases[i].n * sizeof *now);
        assert_int_equal(seccomp_shrink(now, cases[i].n), cases[i].n);
        assert_memory_equal(now, cases[i].items, cases[i].n * sizeof *now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lists_become_short),
        cmocka_unit_test(every_other_call_cannot_do_without_its_question),
        cmocka_unit_test(conditions_that_lead_further_than_a_jump_reaches),
        cmocka_unit_test(a_filter_of_one_answer_is_that_answer),
        cmocka_unit_test(the_largest_number_is_a_value_like_others),
        cmocka_unit_test(what_is_not_understood_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
