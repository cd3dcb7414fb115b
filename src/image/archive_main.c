/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_main.c: creel-archive, the program that reads and writes archives for the engine (worker.h). Not
 * meant to be called by people. */
#include "image/archive_op.h"
#include "image/confine.h"
#include "image/hasher.h"
#include "image/report.h"
#include "image/tar_reader.h"
#include "image/worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
} ops[] = {
    { "compose", archive_op_compose },
    { "copy-in", archive_op_copy_in },
    { "copy-out", archive_op_copy_out },
    { "diff", archive_op_diff },
    { "export", archive_op_export },
    { "pack", archive_op_pack },
    { "pack-layer", archive_op_pack_layer },
    { "stage", archive_op_stage },
    { "stat", archive_op_stat },
    { "unpack", archive_op_unpack },
    { "unpack-files", archive_op_unpack_files },
};

static int run(const char *name, json_t **ret_request, json_t **ret_ok, struct creel_err *err)
{
    struct archive_op_args args = { 0 };
    if (confine_begin(WORKER_FIRST_FD + WORKER_FDS_MAX, err) < 0 || report_request(ret_request, err) < 0)
        return -1;
    args.request = *ret_request;
    if (archive_limits_read(json_object_get(args.request, "limits"), &args.limits) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the request has no limits");
    if (hasher_prepare(err) < 0 || tar_reader_prepare(err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (strcmp(name, ops[i].name) == 0)
            return ops[i].run(&args, ret_ok, err);
    return creel_fail(err, CREEL_INVALID, 0, "unknown operation %s", name);
}

int main(int argc, char **argv)
{
    struct creel_err err = { 0 };
    struct stat st;
    json_t *request = NULL, *ok = NULL;
    if (argc != 2 || fstat(WORKER_CONTROL_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        (void)fputs("creel-archive is started by creel; there is nothing to do with it by hand\n", stderr);
        return 100;
    }
    int r = run(argv[1], &request, &ok, &err);
    r = r < 0 ? report_error(&err) : report_ok(ok);
    json_decref(request);
    return r < 0 ? 1 : 0;
}
