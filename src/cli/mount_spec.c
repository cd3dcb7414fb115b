/* SPDX-License-Identifier: Apache-2.0 */
/* cli/mount_spec.c: keys are case-insensitive, values are not; a key that does not belong to the type is an error. */
#include "cli/mount_spec.h"

#include "cli/csv.h"
#include "cli/json.h"
#include "cli/pathname.h"

#include "base/parse.h"

#include <ctype.h>
#include <string.h>

enum bind_recursion { RECURSE_DEFAULT, RECURSE_ENABLED, RECURSE_DISABLED, RECURSE_WRITABLE, RECURSE_READONLY };

struct mount_spec {
    const char *type, *source, *target, *propagation, *consistency; /* borrowed from the fields; NULL = not given */
    enum bind_recursion recursion;
    bool read_only, nonrecursive, create_source;
    bool has_bind, has_tmpfs, has_volume;   /* some option of that type was given */
    bool has_size, has_mode;
    int64_t size;
    unsigned mode;
};

static bool bool_parse(const char *s, bool *ret)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
            *ret = strcmp(s, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static int bad_value(const char *key, const char *value, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "invalid value for %s: %s", key, value);
}

static int set_flag(bool *flag, const char *key, const char *value, struct creel_err *err)
{
    *flag = true;
    if (value != NULL && !bool_parse(value, flag))
        return bad_value(key, value, err);
    return 0;
}

static int set_recursion(struct mount_spec *m, const char *value, struct creel_err *err)
{
    static const struct { const char *name; enum bind_recursion is; } words[] = {
        { "enabled", RECURSE_ENABLED },   { "disabled", RECURSE_DISABLED },
        { "writable", RECURSE_WRITABLE }, { "readonly", RECURSE_READONLY },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, value) == 0) {
            m->recursion = words[i].is;
            return 0;
        }
    }
    return creel_fail(err, CREEL_INVALID, 0,
                      "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", "
                      "\"writable\", or \"readonly\")",
                      value);
}

static int set_size(struct mount_spec *m, const char *value, struct creel_err *err)
{
    m->has_size = true;
    return parse_size(value, 1024, &m->size) ? 0 : bad_value("tmpfs-size", value, err);
}

static int set_mode(struct mount_spec *m, const char *value, struct creel_err *err)
{
    m->has_mode = true;
    return parse_octal(value, 07777, &m->mode) ? 0 : bad_value("tmpfs-mode", value, err);
}

static bool is_one_of(const char *key, const char *a, const char *b, const char *c)
{
    return strcmp(key, a) == 0 || (b != NULL && strcmp(key, b) == 0) || (c != NULL && strcmp(key, c) == 0);
}

/* Fields that may stand without a value. 1: it was one. */
static int flag_field(struct mount_spec *m, const char *key, const char *value, struct creel_err *err)
{
    if (is_one_of(key, "readonly", "ro", NULL))
        return set_flag(&m->read_only, key, value, err) < 0 ? -1 : 1;
    if (is_one_of(key, "bind-nonrecursive", NULL, NULL)) {
        m->has_bind = true;
        return set_flag(&m->nonrecursive, key, value, err) < 0 ? -1 : 1;
    }
    if (is_one_of(key, "bind-create-src", NULL, NULL)) {
        m->has_bind = true;
        return set_flag(&m->create_source, key, value, err) < 0 ? -1 : 1;
    }
    if (is_one_of(key, "volume-nocopy", NULL, NULL)) {
        m->has_volume = true;
        return 1;
    }
    return 0;
}

static int value_field(struct mount_spec *m, const char *field, const char *key, const char *value,
                       struct creel_err *err)
{
    if (strncmp(key, "bind-", 5) == 0)
        m->has_bind = true;
    if (strncmp(key, "tmpfs-", 6) == 0)
        m->has_tmpfs = true;
    if (is_one_of(key, "type", NULL, NULL))
        m->type = value;
    else if (is_one_of(key, "source", "src", NULL))
        m->source = value;
    else if (is_one_of(key, "target", "dst", "destination"))
        m->target = value;
    else if (is_one_of(key, "consistency", NULL, NULL))
        m->consistency = value;
    else if (is_one_of(key, "bind-propagation", NULL, NULL))
        m->propagation = value;
    else if (is_one_of(key, "bind-recursive", NULL, NULL))
        return set_recursion(m, value, err);
    else if (is_one_of(key, "tmpfs-size", NULL, NULL))
        return set_size(m, value, err);
    else if (is_one_of(key, "tmpfs-mode", NULL, NULL))
        return set_mode(m, value, err);
    else if (is_one_of(key, "volume-driver", "volume-label", "volume-opt")
             || is_one_of(key, "volume-subpath", "image-subpath", NULL))
        m->has_volume = true;
    else
        return creel_fail(err, CREEL_INVALID, 0, "unexpected key '%s' in '%s'", key, field);
    return 0;
}

