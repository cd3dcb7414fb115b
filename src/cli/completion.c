/* SPDX-License-Identifier: Apache-2.0 */
/* cli/completion.c: the table of commands as completion scripts for bash, zsh and fish. Names of containers and
 * images are asked for live through the hidden `creel __complete`, with the global options that are on the line.
 *
 * What comes from the table are words and one-line texts; they are quoted for the shell all the same. */
#include "cli/cli.h"

#include <string.h>

static const char signal_words[] =
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP TTIN TTOU WINCH";
static const char cap_words[] =
    "ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE "
    "DAC_READ_SEARCH FOWNER "
    "FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE "
    "NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE "
    "SYS_NICE "
    "SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM";

/* A single-quoted word of a shell; fish knows \' inside, the others do not. */
static void quote(struct bytes *out, const char *s, bool fish)
{
    bytes_addc(out, '\'');
    for (; *s != '\0'; s++) {
        if (*s == '\'')
            bytes_adds(out, fish ? "\\'" : "'\\''");
        else if (fish && *s == '\\')
            bytes_adds(out, "\\\\");
        else
            bytes_addc(out, *s);
    }
    bytes_addc(out, '\'');
}

/* How the three scripts name what can stand in a place. */
static const char *kind_word(enum cli_complete kind)
{
    switch (kind) {
    case CLI_COMPLETE_FILE: return "file";
    case CLI_COMPLETE_DIR: return "dir";
    case CLI_COMPLETE_CONTAINER: return "containers";
    case CLI_COMPLETE_RUNNING: return "running";
    case CLI_COMPLETE_IMAGE: return "images";
    case CLI_COMPLETE_NONE:
    case CLI_COMPLETE_SIGNAL:
    case CLI_COMPLETE_CAP:
    case CLI_COMPLETE_WORDS: break;
    }
    return "";
}

static const char *fixed_words(const struct cli_option *o)
{
    return o->complete == CLI_COMPLETE_SIGNAL ? signal_words : o->complete == CLI_COMPLETE_CAP ? cap_words
           : o->complete == CLI_COMPLETE_WORDS && o->words != NULL ? o->words : "";
}

/* Every name that a command goes by. */
struct names { const char *first, *aliases; char buf[64]; };

static const char *next_name(struct names *n)
{
    if (n->first != NULL) {
        const char *s = n->first;
        n->first = NULL;
        return s;
    }
    return cli_alias_next(&n->aliases, n->buf, sizeof n->buf) ? n->buf : NULL;
}

/* First words, each once: commands of one word, and the first words of the others. */
static void first_words(const struct cli_table *t, struct bytes *out)
{
    auto_strv seen = STRV_INIT;
    for (size_t i = 0; i < t->count; i++) {
        if (t->commands[i]->hidden)
            continue;
        struct names n = { t->commands[i]->name, t->commands[i]->alias, "" };
        for (const char *s; (s = next_name(&n)) != NULL;) {
            auto_free char *word = strndup(s, strcspn(s, " "));
            if (word == NULL || (!strv_has(&seen, word) && !strv_add(&seen, word)))
                out->failed = true;
        }
    }
    for (size_t i = 0; i < seen.count; i++)
        bytes_addf(out, "%s%s", i > 0 ? " " : "", seen.items[i]);
}

/* The words that can follow `group`. */
static void second_words(const struct cli_table *t, const char *group, struct bytes *out)
{
    size_t len = strlen(group);
    const char *sep = "";
    for (size_t i = 0; i < t->count; i++) {
        struct names n = { t->commands[i]->name, t->commands[i]->alias, "" };
        for (const char *s; !t->commands[i]->hidden && (s = next_name(&n)) != NULL;)
            if (strncmp(s, group, len) == 0 && s[len] == ' ') {
                bytes_addf(out, "%s%s", sep, s + len + 1);
                sep = " ";
            }
    }
}

static bool is_help(const struct cli_command *cmd)
{
    return strcmp(cmd->name, "help") == 0;
}

static const char *const groups[] = { "container", "image", "system" };

/* --- bash --- */

