/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/user_spec.h"

#include "base/parse.h"
#include "spec/container_request.h"

#include <stdlib.h>
#include <string.h>

enum {
    ID_MAX_FIELDS = 7,
    LINE_MAX_BYTES = 64 << 10,  /* a group with thousands of members still fits */
    GROUPS_MAX = 4096,          /* far below the kernel's 65536: the list is searched linearly */
};
#define ID_MAX ((uint64_t)UINT32_MAX - 1)

struct field { const char *p; size_t n; };
struct line { struct field f[ID_MAX_FIELDS]; size_t count; };

/* The next line with at least `least` fields; fields past the last one asked for keep their colons. */
static bool line_next(const char **p, const char *end, size_t least, size_t most, struct line *ret)
{
    while (*p < end) {
        const char *start = *p, *stop = memchr(start, '\n', (size_t)(end - start));
        if (stop == NULL)
            stop = end;
        *p = stop < end ? stop + 1 : end;
        if (stop == start || stop - start > LINE_MAX_BYTES || *start == '#')
            continue;
        ret->count = 0;
        for (const char *at = start;;) {
            const char *colon = ret->count + 1 < most ? memchr(at, ':', (size_t)(stop - at)) : NULL;
            const char *to = colon != NULL ? colon : stop;
            ret->f[ret->count++] = (struct field){ at, (size_t)(to - at) };
            if (colon == NULL)
                break;
            at = colon + 1;
        }
        if (ret->count >= least)
            return true;
    }
    return false;
}

static bool field_is(const struct field *f, const char *s)
{
    return f->n == strlen(s) && memcmp(f->p, s, f->n) == 0;
}

