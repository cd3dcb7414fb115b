/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as scripts in the field write them, and what Go's package prints for them. */
#include "cli/template.h"

#include "../check.h"

#include <string.h>

static const char document[] =
    "{\"Id\":\"4f66ad9a0b2e\",\"Name\":\"/web\",\"Created\":\"2024-01-02T03:04:05.678Z\",\"RestartCount\":0,"
    "\"State\":{\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Pid\":4242,\"ExitCode\":0,\"Error\":\"\"},"
    "\"Config\":{\"Env\":[\"PATH=/bin\",\"A=b c\"],\"Labels\":{\"x\":\"1\",\"com.example/y z\":\"<&>\"},\"Cmd\":null,"
    "\"Hostname\":\"web\",\"Tty\":false},"
    "\"HostConfig\":{\"Binds\":null,\"Memory\":1073741824,\"NanoCpus\":1500000000,\"Ratio\":0.1,\"Big\":1e21,"
    "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0}},"
    "\"NetworkSettings\":{\"Networks\":{\"front\":{\"IPAddress\":\"10.0.0.2\"},\"back\":{\"IPAddress\":\"10.1.0.2\"}},"
    "\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"443/tcp\":null}},"
    "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\",\"Destination\":\"/b\",\"RW\":true},"
    "{\"Type\":\"volume\",\"Name\":\"v1\",\"Source\":\"/c\",\"Destination\":\"/d\",\"RW\":false}]}";

static const struct template_field fields[] = {
    { "Health", TEMPLATE_ZERO_POINTER }, { "Binds", TEMPLATE_ZERO_LIST }, { "Cmd", TEMPLATE_ZERO_LIST },
    { "Labels", TEMPLATE_ZERO_MAP },     { "Name", TEMPLATE_ZERO_STRING }, { "Networks", TEMPLATE_ZERO_MAP },
    { "Ports", TEMPLATE_ZERO_MAP },      { "Init", TEMPLATE_ZERO_BOOL },   { NULL, TEMPLATE_ZERO_NONE },
};

struct sample { const char *template, *want; };

/* The text, or "error: …". */
static char *run_text(const char *text, const struct template_input *in)
{
    struct creel_err err = { 0 };
    auto_template *t = NULL;
    auto_bytes out = BYTES_INIT;
    if (template_parse(text, &t, &err) < 0 || template_run(t, in, &out, &err) < 0) {
        bytes_reset(&out);
        bytes_addf(&out, "error: %s", err.text);
    }
    return bytes_take(&out);
}

static void check_all(const struct sample *samples, size_t count)
{
    json_t *j = json_loads(document, 0, NULL);
    assert_non_null(j);
    const struct template_input in = { .json = j, .fields = fields };
    for (size_t i = 0; i < count; i++) {
        auto_free char *got = run_text(samples[i].template, &in);
        if (strcmp(got, samples[i].want) != 0)
            fail_msg("%s\n  got  %s\n  want %s", samples[i].template, got, samples[i].want);
    }
    json_decref(j);
}
#define CHECK_ALL(s) check_all(s, sizeof(s) / sizeof *(s))

