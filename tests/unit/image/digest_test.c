/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "image/digest.h"

#include <stdlib.h>
#include <string.h>

/* FIPS 180-4 examples and lengths around the block size (values from coreutils' sha256sum). */
static void known_answers(void **state)
{
    (void)state;
    static const struct { const char *text; size_t repeat; const char *want; } cases[] = {
        { "", 1, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "a", 1000000, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
        { "a", 55, "sha256:9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
        { "a", 56, "sha256:b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a" },
        { "a", 64, "sha256:ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text) * cases[i].repeat;
        char *data = malloc(n + 1), out[DIGEST_MAX];
        assert_non_null(data);
        for (size_t k = 0; k < cases[i].repeat; k++)
            memcpy(data + k * strlen(cases[i].text), cases[i].text, strlen(cases[i].text));
        assert_string_equal(digest_of(data, n, out), cases[i].want);
        free(data);
    }
}

static void only_one_spelling_is_a_digest(void **state)
{
    (void)state;
#define H "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
    static const char *const bad[] = { "", "sha256:", "sha256:" H, "sha256:" H "55", "sha256:" H "g", "sha256:" H "A", "SHA256:" H "5",
                                       "sha512:" H "5", H "5", "sha256:" H "5 ", " sha256:" H "5", "sha256:../" H "5",
                                       "sha256:" H "\n" };
    assert_true(digest_ok("sha256:" H "5"));
    assert_false(digest_ok(NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (digest_ok(bad[i]))
            fail_msg("\"%s\" was accepted", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(only_one_spelling_is_a_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
