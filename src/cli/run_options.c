/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_options.c: a row per option, in alphabetical order. Options that are there only to be refused with a reason
 * (publish, restart) say so; health-* come with health checks. */
#include "cli/run_options.h"

#define OPT_FLAG(n, l, text) { .name = n, .letter = l, .kind = CLI_FLAG, .help = text }
#define OPT_TEXT(n, l, var, text) { .name = n, .letter = l, .kind = CLI_STRING, .metavar = var, .help = text }
#define OPT_LIST(n, l, var, text) { .name = n, .letter = l, .kind = CLI_LIST, .metavar = var, .help = text }
#define OPT_INT(n, l, var, text) { .name = n, .letter = l, .kind = CLI_INT, .metavar = var, .help = text }
#define OPT_WORDS(n, var, text, list)                                                                                \
    { .name = n, .kind = CLI_STRING, .metavar = var, .help = text, .complete = CLI_COMPLETE_WORDS, .words = list }

#define ULIMIT_WORDS "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"

#define SHARED_OPTIONS                                                                                               \
    OPT_LIST("annotation", 0, "KEY=VALUE", "Add an annotation to the OCI configuration"),                            \
    { .name = "attach", .letter = 'a', .kind = CLI_LIST, .metavar = "STREAM",                                        \
      .help = "Attach only to this stream", .complete = CLI_COMPLETE_WORDS, .words = "stdin stdout stderr" },        \
    OPT_INT("blkio-weight", 0, "WEIGHT", "Block I/O weight from 10 to 1000, 0 for none"),                            \
    { .name = "cap-add", .kind = CLI_LIST, .metavar = "CAPABILITY", .help = "Add a capability, or ALL",              \
      .complete = CLI_COMPLETE_CAP },                                                                                \
    { .name = "cap-drop", .kind = CLI_LIST, .metavar = "CAPABILITY", .help = "Drop a capability, or ALL",            \
      .complete = CLI_COMPLETE_CAP },                                                                                \
    OPT_TEXT("cgroup-parent", 0, "PATH", "Put the container's control group below this one"),                        \
    OPT_WORDS("cgroupns", "MODE", "Control group namespace", "private host"),                                        \
    { .name = "cidfile", .kind = CLI_STRING, .metavar = "FILE", .help = "Write the container's id to a new file",    \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    OPT_INT("cpu-period", 0, "MICROSECONDS", "Length of a period for --cpu-quota"),                                  \
    OPT_INT("cpu-quota", 0, "MICROSECONDS", "Processor time allowed per period"),                                    \
    OPT_INT("cpu-shares", 'c', "SHARES", "Relative share of processor time"),                                        \
    OPT_TEXT("cpus", 0, "NUMBER", "Number of processors that may be used, such as 1.5"),                             \
    OPT_TEXT("cpuset-cpus", 0, "LIST", "Processors that may be used, such as 0-3 or 0,1"),                           \
    OPT_TEXT("cpuset-mems", 0, "LIST", "Memory nodes that may be used, such as 0-3 or 0,1"),                         \
    { .name = "device", .kind = CLI_LIST, .metavar = "HOST[:CONTAINER][:rwm]", .help = "Add a device of the host",   \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    OPT_LIST("device-cgroup-rule", 0, "RULE", "Allow devices by number, such as 'c 10:200 rwm'"),                    \
    OPT_TEXT("domainname", 0, "NAME", "NIS domain name of the container"),                                           \
    OPT_TEXT("entrypoint", 0, "PROGRAM", "Run this instead of the image's entry point; empty for none"),             \
    OPT_LIST("env", 'e', "NAME[=VALUE]", "Set an environment variable, or pass the caller's on"),                    \
    { .name = "env-file", .kind = CLI_LIST, .metavar = "FILE", .help = "Read environment variables from a file",     \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    OPT_LIST("group-add", 0, "GROUP", "Add a supplementary group"),                                                  \
    OPT_TEXT("hostname", 'h', "NAME", "Host name of the container"),                                                 \
    OPT_FLAG("init", 0, "Run a small init process that forwards signals and reaps children"),                        \
    OPT_FLAG("interactive", 'i', "Keep standard input open and, in the foreground, connect it"),                     \
    OPT_WORDS("ipc", "MODE", "IPC namespace, or container:NAME", "none private shareable host"),                     \
    OPT_LIST("label", 'l', "KEY[=VALUE]", "Set a label on the container"),                                           \
    { .name = "label-file", .kind = CLI_LIST, .metavar = "FILE", .help = "Read labels from a file",                  \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    OPT_WORDS("log-driver", "DRIVER", "How output is logged", "json-file cri none"),                                 \
    OPT_LIST("log-opt", 0, "KEY=VALUE", "Option of the log driver, such as max-size=10m"),                           \
    OPT_TEXT("memory", 'm', "SIZE", "Memory limit, such as 512m or 2g"),                                             \
    OPT_TEXT("memory-reservation", 0, "SIZE", "Memory that is kept when the host runs short"),                       \
    OPT_TEXT("memory-swap", 0, "SIZE", "Memory and swap together, -1 for unlimited swap"),                           \
    OPT_LIST("mount", 0, "FIELDS", "Mount type=bind,src=PATH,dst=PATH[,ro] or type=tmpfs,dst=PATH"),                 \
    OPT_TEXT("name", 0, "NAME", "Name of the container"),                                                            \
    { .name = "network", .kind = CLI_LIST, .metavar = "NETWORK", .help = "Network of the container", .def = "none",  \
      .complete = CLI_COMPLETE_WORDS, .words = "none host", .alias = "net" },                                        \
    OPT_FLAG("no-healthcheck", 0, "Disable the health check that the image asks for"),                               \
    OPT_FLAG("oom-kill-disable", 0, "Do not kill processes when the memory limit is reached (cgroup v1)"),           \
    OPT_INT("oom-score-adj", 0, "NUMBER", "Preference as victim when memory runs out, -1000 to 1000"),               \
    OPT_WORDS("pid", "MODE", "Process id namespace, or container:NAME", "host"),                                     \
    OPT_INT("pids-limit", 0, "NUMBER", "Number of processes and threads, -1 for unlimited"),                         \
    OPT_FLAG("privileged", 0, "Give all capabilities and devices, and lift the confinement"),                        \
    OPT_LIST("publish", 'p', "PORTS", "Publish a port (refused: there are no networks yet)"),                        \
    OPT_FLAG("publish-all", 'P', "Publish all exposed ports (refused: there are no networks yet)"),                  \
    { .name = "pull", .kind = CLI_STRING, .metavar = "WHEN",                                                         \
      .help = "Whether to pull the image first; it has to be there, so never is what happens", .def = "missing",     \
      .complete = CLI_COMPLETE_WORDS, .words = "missing never" },                                                    \
    OPT_FLAG("quiet", 'q', "Show no progress of a pull"),                                                            \
    OPT_FLAG("read-only", 0, "Mount the root file system read-only"),                                                \
    OPT_WORDS("restart", "POLICY", "Restart policy (only no is available yet)", "no"),                               \
    OPT_FLAG("rm", 0, "Remove the container when it ends"),                                                          \
    { .name = "runtime", .kind = CLI_STRING, .metavar = "NAME", .help = "OCI runtime to use: its name or path",      \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    OPT_LIST("security-opt", 0, "OPTION",                                                                            \
             "seccomp=FILE|unconfined, no-new-privileges, apparmor=, label=, systempaths=unconfined"),               \
    OPT_TEXT("shm-size", 0, "SIZE", "Size of /dev/shm"),                                                             \
    { .name = "stop-signal", .kind = CLI_STRING, .metavar = "SIGNAL", .help = "Signal that stops the container",     \
      .complete = CLI_COMPLETE_SIGNAL },                                                                             \
    OPT_INT("stop-timeout", 0, "SECONDS", "Time to stop before the container is killed, -1 for ever"),               \
    OPT_LIST("sysctl", 0, "NAME=VALUE", "Set a namespaced kernel parameter"),                                        \
    OPT_LIST("tmpfs", 0, "PATH[:OPTIONS]", "Mount a tmpfs"),                                                         \
    OPT_FLAG("tty", 't', "Give the process a terminal"),                                                             \
    { .name = "ulimit", .kind = CLI_LIST, .metavar = "NAME=SOFT[:HARD]", .help = "Set a resource limit",             \
      .complete = CLI_COMPLETE_WORDS, .words = ULIMIT_WORDS },                                                       \
    OPT_TEXT("user", 'u', "USER[:GROUP]", "User, by name or number"),                                                \
    OPT_WORDS("userns", "MODE", "User namespace", "host"),                                                           \
    OPT_WORDS("uts", "MODE", "UTS namespace", "host"),                                                               \
    { .name = "volume", .letter = 'v', .kind = CLI_LIST, .metavar = "HOST:CONTAINER[:MODE]",                         \
      .help = "Mount a file or directory of the host; modes ro, rw, rro, z, Z and a propagation",                    \
      .complete = CLI_COMPLETE_FILE },                                                                               \
    { .name = "workdir", .letter = 'w', .kind = CLI_STRING, .metavar = "DIR", .help = "Working directory" }

const struct cli_option run_options[] = {
    OPT_FLAG("detach", 'd', "Run in the background and print the container's id"),
    OPT_TEXT("detach-keys", 0, "KEYS", "Keys that detach, such as ctrl-p,ctrl-q"),
    { .name = "sig-proxy", .kind = CLI_FLAG, .help = "Pass signals on to the process", .def = "true" },
    SHARED_OPTIONS,
    { .name = NULL },
};

const struct cli_option create_options[] = {
    SHARED_OPTIONS,
    { .name = NULL },
};