static void bash_option_words(const struct cli_option *o, struct bytes *out)
{
    for (; o != NULL && o->name != NULL; o++) {
        bytes_addf(out, "--%s ", o->name);
        if (o->letter != 0)
            bytes_addf(out, "-%c ", o->letter);
    }
    bytes_adds(out, "--help");
}

static void bash_pattern(const struct cli_option *o, struct bytes *out)
{
    bytes_addf(out, "--%s", o->name);
    if (o->letter != 0)
        bytes_addf(out, "|-%c", o->letter);
}

static void bash_values(const struct cli_option *o, struct bytes *out)
{
    bytes_adds(out, "        case $prev in\n");
    for (; o != NULL && o->name != NULL; o++) {
        if (o->kind == CLI_FLAG)
            continue;
        bytes_adds(out, "        ");
        bash_pattern(o, out);
        bytes_addf(out, ") value=1 kind='%s' words='%s' ;;\n", kind_word(o->complete), fixed_words(o));
    }
    bytes_adds(out, "        esac\n");
}

static void bash_command(const struct cli_command *cmd, struct bytes *out)
{
    struct names n = { cmd->name, cmd->alias, "" };
    const char *sep = "    ";
    for (const char *s; (s = next_name(&n)) != NULL; sep = "|")
        bytes_addf(out, "%s'%s'", sep, s);
    bytes_addf(out, ")\n        operands='%s' stop=%d\n        options='", kind_word(cmd->complete),
               cmd->stop_at_operand);
    bash_option_words(cmd->options, out);
    bytes_adds(out, "'\n");
    bash_values(cmd->options, out);
    bytes_adds(out, "        ;;\n");
}

static void bash_global_values(struct bytes *out)
{
    const char *sep = "";
    for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
        if (o->kind != CLI_FLAG) {
            bytes_addf(out, "%s--%s", sep, o->name);
            sep = "|";
        }
}

static void bash_script(const struct cli_table *t, struct bytes *out)
{
    bytes_adds(
        out,
        "# bash completion for creel; written by `creel completion bash`\n"
        "_creel() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local i word command='' globals=() at=0 value='' kind='' words='' options='' operands='' stop=0 seen=0\n"
        "    COMPREPLY=()\n"
        "    [[ $prev == '=' ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
        "    [[ $cur == '=' ]] && { prev=${COMP_WORDS[COMP_CWORD-1]}; cur=''; }\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        word=${COMP_WORDS[i]}\n"
        "        case $word in\n"
        "        ");
    bash_global_values(out);
    bytes_adds(out, ")\n"
                    "            globals+=(\"$word\")\n"
                    "            [[ ${COMP_WORDS[i+1]} == '=' ]] && ((i++))\n"
                    "            ((i++))\n"
                    "            ((i < COMP_CWORD)) && globals+=(\"${COMP_WORDS[i]}\") ;;\n"
                    "        -*) ;;\n"
                    "        *) command=$word at=$i; break ;;\n"
                    "        esac\n"
                    "    done\n"
                    "    case $command in\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        bytes_addf(
            out,
            "    %s)\n        if ((COMP_CWORD == at + 1)); then\n            mapfile -t COMPREPLY < <(compgen -W '",
            groups[i]);
        second_words(t, groups[i], out);
        bytes_adds(out, "' -- \"$cur\")\n            return\n        fi\n        command+=\" ${COMP_WORDS[at+1]}\" "
                        "at=$((at + 1)) ;;\n");
    }
    bytes_adds(out, "    esac\n"
                    "    for ((i = at + 1; at > 0 && i < COMP_CWORD; i++)); do\n"
                    "        [[ ${COMP_WORDS[i]} != -* ]] && seen=1\n"
                    "    done\n"
                    "    case $command in\n"
                    "    '')\n"
                    "        words='");
    first_words(t, out);
    bytes_adds(out, "'\n        options='");
    bash_option_words(cli_global_options, out);
    bytes_adds(out, "'\n");
    bash_values(cli_global_options, out);
    bytes_adds(out, "        ;;\n    help) words='");
    first_words(t, out);
    bytes_adds(out, "' ;;\n");
    for (size_t i = 0; i < t->count; i++)
        if (!t->commands[i]->hidden && !is_help(t->commands[i]))
            bash_command(t->commands[i], out);
    bytes_adds(
        out,
        "    esac\n"
        "    if [[ -z $value && $cur == -* ]]; then\n"
        "        words=$options\n"
        "    elif [[ -z $value && -n $command && $command != help ]]; then\n"
        "        kind=$operands words=''\n"
        "        ((stop && seen)) && kind=file\n"
        "    fi\n"
        "    case $kind in\n"
        "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
        "    dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
        "    containers|running|images) words=$(creel \"${globals[@]}\" __complete \"$kind\" 2>/dev/null) ;;\n"
        "    esac\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "    type __ltrim_colon_completions &>/dev/null && __ltrim_colon_completions \"$cur\"\n"
        "}\n"
        "complete -F _creel creel\n");
}

