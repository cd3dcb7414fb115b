/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_scan.c: see the header. Everything is allocated from blocks that go with the template, so no error
 * path frees anything. */
#include "cli/template_scan.h"

#include <stdalign.h>
#include <string.h>

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

enum { BLOCK_SIZE = 4096 };

int scan_nomem(const struct template_scan *p)
{
    return creel_fail_nomem(p->err);
}

void *scan_take(struct template_scan *p, size_t n)
{
    n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = p->t->blocks;
    if (b == NULL || b->size - b->used < n) {
        size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
        b = calloc(1, sizeof *b + size);
        if (b == NULL) {
            (void)scan_nomem(p);
            return NULL;
        }
        b->size = size;
        b->next = p->t->blocks;
        p->t->blocks = b;
    }
    void *m = b->data + b->used;
    b->used += n;
    return m;
}

const char *scan_take_text(struct template_scan *p, const char *s, size_t n)
{
    char *m = scan_take(p, n + 1);
    if (m != NULL) {
        memcpy(m, s, n);
        m[n] = '\0';
    }
    return m;
}

static size_t line_of(const struct template *t, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at && i < t->len; i++)
        line += t->source[i] == '\n';
    return line;
}

int scan_fail(const struct template_scan *p, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a message may be cut */
    va_end(ap);
    return creel_fail(p->err, CREEL_INVALID, 0, "template: :%zu: %s", line_of(p->t, p->at), text);
}

bool scan_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool scan_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

char scan_peek(const struct template_scan *p, size_t off)
{
    return p->at + off < p->len ? p->s[p->at + off] : '\0';
}

bool scan_looking_at(const struct template_scan *p, const char *s)
{
    size_t n = strlen(s);
    return p->len - p->at >= n && memcmp(p->s + p->at, s, n) == 0;
}

void scan_skip_blanks(struct template_scan *p)
{
    while (p->at < p->len && scan_is_blank(p->s[p->at]))
        p->at++;
}

/* "}}" or " -}}" (the blank was skipped already). */
bool scan_at_close(const struct template_scan *p)
{
    return scan_looking_at(p, "}}") || (scan_looking_at(p, "-}}") && p->at > 0 && scan_is_blank(p->s[p->at - 1]));
}

int scan_expect_close(struct template_scan *p)
{
    scan_skip_blanks(p);
    if (p->at >= p->len)
        return scan_fail(p, "unclosed action");
    if (!scan_at_close(p))
        return scan_fail(p, "unexpected \"%.*s\" in action", (int)strcspn(p->s + p->at, " }"), p->s + p->at);
    p->trim_next = p->s[p->at] == '-';
    p->at += p->trim_next ? 3 : 2;
    return 0;
}

bool scan_word_is(const struct template_scan *p, const char *word)
{
    size_t n = strlen(word);
    return scan_looking_at(p, word) && !scan_is_word(scan_peek(p, n));
}

bool scan_eat_word(struct template_scan *p, const char *word)
{
    if (!scan_word_is(p, word))
        return false;
    p->at += strlen(word);
    return true;
}

void scan_free(struct template *t)
{
    while (t->blocks != NULL) {
        struct block *next = t->blocks->next;
        free(t->blocks);
        t->blocks = next;
    }
}
