/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp_shrink.c: the same filter in fewer instructions.
 *
 * A filter is a function of the architecture, the number of the call and the arguments. The first two are only ever
 * compared with constants, so their values fall into finitely many ranges, within each of which the filter takes the
 * same way. For one value of each range the filter is followed with both known: what remains (an answer, or questions
 * about arguments) becomes a node. Equal nodes exist once, so ranges with the same rest are found by comparing numbers;
 * a search tree over the merged ranges is made of nodes as well, and the whole is written out from its end.
 *
 * Exact by construction: no range is skipped and no value assumed. Does not look at what the answers mean. */
#include "runtime/seccomp_shrink.h"

#include "base/cleanup.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    NODES_MAX = 16384, TABLE_SIZE = 2 * NODES_MAX, NONE = -1,
    STEPS_MAX = 8 << 20,    /* a filter that takes longer to follow is left alone */
    CHAIN_MAX = 8,          /* this many single values are asked one by one */
    REACH = 255,            /* of a conditional jump */
};
#define NR_AT ((uint32_t)offsetof(struct seccomp_data, nr))
#define ARCH_AT ((uint32_t)offsetof(struct seccomp_data, arch))

enum { LOAD = BPF_LD | BPF_W | BPF_ABS, ANSWER = BPF_RET | BPF_K, LEAP = BPF_JMP | BPF_JA };

/* ANSWER: k. LOAD and arithmetic: k, then t. A comparison: with k, then t or f. `at`: counted from the end. */
struct node { uint16_t code; uint32_t k; int t, f, at; };
struct values { uint32_t *items; size_t count; };
struct range { uint32_t first; int node; };

struct shrink {
    const struct sock_filter *items;
    size_t count;
    struct node *nodes;
    int node_count;
    int *table;
    int *memo;                      /* per instruction, with an argument in A: its node, for the values now known */
    struct values arches, numbers;  /* where ranges begin */
    struct range *ranges;
    struct sock_filter *out;        /* backwards */
    size_t out_count;
    uint32_t arch, nr;              /* known at present */
    long steps;
    bool failed;
};

static bool is_comparison(uint16_t code)
{
    return code == (BPF_JMP | BPF_JEQ | BPF_K) || code == (BPF_JMP | BPF_JGT | BPF_K) ||
           code == (BPF_JMP | BPF_JGE | BPF_K) || code == (BPF_JMP | BPF_JSET | BPF_K);
}
static bool is_arithmetic(uint16_t code) { return code == (BPF_ALU | BPF_AND | BPF_K); }

static bool holds(uint16_t code, uint32_t a, uint32_t k)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ: return a == k;
    case BPF_JGT: return a > k;
    case BPF_JGE: return a >= k;
    default: return (a & k) != 0;
    }
}

/* ------------------------------------------------------------------ where the ranges begin */

enum { A_NOTHING = 1, A_ARCH = 2, A_NR = 4, A_ARGUMENT = 8 };

static void value_add(struct values *v, uint32_t value) { v->items[v->count++] = value; }

static int value_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void values_settle(struct values *v)
{
    size_t kept = 0;
    qsort(v->items, v->count, sizeof *v->items, value_compare);
    for (size_t i = 0; i < v->count; i++)
        if (kept == 0 || v->items[kept - 1] != v->items[i])
            v->items[kept++] = v->items[i];
    v->count = kept;
}

/* A comparison with k makes one value differ, or everything from some value on. */
static void boundary_add(struct values *v, uint32_t k)
{
    value_add(v, k);
    if (k != UINT32_MAX)
        value_add(v, k + 1);
}

/* What A may hold when this instruction has been executed; 0: not to be understood. */
static unsigned after(struct shrink *s, const struct sock_filter *i, unsigned a)
{
    if (i->code == LOAD)
        return i->k == NR_AT ? A_NR : i->k == ARCH_AT ? A_ARCH : A_ARGUMENT;
    if (is_arithmetic(i->code))
        return a == A_ARGUMENT ? a : 0;
    if (!is_comparison(i->code))
        return i->code == LEAP || i->code == ANSWER ? a : 0;
    if (BPF_OP(i->code) == BPF_JSET && (a & (A_ARCH | A_NR)) != 0)
        return 0;
    if ((a & A_ARCH) != 0)
        boundary_add(&s->arches, i->k);
    if ((a & A_NR) != 0)
        boundary_add(&s->numbers, i->k);
    return a;
}