static void forms_named_by_the_field_work(void **state)
{
    static const struct sample s[] = {
        { "{{.State.Status}}", "running" },
        { "{{ .State.Pid }}", "4242" },
        { "{{json .State}}", "{\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Pid\":4242,\"ExitCode\":0,\"Error\":\"\"}" },
        { "{{json .Config.Labels}}", "{\"x\":\"1\",\"com.example/y z\":\"<&>\"}" },
        { "{{.State | json}}", "{\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Pid\":4242,\"ExitCode\":0,\"Error\":\"\"}" },
        { "{{range $k,$v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{end}}", "back=10.1.0.2 front=10.0.0.2 " },
        { "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "10.1.0.210.0.0.2" },
        { "{{index .Config.Labels \"x\"}}", "1" },
        { "{{index .Config.Labels \"com.example/y z\"}}", "<&>" },
        { "{{index .Config.Labels \"none\"}}", "" },
        { "{{.Config.Labels.x}}", "1" },
        { "{{.Config.Labels.none}}", "<no value>" },
        { "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none" },
        { "{{with .State.Health}}{{.Status}}{{end}}", "" },
        { "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080" },
        { "{{range $p, $conf := .NetworkSettings.Ports}}{{$p}} -> {{(index $conf 0).HostPort}} {{end}}",
          "error: template: :1:58: executing \"\" at <index $conf 0>: error calling index: index of untyped nil" },
        { "{{range $p, $conf := .NetworkSettings.Ports}}{{if $conf}}{{$p}} {{(index $conf 0).HostPort}}{{end}}{{end}}", "80/tcp 8080" },
        { "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}}{{end}}{{end}}", "v1" },
        { "{{range .Mounts}}{{.Source}}:{{.Destination}}{{if not .RW}}:ro{{end}}{{println}}{{end}}", "/a:/b\n/c:/d:ro\n" },
        { "{{range $index, $value := .Config.Env}}{{$index}}={{println $value}}{{end}}", "0=PATH=/bin\n1=A=b c\n" },
        { "{{join .Config.Env \";\"}}", "PATH=/bin;A=b c" },
        { "{{printf \"%.12s|%-6s|%5d\" .Id .Name .State.Pid}}", "4f66ad9a0b2e|/web  | 4242" },
        { "{{slice .Id 0 4}}", "4f66" },
        { "{{ (split .Name \"/\") | json }}", "[\"\",\"web\"]" },
        { "{{ index (split .Created \"T\") 0 }}", "2024-01-02" },
        { "{{upper .State.Status}} {{lower \"ABC\"}} {{title .State.Status}}", "RUNNING abc Running" },
        { "{{truncate .Id 4}}{{pad .State.Status 1 2}}|", "4f66 running  |" },
        { "{{len .Config.Env}} {{len .Config.Labels}} {{len .Id}} {{len .Config.Cmd}}", "2 2 12 0" },
        { "{{.HostConfig.Binds}} {{.Config.Cmd}} {{json .Config.Cmd}} {{.State.Health}}", "[] [] null <nil>" },
        { "{{.Config.Env}} {{.HostConfig.RestartPolicy}}", "[PATH=/bin A=b c] map[MaximumRetryCount:0 Name:no]" },
        { "{{.HostConfig.Ratio}} {{.HostConfig.Big}} {{.HostConfig.Memory}}", "0.1 1e+21 1073741824" },
        { "{{if and .State.Running (not .State.Paused)}}up{{end}}", "up" },
        { "{{if or .State.Paused (eq .State.ExitCode 0 1)}}ok{{end}}", "ok" },
        { "{{$s := .State}}{{$s.Status}}{{$.Name}}", "running/web" },
        { "{{.Name}}{{/* a comment */}}!", "/web!" },
        { "{{.HostConfig.Init}}", "false" },
    };
    CHECK_ALL(s);
}

static void control_structures_follow_go(void **state)
{
    static const struct sample s[] = {
        { "{{if .State.Paused}}a{{else if .State.Running}}b{{else}}c{{end}}", "b" },
        { "{{if .State.Paused}}a{{else if .State.Error}}b{{else}}c{{end}}", "c" },
        { "{{with .State}}{{.Status}}{{else}}x{{end}}", "running" },
        { "{{with .State.Error}}y{{else}}x{{end}}", "x" },
        { "{{with $x := .State}}{{$x.Pid}}{{end}}", "4242" },
        { "{{range .Config.Cmd}}x{{else}}empty{{end}}", "empty" },
        { "{{range 3}}{{.}},{{end}}", "0,1,2," },
        { "{{range .Config.Env}}{{.}}{{break}}{{end}}", "PATH=/bin" },
        { "{{range $i, $e := .Config.Env}}{{if eq $i 0}}{{continue}}{{end}}{{$e}}{{end}}", "A=b c" },
        { "{{$n := 0}}{{range .Config.Env}}{{$n = .}}{{end}}{{$n}}", "A=b c" },
        { "{{$n := 1}}{{if true}}{{$n := 2}}{{$n}}{{end}}{{$n}}", "21" },
        { "a {{- 1 -}} b", "a1b" },
        { "a {{- /* c */ -}} b", "ab" },
        { "x\n{{- range .Config.Env}}\n{{.}}\n{{- end}}\ny", "x\nPATH=/bin\nA=b c\ny" },
        { "{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .Name}}{{template \"t\"}}", "</web><<no value>>" },
        { "{{`raw \"`}} {{\"q\\\"\\t\\u00e9\\x41\"}} {{'a'}} {{1.5}} {{0x10}} {{-3}}", "raw \" q\"\t\xc3\xa9" "A 97 1.5 16 -3" },
        { "{{true}} {{1 | printf \"%03d\"}} {{(\"x\")}}", "true 001 x" },
        { "}} { {", "}} { {" },
        { "", "" },
    };
    CHECK_ALL(s);
}

static void functions_follow_go(void **state)
{
    static const struct sample s[] = {
        { "{{eq 1 1}}{{ne 1 1}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 1 2}}", "truefalsetruetruefalsefalse" },
        { "{{lt \"a\" \"b\"}}{{eq \"a\" \"b\" \"a\"}}", "truetrue" },
        { "{{eq 1 1.0}} {{lt 1 1.5}}", "true true" },
        { "{{eq .State.Health nil}} {{eq .Name nil}}", "true false" },
        { "{{and 1 0 2}} {{and 1 2}} {{or 0 \"\" 3}} {{or 0 \"\"}}|{{not 0}}", "0 2 3 |true" },
        { "{{or .State.Running .Nothing}}", "true" },
        { "{{print 1 2 \"a\" \"b\" 3}} {{print}}|{{println 1 \"a\"}}", "1 2a" "b3 |1 a\n" },
        { "{{printf \"%d %s %v %q %t %x %X %c %o %b %U %%\" 7 \"s\" .State.Running \"q\\n\" true 255 255 65 8 5 233}}",
          "7 s true \"q\\n\" true ff FF A 10 101 U+00E9 %" },
        { "{{printf \"%6.2f|%e|%g|%+d|%05d|%-5d|%x\" 3.14159 1500.0 0.25 5 -42 7 \"hi\"}}", "  3.14|1.500000e+03|0.25|+5|-0042|7    |6869" },
        { "{{printf \"%d\" \"x\"}} {{printf \"%s\" 1}} {{printf \"%d\"}} {{printf \"x\" 1}} {{printf \"%\"}}",
          "%!d(string=x) %!s(int=1) %!d(MISSING) x%!(EXTRA int=1) %!(NOVERB)" },
        { "{{printf \"%q %s\" .Config.Env .Config.Env}}", "[\"PATH=/bin\" \"A=b c\"] [PATH=/bin A=b c]" },
        { "{{printf \"%*d|%5s|%-5s|\" 4 7 \"\xc3\xa9\" \"ab\"}}", "   7|    \xc3\xa9|ab   |" },
        { "{{html \"<a href='x'>&\"}} {{urlquery \"a b&c\"}} {{js \"it's <b>\"}}",
          "&lt;a href=&#39;x&#39;&gt;&amp; a+b%26c it\\'s \\u003Cb\\u003E" },
        { "{{index .Config.Env 1}} {{index .Mounts 0 \"Type\"}}", "A=b c bind" },
        { "{{slice \"abcdef\" 2}} {{slice \"abcdef\" 1 3}} {{slice .Config.Env 1}}", "cdef bc [A=b c]" },
        { "{{json \"a\\\"b\\u2028\"}} {{json 1.5}} {{json nil}}", "\"a\\\"b\xe2\x80\xa8\" 1.5 null" },
        { "{{json \"\\xff\"}}", "\"\\ufffd\"" },
        { "{{split \"a,b,,c\" \",\"}} {{len (split \"abc\" \"\")}}", "[a b  c] 3" },
    };
    CHECK_ALL(s);
}

static void mistakes_have_gos_words(void **state)
{
    static const struct sample s[] = {
        { "{{.State.Foo}}", "error: template: :1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\"" },
        { "a\nb {{.Foo}}", "error: template: :2:4: executing \"\" at <.Foo>: map has no entry for key \"Foo\"" },
        { "{{.State.Health.Status}}", "error: template: :1:8: executing \"\" at <.State.Health.Status>: nil pointer evaluating field Status" },
        { "{{.Id.Foo}}", "error: template: :1:5: executing \"\" at <.Id.Foo>: can't evaluate field Foo in type string" },
        { "{{.State.Status", "error: template: :1: unclosed action" },
        { "{{if .State}}", "error: template: :1: unexpected EOF" },
        { "{{end}}", "error: template: :1: unexpected {{end}}" },
        { "{{else}}", "error: template: :1: unexpected {{else}}" },
        { "{{foo .}}", "error: template: :1: function \"foo\" not defined" },
        { "{{$x}}", "error: template: :1: undefined variable \"$x\"" },
        { "{{}}", "error: template: :1: missing value for command" },
        { "{{. | }}", "error: template: :1: missing value for command" },
        { "{{\"abc}}", "error: template: :1: unterminated quoted string" },
        { "{{/* x }}", "error: template: :1: unclosed comment" },
        { "{{break}}", "error: template: :1: {{break}} outside {{range}}" },
        { "{{(1}}", "error: template: :1: unclosed left paren" },
        { "{{template \"x\"}}", "error: template: :1:2: executing \"\" at <{{template}}>: template \"x\" not defined" },
        { "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}",
          "error: template: :1:16: executing \"r\" at <{{template}}>: exceeded maximum template depth (100)" },
        { "{{index .Config.Env 5}}", "error: template: :1:2: executing \"\" at <index .Config.Env 5>: error calling index: index out of range: 5" },
        { "{{len 3}}", "error: template: :1:2: executing \"\" at <len 3>: error calling len: len of type int" },
        { "{{lt 1 \"a\"}}", "error: template: :1:2: executing \"\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison" },
        { "{{upper 1}}", "error: template: :1:2: executing \"\" at <upper 1>: error calling upper: wrong type for value; expected string; got int" },
        { "{{eq 1}}", "error: template: :1:2: executing \"\" at <eq>: wrong number of args for eq: want at least 2 got 1" },
        { "{{range .State.Pid}}{{.Foo}}{{end}}", "error: template: :1:22: executing \"\" at <.Foo>: can't evaluate field Foo in type int" },
        { "{{range .Id}}{{end}}", "error: template: :1:8: executing \"\" at <.Id>: range can't iterate over 4f66ad9a0b2e" },
        { "{{.Name \"x\"}}", "error: template: :1:2: executing \"\" at <.Name>: Name has arguments but cannot be invoked as function" },
    };
    CHECK_ALL(s);
}

static json_t *row_field(void *arg, const char *name)
{
    if (strcmp(name, "ID") == 0)
        return json_string("abc");
    if (strcmp(name, "Names") == 0)
        return json_string(arg);
    return NULL;
}

static json_t *row_call(void *arg, const char *name, const char *argument)
{
    return strcmp(name, "Label") == 0 ? json_sprintf("<%s>", argument) : NULL;
}

static void rows_make_fields_on_demand(void **state)
{
    static const char *const names[] = { "ID", "Names", NULL };
    const struct template_row row = { .type_name = "*formatter.ContainerContext", .names = names, .field = row_field, .call = row_call };
    char name[] = "web";
    const struct template_input in = { .row = &row, .arg = name };
    static const struct sample s[] = {
        { "{{.ID}} {{.Names}}", "abc web" },
        { "{{json .}}", "{\"ID\":\"abc\",\"Names\":\"web\"}" },
        { "{{.Label \"x\"}} {{$.Label \"y\"}} {{\"z\" | .Label}}", "<x> <y> <z>" },
        { "{{upper .Names}}", "WEB" },
        { "{{.Foo}}", "error: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type *formatter.ContainerContext" },
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        auto_free char *got = run_text(s[i].template, &in);
        assert_string_equal(got, s[i].want);
    }
}

static void titles_pass_through_functions(void **state)
{
    static const char *const names[] = { "ID", "Names", NULL };
    const struct template_row row = { .type_name = "header", .names = names, .field = row_field, .is_header = true };
    char name[] = "Names";
    const struct template_input in = { .row = &row, .arg = name };
    auto_free char *got = run_text("{{upper .Names}} {{json .ID}} {{truncate .Names 2}} {{pad .ID 1 1}}|", &in);
    assert_string_equal(got, "Names abc Names  abc |");
}

static void a_template_cannot_run_for_ever(void **state)
{
    json_t *j = json_loads("[1,2,3,4,5,6,7,8,9,10]", 0, NULL);
    const struct template_input in = { .json = j, .max_steps = 1000 };
    auto_free char *got = run_text("{{range .}}{{range $}}{{range $}}{{range $}}{{end}}{{end}}{{end}}{{end}}", &in);
    assert_string_equal(got, "error: the template runs too long or prints too much");
    json_decref(j);
}

static void deep_nesting_is_refused(void **state)
{
    auto_bytes text = BYTES_INIT;
    bytes_adds(&text, "{{");
    for (int i = 0; i < 5000; i++)
        bytes_addc(&text, '(');
    json_t *j = json_object();
    const struct template_input in = { .json = j };
    auto_free char *got = run_text(bytes_str(&text), &in);
    assert_string_equal(got, "error: template: :1: nested too deeply");
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_named_by_the_field_work), cmocka_unit_test(control_structures_follow_go),
        cmocka_unit_test(functions_follow_go),           cmocka_unit_test(mistakes_have_gos_words),
        cmocka_unit_test(rows_make_fields_on_demand),    cmocka_unit_test(titles_pass_through_functions),
        cmocka_unit_test(a_template_cannot_run_for_ever), cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