static bool field_id(const struct field *f, uint32_t *ret)
{
    char text[12];
    uint64_t v;
    if (f->n == 0 || f->n >= sizeof text)
        return false;
    memcpy(text, f->p, f->n);
    text[f->n] = '\0';
    if (!parse_u64(text, ID_MAX, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool all_digits(const char *s)
{
    return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* --- passwd: name:password:uid:gid:gecos:home:shell --- */
struct account { struct field name, home; uint32_t uid, gid; };

static bool account_find(const struct user_database *db, const char *name, const uint32_t *uid, struct account *ret)
{
    const char *p = db->passwd, *end = p + db->passwd_len;
    struct line l;
    if (p == NULL)
        return false;
    while (line_next(&p, end, 4, 7, &l)) {
        struct account a = { .name = l.f[0] };
        if (!field_id(&l.f[2], &a.uid) || !field_id(&l.f[3], &a.gid))
            continue;
        if (name != NULL ? !field_is(&l.f[0], name) : a.uid != *uid)
            continue;
        if (l.count > 5)
            a.home = l.f[5];
        *ret = a;
        return true;
    }
    return false;
}

/* --- group: name:password:gid:member,member --- */
static bool group_find(const struct user_database *db, const char *name, uint32_t *ret)
{
    const char *p = db->group, *end = p + db->group_len;
    struct line l;
    if (p == NULL)
        return false;
    while (line_next(&p, end, 3, 4, &l))
        if (field_is(&l.f[0], name) && field_id(&l.f[2], ret))
            return true;
    return false;
}

static bool has_member(const struct field *members, const struct field *name)
{
    for (const char *p = members->p, *end = p + members->n; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t n = (size_t)((comma != NULL ? comma : end) - p);
        if (n == name->n && memcmp(p, name->p, n) == 0)
            return true;
        p += n + 1;
    }
    return false;
}

static int gid_add(struct oci_user *u, uint32_t gid, struct creel_err *err)
{
    for (size_t i = 0; i < u->additional_gid_count; i++)
        if (u->additional_gids[i] == gid)
            return 0;
    if (u->additional_gid_count == GROUPS_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the user is in more than %d groups", GROUPS_MAX);
    size_t n = u->additional_gid_count;
    if (n % 8 == 0) { /* grow in steps of eight */
        uint32_t *more = realloc(u->additional_gids, (n + 8) * sizeof *more);
        if (more == NULL)
            return creel_fail_nomem(err);
        u->additional_gids = more;
    }
    u->additional_gids[u->additional_gid_count++] = gid;
    return 0;
}

static int memberships_add(const struct user_database *db, const struct field *name, struct oci_user *u,
                           struct creel_err *err)
{
    const char *p = db->group, *end = p + db->group_len;
    struct line l;
    uint32_t gid;
    if (p == NULL || name->n == 0)
        return 0;
    while (line_next(&p, end, 4, 4, &l))
        if (has_member(&l.f[3], name) && field_id(&l.f[2], &gid) && gid_add(u, gid, err) < 0)
            return -1;
    return 0;
}

static int id_parse(const char *what, const char *text, uint32_t *ret, struct creel_err *err)
{
    uint64_t v;
    if (!parse_u64(text, ID_MAX, &v))
        return creel_fail(err, CREEL_INVALID, 0, "%s %.64s is out of range, ids are 0 to 4294967294", what, text);
    *ret = (uint32_t)v;
    return 0;
}

/* One text to a gid: a number, or a name of the group file. */
static int gid_resolve(const struct user_database *db, const char *text, uint32_t *ret, struct creel_err *err)
{
    if (all_digits(text))
        return id_parse("group", text, ret, err);
    if (!group_find(db, text, ret))
        return creel_fail(err, CREEL_INVALID, 0, "unable to find group %.100s: no matching entries in group file", text);
    return 0;
}

bool user_spec_is_name(const char *spec)
{
    size_t n = strcspn(spec, ":");
    bool name = n > 0 && strspn(spec, "0123456789") < n;
    return name || (spec[n] == ':' && !all_digits(spec + n + 1));
}

/* The user part: fills uid, gid (the account's, else 0) and `account`. */
static int account_resolve(const char *user, const struct user_database *db, struct oci_user *u, struct account *account,
                           struct creel_err *err)
{
    if (user[0] == '\0' || all_digits(user)) {
        if (user[0] != '\0' && id_parse("user", user, &u->uid, err) < 0)
            return -1;
        if (account_find(db, NULL, &u->uid, account))
            u->gid = account->gid;
        return 0;
    }
    if (!account_find(db, user, NULL, account))
        return creel_fail(err, CREEL_INVALID, 0, "unable to find user %.100s: no matching entries in passwd file", user);
    u->uid = account->uid;
    u->gid = account->gid;
    return 0;
}

int user_spec_resolve(const char *spec, const struct user_database *db, const struct strv *group_add,
                      struct oci_user *ret, char **ret_home, struct creel_err *err)
{
    struct oci_user u = { 0 };
    struct account account = { 0 };
    const char *colon = strchr(spec, ':'), *group = colon != NULL ? colon + 1 : NULL;
    auto_free char *user = colon != NULL ? strndup(spec, (size_t)(colon - spec)) : strdup(spec);
    auto_free char *home = NULL;
    *ret_home = NULL;
    if (user == NULL)
        return creel_fail_nomem(err);
    if (group != NULL && (group[0] == '\0' || user[0] == '\0' || strchr(group, ':') != NULL))
        return creel_fail(err, CREEL_INVALID, 0, "invalid user '%.100s', expected user, user:group, uid or uid:gid", spec);
    if (account_resolve(user, db, &u, &account, err) < 0
        || (group != NULL && gid_resolve(db, group, &u.gid, err) < 0)
        || gid_add(&u, u.gid, err) < 0 /* U3 */
        || (group == NULL && memberships_add(db, &account.name, &u, err) < 0))
        goto fail;
    for (size_t i = 0; group_add != NULL && i < group_add->count; i++) {
        uint32_t gid;
        if (gid_resolve(db, group_add->items[i], &gid, err) < 0 || gid_add(&u, gid, err) < 0)
            goto fail;
    }
    if (account.home.n > 0) {
        home = strndup(account.home.p, account.home.n);
        if (home == NULL) {
            (void)creel_fail_nomem(err);
            goto fail;
        }
    }
    if (home != NULL && home[0] == '/' && text_is_printable(home))
        *ret_home = ptr_take(&home);
    *ret = u;
    return 0;
fail:
    free(u.additional_gids);
    return -1;
}