static bool boundaries_find(struct shrink *s)
{
    auto_free unsigned char *before = calloc(s->count + 1, 1);
    if (before == NULL)
        return false;
    before[0] = A_NOTHING;
    value_add(&s->arches, 0);
    value_add(&s->numbers, 0);
    for (size_t pc = 0; pc < s->count; pc++) {
        const struct sock_filter *i = &s->items[pc];
        if (before[pc] == 0)
            continue;   /* nobody comes here */
        unsigned a = after(s, i, before[pc]);
        size_t t = pc + 1, f = pc + 1;
        if (is_comparison(i->code)) {
            t += i->jt;
            f += i->jf;
        } else if (i->code == LEAP) {
            t = f = pc + 1 + i->k;
        }
        if (a == 0 || (i->code != ANSWER && (t >= s->count || f >= s->count)))
            return false;
        if (i->code != ANSWER) {
            before[t] |= (unsigned char)a;
            before[f] |= (unsigned char)a;
        }
    }
    values_settle(&s->arches);
    values_settle(&s->numbers);
    return true;
}

/* ------------------------------------------------------------------ nodes */

static int node_get(struct shrink *s, uint16_t code, uint32_t k, int t, int f)
{
    /* what A was does not matter to an answer, nor to one who loads it anew */
    if (code != ANSWER && !is_comparison(code) && (s->nodes[t].code == ANSWER || s->nodes[t].code == LOAD))
        return t;
    if (is_comparison(code) && t == f)
        return t;
    uint64_t h = (((uint64_t)code << 32 | k) * UINT64_C(0x9e3779b97f4a7c15)) ^
                 (((uint64_t)(uint32_t)t << 32 | (uint32_t)f) * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t slot = (size_t)((h ^ h >> 29) % TABLE_SIZE);
    for (; s->table[slot] != NONE; slot = (slot + 1) % TABLE_SIZE) {
        const struct node *n = &s->nodes[s->table[slot]];
        if (n->code == code && n->k == k && n->t == t && n->f == f)
            return s->table[slot];
    }
    if (s->node_count == NODES_MAX) {
        s->failed = true;
        return 0;
    }
    s->nodes[s->node_count] = (struct node){ .code = code, .k = k, .t = t, .f = f, .at = NONE };
    return s->table[slot] = s->node_count++;
}

/* The rest of the filter from an instruction on. known: A is `a`; otherwise it is (part of) an argument. */
static int follow(struct shrink *s, size_t pc, bool known, uint32_t a)
{
    for (;; pc++) {
        const struct sock_filter *i = &s->items[pc];
        if (s->failed || s->steps++ > STEPS_MAX) {
            s->failed = true;
            return 0;
        }
        if (i->code == ANSWER)
            return node_get(s, ANSWER, i->k, NONE, NONE);
        if (i->code == LEAP) {
            pc += i->k;
        } else if (i->code == LOAD && (i->k == NR_AT || i->k == ARCH_AT)) {
            known = true;
            a = i->k == NR_AT ? s->nr : s->arch;
        } else if (known && is_comparison(i->code)) {
            pc += holds(i->code, a, i->k) ? i->jt : i->jf;
        } else {
            break;
        }
    }
    const struct sock_filter *i = &s->items[pc];
    if (s->memo[pc] != NONE)
        return s->memo[pc];
    int t = follow(s, is_comparison(i->code) ? pc + 1 + i->jt : pc + 1, false, 0);
    int f = is_comparison(i->code) ? follow(s, pc + 1 + i->jf, false, 0) : NONE;
    return s->memo[pc] = s->failed ? 0 : node_get(s, i->code, i->k, t, f);
}

/* ------------------------------------------------------------------ search trees */

/* Few single values between ranges that share one rest: the rest's node, else NONE. Where the last range ends is not
 * known here. */
static int chain_rest(const struct range *r, size_t n)
{
    int rest = NONE;
    size_t singles = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_single = i + 1 < n && r[i + 1].first - r[i].first == 1;
        if (is_single && r[i].node != rest)
            singles++;
        else if (rest == NONE || rest == r[i].node)
            rest = r[i].node;
        else
            return NONE;
    }
    return singles <= CHAIN_MAX ? rest : NONE;
}

static int search(struct shrink *s, const struct range *r, size_t n)
{
    if (n == 1)
        return r[0].node;
    int node = chain_rest(r, n);
    if (node != NONE) {
        int rest = node;
        for (size_t i = n; i-- > 0;)
            if (r[i].node != rest)
                node = node_get(s, BPF_JMP | BPF_JEQ | BPF_K, r[i].first, r[i].node, node);
        return node;
    }
    size_t half = n / 2;
    int below = search(s, r, half);
    int above = search(s, r + half, n - half);
    return node_get(s, BPF_JMP | BPF_JGE | BPF_K, r[half].first, above, below);
}