/* --- zsh --- */

/* Inside '…[help]:metavar:action'. */
static void zsh_text(struct bytes *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\'')
            bytes_adds(out, "'\\''");
        else if (*s == '[' || *s == ']' || *s == ':' || *s == '\\')
            bytes_addf(out, "\\%c", *s);
        else
            bytes_addc(out, *s);
    }
}

static void zsh_action(enum cli_complete kind, const char *words, struct bytes *out)
{
    const char *word = kind_word(kind);
    if (words[0] != '\0')
        bytes_addf(out, "(%s)", words);
    else if (strcmp(word, "file") == 0)
        bytes_adds(out, "_files");
    else if (strcmp(word, "dir") == 0)
        bytes_adds(out, "_files -/");
    else if (word[0] != '\0')
        bytes_addf(out, " _creel_names %s", word); /* the blank keeps _arguments from adding its own */
    else
        bytes_adds(out, " ");
}

static void zsh_option(const struct cli_option *o, struct bytes *out)
{
    const char *star = o->kind == CLI_LIST ? "*" : "";
    const char *eq = o->kind == CLI_FLAG ? "" : "=";
    bytes_adds(out, " \\\n        ");
    if (o->letter != 0)
        bytes_addf(out, "'%s'{-%c%s,--%s%s}'[", star[0] != '\0' ? star : "", o->letter, eq[0] != '\0' ? "+" : "",
                   o->name, eq);
    else
        bytes_addf(out, "'%s--%s%s[", star, o->name, eq);
    zsh_text(out, o->help);
    bytes_addc(out, ']');
    if (o->kind != CLI_FLAG) {
        bytes_addc(out, ':');
        zsh_text(out, o->metavar);
        bytes_addc(out, ':');
        zsh_action(o->complete, fixed_words(o), out);
    }
    bytes_addc(out, '\'');
}

static void zsh_command(const struct cli_table *t, const struct cli_command *cmd, struct bytes *out)
{
    struct names n = { cmd->name, cmd->alias, "" };
    const char *sep = "    ";
    for (const char *s; (s = next_name(&n)) != NULL; sep = "|")
        bytes_addf(out, "%s'%s'", sep, s);
    bytes_addf(out, ")\n        _arguments -s %s", cmd->stop_at_operand ? "-A '-*'" : "-S");
    for (const struct cli_option *o = cmd->options; o != NULL && o->name != NULL; o++)
        zsh_option(o, out);
    bytes_adds(out, " \\\n        '--help[Print help and exit]'");
    if (cmd->max_args != 0) {
        bytes_addf(out, " \\\n        '%s:operand:", cmd->stop_at_operand || cmd->max_args == 1 ? "1" : "*");
        auto_bytes words = BYTES_INIT;
        if (is_help(cmd))
            first_words(t, &words);
        zsh_action(cmd->complete, bytes_str(&words), out);
        bytes_addc(out, '\'');
        if (cmd->stop_at_operand)
            bytes_adds(out, " \\\n        '*::argument:_files'");
    }
    bytes_adds(out, " ;;\n");
}

