/* SPDX-License-Identifier: Apache-2.0 */
/* engine/update.c: changing a container's limits (moby-container.md, section 13).
 *
 * Everything is checked before anything is changed; the new configuration is committed, for a running container with an
 * intent, then given to its control group. If the kernel refuses it, the old configuration is committed again and the old
 * limits are set again. If we are killed in between, the next opener of the engine sets the stored limits. So what
 * inspect says is what holds. */
#include "engine/container_spec.h"
#include "engine/lifecycle.h"
#include "engine/oci_build.h"

#include "spec/container_request.h"

#include <string.h>

/* The values to push: those asked for, and those that the kernel needs together with them. */
static json_t *pushed_part(const json_t *update, const json_t *merged)
{
    static const char *const pairs[][2] = {
        { "Memory", "MemorySwap" }, { "MemorySwap", "Memory" }, { "CpuPeriod", "CpuQuota" }, { "CpuQuota", "CpuPeriod" },
    };
    auto_json part = json_copy((json_t *)update);
    for (size_t i = 0; i < ARRAY_LEN(pairs) && part != NULL; i++) {
        json_t *other = json_object_get(merged, pairs[i][1]);
        if (json_object_get(update, pairs[i][0]) != NULL && other != NULL && json_object_get(part, pairs[i][1]) == NULL
            && json_object_set(part, pairs[i][1], other) < 0)
            return NULL;
    }
    return ptr_take(&part);
}

static int push(struct creel *e, const struct container_row *row, const json_t *part, struct creel_err *err)
{
    struct oci_resources r = { 0 };
    struct creel_err open_err = { 0 };
    auto_cgroup group = NULL;
    int result = oci_build_resources(part, &r, err);
    if (result == 0 && json_number(part, "PidsLimit") < 0)
        r.pids_limit = (struct opt_i64){ true, -1 };
    if (result == 0 && cgroup_open(row->cgroup_path, e->cgroup_manager, &group, &open_err) < 0) {
        if (open_err.kind != CREEL_NOT_FOUND) { /* gone: it has ended meanwhile */
            if (err != NULL)
                *err = open_err;
            result = -1;
        }
    } else if (result == 0) {
        result = cgroup_update(group, &r, err);
    }
    oci_resources_fini(&r);
    return result;
}

/* Set what the kernel took before it refused to its old value again; where there was none, to no limit. A second refusal
 * is ignored: the first one is what the caller hears of. */
static void push_back(struct creel *e, const struct container_row *row, const json_t *update, const json_t *old)
{
    struct oci_resources r = { 0 };
    auto_json values = json_object();
    auto_cgroup group = NULL;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)update, key, v) {
        json_t *was = json_object_get(old, key);
        if (values == NULL || (was != NULL && json_object_set(values, key, was) < 0))
            return;
    }
    if (oci_build_resources(values, &r, NULL) == 0 && cgroup_open(row->cgroup_path, e->cgroup_manager, &group, NULL) == 0) {
        const struct opt_i64 none = { true, -1 };
        if (json_object_get(update, "Memory") != NULL && !r.memory.limit.set)
            r.memory.limit = r.memory.swap = none;
        if (json_object_get(update, "MemorySwap") != NULL && !r.memory.swap.set)
            r.memory.swap = none;
        if ((json_object_get(update, "NanoCpus") != NULL || json_object_get(update, "CpuQuota") != NULL)
            && !r.cpu.quota.set)
            r.cpu.quota = none;
        if (json_object_get(update, "CpuShares") != NULL && !r.cpu.shares.set)
            r.cpu.shares = (struct opt_u64){ true, 1024 };
        if (json_object_get(update, "PidsLimit") != NULL && !r.pids_limit.set)
            r.pids_limit = none;
        (void)cgroup_update(group, &r, NULL);
    }
    oci_resources_fini(&r);
}

static int host_limits_check(const json_t *update, struct creel_err *err)
{
    int64_t nano = json_number(update, "NanoCpus");
    long cpus = nano > 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 0;
    if (cpus > 0 && nano > (int64_t)cpus * 1000000000)
        return creel_fail(err, CREEL_INVALID, 0,
                          "Range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", cpus, cpus);
    return 0;
}

static int spec_replace(struct container_row *row, const struct container_spec *spec, const json_t *host,
                        struct creel_err *err)
{
    char *text = NULL;
    if (container_spec_print(spec->config, host, spec->networking, &text, err) < 0)
        return -1;
    free(row->spec);
    row->spec = text;
    return 0;
}

