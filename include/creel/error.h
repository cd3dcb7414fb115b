/* SPDX-License-Identifier: Apache-2.0 */
/* creel/error.h: the one error object of the library.
 *
 * Functions that can fail return 0 or a non-negative value on success and -1 on failure, and take a
 * `struct creel_err *err` as their last argument. `err` may be NULL when the caller does not want the text.
 * It is written on failure only. The kind is for programs, the text is for people: it names the object,
 * says what was tried and, where there is something to do about it, what to do. */
#ifndef CREEL_ERROR_H
#define CREEL_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds map once to exit codes (cli), HTTP status and gRPC codes (api). Never renumber: they are ABI. */
enum creel_kind {
    CREEL_OK = 0,
    CREEL_INVALID,      /* the request itself is wrong; repeating it cannot help */
    CREEL_NOT_FOUND,    /* the named object does not exist */
    CREEL_CONFLICT,     /* the object's state, a name or a revision stands in the way */
    CREEL_DENIED,       /* permission or policy */
    CREEL_EXHAUSTED,    /* a limit, memory or disk space */
    CREEL_TIMEOUT,
    CREEL_CANCELED,
    CREEL_UNSUPPORTED,  /* this host, kernel or build cannot do it */
    CREEL_NOT_MODIFIED, /* already so: start of a running container, stop of a stopped one */
    CREEL_CANNOT_INVOKE,/* the container's command exists but cannot be executed (exit code 126) */
    CREEL_NO_COMMAND,   /* the container's command was not found (exit code 127) */
    CREEL_INTERNAL,     /* the world failed us (I/O, kernel), or a defect */
};

struct creel_err {
    enum creel_kind kind;
    int sys;            /* errno of the root cause, 0 if there was none */
    char text[1024];    /* outermost context first; inline, so that reporting never allocates */
};

/* A short lower-case word for the kind, e.g. "not-found"; static storage. */
const char *creel_kind_name(enum creel_kind kind);

#ifdef __cplusplus
}
#endif
#endif
