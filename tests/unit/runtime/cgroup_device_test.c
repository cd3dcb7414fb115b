/* SPDX-License-Identifier: Apache-2.0 */
/* The device program of version 2, run here in an interpreter, against the meaning of the rules: the last one that
 * matches decides, for each kind of access by itself. The reduced list of version 1 must mean the same. */
#include "check.h"

#include "runtime/cgroup_internal.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

static bool program_allows(const struct bpf_insn *p, size_t count, const struct bpf_cgroup_dev_ctx *ctx)
{
    uint64_t r[11] = { 0 };
    r[1] = (uintptr_t)ctx;
    for (size_t pc = 0, steps = 0; pc < count && steps < 100000; pc++, steps++) {
        const struct bpf_insn *i = &p[pc];
        switch (i->code) {
        case BPF_LDX | BPF_MEM | BPF_W: {
            uint32_t v;
            assert_true(i->src_reg == 1 && r[1] == (uintptr_t)ctx && i->off >= 0 &&
                        (size_t)i->off + 4 <= sizeof *ctx);
            memcpy(&v, (const char *)ctx + i->off, sizeof v);
            r[i->dst_reg] = v;
            break;
        }
        case BPF_ALU64 | BPF_MOV | BPF_X: r[i->dst_reg] = r[i->src_reg]; break;
        case BPF_ALU64 | BPF_MOV | BPF_K: r[i->dst_reg] = (uint64_t)(int64_t)i->imm; break;
        case BPF_ALU64 | BPF_AND | BPF_K: r[i->dst_reg] &= (uint64_t)(int64_t)i->imm; break;
        case BPF_ALU64 | BPF_RSH | BPF_K: r[i->dst_reg] >>= i->imm; break;
        case BPF_JMP | BPF_JNE | BPF_K: pc += r[i->dst_reg] != (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0; break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += r[i->dst_reg] == (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0; break;
        case BPF_JMP32 | BPF_JNE | BPF_K:
            pc += (uint32_t)r[i->dst_reg] != (uint32_t)i->imm ? (size_t)i->off : 0;
            break;
        case BPF_JMP | BPF_EXIT: return r[0] != 0;
        default: fail_msg("instruction %zu: code 0x%x", pc, i->code);
        }
    }
    fail_msg("the program has no end");
    return false;
}

static bool matches(const struct device_rule *r, char type, int64_t major, int64_t minor)
{
    return (r->type == 'a' || r->type == type) && (r->major < 0 || r->major == major) &&
           (r->minor < 0 || r->minor == minor);
}

static bool rules_allow(const struct device_rules *d, char type, int64_t major, int64_t minor, unsigned access)
{
    for (unsigned bit = 1; bit <= 4; bit <<= 1) {
        bool allow = false;
        for (size_t i = 0; (access & bit) != 0 && i < d->count; i++)
            if (matches(&d->items[i], type, major, minor) && (d->items[i].access & bit) != 0)
                allow = d->items[i].allow;
        if ((access & bit) != 0 && !allow)
            return false;
    }
    return true;
}

/* As the kernel's device_cgroup.c decides. */
static bool reduced_allows(bool allow, const struct device_rules *d, char type, int64_t major, int64_t minor,
                           unsigned access)
{
    bool match = false;
    for (size_t i = 0; i < d->count && !match; i++)
        if (matches(&d->items[i], type, major, minor))
            match = allow ? (d->items[i].access & access) != 0 : (access & ~d->items[i].access) == 0;
    return allow ? !match : match;
}

static void same_meaning(const struct device_rules *d, size_t *reducible)
{
    static const int64_t majors[] = { 0, 1, 5, 7, 10, 136, 4095 }, minors[] = { 0, 1, 3, 11, 229, 1048575 };
    struct bpf_insn *p = NULL;
    size_t count = 0;
    struct device_rules reduced = { .items = NULL };
    struct creel_err err = { 0 };
    bool allow = false, v1 = device_rules_reduce(d, &allow, &reduced, &err) == 0;
    assert_int_equal(device_program_build(d, &p, &count, &err), 0);
    *reducible += v1;
    for (size_t a = 0; a < ARRAY_LEN(majors); a++)
        for (size_t b = 0; b < ARRAY_LEN(minors); b++)
            for (unsigned access = 1; access <= 7; access++)
                for (int block = 0; block < 2; block++) {
                    char type = block ? 'b' : 'c';
                    struct bpf_cgroup_dev_ctx ctx = {
                        .access_type = access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                        .major = (uint32_t)majors[a],
                        .minor = (uint32_t)minors[b]};
                    bool want = rules_allow(d, type, majors[a], minors[b], access);
                    bool v2_got = program_allows(p, count, &ctx);
                    /* Version 1 matches one exception per request, so rights spread over two exceptions do not add
                     * up: it may be stricter, never looser. */
                    bool v1_got = v1 && reduced_allows(allow, &reduced, type, majors[a], minors[b], access);
                    if (v2_got != want || (v1_got && !want)) {
                        auto_bytes text = BYTES_INIT;
                        device_rules_print(d, &text);
                        fail_msg("%c %lld:%lld access %u: version 2 %d, version 1 %d, meant %d\n%s", type,
                                 (long long)majors[a], (long long)minors[b], access, v2_got, v1_got, want,
                                 bytes_str(&text));
                    }
                }
    free(p);
    device_rules_fini(&reduced);
}

static void programs_mean_what_the_rules_say(void **state)
{
    (void)state;
    static const int64_t majors[] = { -1, -1, 1, 5, 7, 10 }, minors[] = { -1, -1, 0, 1, 3, 229 };
    unsigned seed = 20260101;
    size_t reducible = 0;
    for (int round = 0; round < 3000; round++) {
        struct device_rule items[8];
        struct device_rules d = { .items = items, .count = 1 + (size_t)rand_r(&seed) % ARRAY_LEN(items) };
        for (size_t i = 0; i < d.count; i++)
            items[i] =
                (struct device_rule){.allow = rand_r(&seed) % 2,
                                     .type = "abc"[rand_r(&seed) % 3],
                                     .major = majors[rand_r(&seed) % 6],
                                     .minor = minors[rand_r(&seed) % 6],
                                     .access = rand_r(&seed) % 3 == 0 ? DEVICE_ALL : 1 + (unsigned)rand_r(&seed) % 7};
        same_meaning(&d, &reducible);
    }
    assert_true(reducible > 300);
}

static void every_container_has_the_usual_devices(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct oci_resources r = { 0 };
    struct device_rules d;
    assert_int_equal(device_rules_build(&r, &d, &err), 0);
    assert_true(rules_allow(&d, 'c', 1, 3, DEVICE_READ | DEVICE_WRITE));
    assert_true(rules_allow(&d, 'c', 136, 7, DEVICE_READ | DEVICE_WRITE));
    assert_true(rules_allow(&d, 'b', 8, 0, DEVICE_MKNOD));
    assert_false(rules_allow(&d, 'b', 8, 0, DEVICE_READ));
    assert_false(rules_allow(&d, 'c', 1, 1, DEVICE_READ));      /* mem */
    assert_false(rules_allow(&d, 'c', 10, 229, DEVICE_READ));   /* fuse */
    assert_false(rules_allow(&d, 'c', 10, 200, DEVICE_READ));   /* tun */
    device_rules_fini(&d);
}

static void rules_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct oci_device_rule rows[] = {
        { .allow = true, .type = (char *)"p", .access = (char *)"r" },
        { .allow = true, .type = (char *)"cc", .access = (char *)"r" },
        { .allow = true, .type = (char *)"c", .access = (char *)"rx" },
        { .allow = true, .type = (char *)"c", .access = (char *)"r", .major = { true, -2 } },
        { .allow = true, .type = (char *)"c", .access = (char *)"r", .minor = { true, INT64_MAX } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct oci_resources r = { .devices = &rows[i], .device_count = 1 };
        struct device_rules d;
        assert_int_equal(device_rules_build(&r, &d, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_mean_what_the_rules_say),
        cmocka_unit_test(every_container_has_the_usual_devices),
        cmocka_unit_test(rules_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
