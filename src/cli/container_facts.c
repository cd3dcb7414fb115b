/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/container_facts.h"

#include "cli/json.h"

int container_facts_get(struct creel *e, const char *ref, struct container_facts *ret, struct creel_err *err)
{
    auto_free char *text = NULL;
    const char *id, *state;
    int tty = 0, open_stdin = 0;
    if (creel_container_inspect(e, ref, 0, &text, err) < 0)
        return -1;
    auto_json *o = json_loads(text, 0, NULL);
    if (o == NULL
        || json_unpack(o, "{s:s, s:{s:s}, s:{s?b, s?b}}", "Id", &id, "State", "Status", &state, "Config", "Tty", &tty,
                       "OpenStdin", &open_stdin) < 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "container %s: its description has no id, state or terminal", ref);
    (void)snprintf(ret->id, sizeof ret->id, "%s", id);          /* 64 characters by contract */
    (void)snprintf(ret->state, sizeof ret->state, "%s", state); /* a short word by contract */
    ret->tty = tty != 0;
    ret->open_stdin = open_stdin != 0;
    return 0;
}
