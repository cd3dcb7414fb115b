/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp_answer.c: what a filter would answer, without loading it. Knows the instructions that the kernel
 * takes in a filter and our compiler makes; whatever else stands there counts as "kill", so a caller errs on the safe
 * side. */
#include "runtime/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#else
#define NATIVE_ARCH 0u /* no filter allows anything to it */
#endif

static uint32_t load(const struct seccomp_data *d, uint32_t at)
{
    uint32_t word = 0;
    if (at <= sizeof *d - sizeof word)
        memcpy(&word, (const char *)d + at, sizeof word);
    return word;
}

static unsigned jump(const struct sock_filter *i, uint32_t a, uint32_t with)
{
    switch (BPF_OP(i->code)) {
    case BPF_JEQ: return a == with ? i->jt : i->jf;
    case BPF_JGT: return a > with ? i->jt : i->jf;
    case BPF_JGE: return a >= with ? i->jt : i->jf;
    case BPF_JSET: return (a & with) != 0 ? i->jt : i->jf;
    default: return i->k; /* BPF_JA */
    }
}

/* Jumps only lead forward, so it ends. */
uint32_t seccomp_filter_answer(const struct sock_fprog *p, const struct seccomp_data *d)
{
    uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = { 0 };
    for (size_t pc = 0; pc < p->len; pc++) {
        const struct sock_filter *i = &p->filter[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS: a = load(d, i->k); break;
        case BPF_LD | BPF_IMM: a = i->k; break;
        case BPF_LDX | BPF_IMM: x = i->k; break;
        case BPF_LD | BPF_MEM: a = memory[i->k % BPF_MEMWORDS]; break;
        case BPF_LDX | BPF_MEM: x = memory[i->k % BPF_MEMWORDS]; break;
        case BPF_ST: memory[i->k % BPF_MEMWORDS] = a; break;
        case BPF_STX: memory[i->k % BPF_MEMWORDS] = x; break;
        case BPF_MISC | BPF_TAX: x = a; break;
        case BPF_MISC | BPF_TXA: a = x; break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        case BPF_JMP | BPF_JA:
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K: pc += jump(i, a, i->k); break;
        case BPF_RET | BPF_K: return i->k;
        default: return SECCOMP_RET_KILL_PROCESS;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

uint32_t seccomp_program_answer(const struct sock_fprog *p, int nr, const uint64_t args[6])
{
    struct seccomp_data d = { .nr = nr, .arch = NATIVE_ARCH };
    memcpy(d.args, args, sizeof d.args);
    return seccomp_filter_answer(p, &d);
}
