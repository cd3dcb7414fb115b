/* SPDX-License-Identifier: Apache-2.0 */
/* Input: user, NUL, passwd file, NUL, group file. Properties: the primary group is in the list, ids are never the one that
 * means "no change", and a text of digits gives that id. */
#include "spec/user_spec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    const char *user_end = memchr(p, '\0', size);
    if (user_end == NULL)
        return 0;
    const char *passwd = user_end + 1, *passwd_end = memchr(passwd, '\0', (size_t)(end - passwd));
    if (passwd_end == NULL)
        passwd_end = end;
    const char *group = passwd_end < end ? passwd_end + 1 : end;
    const struct user_database db = { passwd, group, (size_t)(passwd_end - passwd), (size_t)(end - group) };
    struct oci_user u = { 0 };
    auto_free char *home = NULL;
    struct creel_err err = { 0 };
    if (user_spec_resolve(p, &db, NULL, &u, &home, &err) < 0) {
        assert(err.kind == CREEL_INVALID);
        return 0;
    }
    bool listed = false;
    for (size_t i = 0; i < u.additional_gid_count; i++) {
        listed = listed || u.additional_gids[i] == u.gid;
        assert(u.additional_gids[i] != UINT32_MAX);
    }
    assert(listed && u.uid != UINT32_MAX && u.gid != UINT32_MAX);
    if (p[0] != '\0' && p[strspn(p, "0123456789")] == '\0')
        assert(u.uid == strtoull(p, NULL, 10));
    assert(home == NULL || home[0] == '/');
    free(u.additional_gids);
    return 0;
}