static int numbers_search(struct shrink *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->numbers.count && !s->failed; i++) {
        s->nr = s->numbers.items[i];
        memset(s->memo, 0xff, s->count * sizeof *s->memo);
        int node = follow(s, 0, true, 0);
        if (n == 0 || s->ranges[n - 1].node != node)
            s->ranges[n++] = (struct range){ s->nr, node };
    }
    return s->failed ? 0 : node_get(s, LOAD, NR_AT, search(s, s->ranges, n), NONE);
}

static int arches_search(struct shrink *s)
{
    auto_free struct range *ranges = calloc(s->arches.count, sizeof *ranges);
    size_t n = 0;
    if (ranges == NULL) {
        s->failed = true;
        return 0;
    }
    for (size_t i = 0; i < s->arches.count && !s->failed; i++) {
        s->arch = s->arches.items[i];
        int node = numbers_search(s);
        if (n == 0 || ranges[n - 1].node != node)
            ranges[n++] = (struct range){ s->arch, node };
    }
    return s->failed ? 0 : node_get(s, LOAD, ARCH_AT, search(s, ranges, n), NONE);
}

/* ------------------------------------------------------------------ writing out, from the end */

static void put(struct shrink *s, struct sock_filter i)
{
    if (s->out_count < s->count)
        s->out[s->out_count++] = i;
    else
        s->failed = true;   /* not shorter */
}

static size_t distance(const struct shrink *s, int node) { return s->out_count - 1 - (size_t)s->nodes[node].at; }

/* Make a node reachable from the next instruction to be written, with `spare` more in between. */
static void bring(struct shrink *s, int node, size_t spare)
{
    if (s->failed || distance(s, node) + spare <= REACH)
        return;
    if (s->nodes[node].code == ANSWER)
        put(s, (struct sock_filter){ .code = ANSWER, .k = s->nodes[node].k });
    else
        put(s, (struct sock_filter){ .code = LEAP, .k = (uint32_t)distance(s, node) });
    s->nodes[node].at = (int)s->out_count - 1;
}

static void write_node(struct shrink *s, int node)
{
    struct node *n = &s->nodes[node];
    if (s->failed || n->at != NONE)
        return;
    if (is_comparison(n->code)) {
        write_node(s, n->f);
        write_node(s, n->t);
        bring(s, n->f, 1);      /* the other one may need an instruction */
        bring(s, n->t, 0);
        s->failed = s->failed || distance(s, n->t) > REACH || distance(s, n->f) > REACH;
        if (!s->failed)
            put(s, (struct sock_filter){ n->code, (uint8_t)distance(s, n->t), (uint8_t)distance(s, n->f), n->k });
    } else if (n->code == ANSWER) {
        put(s, (struct sock_filter){ .code = ANSWER, .k = n->k });
    } else {
        write_node(s, n->t);
        if (!s->failed && distance(s, n->t) > 0)
            put(s, (struct sock_filter){ .code = LEAP, .k = (uint32_t)distance(s, n->t) });
        put(s, (struct sock_filter){ .code = n->code, .k = n->k });
    }
    n->at = (int)s->out_count - 1;
}

/* ------------------------------------------------------------------ */

static bool shrink_init(struct shrink *s)
{
    size_t boundaries = 2 * s->count + 1;
    s->nodes = calloc(NODES_MAX, sizeof *s->nodes);
    s->table = malloc(TABLE_SIZE * sizeof *s->table);
    s->memo = calloc(s->count, sizeof *s->memo);
    s->arches.items = calloc(boundaries, sizeof *s->arches.items);
    s->numbers.items = calloc(boundaries, sizeof *s->numbers.items);
    s->ranges = calloc(boundaries, sizeof *s->ranges);
    s->out = calloc(s->count, sizeof *s->out);
    if (s->nodes == NULL || s->table == NULL || s->memo == NULL || s->arches.items == NULL ||
        s->numbers.items == NULL || s->ranges == NULL || s->out == NULL)
        return false;
    memset(s->table, 0xff, TABLE_SIZE * sizeof *s->table);      /* NONE */
    return true;
}

static void shrink_fini(struct shrink *s)
{
    free(s->nodes);
    free(s->table);
    free(s->memo);
    free(s->arches.items);
    free(s->numbers.items);
    free(s->ranges);
    free(s->out);
}

size_t seccomp_shrink(struct sock_filter *items, size_t count)
{
    struct shrink s = { .items = items, .count = count };
    size_t n = count;
    if (count == 0 || count > BPF_MAXINSNS)
        return count;
    if (shrink_init(&s) && boundaries_find(&s)) {
        int root = arches_search(&s);
        write_node(&s, root);
        if (!s.failed) {
            n = s.out_count;
            for (size_t i = 0; i < n; i++)
                items[i] = s.out[n - 1 - i];
        }
    }
    shrink_fini(&s);
    return n;
}
