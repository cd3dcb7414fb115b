/* SPDX-License-Identifier: Apache-2.0 */
/* cli/parallel.c: see parallel.h. One operand needs no thread. An engine belongs to one thread, so each opens its
 * own. */
#include "cli/parallel.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PARALLEL_THREADS = 8 };

struct job {
    struct cli *c;
    int (*one)(void *arg, struct creel *e, const char *ref, struct creel_err *err);
    void *arg;
    atomic_size_t next;
    struct creel_err *errs;     /* one per operand; kind CREEL_OK: it worked */
};

static void take_turns(struct job *j, struct creel *e)
{
    const struct strv *refs = cli_args(j->c);
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < refs->count;) {
        struct creel_err err = { 0 };
        if (j->one(j->arg, e, refs->items[i], &err) < 0)
            j->errs[i] = err;
    }
}

static void *worker(void *arg)
{
    struct job *j = arg;
    struct creel *e = NULL;
    struct creel_err err = { 0 };
    const struct creel_options o = { .size = sizeof o,
                                     .root = cli_string(j->c, "root"),
                                     .run_root = cli_string(j->c, "run-root"),
                                     .cgroup_manager = cli_string(j->c, "cgroup-manager") };
    if (creel_open(&o, &e, &err) < 0)
        e = NULL; /* the others do the work, unless they fare the same */
    if (e != NULL)
        take_turns(j, e);
    creel_close(e);
    return NULL;
}

static int report(struct job *j, bool (*forgives)(void *arg, const struct creel_err *err))
{
    int code = 0;
    for (size_t i = 0; i < cli_args(j->c)->count; i++) {
        const struct creel_err *err = &j->errs[i];
        if (err->kind == CREEL_OK) {
            (void)fprintf(cli_out(j->c), "%s\n", cli_args(j->c)->items[i]); /* main looks at ferror */
            continue;
        }
        (void)cli_fail(j->c, err);
        if (forgives == NULL || !forgives(j->arg, err))
            code = 1;
    }
    return code;
}

int parallel_each(struct cli *c, int (*one)(void *arg, struct creel *e, const char *ref, struct creel_err *err),
                  void *arg, bool (*forgives)(void *arg, const struct creel_err *err))
{
    struct creel *e = cli_engine(c);
    size_t count = cli_args(c)->count, threads = 0;
    if (e == NULL)
        return 1;
    auto_free struct creel_err *errs = calloc(count + 1, sizeof *errs);
    if (errs == NULL)
        return cli_error(c, 1, "out of memory");
    struct job j = { .c = c, .one = one, .arg = arg, .errs = errs };
    pthread_t ids[PARALLEL_THREADS];
    while (threads + 1 < count && threads < PARALLEL_THREADS - 1 &&
           pthread_create(&ids[threads], NULL, worker, &j) == 0)
        threads++;
    take_turns(&j, e);
    for (size_t i = 0; i < threads; i++)
        (void)pthread_join(ids[i], NULL); /* cannot fail: each is ours and joined once */
    return report(&j, forgives);
}
