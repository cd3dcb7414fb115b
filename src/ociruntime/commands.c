/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/commands.c: the tables; see ociruntime/command.h. */
#include "ociruntime/command.h"

const struct option global_options[] = {
    { .name = "root", .kind = OPTION_STRING, .metavar = "PATH",
      .help = "directory of container states (default /run/creel-runtime, or $XDG_RUNTIME_DIR/creel-runtime without privilege)" },
    { .name = "log", .kind = OPTION_STRING, .metavar = "PATH", .help = "write log lines to this file instead of standard error" },
    { .name = "log-format", .kind = OPTION_STRING, .metavar = "FORMAT", .def = "text", .help = "shape of log lines: text or json" },
    { .name = "debug", .kind = OPTION_FLAG, .help = "log more" },
    { .name = "systemd-cgroup", .kind = OPTION_FLAG,
      .help = "let systemd make control groups; cgroupsPath is then \"slice:prefix:name\"" },
    { .name = "cgroup-manager", .kind = OPTION_STRING, .metavar = "MANAGER",
      .help = "who makes control groups: cgroupfs, systemd or disabled (none is made)" },
    { .name = "rootless", .kind = OPTION_STRING, .metavar = "BOOL", .def = "auto",
      .help = "go on without the control groups that one has no permission for: true, false or auto" },
    { .name = "criu", .kind = OPTION_STRING, .metavar = "PATH", .help = "unused", .hidden = true }, /* as in runc: obsolete */
    { .name = "version", .letter = 'v', .kind = OPTION_FLAG, .help = "print the version" },
    { .name = NULL },
};

const struct command *const commands[] = {
    &command_checkpoint,
    &command_create,
    &command_delete,
    &command_events,
    &command_exec,
    &command_features,
    &command_kill,
    &command_list,
    &command_pause,
    &command_ps,
    &command_restore,
    &command_resume,
    &command_run,
    &command_spec,
    &command_start,
    &command_state,
    &command_update,
};
const size_t command_count = ARRAY_LEN(commands);
