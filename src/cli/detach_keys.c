/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/detach_keys.h"

#include "base/strv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool key_ok(const char *key)
{
    if (strlen(key) == 1 || strcmp(key, "DEL") == 0)
        return true;
    if (strncasecmp(key, "ctrl-", 5) != 0 || strlen(key) != 6)
        return false;
    return isalpha((unsigned char)key[5]) || strchr("@[\\]^_", key[5]) != NULL;
}

bool detach_keys_ok(const char *keys)
{
    auto_strv list = STRV_INIT;
    if (keys[0] == '\0')
        return true;
    if (!strv_split(&list, keys, ','))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (!key_ok(list.items[i]))
            return false;
    return true;
}
