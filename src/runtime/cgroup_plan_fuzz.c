/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of any origin: a plan names plain files of known hierarchies with values of one line, or there is an
 * error. The device rules reduced for version 1 and the program for version 2 are built for whatever was accepted. */
#include "runtime/cgroup_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const hosts[] = {
    "30 20 0:2 / /c rw - cgroup2 c rw\n",
    "30 20 0:2 / /c rw - cgroup c rw,cpu,memory,cpuset,pids,blkio,devices,hugetlb,rdma,net_cls,net_prio\n31 20 0:3 / /u rw - cgroup2 c rw\n",
};

static void check_plan(const struct cgroup_plan *p, const struct cgroup_layout *l)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct cgroup_write *w = &p->writes[i];
        assert(w->hierarchy < l->count && w->limit != NULL);
        assert(strchr(w->file, '/') == NULL && w->file[0] != '.' && strncmp(w->file, "cgroup.procs", 12) != 0);
        assert(w->value[0] != '\0' && strchr(w->value, '\n') == NULL);
        assert((w->alt_file == NULL) == (w->alt_value == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    struct oci_resources r = { 0 };
    struct device_rules rules, reduced;
    bool allow;
    if (oci_resources_parse((const char *)data, size, &r, &err) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct cgroup_layout l;
        struct cgroup_plan p;
        if (cgroup_layout_parse(hosts[i], &l, &err) < 0)
            continue;
        for (size_t k = 0; k < l.count; k++)
            if (l.items[k].v2)
                memcpy(l.items[k].controllers, "cpu,cpuset,io,memory,pids,hugetlb,rdma", 39);
        if (cgroup_plan_build(&l, "/x", &r, &p, &err) == 0) {
            check_plan(&p, &l);
            cgroup_plan_fini(&p);
        } else {
            assert(err.text[0] != '\0');
        }
        cgroup_layout_fini(&l);
    }
    if (device_rules_build(&r, &rules, &err) == 0) {
        struct bpf_insn *insns = NULL;
        size_t count;
        if (device_rules_reduce(&rules, &allow, &reduced, &err) == 0)
            device_rules_fini(&reduced);
        if (device_program_build(&rules, &insns, &count, &err) == 0)
            free(insns);
        device_rules_fini(&rules);
    }
    oci_resources_fini(&r);
    return 0;
}
