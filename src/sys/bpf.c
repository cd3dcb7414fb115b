/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int command, union bpf_attr *attr)
{
    long r = syscall(SYS_bpf, command, attr, sizeof *attr);
    return r < 0 ? -errno : (int)r;     /* the kernel makes its descriptors close-on-exec */
}

static uint64_t pointer(const void *p) { return (uint64_t)(uintptr_t)p; }

int sys_bpf_load_device(const struct bpf_insn *insns, size_t count)
{
    static const char license[] = "Apache-2.0", name[] = "creel_devices";
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = pointer(insns);
    attr.insn_cnt = (uint32_t)count;
    attr.license = pointer(license);
    memcpy(attr.prog_name, name, sizeof name);
    return call(BPF_PROG_LOAD, &attr);
}

int sys_bpf_device_list(int cgroup, uint32_t ids[SYS_BPF_PROGS_MAX])
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.query.target_fd = (uint32_t)cgroup;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = pointer(ids);
    attr.query.prog_cnt = SYS_BPF_PROGS_MAX;
    int r = call(BPF_PROG_QUERY, &attr);
    return r < 0 ? r : (int)attr.query.prog_cnt;
}

int sys_bpf_open(uint32_t id)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_id = id;
    return call(BPF_PROG_GET_FD_BY_ID, &attr);
}

int sys_bpf_attach_device(int cgroup, int prog, int old)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (old >= 0) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)old;
    }
    return call(BPF_PROG_ATTACH, &attr);
}

int sys_bpf_detach_device(int cgroup, int prog)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return call(BPF_PROG_DETACH, &attr);
}