/* "word:summary" for _describe; the first words of commands. */
static void zsh_descriptions(const struct cli_table *t, const char *group, struct bytes *out)
{
    size_t len = group == NULL ? 0 : strlen(group);
    for (size_t i = 0; i < t->count; i++) {
        const struct cli_command *cmd = t->commands[i];
        struct names n = { cmd->name, cmd->alias, "" };
        for (const char *s; !cmd->hidden && (s = next_name(&n)) != NULL;) {
            bool fits = group == NULL ? strchr(s, ' ') == NULL : strncmp(s, group, len) == 0 && s[len] == ' ';
            if (!fits)
                continue;
            bytes_addf(out, " '%s:", group == NULL ? s : s + len + 1);
            zsh_text(out, cmd->summary);
            bytes_addc(out, '\'');
        }
    }
}

static void zsh_script(const struct cli_table *t, struct bytes *out)
{
    bytes_adds(out, "#compdef creel\n"
                    "# zsh completion for creel; written by `creel completion zsh`\n"
                    "_creel_names() {\n"
                    "    local -a names\n"
                    "    names=(${(f)\"$(creel $creel_globals __complete $1 2>/dev/null)\"})\n"
                    "    (( $#names )) && compadd -a names\n"
                    "}\n"
                    "_creel_command() {\n"
                    "    case $1 in\n");
    for (size_t i = 0; i < t->count; i++)
        if (!t->commands[i]->hidden)
            zsh_command(t, t->commands[i], out);
    bytes_adds(out, "    esac\n}\n"
                    "_creel() {\n"
                    "    local curcontext=$curcontext state line command\n"
                    "    local -a commands creel_globals\n"
                    "    local -A opt_args\n"
                    "    _arguments -C -A '-*'");
    for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
        zsh_option(o, out);
    bytes_adds(out, " \\\n        '1:command:->command' '*::argument:->argument' && return\n"
                    "    [[ -n $opt_args[--root] ]] && creel_globals+=(--root ${(Q)opt_args[--root]})\n"
                    "    [[ -n $opt_args[--run-root] ]] && creel_globals+=(--run-root ${(Q)opt_args[--run-root]})\n"
                    "    if [[ $state == command ]]; then\n"
                    "        commands=(");
    zsh_descriptions(t, NULL, out);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        bytes_addf(out, " '%s:Commands for %s'", groups[i], i == 2 ? "the engine" : i == 1 ? "images" : "containers");
    bytes_adds(out, ")\n        _describe command commands\n        return\n    fi\n"
                    "    command=$words[1]\n"
                    "    case $command in\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        bytes_addf(out, "    %s)\n        if (( CURRENT == 2 )); then\n            commands=(", groups[i]);
        zsh_descriptions(t, groups[i], out);
        bytes_adds(out, ")\n            _describe command commands\n            return\n        fi\n"
                        "        command+=\" $words[2]\"\n        shift words\n        (( CURRENT-- )) ;;\n");
    }
    bytes_adds(out, "    esac\n"
                    "    _creel_command $command\n"
                    "}\n"
                    "if [[ $funcstack[1] == _creel ]]; then _creel \"$@\"; else compdef _creel creel; fi\n");
}

/* --- fish --- */

static void fish_value(enum cli_complete kind, const char *words, struct bytes *out)
{
    const char *word = kind_word(kind);
    if (words[0] != '\0')
        bytes_addf(out, " -x -a '%s'", words);
    else if (strcmp(word, "file") == 0)
        bytes_adds(out, " -r -F");
    else if (strcmp(word, "dir") == 0)
        bytes_adds(out, " -x -a '(__fish_complete_directories)'");
    else if (word[0] != '\0')
        bytes_addf(out, " -x -a '(__creel_names %s)'", word);
    else
        bytes_adds(out, " -x");
}

static void fish_option(const char *condition, const struct cli_option *o, struct bytes *out)
{
    bytes_adds(out, "complete -c creel -n ");
    quote(out, condition, true);
    bytes_addf(out, " -l %s", o->name);
    if (o->letter != 0)
        bytes_addf(out, " -s %c", o->letter);
    if (o->kind != CLI_FLAG)
        fish_value(o->complete, fixed_words(o), out);
    bytes_adds(out, " -d ");
    quote(out, o->help, true);
    bytes_addc(out, '\n');
}

