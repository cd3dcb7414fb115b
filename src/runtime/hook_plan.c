/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/hook_plan.c: see runtime/hook_plan.h. */
#include "runtime/hook_plan.h"

#include "runtime/oci_state.h"

#include <limits.h>
#include <stdlib.h>

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
    if (oci_state_print(c, id, bundle, status, &ret->before, &ret->after, err) < 0)
        return -1;
    ret->hooks = (struct init_hooks){ .items = ret->items, .count = hooks->count, .state_before_pid = ret->before,
                                      .state_after_pid = ret->after, .name = name };
    return 0;
}

int hook_list_time_ms(const struct oci_hooks *hooks)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < hooks->count && seconds < INT_MAX / 1000; i++) {
        const struct opt_i64 *t = &hooks->items[i].timeout;
        seconds += !t->set ? HOOK_TIMEOUT_MS / 1000 : t->value < INT_MAX / 1000 ? t->value : INT_MAX / 1000;
    }
    return seconds > INT_MAX / 1000 ? INT_MAX : (int)(seconds * 1000);
}

void hook_plan_fini(struct hook_plan *p)
{
    free(p->items);
    free(p->names);
    free(p->before);
    free(p->after);
    *p = (struct hook_plan){ 0 };
}
