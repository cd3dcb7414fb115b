/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/exec_process.c: the container's process is copied as a document, so that the copy owns what it
 * changes. */
#include "ociruntime/exec_process.h"

#include "base/parse.h"
#include "ociruntime/input.h"

#include <string.h>

enum { DOCUMENT_MAX = 16 << 20 };

static int from_document(const char *path, struct oci_process *p, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    bytes_init_max(&text, DOCUMENT_MAX);
    if (input_read_file(path, &text, err) < 0)
        return -1;
    return oci_process_parse(bytes_str(&text), text.len, p, err) < 0 ? creel_wrap(err, "process in %s", path) : 0;
}

static int copy_of(const struct oci_process *base, struct oci_process *p, struct creel_err *err)
{
    static const char least[] = "{\"cwd\":\"/\"}";
    auto_free char *text = NULL;
    if (!base->present)
        return oci_process_parse(least, sizeof least - 1, p, err);
    return oci_process_print(base, &text, err) < 0 ? -1 : oci_process_parse(text, strlen(text), p, err);
}

/* ------------------------------------------------------------------ options */

static int replace(const struct invocation *in, const char *option, char **at, struct creel_err *err)
{
    const char *text = option_string(in, option);
    if (text == NULL || text[0] == '\0')
        return 0;
    char *copy = strdup(text);
    if (copy == NULL)
        return creel_fail_nomem(err);
    free(*at);
    *at = copy;
    return 0;
}

static int set_args(const struct invocation *in, struct oci_process *p, struct creel_err *err)
{
    strv_fini(&p->args);
    p->args = (struct strv)STRV_INIT;
    for (size_t i = 1; i < in->args.count; i++)
        if (!strv_add(&p->args, in->args.items[i]))
            return creel_fail_nomem(err);
    return p->args.count > 0 ? 0 : creel_fail(err, CREEL_INVALID, 0, "exec args cannot be empty");
}

/* The last value of a name is the one that counts, and the only one that the process sees. */
static int add_env(const struct invocation *in, struct oci_process *p, struct creel_err *err)
{
    const struct strv *env = option_list(in, "env");
    for (size_t i = 0; i < env->count; i++) {
        size_t name = strcspn(env->items[i], "=");
        for (size_t k = p->env.count; k-- > 0;)
            if (strncmp(p->env.items[k], env->items[i], name) == 0
                && (p->env.items[k][name] == '=' || p->env.items[k][name] == '\0'))
                strv_remove(&p->env, k);
        if (!strv_add(&p->env, env->items[i]))
            return creel_fail_nomem(err);
    }
    return 0;
}

/* Ambient only where there are inheritable ones already, as in runc: without those it would have no effect. */
static int add_capabilities(const struct invocation *in, struct oci_process *p, struct creel_err *err)
{
    const struct strv *caps = option_list(in, "cap");
    struct strv *const sets[] = { &p->caps.bounding, &p->caps.effective, &p->caps.permitted,
                                  p->caps.inheritable.count > 0 ? &p->caps.ambient : NULL };
    for (size_t i = 0; i < caps->count; i++)
        for (size_t k = 0; k < ARRAY_LEN(sets); k++)
            if (sets[k] != NULL && !strv_has(sets[k], caps->items[i]) && !strv_add(sets[k], caps->items[i]))
                return creel_fail_nomem(err);
    p->caps.present = p->caps.present || caps->count > 0;
    return 0;
}

/* "uid" or "uid:gid" */
static int set_user(const struct invocation *in, struct oci_process *p, struct creel_err *err)
{
    const char *text = option_string(in, "user");
    uint64_t uid, gid;
    char number[16];
    if (text == NULL || text[0] == '\0')
        return 0;
    size_t n = strcspn(text, ":");
    if (text[n] == ':') {
        if (!parse_u64(text + n + 1, UINT32_MAX - 1, &gid))
            return creel_fail(err, CREEL_INVALID, 0, "bad gid: \"%.40s\" is no number of a group", text + n + 1);
        p->user.gid = (uint32_t)gid;
    }
    memcpy(number, text, n < sizeof number ? n : 0);
    number[n < sizeof number ? n : 0] = '\0';
    if (!parse_u64(number, UINT32_MAX - 1, &uid))
        return creel_fail(err, CREEL_INVALID, 0, "bad uid: \"%.40s\" is no number of a user", text);
    p->user.uid = (uint32_t)uid;
    return 0;
}

static int add_groups(const struct invocation *in, struct oci_process *p, struct creel_err *err)
{
    const struct strv *groups = option_list(in, "additional-gids");
    struct oci_user *u = &p->user;
    if (groups->count == 0)
        return 0;
    uint32_t *more = reallocarray(u->additional_gids, u->additional_gid_count + groups->count, sizeof *more);
    if (more == NULL)
        return creel_fail_nomem(err);
    u->additional_gids = more;
    for (size_t i = 0; i < groups->count; i++) {
        uint64_t gid;
        if (!parse_u64(groups->items[i], UINT32_MAX - 1, &gid))
            return creel_fail(err, CREEL_INVALID, 0, "additional-gids must be a positive number %.40s",
                              groups->items[i]);
        more[u->additional_gid_count++] = (uint32_t)gid;
    }
    return 0;
}

static int from_options(const struct invocation *in, const struct oci_process *base, struct oci_process *p,
                        struct creel_err *err)
{
    if (copy_of(base, p, err) < 0 || set_args(in, p, err) < 0 || replace(in, "cwd", &p->cwd, err) < 0
        || replace(in, "apparmor", &p->apparmor_profile, err) < 0
        || replace(in, "process-label", &p->selinux_label, err) < 0 || add_capabilities(in, p, err) < 0
        || add_env(in, p, err) < 0 || set_user(in, p, err) < 0 || add_groups(in, p, err) < 0)
        return -1;
    p->present = true;
    p->terminal = option_flag(in, "tty");
    if (option_given(in, "no-new-privs"))
        p->no_new_privileges = option_flag(in, "no-new-privs");
    return 0;
}

int exec_process_build(const struct invocation *in, const struct oci_process *base, struct oci_process *ret,
                       struct creel_err *err)
{
    const char *path = option_string(in, "process");
    memset(ret, 0, sizeof *ret);
    if ((path != NULL && path[0] != '\0' ? from_document(path, ret, err) : from_options(in, base, ret, err)) < 0)
        return -1;
    return oci_process_validate(ret, err);
}
