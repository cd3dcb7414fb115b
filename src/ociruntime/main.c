/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/main.c: the program creel-runtime: parse, open the log, run one command, report. */
#include "ociruntime/command.h"

#include "base/bytes.h"
#include "ociruntime/own_view.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A descriptor 0, 1 or 2 that is closed would be reused for something that the container must not have. */
static bool standard_files_open(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) /* no CLOEXEC: inherited */
            return false;
    return true;
}

static void do_nothing(int signo) { (void)signo; }

/* A reader of our output or of the log that goes away is an error of write; it must not end us half-way through a creation. A
 * handler, because programs that we execute do not inherit one. And a caller who ignores SIGCHLD must not make the kernel wait
 * for our children. */
static void settle_signals(void)
{
    const struct sigaction nothing = { .sa_handler = do_nothing, .sa_flags = SA_RESTART }, usual = { .sa_handler = SIG_DFL };
    (void)sigaction(SIGPIPE, &nothing, NULL); /* cannot fail for these two */
    (void)sigaction(SIGCHLD, &usual, NULL);
}

static int print(const struct bytes *text)
{
    if (!bytes_ok(text))
        return 1;
    return sys_write_all(STDOUT_FILENO, bytes_str(text), text->len) < 0 ? 1 : 0;
}

static int print_help(const struct invocation *in)
{
    auto_bytes text = BYTES_INIT;
    if (in->command != NULL)
        command_help(in->command, &text);
    else
        command_help_program(&text);
    return print(&text);
}

/* What clients look for: "<name> version <version>", then lines of "<part>: <version>". */
static int print_version(void)
{
    auto_bytes text = BYTES_INIT;
    bytes_addf(&text, "creel-runtime (command line of runc version 1.5.1) version %s\ncommit: %s\nspec: 1.2.0\n", CREEL_VERSION,
               CREEL_COMMIT);
    return print(&text);
}

static int dispatch(struct invocation *in, char **argv, struct creel_err *err)
{
    if (option_flag(in, "help"))
        return print_help(in);
    if (in->command == NULL)
        return option_flag(in, "version") ? print_version() : print_help(in);
    const char *manager = option_string(in, "cgroup-manager"), *rootless = option_string(in, "rootless");
    if (manager != NULL && strcmp(manager, "cgroupfs") != 0 && strcmp(manager, "systemd") != 0
        && strcmp(manager, "disabled") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "unknown cgroup manager %s", manager);
    if (rootless != NULL && strcmp(rootless, "auto") != 0 && strcmp(rootless, "true") != 0 && strcmp(rootless, "false") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid value \"%s\" for --rootless: true, false or auto", rootless);
    if (in->command->guarded && own_view_enter(argv, err) < 0)
        return -1;
    return in->command->run(in, err);
}

static int report_usage(const struct invocation *in)
{
    auto_bytes text = BYTES_INIT;
    bytes_adds(&text, "Incorrect Usage.\n\n");
    if (in->command != NULL)
        command_help(in->command, &text);
    else
        command_help_program(&text);
    return print(&text);
}

/* What execve itself refused is said by the process in runc: one line in plain words, unless there is a log. */
static void report_error(const struct invocation *in, const struct creel_err *err)
{
    if (in->log.fd >= 0 || strncmp(err->text, "exec /", 6) != 0) {
        log_error(&in->log, err->text);
        return;
    }
    auto_bytes line = BYTES_INIT;
    bytes_addf(&line, "%s\n", err->text);
    (void)sys_write_all(STDERR_FILENO, bytes_str(&line), line.len);
}

int main(int argc, char **argv)
{
    static struct invocation in; /* too large for the stack of a child that is cloned deep below */
    struct creel_err err = { 0 }, ignored = { 0 };
    if (!standard_files_open())
        return 1;
    settle_signals();
    if (argc == 2 && strcmp(argv[1], "__man") == 0) {
        auto_bytes text = BYTES_INIT;
        command_man(&text);
        return print(&text);
    }
    bool usage = invocation_parse(&in, argc, argv, &err) < 0;
    int code = -1;
    if (log_open(&in.log, option_string(&in, "log"), option_string(&in, "log-format"), option_flag(&in, "debug"),
                 usage ? &ignored : &err) == 0 && !usage)
        code = dispatch(&in, argv, &err);
    if (usage && in.failure_code == 1)
        (void)report_usage(&in); /* standard output may be closed; the error follows in any case */
    if (code < 0) {
        report_error(&in, &err);
        code = in.failure_code;
    }
    invocation_fini(&in);
    return code;
}
