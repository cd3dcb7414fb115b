/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "image/changes.h"

#include <stdlib.h>
#include <string.h>

static const struct { const char *start, *change, *want; } good[] = {
    { "{}", "CMD [\"a\", \"b c\"]", "{\"Cmd\":[\"a\",\"b c\"]}" },
    { "{}", "CMD echo $HOME", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $HOME\"]}" },
    { "{}", "cmd echo hi", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo hi\"]}" },
    { "{}", "CMD [\"a\", 1]", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[\\\"a\\\", 1]\"]}" },
    { "{}", "CMD", "{\"Cmd\":null}" },
    { "{\"Shell\":[\"/bin/bash\",\"-ec\"]}", "CMD x", "{\"Cmd\":[\"/bin/bash\",\"-ec\",\"x\"],\"Shell\":[\"/bin/bash\",\"-ec\"]}" },
    { "{\"Cmd\":[\"old\"]}", "ENTRYPOINT [\"/e\"]", "{\"Entrypoint\":[\"/e\"]}" },
    { "{}", "ENTRYPOINT /e -x", "{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"/e -x\"]}" },
    { "{}", "ENV A=1 B=\"two words\" C='x y' D=a\\ b", "{\"Env\":[\"A=1\",\"B=two words\",\"C=x y\",\"D=a b\"]}" },
    { "{\"Env\":[\"A=0\",\"B=1\"]}", "ENV A=2", "{\"Env\":[\"A=2\",\"B=1\"]}" },
    { "{}", "ENV NAME some  value", "{\"Env\":[\"NAME=some value\"]}" },
    { "{}", "ENV A=", "{\"Env\":[\"A=\"]}" },
    { "{\"Env\":[\"P=/x\"]}", "ENV Q=$P:${P}/y R=${N:-d} S=${P:+set} T='$P' U=\\$P",
      "{\"Env\":[\"P=/x\",\"Q=/x:/x/y\",\"R=d\",\"S=set\",\"T=$P\",\"U=$P\"]}" },
    { "{}", "EXPOSE 80 53/udp 8000-8002/TCP", "{\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"8000/tcp\":{},\"8001/tcp\":{},"
                                             "\"8002/tcp\":{}}}" },
    { "{}", "LABEL a=b \"c d\"=\"e\"", "{\"Labels\":{\"a\":\"b\",\"c d\":\"e\"}}" },
    { "{}", "LABEL a b c", "{\"Labels\":{\"a\":\"b c\"}}" },
    { "{}", "USER 1000:1000", "{\"User\":\"1000:1000\"}" },
    { "{}", "WORKDIR /a/", "{\"WorkingDir\":\"/a\"}" },
    { "{\"WorkingDir\":\"/a\"}", "WORKDIR b", "{\"WorkingDir\":\"/a/b\"}" },
    { "{}", "WORKDIR b", "{\"WorkingDir\":\"/b\"}" },
    { "{}", "WORKDIR /", "{\"WorkingDir\":\"/\"}" },
    { "{}", "VOLUME /a /b", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}" },
    { "{}", "VOLUME [\"/a b\"]", "{\"Volumes\":{\"/a b\":{}}}" },
    { "{}", "STOPSIGNAL SIGQUIT", "{\"StopSignal\":\"SIGQUIT\"}" },
    { "{}", "SHELL [\"/bin/bash\",\"-c\"]", "{\"Shell\":[\"/bin/bash\",\"-c\"]}" },
    { "{}", "ONBUILD RUN make", "{\"OnBuild\":[\"RUN make\"]}" },
    { "{}", "HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}" },
    { "{}", "HEALTHCHECK --interval=30s --retries=3 CMD curl -f http://x || exit 1",
      "{\"Healthcheck\":{\"Interval\":30000000000,\"Retries\":3,\"Test\":[\"CMD-SHELL\",\"curl -f http://x || exit 1\"]}}" },
    { "{}", "HEALTHCHECK --timeout=1m30s --start-period=5s CMD [\"/bin/ok\"]",
      "{\"Healthcheck\":{\"StartPeriod\":5000000000,\"Test\":[\"CMD\",\"/bin/ok\"],\"Timeout\":90000000000}}" },
};

static const char *const bad[] = {
    "", "FOO x", "RUN make", "FROM x", "ADD a b", "ENV", "ENV A", "ENV =x", "ENV A=1 B", "ENV A=\"x", "ENV A=${", "ENV A=${1}", "ENV A=${B:?x}",
    "EXPOSE", "EXPOSE x", "EXPOSE 0", "EXPOSE 65536", "EXPOSE 80/icmp", "EXPOSE 90-80", "EXPOSE 1-65535", "LABEL", "LABEL =x", "USER", "USER a b",
    "WORKDIR", "VOLUME", "VOLUME []", "VOLUME [\"\"]", "STOPSIGNAL", "STOPSIGNAL a b", "SHELL", "SHELL /bin/sh", "SHELL []",
    "ONBUILD", "ONBUILD ONBUILD RUN x", "ONBUILD from x", "HEALTHCHECK", "HEALTHCHECK CMD", "HEALTHCHECK --interval=x CMD a",
    "HEALTHCHECK --interval=1us CMD a", "HEALTHCHECK --foo=1 CMD a", "HEALTHCHECK --retries=-1 CMD a", "HEALTHCHECK --interval=1s", "CMD a\nCMD b",
    "ENV A=\xff",
};

static void instructions_change_the_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct creel_err err = { 0 };
        json_t *config = json_loads(good[i].start, 0, NULL);
        const char *changes[] = { good[i].change, NULL };
        if (changes_apply(config, changes, &err) < 0)
            fail_msg("%s: %s", good[i].change, err.text);
        char *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text, good[i].want);
        free(text);
        json_decref(config);
    }
}

static void nonsense_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct creel_err err = { 0 };
        json_t *config = json_object();
        const char *changes[] = { bad[i], NULL };
        if (changes_apply(config, changes, &err) == 0)
            fail_msg("\"%s\" was accepted", bad[i]);
        assert_int_equal(err.kind, CREEL_INVALID);
        json_decref(config);
    }
}

static void an_entrypoint_keeps_arguments_given_beside_it(void **state)
{
    (void)state;
    json_t *config = json_pack("{s:[s]}", "Cmd", "inherited");
    const char *changes[] = { "CMD [\"new\"]", "ENTRYPOINT [\"/e\"]", NULL };
    assert_int_equal(changes_apply(config, changes, NULL), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "Cmd"), 0)), "new");
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_change_the_configuration),
        cmocka_unit_test(nonsense_is_refused_by_name),
        cmocka_unit_test(an_entrypoint_keeps_arguments_given_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