/* `field` is changed: the key becomes a lower-case word of its own. */
static int field_apply(struct mount_spec *m, char *field, struct creel_err *err)
{
    auto_free char *whole = strdup(field);
    if (whole == NULL)
        return creel_fail_nomem(err);
    char *eq = strchr(field, '=');
    if (eq != NULL)
        *eq = '\0';
    for (char *p = field; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *value = eq == NULL ? NULL : eq + 1;
    int r = flag_field(m, field, value, err);
    if (r != 0)
        return r < 0 ? -1 : 0;
    if (value == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "invalid field '%s' must be a key=value pair", whole);
    return value_field(m, whole, field, value, err);
}

static int spec_check(const struct mount_spec *m, struct creel_err *err)
{
    const char *type = m->type == NULL ? "volume" : m->type;
    bool bind = strcasecmp(type, "bind") == 0, tmpfs = strcasecmp(type, "tmpfs") == 0;
    if (!bind && !tmpfs)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "mounts of type '%s' are not available: use type=bind or type=tmpfs", type);
    if (m->target == NULL || m->target[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "target is required");
    if (m->has_volume)
        return creel_fail(err, CREEL_INVALID, 0, "cannot mix 'volume-*' options with mount type '%s'", type);
    if (m->has_bind && !bind)
        return creel_fail(err, CREEL_INVALID, 0, "cannot mix 'bind-*' options with mount type '%s'", type);
    if (m->has_tmpfs && !tmpfs)
        return creel_fail(err, CREEL_INVALID, 0, "cannot mix 'tmpfs-*' options with mount type '%s'", type);
    if (bind && (m->source == NULL || m->source[0] == '\0'))
        return creel_fail(err, CREEL_INVALID, 0, "source is required for a mount of type 'bind'");
    if ((m->recursion == RECURSE_READONLY || m->recursion == RECURSE_WRITABLE) && !m->read_only)
        return creel_fail(err, CREEL_INVALID, 0, "option 'bind-recursive=%s' requires 'readonly' to be specified in "
                          "conjunction", m->recursion == RECURSE_READONLY ? "readonly" : "writable");
    if (m->recursion == RECURSE_READONLY && (m->propagation == NULL || strcmp(m->propagation, "rprivate") != 0))
        return creel_fail(err, CREEL_INVALID, 0, "option 'bind-recursive=readonly' requires "
                          "'bind-propagation=rprivate' to be specified in conjunction");
    return 0;
}

static int bind_options(const struct mount_spec *m, json_t *mount, struct creel_err *err)
{
    if (!m->has_bind)
        return 0;
    auto_json *o = json_object();
    if (m->propagation != NULL && json_put_text(o, "Propagation", m->propagation, "bind-propagation", err) < 0)
        return -1;
    if ((m->nonrecursive || m->recursion == RECURSE_DISABLED) && json_put(o, "NonRecursive", json_true(), err) < 0)
        return -1;
    if (m->create_source && json_put(o, "CreateMountpoint", json_true(), err) < 0)
        return -1;
    if (m->recursion == RECURSE_WRITABLE && json_put(o, "ReadOnlyNonRecursive", json_true(), err) < 0)
        return -1;
    if (m->recursion == RECURSE_READONLY && json_put(o, "ReadOnlyForceRecursive", json_true(), err) < 0)
        return -1;
    return json_put(mount, "BindOptions", json_incref(o), err);
}

static int tmpfs_options(const struct mount_spec *m, json_t *mount, struct creel_err *err)
{
    if (!m->has_tmpfs)
        return 0;
    auto_json *o = json_object();
    if (m->has_size && json_put(o, "SizeBytes", json_integer(m->size), err) < 0)
        return -1;
    if (m->has_mode && json_put(o, "Mode", json_integer(m->mode), err) < 0)
        return -1;
    return json_put(mount, "TmpfsOptions", json_incref(o), err);
}

static int spec_print(const struct mount_spec *m, const char *cwd, json_t **ret, struct creel_err *err)
{
    auto_json *mount = json_object();
    bool bind = strcasecmp(m->type, "bind") == 0;
    auto_free char *source = NULL;
    if (m->source != NULL) {
        source = bind && m->source[0] == '.' ? pathname_absolute(cwd, m->source) : strdup(m->source);
        if (source == NULL)
            return creel_fail_nomem(err);
    }
    if (json_put(mount, "Type", json_string(bind ? "bind" : "tmpfs"), err) < 0
        || (source != NULL && json_put_text(mount, "Source", source, "the mount's source", err) < 0)
        || json_put_text(mount, "Target", m->target, "the mount's target", err) < 0
        || (m->read_only && json_put(mount, "ReadOnly", json_true(), err) < 0)
        || (m->consistency != NULL && json_put_text(mount, "Consistency", m->consistency, "consistency", err) < 0)
        || bind_options(m, mount, err) < 0 || tmpfs_options(m, mount, err) < 0)
        return -1;
    *ret = json_incref(mount);
    return 0;
}

int mount_spec_parse(const char *text, const char *cwd, json_t **ret, struct creel_err *err)
{
    auto_strv fields = STRV_INIT;
    struct mount_spec m = { 0 };
    if (csv_parse(text, &fields, err) < 0)
        return -1;
    for (size_t i = 0; i < fields.count; i++)
        if (field_apply(&m, fields.items[i], err) < 0)
            return -1;
    if (spec_check(&m, err) < 0)
        return -1;
    return spec_print(&m, cwd, ret, err);
}
