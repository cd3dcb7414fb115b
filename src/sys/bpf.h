/* SPDX-License-Identifier: Apache-2.0 */
/* sys/bpf.h: the few bpf(2) commands that device rules of cgroup v2 need, as -errno. */
#ifndef CREEL_SYS_BPF_H
#define CREEL_SYS_BPF_H

#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
enum { SYS_BPF_PROGS_MAX = 64 };

/* Load a program of the cgroup-device kind. A close-on-exec descriptor. */
int sys_bpf_load_device(const struct bpf_insn *insns, size_t count);
/* Ids of the device programs attached to the group itself. Returns their number. */
int sys_bpf_device_list(int cgroup, uint32_t ids[SYS_BPF_PROGS_MAX]);
/* A close-on-exec descriptor of the program with the id. */
int sys_bpf_open(uint32_t id);
/* Attach; replaces `old` in one step when it is not -1. */
int sys_bpf_attach_device(int cgroup, int prog, int old);
int sys_bpf_detach_device(int cgroup, int prog);

#endif
