/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/warnings.h"

#include "cli/json.h"

void warnings_say(struct cli *c, const char *json)
{
    auto_json *list = json == NULL ? NULL : json_loads(json, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL)
            (void)cli_error(c, 0, "warning: %s", text); /* not an error: the code is not used */
    }
}