struct change {
    struct creel *e;
    json_t *update, *old, *merged;  /* host configurations before and after */
    struct container_row row;
    int64_t intent;                 /* 0: it is not running, nothing is to be done but the commit */
};

static void change_fini(struct change *c)
{
    json_decref(c->update);
    json_decref(c->old);
    json_decref(c->merged);
    container_row_fini(&c->row);
}

static int commit_change(struct change *c, const char *id, struct creel_err *err)
{
    struct creel *e = c->e;
    struct container_row *row = &c->row;
    auto_container_spec spec = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, row, err) < 0)
        return -1;
    if (row->state == CONTAINER_REMOVING || row->state == CONTAINER_DEAD)
        return creel_fail(err, CREEL_CONFLICT, 0, "container is marked for removal and cannot be \"update\"");
    if (container_spec_load(row, &spec, err) < 0 || update_request_merge(spec.host, c->update, &c->merged, err) < 0
        || spec_replace(row, &spec, c->merged, err) < 0)
        return -1;
    c->old = json_incref(spec.host);
    bool running = lifecycle_is_up(row) && row->cgroup_path != NULL;
    auto_free char *attributes = engine_event_attributes(row, NULL);
    if (attributes == NULL)
        return creel_fail_nomem(err);
    if (container_row_save(&tx, row, true, err) < 0
        || event_row_append(&tx, "container", "update", row->id, attributes, err) < 0
        || (running && intent_row_insert(&tx, "update", row->id, NULL, &c->intent, err) < 0))
        return -1;
    return store_commit(&tx, err);
}

/* The intent is done. With `restored`, the old configuration is put back as well, unless somebody else has changed the
 * container again. */
static int finish(struct change *c, bool restored, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_container_spec spec = { 0 };
    auto_tx tx = { 0 };
    struct creel_err get = { 0 };
    if (store_begin(c->e->store, &tx, err) < 0 || intent_row_delete(&tx, c->intent, err) < 0)
        return -1;
    if (restored && container_row_get(c->e->store, c->row.id, &row, &get) < 0) {
        if (get.kind != CREEL_NOT_FOUND)
            return creel_fail_as(err, &get);
    } else if (restored && row.spec != NULL && strcmp(row.spec, c->row.spec) == 0) {
        if (container_spec_load(&row, &spec, err) < 0 || spec_replace(&row, &spec, c->old, err) < 0
            || container_row_save(&tx, &row, true, err) < 0)
            return -1;
    }
    return store_commit(&tx, err);
}

int engine_update_recover(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_container_spec spec = { 0 };
    struct creel_err get = { 0 };
    if (container_row_get(e->store, i->object, &row, &get) < 0) {
        if (get.kind != CREEL_NOT_FOUND)
            return creel_fail_as(err, &get);
    } else if (lifecycle_is_up(&row) && row.cgroup_path != NULL
               && (container_spec_load(&row, &spec, err) < 0 || push(e, &row, spec.host, err) < 0)) {
        return creel_wrap(err, "setting the limits of container %s", row.name);
    }
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || intent_row_delete(&tx, i->seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* Give a running container its new limits, or put everything back. */
static int act(struct change *c, struct creel_err *err)
{
    auto_json part = pushed_part(c->update, c->merged);
    struct creel_err failure = { 0 }, again = { 0 };
    if (part == NULL)
        return creel_fail_nomem(err);
    if (push(c->e, &c->row, part, &failure) == 0)
        return finish(c, false, err);
    push_back(c->e, &c->row, c->update, c->old);
    bool restored = finish(c, true, &again) == 0;
    return creel_fail(err, failure.kind, 0, "%s%s%s", failure.text,
                      restored ? "" : "; restoring its configuration failed: ", restored ? "" : again.text);
}

int creel_container_update(struct creel *e, const char *ref, const char *update_json, char **ret_warnings,
                           struct creel_err *err)
{
    auto_cleanup(change_fini) struct change c = { .e = e };
    auto_strv warnings = STRV_INIT;
    char id[65];
    if (update_request_parse(update_json, strlen(update_json), &c.update, err) < 0
        || host_limits_check(c.update, err) < 0 || container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    if (commit_change(&c, id, err) < 0 || (c.intent != 0 && act(&c, err) < 0))
        return creel_wrap(err, "Cannot update container %s", id);
    return ret_warnings != NULL ? engine_warnings_json(&warnings, ret_warnings, err) : 0;
}
