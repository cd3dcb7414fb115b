/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reference.h"

#include "base/ident.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const char default_domain[] = "docker.io";
static const char old_default_domain[] = "index.docker.io";
static const char official_prefix[] = "library/";

static bool is_alnum_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_alnum_lower(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )* */
static bool component_ok(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t start = i;
        while (i < n && is_alnum_lower(s[i]))
            i++;
        if (i == start)
            return false;
        if (i == n)
            return true;
        if (s[i] == '.')
            i++;
        else if (s[i] == '_')
            i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
        else if (s[i] == '-')
            while (i < n && s[i] == '-')
                i++;
        else
            return false;
    }
    return false;
}

static bool path_ok(const char *s, size_t n)
{
    while (n > 0) {
        const char *slash = memchr(s, '/', n);
        size_t part = slash != NULL ? (size_t)(slash - s) : n;
        if (!component_ok(s, part))
            return false;
        if (slash == NULL)
            return true;
        s += part + 1;
        n -= part + 1;
    }
    return false;
}

/* Host labels [a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])? joined by dots, or [IPv6]; optional :port. */
static bool domain_ok(const char *s, size_t n)
{
    size_t i = 0;
    if (n > 0 && s[0] == '[') {
        for (i = 1; i < n && s[i] != ']'; i++)
            if (strchr("0123456789abcdefABCDEF:", s[i]) == NULL)
                return false;
        if (i == n || i == 1)
            return false;
        i++;
    } else {
        for (;;) {
            size_t start = i;
            while (i < n && (is_alnum(s[i]) || s[i] == '-'))
                i++;
            if (i == start || s[start] == '-' || s[i - 1] == '-')
                return false;
            if (i == n || s[i] != '.')
                break;
            i++;
        }
    }
    if (i == n)
        return true;
    if (s[i++] != ':' || i == n)
        return false;
    for (; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

static bool tag_ok(const char *s, size_t n)
{
    if (n == 0 || n > REFERENCE_TAG_MAX || s[0] == '.' || s[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '.' && s[i] != '-')
            return false;
    return true;
}

/* Length of the domain part, 0 when the first component belongs to the path. */
static size_t domain_length(const char *s, size_t n)
{
    const char *slash = memchr(s, '/', n);
    if (slash == NULL)
        return 0;
    size_t first = (size_t)(slash - s);
    bool looks_like_host = first == strlen("localhost") && memcmp(s, "localhost", first) == 0;
    for (size_t i = 0; i < first && !looks_like_host; i++)
        looks_like_host = s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z');
    return looks_like_host ? first : 0;
}

static int invalid(const char *text, const char *why, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "invalid reference format: \"%.300s\": %s", text, why);
}

/* Split "name[:tag]": a colon after the last slash starts the tag. */
static size_t name_length(const char *s, size_t n)
{
    for (size_t i = n; i > 0 && s[i - 1] != '/'; i--)
        if (s[i - 1] == ':')
            return i - 1;
    return n;
}

static int set_name(const char *text, const char *s, size_t n, struct reference *ret, struct creel_err *err)
{
    size_t host = domain_length(s, n);
    const char *domain = host > 0 ? s : default_domain;
    size_t domain_len = host > 0 ? host : sizeof default_domain - 1;
    const char *path = host > 0 ? s + host + 1 : s;
    size_t path_len = host > 0 ? n - host - 1 : n;

    if (host > 0 && !domain_ok(s, host))
        return invalid(text, "the registry part is not a host name with optional port", err);
    if (host == sizeof old_default_domain - 1 && memcmp(s, old_default_domain, host) == 0) {
        domain = default_domain;
        domain_len = sizeof default_domain - 1;
    }
    if (!path_ok(path, path_len)) {
        for (size_t i = 0; i < path_len; i++)
            if (path[i] >= 'A' && path[i] <= 'Z')
                return invalid(text, "repository name must be lowercase", err);
        return invalid(text, "a repository name is made of a-z, 0-9 and single separators", err);
    }
    bool official = domain_len == sizeof default_domain - 1 && memcmp(domain, default_domain, domain_len) == 0
                    && memchr(path, '/', path_len) == NULL;
    int len = snprintf(ret->name, sizeof ret->name, "%.*s/%s%.*s", (int)domain_len, domain,
                       official ? official_prefix : "", (int)path_len, path);
    if (len < 0 || (size_t)len >= sizeof ret->name)
        return invalid(text, "repository name must not be more than 255 characters", err);
    return 0;
}

int reference_parse(const char *text, struct reference *ret, struct creel_err *err)
{
    struct reference r = { 0 };
    size_t n = strlen(text);
    if (n > 4 * REFERENCE_TEXT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "invalid reference format: longer than %d characters",
                          REFERENCE_TEXT_MAX);
    if (n == 0)
        return invalid(text, "it is empty", err);
    if (ident_is_full(text))
        return invalid(text, "a name cannot be 64 hexadecimal characters", err);
    const char *at = strchr(text, '@');
    if (at != NULL) {
        if (!digest_ok(at + 1))
            return invalid(text, "the digest must be sha256: and 64 hexadecimal characters", err);
        memcpy(r.digest, at + 1, DIGEST_MAX);
        n = (size_t)(at - text);
    }
    size_t name = name_length(text, n);
    if (name < n) {
        if (!tag_ok(text + name + 1, n - name - 1))
            return invalid(text, "a tag is 1 to 128 of A-Z a-z 0-9 _ . - and does not begin with . or -", err);
        memcpy(r.tag, text + name + 1, n - name - 1);
    }
    if (set_name(text, text, name, &r, err) < 0)
        return -1;
    *ret = r;
    return 0;
}

int reference_parse_tagged(const char *text, struct reference *ret, struct creel_err *err)
{
    static const char latest[] = "latest";
    if (reference_parse(text, ret, err) < 0)
        return -1;
    if (ret->tag[0] == '\0' && ret->digest[0] == '\0')
        memcpy(ret->tag, latest, sizeof latest);
    return 0;
}

static const char *print(const char *name, const struct reference *r, char *buf)
{
    const char *sep = r->tag[0] != '\0' ? ":" : r->digest[0] != '\0' ? "@" : "";
    const char *rest = r->tag[0] != '\0' ? r->tag : r->digest;
    (void)snprintf(buf, REFERENCE_TEXT_MAX, "%s%s%s", name, sep, rest); /* fits: the parts are bounded */
    return buf;
}

const char *reference_print(const struct reference *r, char *buf)
{
    return print(r->name, r, buf);
}

const char *reference_familiar_name(const char *name)
{
    size_t d = sizeof default_domain - 1, o = sizeof official_prefix - 1;
    if (strncmp(name, default_domain, d) != 0 || name[d] != '/')
        return name;
    const char *path = name + d + 1;
    /* "library/a/b" is not official: shortening it would name something else */
    if (strncmp(path, official_prefix, o) == 0 && strchr(path + o, '/') == NULL)
        path += o;
    /* nor may the rest read as another registry's name, or as an id */
    return domain_length(path, strlen(path)) > 0 || ident_is_full(path) ? name : path;
}

const char *reference_print_familiar(const struct reference *r, char *buf)
{
    return print(reference_familiar_name(r->name), r, buf);
}

int reference_matches(const struct reference *r, const char *pattern)
{
    char buf[REFERENCE_TEXT_MAX];
    const char *forms[] = { reference_familiar_name(r->name), r->name };
    for (size_t i = 0; i < 2; i++) {
        if (fnmatch(pattern, forms[i], FNM_PATHNAME) == 0
            || fnmatch(pattern, print(forms[i], r, buf), FNM_PATHNAME) == 0)
            return 1;
    }
    size_t brackets = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '[')
            brackets++;
        else if (*p == ']' && brackets > 0)
            brackets--;
    }
    return brackets > 0 ? -1 : 0;
}
