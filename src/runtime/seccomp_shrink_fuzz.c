/* SPDX-License-Identifier: Apache-2.0 */
/* A filter and its shorter form answer alike, whatever the filter: instructions are made from the input, with constants
 * from a small set so that comparisons meet. The questions are all constants and their neighbours. */
#include "runtime/seccomp.h"
#include "runtime/seccomp_shrink.h"

#include "base/cleanup.h"

#include <assert.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COUNT_MAX = 700 };
static const uint32_t constants[] = { 0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 40, 0x40000003, 0x7fffffff, 0xc000003e, UINT32_MAX };

static struct sock_filter insn_make(const uint8_t *b, size_t left)
{
    static const uint16_t jumps[] = { BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
    uint32_t k = constants[b[1] % ARRAY_LEN(constants)];
    if (left == 0)
        return (struct sock_filter){ .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };
    switch (b[0] % 16) {
    case 0: return (struct sock_filter){ .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ERRNO | b[1] % 4 };
    case 1:
    case 2: return (struct sock_filter){ .code = BPF_LD | BPF_W | BPF_ABS, .k = offsetof(struct seccomp_data, nr) };
    case 3: return (struct sock_filter){ .code = BPF_LD | BPF_W | BPF_ABS, .k = offsetof(struct seccomp_data, arch) };
    case 4:
    case 5: return (struct sock_filter){ .code = BPF_LD | BPF_W | BPF_ABS, .k = 16 + b[1] % 4 * 4 };
    case 6: return (struct sock_filter){ .code = BPF_JMP | BPF_JA, .k = (uint32_t)(b[1] % left) };
    case 7: return (struct sock_filter){ .code = b[2] % 8 ? BPF_ALU | BPF_AND | BPF_K : BPF_ALU | BPF_ADD | BPF_K, .k = k };
    default:
        return (struct sock_filter){ (uint16_t)(BPF_JMP | jumps[b[0] / 16 % ARRAY_LEN(jumps)] | BPF_K),
                                     (uint8_t)(b[2] % left), (uint8_t)(b[3] % left), k };
    }
}

static uint32_t near(size_t i) { return constants[i / 3 % ARRAY_LEN(constants)] + (uint32_t)(i % 3) - 1; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sock_filter before[COUNT_MAX], now[COUNT_MAX];
    size_t n = size / 4 < COUNT_MAX - 1 ? size / 4 : COUNT_MAX - 1;
    static const uint8_t none[4];
    for (size_t i = 0; i <= n; i++)
        before[i] = insn_make(i < n ? data + 4 * i : none, n - i);
    memcpy(now, before, (n + 1) * sizeof *now);
    const struct sock_fprog old = { .len = (unsigned short)(n + 1), .filter = before };
    const struct sock_fprog new = { .len = (unsigned short)seccomp_shrink(now, n + 1), .filter = now };
    assert(new.len >= 1 && new.len <= old.len);
    const size_t points = 3 * ARRAY_LEN(constants);
    for (size_t i = 0; i < points; i++)
        for (size_t j = 0; j < points; j++) {
            const uint64_t x = near(i * 7 + j), y = near(j * 5 + i);
            const struct seccomp_data d = { .nr = (int)near(i), .arch = near(j), .args = { x | y << 32, y | x << 32 } };
            assert(seccomp_filter_answer(&old, &d) == seccomp_filter_answer(&new, &d));
        }
    return 0;
}
