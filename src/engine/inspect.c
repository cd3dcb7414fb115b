/* SPDX-License-Identifier: Apache-2.0 */
/* engine/inspect.c: a container as Docker's inspect shows it, with the two revisions of the row. Reads one snapshot. */
#include "engine/container_spec.h"
#include "engine/oci_build.h"
#include "engine/state_text.h"

#include "base/clock.h"
#include "spec/container_request.h"
#include "spec/host_config.h"
#include "spec/security_option.h"
#include "store/image.h"

#include <stdio.h>
#include <string.h>

/* Where the container's files are, relative to the engine's root: "containers/<id>/<name>". */
static json_t *file_path(const struct creel *e, const struct container_row *row, const char *name)
{
    return row->run > 0 ? json_sprintf("%s/containers/%s/%s", e->root, row->id, name) : json_string("");
}

/* Member by member, so that a failed allocation is noticed once. Takes the value over. */
static void put(json_t *o, bool *ok, const char *key, json_t *value)
{
    *ok = json_object_set_new(o, key, value) == 0 && *ok;
}

static json_t *time_text(int64_t ns)
{
    char buf[CLOCK_TEXT_MAX];
    return json_string(clock_print(ns, buf));
}

static json_t *state_print(const struct container_row *row)
{
    const struct state_facts f = state_facts_of(row);
    auto_json o = json_object();
    bool ok = o != NULL;
    put(o, &ok, "Status", json_string(state_text_state(&f)));
    put(o, &ok, "Running", json_boolean(f.running));
    put(o, &ok, "Paused", json_boolean(f.paused));
    put(o, &ok, "Restarting", json_boolean(f.restarting));
    put(o, &ok, "OOMKilled", json_boolean(row->oom_killed));
    put(o, &ok, "Dead", json_boolean(f.dead));
    put(o, &ok, "Pid", json_integer(f.running ? row->pid : 0));
    put(o, &ok, "ExitCode", json_integer(f.running ? 0 : f.exit_code));
    put(o, &ok, "Error", json_string(row->error != NULL ? row->error : ""));
    put(o, &ok, "StartedAt", time_text(row->started_ns));
    put(o, &ok, "FinishedAt", time_text(row->finished_ns));
    return ok ? ptr_take(&o) : NULL;
}

/* --- networks: none and host have no addresses of their own --- */
static json_t *endpoint_print(void)
{
    return json_pack("{s:n,s:n,s:n,s:s,s:n,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:i,s:n}", "IPAMConfig", "Links", "Aliases",
                     "MacAddress", "", "DriverOpts", "NetworkID", "", "EndpointID", "", "Gateway", "", "IPAddress", "",
                     "IPPrefixLen", 0, "IPv6Gateway", "", "GlobalIPv6Address", "", "GlobalIPv6PrefixLen", 0, "DNSNames");
}

static json_t *network_print(const struct container_row *row, const json_t *host)
{
    static const char *const texts[] = { "LinkLocalIPv6Address", "EndpointID", "Gateway", "GlobalIPv6Address",
                                         "IPAddress", "IPv6Gateway", "MacAddress" };
    static const char *const numbers[] = { "LinkLocalIPv6PrefixLen", "GlobalIPv6PrefixLen", "IPPrefixLen" };
    auto_json o = json_object();
    bool ok = o != NULL, up = state_facts_of(row).running;
    put(o, &ok, "Bridge", json_string(""));
    put(o, &ok, "SandboxID", json_string(up ? row->id : ""));
    put(o, &ok, "SandboxKey", up && row->pid > 0 ? json_sprintf("/proc/%d/ns/net", (int)row->pid) : json_string(""));
    put(o, &ok, "Ports", json_object());
    put(o, &ok, "HairpinMode", json_false());
    put(o, &ok, "SecondaryIPAddresses", json_null());
    put(o, &ok, "SecondaryIPv6Addresses", json_null());
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        put(o, &ok, texts[i], json_string(""));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        put(o, &ok, numbers[i], json_integer(0));
    put(o, &ok, "Networks", json_pack("{s:o}", json_text(host, "NetworkMode"), endpoint_print()));
    return ok ? ptr_take(&o) : NULL;
}

/* --- storage --- */
static int lower_add(void *arg, const struct layer_row *l)
{
    struct strv *layers = arg; /* lowest first */
    return strv_addf(layers, "%lld/fs", (long long)l->n) ? 0 : 1;
}

static json_t *graph_print(struct creel *e, const struct container_row *row)
{
    auto_json data = json_object();
    auto_strv layers = STRV_INIT;
    auto_bytes lower = BYTES_INIT;
    struct creel_err ignored = { 0 };
    bool ok = data != NULL;
    if (image_layer_each(e->store, row->image_id, lower_add, &layers, &ignored) < 0)
        return NULL;
    for (size_t i = layers.count; i-- > 0;)
        bytes_addf(&lower, "%s%s/layers/%s", lower.len > 0 ? ":" : "", e->root, layers.items[i]);
    put(data, &ok, "LowerDir", json_string(bytes_str(&lower)));
    if (row->pid > 0 && state_facts_of(row).running) /* nothing is mounted on the host; this is where it can be seen */
        put(data, &ok, "MergedDir", json_sprintf("/proc/%d/root", (int)row->pid));
    put(data, &ok, "UpperDir", json_sprintf("%s/containers/%s/upper", e->root, row->id));
    put(data, &ok, "WorkDir", json_sprintf("%s/containers/%s/work", e->root, row->id));
    return ok && bytes_ok(&lower) ? json_pack("{s:O,s:s}", "Data", data, "Name", "overlay2") : NULL;
}

