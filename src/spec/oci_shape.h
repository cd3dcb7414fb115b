/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_shape.h: structs described as tables, and the three things done with every such struct: parse, print, free.
 *
 * A shape lists the members of one JSON object, in the order in which they are printed. What a row says once cannot
 * differ between the three directions. Absent members stay zero; printing leaves out what is zero unless the row says
 * ALWAYS (the specification requires the member). */
#ifndef CREEL_SPEC_OCI_SHAPE_H
#define CREEL_SPEC_OCI_SHAPE_H

#include "base/bytes.h"
#include "spec/json_reader.h"

#include <stddef.h>
#include <stdint.h>

enum oci_field_kind {
    OCI_F_STR,          /* char * */
    OCI_F_STRV,         /* struct strv */
    OCI_F_SET_STRV,     /* the same with a bool at `aux` that tells an empty list from none */
    OCI_F_BOOL, OCI_F_I32, OCI_F_U32, OCI_F_I64, OCI_F_U64,
    OCI_F_SET_U32,      /* uint32_t with a bool at `aux` that says whether it was given */
    OCI_F_SET_I64,      /* the same for int64_t */
    OCI_F_OPT_I64, OCI_F_OPT_U64, OCI_F_OPT_BOOL,
    OCI_F_U32V,         /* uint32_t * with a size_t count at `aux` */
    OCI_F_NS,           /* enum oci_ns, by name */
    OCI_F_OBJ,          /* a struct inside this one */
    OCI_F_ARR,          /* pointer to structs, size_t count at `aux` */
    OCI_F_MAP,          /* object to structs whose first member is the key (char *); count at `aux` */
    OCI_F_KV,           /* the same for struct oci_kv: string to string */
};
enum { OCI_FIELD_ALWAYS = 1, OCI_FIELD_REQUIRED = 2 /* its absence is an error */ };

struct oci_shape;
struct oci_field {
    const char *key;
    enum oci_field_kind kind;
    unsigned flags;
    size_t offset, aux;
    const struct oci_shape *shape;
    const char *alias;          /* other spelling that configurations have; NULL */
};
struct oci_shape {
    size_t size;
    const struct oci_field *fields;
    size_t count;               /* at most 64 */
    ptrdiff_t present;          /* offset of the bool that says the object was given, or -1 */
};

/* `at`: zeroed struct of that shape. After a failure what was read so far is there: oci_shape_fini frees it. */
int oci_shape_parse(const struct oci_shape *shape, struct json_reader *r, void *at);
/* Errors: INVALID, text that is not UTF-8 (the member is named). */
int oci_shape_print(const struct oci_shape *shape, const void *at, struct bytes *out, struct creel_err *err);
/* Free what it owns and zero it. */
void oci_shape_fini(const struct oci_shape *shape, void *at);


extern const struct oci_shape oci_seccomp_arg_shape;

#endif
