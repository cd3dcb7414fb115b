/* SPDX-License-Identifier: Apache-2.0 */
/* bench/interleave: times commands in turn, so that what the machine does meanwhile hits all of them alike.
 *
 *   interleave ROUNDS [--jobs N] [--warmup N] -- NAME COMMAND [ARG...] -- NAME COMMAND [ARG...] …
 *
 * Each round runs every command once (or N at a time, timing the batch), with output to /dev/null. A "{}" at the end
 * of an argument becomes the number of the job, 0 to N - 1. Wall time is from before vfork to after wait. Prints one
 * line per command: NAME median_us min_us p90_us max_us failures peak_kB, the last being the largest process that
 * the command waited for. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
enum { COMMANDS_MAX = 32, JOBS_MAX = 256, ARGS_MAX = 64 };
struct command { char *name, **argv; double *us; unsigned failures; long peak_kb; };

static double now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int spawn_job(const struct command *c, int job, const posix_spawn_file_actions_t *actions, pid_t *ret)
{
    static char text[ARGS_MAX][512];
    char *argv[ARGS_MAX + 1];
    int n = 0;
    for (; n < ARGS_MAX && c->argv[n] != NULL; n++) {
        size_t len = strlen(c->argv[n]);
        argv[n] = c->argv[n];
        if (len < 2 || len > sizeof *text - 16 || strcmp(c->argv[n] + len - 2, "{}") != 0)
            continue;
        snprintf(text[n], sizeof text[n], "%.*s%d", (int)len - 2, c->argv[n], job);
        argv[n] = text[n];
    }
    argv[n] = NULL;
    return posix_spawnp(ret, argv[0], actions, NULL, argv, environ);
}

static double run_batch(struct command *c, int jobs, const posix_spawn_file_actions_t *actions)
{
    pid_t pids[JOBS_MAX];
    double t0 = now_us();
    for (int i = 0; i < jobs; i++)
        if (spawn_job(c, i, actions, &pids[i]) != 0) {
            pids[i] = -1;
            c->failures++;
        }
    for (int i = 0; i < jobs; i++) {
        int status;
        struct rusage used = { 0 };
        if (pids[i] > 0 && (wait4(pids[i], &status, 0, &used) < 0 || status != 0))
            c->failures++;
        if (used.ru_maxrss > c->peak_kb)
            c->peak_kb = used.ru_maxrss;
    }
    return now_us() - t0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* A count from the command line; what is none ends the program. */
static int number(const char *text)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < 0 || n > 1000000) {
        (void)fprintf(stderr, "interleave: '%s' is no count\n", text);
        exit(2);
    }
    return (int)n;
}

int main(int argc, char **argv)
{
    struct command commands[COMMANDS_MAX];
    int count = 0, jobs = 1, warmup = 1, i = 1, rounds = argc > 1 ? number(argv[1]) : 0;
    for (i = 2; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--jobs") == 0)
            jobs = number(argv[i + 1]);
        else if (strcmp(argv[i], "--warmup") == 0)
            warmup = number(argv[i + 1]);
    }
    while (i + 2 < argc && strcmp(argv[i], "--") == 0 && count < COMMANDS_MAX) {
        struct command *c = &commands[count++];
        *c = (struct command){ .name = argv[i + 1], .argv = &argv[i + 2] };
        argv[i] = NULL; /* ends the argv before this one */
        for (i += 2; i < argc && strcmp(argv[i], "--") != 0; i++)
            ;
    }
    if (rounds < 1 || count == 0 || jobs < 1 || jobs > JOBS_MAX) {
        fprintf(stderr, "usage: interleave ROUNDS [--jobs N] [--warmup N] -- NAME COMMAND [ARG...] [-- NAME …]\n");
        return 2;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (getenv("INTERLEAVE_STDERR") == NULL)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    for (int c = 0; c < count; c++)
        if ((commands[c].us = calloc((size_t)rounds, sizeof(double))) == NULL)
            return 1;
    for (int r = -warmup; r < rounds; r++)
        for (int c = 0; c < count; c++) {
            double us = run_batch(&commands[c], jobs, &actions);
            if (r >= 0)
                commands[c].us[r] = us;
            else
                commands[c].failures = 0;
        }
    for (int c = 0; c < count; c++) {
        struct command *x = &commands[c];
        qsort(x->us, (size_t)rounds, sizeof(double), by_value);
        printf("%s %.1f %.1f %.1f %.1f %u %ld\n", x->name, x->us[rounds / 2], x->us[0], x->us[rounds * 9 / 10],
               x->us[rounds - 1], x->failures, x->peak_kb);
    }
    return 0;
}
