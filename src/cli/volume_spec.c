/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/volume_spec.h"

#include "cli/json.h"
#include "cli/pathname.h"

#include "base/bytes.h"
#include "base/strv.h"

#include <string.h>

enum mode_class { MODE_ACCESS, MODE_LABEL, MODE_PROPAGATION, MODE_CONSISTENCY, MODE_CLASSES };

static const struct { const char *word; enum mode_class class; } mode_words[] = {
    { "ro", MODE_ACCESS },            { "rw", MODE_ACCESS },           { "rro", MODE_ACCESS },
    { "z", MODE_LABEL },              { "Z", MODE_LABEL },             { "private", MODE_PROPAGATION },
    { "rprivate", MODE_PROPAGATION }, { "shared", MODE_PROPAGATION },  { "rshared", MODE_PROPAGATION },
    { "slave", MODE_PROPAGATION },    { "rslave", MODE_PROPAGATION },  { "consistent", MODE_CONSISTENCY },
    { "cached", MODE_CONSISTENCY },   { "delegated", MODE_CONSISTENCY },
};

/* words[class] = the word of that class in `mode`, or NULL. */
static int mode_parse(const char *mode, const char *words[MODE_CLASSES], struct creel_err *err)
{
    auto_strv parts = STRV_INIT;
    if (!strv_split(&parts, mode, ','))
        return creel_fail_nomem(err);
    for (size_t i = 0; i < parts.count; i++) {
        size_t w = 0;
        while (w < ARRAY_LEN(mode_words) && strcmp(mode_words[w].word, parts.items[i]) != 0)
            w++;
        if (w == ARRAY_LEN(mode_words) || words[mode_words[w].class] != NULL)
            return creel_fail(err, CREEL_INVALID, 0, "invalid mode: %s", mode);
        words[mode_words[w].class] = mode_words[w].word;
    }
    return 0;
}

static int sections_check(const char *text, const struct strv *s, struct creel_err *err)
{
    if (text[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "invalid empty volume spec");
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i][0] == '\0')
            return creel_fail(err, CREEL_INVALID, 0, "invalid spec: %s: empty section between colons", text);
    if (s->count > 3)
        return creel_fail(err, CREEL_INVALID, 0, "invalid spec: %s: too many colons", text);
    if (s->count == 1)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "anonymous volumes are not available: give a host directory, "
                          "/host/directory:%s", text);
    const char *source = s->items[0], *target = s->items[1];
    if (source[0] != '/' && source[0] != '.')
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "named volumes are not available: to use a host directory for '%s' "
                          "give its absolute path",
                          source);
    if (target[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0, "invalid volume specification: '%s': invalid mount path: '%s' mount "
                          "path must be absolute", text, target);
    auto_free char *cleaned = pathname_clean(target);
    if (cleaned == NULL)
        return creel_fail_nomem(err);
    if (strcmp(cleaned, "/") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid volume specification: '%s': invalid specification: "
                          "destination can't be '/'", text);
    return 0;
}

static int recursive_mount(const char *source, const char *target, const char *propagation, json_t **ret,
                           struct creel_err *err)
{
    if (propagation != NULL && strcmp(propagation, "rprivate") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "mode rro requires the propagation rprivate, not %s", propagation);
    auto_json *options = json_object();
    auto_json *mount = json_object();
    if (json_put(options, "Propagation", json_string("rprivate"), err) < 0
        || json_put(options, "ReadOnlyForceRecursive", json_true(), err) < 0
        || json_put(options, "CreateMountpoint", json_true(), err) < 0
        || json_put(mount, "Type", json_string("bind"), err) < 0
        || json_put_text(mount, "Source", source, "the volume's source", err) < 0
        || json_put_text(mount, "Target", target, "the volume's target", err) < 0
        || json_put(mount, "ReadOnly", json_true(), err) < 0
        || json_put(mount, "BindOptions", json_incref(options), err) < 0)
        return -1;
    *ret = json_incref(mount);
    return 0;
}

int volume_spec_parse(const char *text, const char *cwd, char **ret_bind, json_t **ret_mount, struct creel_err *err)
{
    auto_strv s = STRV_INIT;
    const char *words[MODE_CLASSES] = { NULL };
    *ret_bind = NULL;
    *ret_mount = NULL;
    if (!strv_split(&s, text, ':'))
        return creel_fail_nomem(err);
    if (sections_check(text, &s, err) < 0)
        return -1;
    const char *target = s.items[1], *mode = s.count == 3 ? s.items[2] : NULL;
    if (mode != NULL && mode_parse(mode, words, err) < 0)
        return creel_wrap(err, "invalid volume specification: '%s'", text);
    auto_free char *source = s.items[0][0] == '.' ? pathname_absolute(cwd, s.items[0]) : strdup(s.items[0]);
    if (source == NULL)
        return creel_fail_nomem(err);
    if (words[MODE_ACCESS] != NULL && strcmp(words[MODE_ACCESS], "rro") == 0)
        return recursive_mount(source, target, words[MODE_PROPAGATION], ret_mount, err);
    if (strchr(source, ':') != NULL) /* a relative source below a directory with a colon in its name */
        return creel_fail(err, CREEL_INVALID, 0, "'%s' has a colon in its path: use --mount type=bind,src=%s,dst=%s",
                          text, source, target);
    auto_bytes bind = BYTES_INIT;
    bytes_addf(&bind, "%s:%s%s%s", source, target, mode == NULL ? "" : ":", mode == NULL ? "" : mode);
    if (!bytes_ok(&bind))
        return creel_fail_nomem(err);
    *ret_bind = bytes_take(&bind);
    return 0;
}
