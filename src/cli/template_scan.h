/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_scan.h: the text of a template as its parser goes over it: where it is, what comes next, literals, and
 * the memory that goes with the template. For template_parse.c and its two halves only.
 *
 * Functions that return int fail with INVALID ("template: :1: …") or EXHAUSTED through p->err. */
#ifndef CREEL_CLI_TEMPLATE_SCAN_H
#define CREEL_CLI_TEMPLATE_SCAN_H

#include "cli/template_tree.h"

enum { SCAN_VARS_MAX = 256 };

struct template_scan {
    struct template *t;
    const char *s;
    size_t len, at;
    bool trim_next;                 /* the last action ended with -}} */
    unsigned depth, loops;
    const char *vars[SCAN_VARS_MAX];/* known here */
    size_t var_count;
    struct creel_err *err;
};

/* --- failing and memory (template_scan.c) --- */

int scan_nomem(const struct template_scan *p);
int scan_fail(const struct template_scan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Zeroed, and freed with the template. NULL: out of memory, which has been told. */
void *scan_take(struct template_scan *p, size_t n);
const char *scan_take_text(struct template_scan *p, const char *s, size_t n);
void scan_free(struct template *t);

/* --- what comes next (template_scan.c) --- */

bool scan_is_blank(char c);
bool scan_is_word(char c);
char scan_peek(const struct template_scan *p, size_t off);    /* NUL behind the end */
bool scan_looking_at(const struct template_scan *p, const char *s);
void scan_skip_blanks(struct template_scan *p);
/* "}}" or " -}}" (the blank was skipped already). */
bool scan_at_close(const struct template_scan *p);
int scan_expect_close(struct template_scan *p);
bool scan_word_is(const struct template_scan *p, const char *word);
bool scan_eat_word(struct template_scan *p, const char *word);

/* --- literals (template_literal.c): the one at p->at becomes the operand --- */

int literal_add(struct template_scan *p, struct operand *o, json_t *j);    /* takes the reference; NULL: no memory */
int literal_string(struct template_scan *p, struct operand *o);
int literal_char(struct template_scan *p, struct operand *o);    /* a number, as in Go */
int literal_number(struct template_scan *p, struct operand *o);

#endif
