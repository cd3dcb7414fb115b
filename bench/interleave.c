/* SPDX-License-Identifier: Apache-2.0 */
/* bench/interleave: times commands in turn, so that what the machine does meanwhile hits all of them alike.
 *
 *   interleave ROUNDS [--jobs N] [--warmup N] -- NAME COMMAND [ARG...] -- NAME COMMAND [ARG...] …
 *
 * Each round runs every command once (or N at a time, timing the batch), with output to /dev/null. Wall time is from
 * before vfork to after wait. Prints one line per command: NAME median_us min_us p90_us max_us failures. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
enum { COMMANDS_MAX = 32, JOBS_MAX = 256 };
struct command { char *name, **argv; double *us; unsigned failures; };

static double now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double run_batch(struct command *c, int jobs, const posix_spawn_file_actions_t *actions)
{
    pid_t pids[JOBS_MAX];
    double t0 = now_us();
    for (int i = 0; i < jobs; i++)
        if (posix_spawnp(&pids[i], c->argv[0], actions, NULL, c->argv, environ) != 0) {
            pids[i] = -1;
            c->failures++;
        }
    for (int i = 0; i < jobs; i++) {
        int status;
        if (pids[i] > 0 && (waitpid(pids[i], &status, 0) < 0 || status != 0))
            c->failures++;
    }
    return now_us() - t0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    struct command commands[COMMANDS_MAX];
    int count = 0, jobs = 1, warmup = 1, i = 1, rounds = argc > 1 ? atoi(argv[1]) : 0;
    for (i = 2; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--jobs") == 0)
            jobs = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--warmup") == 0)
            warmup = atoi(argv[i + 1]);
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
        printf("%s %.1f %.1f %.1f %.1f %u\n", x->name, x->us[rounds / 2], x->us[0], x->us[rounds * 9 / 10],
               x->us[rounds - 1], x->failures);
    }
    return 0;
}
