/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/signal_name.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { RT_MIN = 34, RT_MAX = 64 }; /* as glibc shows them to programs, and Docker to users */

static const struct { const char *name; int number; } signals[] = {
    { "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL }, { "TRAP", SIGTRAP },
    { "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL }, { "USR1", SIGUSR1 },
    { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM },
    { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
    { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
    { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO }, { "PWR", SIGPWR },
    { "SYS", SIGSYS }, { "IOT", SIGIOT }, { "POLL", SIGPOLL }, { "CLD", SIGCHLD }, { "UNUSED", SIGSYS },
};

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n */
static bool realtime_parse(const char *s, int *ret)
{
    bool from_max = strncasecmp(s, "RTMAX", 5) == 0;
    if (!from_max && strncasecmp(s, "RTMIN", 5) != 0)
        return false;
    int n = from_max ? RT_MAX : RT_MIN;
    uint64_t offset = 0;
    if (s[5] != '\0' && (s[5] != (from_max ? '-' : '+') || !parse_u64(s + 6, from_max ? 14 : 15, &offset)))
        return false;
    *ret = from_max ? n - (int)offset : n + (int)offset;
    return true;
}

bool signal_name_parse(const char *text, int *ret)
{
    uint64_t number;
    if (parse_u64(text, RT_MAX, &number)) {
        *ret = (int)number;
        return number > 0;
    }
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (strcasecmp(signals[i].name, text) == 0) {
            *ret = signals[i].number;
            return true;
        }
    return realtime_parse(text, ret);
}

const char *signal_name_of(int signo)
{
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (signals[i].number == signo)
            return signals[i].name;
    return NULL;
}

const char *signal_name_at(unsigned n)
{
    return n < ARRAY_LEN(signals) ? signals[n].name : NULL;
}