static int sizes_add(struct creel *e, const struct container_row *row, json_t *o, struct creel_err *err)
{
    char upper[96];
    auto_image_row image = { .id = "" };
    bool ok = true;
    (void)snprintf(upper, sizeof upper, "containers/%s/upper", row->id);
    int64_t rw = row->run > 0 ? tree_size(e->root_fd, upper) : 0;
    if (image_row_get(e->store, row->image_id, &image, err) < 0)
        return creel_wrap(err, "the image of container %s", row->name);
    put(o, &ok, "SizeRw", json_integer(rw > 0 ? rw : 0));
    put(o, &ok, "SizeRootFs", json_integer(image.size + (rw > 0 ? rw : 0)));
    return ok ? 0 : creel_fail_nomem(err);
}

/* --- HostConfig --- */
static json_t *list_of(const char *const *items)
{
    auto_json list = json_array();
    for (; *items != NULL; items++)
        if (list == NULL || json_array_append_new(list, json_string(*items)) < 0)
            return NULL;
    return ptr_take(&list);
}

/* The default lists are shown as lists, so that one can see what is masked. */
static json_t *host_print(const json_t *host)
{
    struct security_options security;
    json_t *o = host_config_fill(host);
    if (o == NULL || json_flag(host, "Privileged") || security_options_parse(host, &security, NULL) < 0
        || security.systempaths_unconfined)
        return o;
    bool ok = true;
    if (json_object_get(host, "MaskedPaths") == NULL)
        put(o, &ok, "MaskedPaths", list_of(oci_masked_paths));
    if (json_object_get(host, "ReadonlyPaths") == NULL)
        put(o, &ok, "ReadonlyPaths", list_of(oci_readonly_paths));
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

/* --- all of it --- */
static json_t *args_of(const json_t *argv)
{
    json_t *args = json_copy((json_t *)argv);
    if (args != NULL && json_array_size(args) > 0)
        (void)json_array_remove(args, 0);
    return args;
}

static int document_build(struct creel *e, const struct container_row *row, const struct container_spec *spec, json_t *o,
                          struct creel_err *err)
{
    auto_json argv = container_spec_argv(spec->config);
    bool ok = argv != NULL;
    put(o, &ok, "Id", json_string(row->id));
    put(o, &ok, "Created", time_text(row->created_ns));
    put(o, &ok, "Path", json_incref(json_array_get(argv, 0)));
    put(o, &ok, "Args", args_of(argv));
    put(o, &ok, "State", state_print(row));
    put(o, &ok, "Image", json_string(row->image_id));
    put(o, &ok, "ResolvConfPath", file_path(e, row, "resolv.conf"));
    put(o, &ok, "HostnamePath", file_path(e, row, "hostname"));
    put(o, &ok, "HostsPath", file_path(e, row, "hosts"));
    put(o, &ok, "LogPath", json_string(row->log_path != NULL ? row->log_path : ""));
    put(o, &ok, "Name", json_sprintf("/%s", row->name));
    put(o, &ok, "RestartCount", json_integer(row->restart_count));
    put(o, &ok, "Driver", json_string("overlay2"));
    put(o, &ok, "Platform", json_string("linux"));
    put(o, &ok, "MountLabel", json_string(""));
    put(o, &ok, "ProcessLabel", json_string(""));
    put(o, &ok, "AppArmorProfile", json_string(""));
    put(o, &ok, "ExecIDs", json_null());
    put(o, &ok, "HostConfig", host_print(spec->host));
    put(o, &ok, "GraphDriver", graph_print(e, row));
    put(o, &ok, "Mounts", json_loads(row->mounts != NULL ? row->mounts : "[]", 0, NULL));
    put(o, &ok, "Config", container_config_fill(spec->config));
    put(o, &ok, "NetworkSettings", network_print(row, spec->host));
    put(o, &ok, "SpecRev", json_integer(row->spec_rev));
    put(o, &ok, "StatusRev", json_integer(row->status_rev));
    return ok ? 0 : creel_fail_nomem(err);
}

static int inspect(struct creel *e, const char *ref, int with_size, char **ret_json, struct creel_err *err)
{
    char id[65];
    auto_cleanup(container_row_fini) struct container_row row = { 0 };
    auto_container_spec spec = { 0 };
    auto_json o = json_object();
    if (o == NULL)
        return creel_fail_nomem(err);
    if (container_row_resolve(e->store, ref, id, err) < 0 || container_row_get(e->store, id, &row, err) < 0
        || container_spec_load(&row, &spec, err) < 0 || document_build(e, &row, &spec, o, err) < 0
        || (with_size && sizes_add(e, &row, o, err) < 0))
        return -1;
    *ret_json = json_dumps(o, JSON_COMPACT);
    return *ret_json == NULL ? creel_fail_nomem(err) : 0;
}

int creel_container_inspect(struct creel *e, const char *ref, int with_size, char **ret_json, struct creel_err *err)
{
    int64_t rev;
    char id[65];
    struct creel_err rec = { 0 };
    if (container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    if (!engine_run_alive(e, id) && engine_reconcile(e, id, &rec) < 0 && rec.kind != CREEL_NOT_FOUND)
        return creel_fail_as(err, &rec);
    if (store_read_begin(e->store, &rev, err) < 0)
        return -1;
    int r = inspect(e, ref, with_size, ret_json, err);
    store_read_end(e->store);
    return r;
}