static void fish_command(const struct cli_command *cmd, struct bytes *out)
{
    static const struct cli_option help = { .name = "help", .kind = CLI_FLAG, .help = "Print help and exit" };
    auto_bytes condition = BYTES_INIT;
    struct names n = { cmd->name, cmd->alias, "" };
    bytes_adds(&condition, "__creel_is");
    for (const char *s; (s = next_name(&n)) != NULL;)
        bytes_addf(&condition, " \"%s\"", s);
    for (const struct cli_option *o = cmd->options; o != NULL && o->name != NULL; o++)
        fish_option(bytes_str(&condition), o, out);
    fish_option(bytes_str(&condition), &help, out);
    const char *word = kind_word(cmd->complete);
    if (word[0] != '\0' && strcmp(word, "file") != 0 && strcmp(word, "dir") != 0) {
        bytes_adds(out, "complete -c creel -n ");
        quote(out, bytes_str(&condition), true);
        bytes_addf(out, " -a '(__creel_names %s)'\n", word);
    } else if (word[0] != '\0' || cmd->stop_at_operand) {
        bytes_adds(out, "complete -c creel -F -n ");
        quote(out, bytes_str(&condition), true);
        bytes_addc(out, '\n');
    }
    out->failed = out->failed || !bytes_ok(&condition);
}

static void fish_words(const struct cli_table *t, struct bytes *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct cli_command *cmd = t->commands[i];
        struct names n = { cmd->name, cmd->alias, "" };
        for (const char *s; !cmd->hidden && (s = next_name(&n)) != NULL;) {
            const char *blank = strchr(s, ' ');
            if (blank == NULL)
                bytes_addf(out, "complete -c creel -n '__creel_is \"\"' -a %s -d ", s);
            else
                bytes_addf(out, "complete -c creel -n '__creel_is %.*s' -a %s -d ", (int)(blank - s), s, blank + 1);
            quote(out, cmd->summary, true);
            bytes_addc(out, '\n');
        }
    }
    bytes_adds(out, "complete -c creel -n '__creel_is help' -a '");
    first_words(t, out);
    bytes_adds(out, "'\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        bytes_addf(out, "complete -c creel -n '__creel_is \"\"' -a %s -d 'Commands for %s'\n", groups[i],
                   i == 2 ? "the engine" : i == 1 ? "images" : "containers");
}

static void fish_script(const struct cli_table *t, struct bytes *out)
{
    bytes_adds(out, "# fish completion for creel; written by `creel completion fish`\n"
                    "function __creel_words\n"
                    "    # the command on the line, and the global options before it\n"
                    "    set -g __creel_globals\n"
                    "    set -l words (commandline -opc)\n"
                    "    set -e words[1]\n"
                    "    while set -q words[1]\n"
                    "        switch $words[1]\n"
                    "            case --root --run-root --cgroup-manager\n"
                    "                set -a __creel_globals $words[1..2]\n"
                    "                set -e words[1..2]\n"
                    "            case '-*'\n"
                    "                set -a __creel_globals $words[1]\n"
                    "                set -e words[1]\n"
                    "            case container image system\n"
                    "                string join ' ' -- $words[1..2]\n"
                    "                return\n"
                    "            case '*'\n"
                    "                echo $words[1]\n"
                    "                return\n"
                    "        end\n"
                    "    end\n"
                    "    echo ''\n"
                    "end\n"
                    "function __creel_is\n"
                    "    contains -- (__creel_words) $argv\n"
                    "end\n"
                    "function __creel_names\n"
                    "    __creel_words >/dev/null\n"
                    "    creel $__creel_globals __complete $argv[1] 2>/dev/null\n"
                    "end\n"
                    "complete -c creel -f\n");
    for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
        fish_option("__creel_is \"\"", o, out);
    fish_words(t, out);
    for (size_t i = 0; i < t->count; i++)
        if (!t->commands[i]->hidden)
            fish_command(t->commands[i], out);
}

bool cli_completion_print(const struct cli_table *t, const char *shell, struct bytes *out)
{
    if (strcmp(shell, "bash") == 0)
        bash_script(t, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh_script(t, out);
    else if (strcmp(shell, "fish") == 0)
        fish_script(t, out);
    else
        return false;
    return true;
}
