/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/hook_plan.c: see runtime/hook_plan.h. */
#include "runtime/hook_plan.h"

#include "base/bytes.h"

#include <limits.h>
#include <stdlib.h>

static void add_json_string(struct bytes *out, const char *s)
{
    bytes_addc(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            bytes_addf(out, "\\%c", c);
        else if (c < 0x20)
            bytes_addf(out, "\\u%04x", c);
        else
            bytes_addc(out, (char)c);
    }
    bytes_addc(out, '"');
}

static int build_state(const struct oci_config *c, const char *id, const char *bundle, const char *status,
                       struct hook_plan *p, struct creel_err *err)
{
    struct bytes before = BYTES_INIT, after = BYTES_INIT;
    bytes_adds(&before, "{\"ociVersion\":");
    add_json_string(&before, c->oci_version != NULL ? c->oci_version : "1.2.0");
    bytes_adds(&before, ",\"id\":");
    add_json_string(&before, id);
    bytes_adds(&before, ",\"status\":");
    add_json_string(&before, status);
    bytes_adds(&before, ",\"pid\":");
    bytes_adds(&after, ",\"bundle\":");
    add_json_string(&after, bundle);
    if (c->annotation_count > 0) {
        bytes_adds(&after, ",\"annotations\":{");
        for (size_t i = 0; i < c->annotation_count; i++) {
            if (i > 0)
                bytes_addc(&after, ',');
            add_json_string(&after, c->annotations[i].key);
            bytes_addc(&after, ':');
            add_json_string(&after, c->annotations[i].value);
        }
        bytes_addc(&after, '}');
    }
    bytes_addc(&after, '}');
    if (!bytes_ok(&before) || !bytes_ok(&after)) {
        bytes_fini(&before);
        bytes_fini(&after);
        return creel_fail_nomem(err);
    }
    p->before = bytes_take(&before);
    p->after = bytes_take(&after);
    return 0;
}

static int build_one(const struct oci_hook *h, const char *name, char **argv, struct init_hook *to,
                     struct creel_err *err)
{
    if (h->path == NULL || h->path[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0, "%s hook %s: the path is not absolute", name,
                          h->path != NULL ? h->path : "\"\"");
    if (h->timeout.set && h->timeout.value <= 0)
        return creel_fail(err, CREEL_INVALID, 0, "%s hook %s: the timeout is not positive", name, h->path);
    int64_t seconds = h->timeout.set ? h->timeout.value : HOOK_TIMEOUT_MS / 1000;
    to->path = h->path;
    argv[0] = h->path;
    to->argv = h->args.count > 0 ? strv_argv(&h->args) : argv;
    to->envp = strv_argv(&h->env);
    to->timeout_ms = seconds > INT_MAX / 1000 ? INT_MAX : (int)(seconds * 1000);
    return 0;
}

int hook_plan_build(const struct oci_config *c, const struct oci_hooks *hooks, const char *name, const char *id,
                    const char *bundle, const char *status, struct hook_plan *ret, struct creel_err *err)
{
    *ret = (struct hook_plan){ 0 };
    if (hooks->count == 0)
        return 0;
    ret->items = calloc(hooks->count, sizeof *ret->items);
    ret->names = calloc(hooks->count * 2, sizeof *ret->names);
    if (ret->items == NULL || ret->names == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < hooks->count; i++)
        if (build_one(&hooks->items[i], name, ret->names + 2 * i, &ret->items[i], err) < 0)
            return -1;
    if (build_state(c, id, bundle, status, ret, err) < 0)
        return -1;
    ret->hooks = (struct init_hooks){ .items = ret->items, .count = hooks->count, .state_before_pid = ret->before,
                                      .state_after_pid = ret->after, .name = name };
    return 0;
}

void hook_plan_fini(struct hook_plan *p)
{
    free(p->items);
    free(p->names);
    free(p->before);
    free(p->after);
    *p = (struct hook_plan){ 0 };
}
