/* SPDX-License-Identifier: Apache-2.0 */
/* sys/process.h: system calls about processes and descriptors, as -errno.
 *
 * All of it is async-signal-safe and allocates nothing, so that it may be used between clone and exec. Where a newer call
 * can be replaced without losing a guarantee, the replacement is inside; where it cannot, -ENOSYS comes back and the
 * caller decides. Constants that the C library's headers do not know yet are defined here and nowhere else. */
#ifndef CREEL_SYS_PROCESS_H
#define CREEL_SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <signal.h>
#include <sys/types.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#define SYS_CLONE_CLEAR_SIGHAND UINT64_C(0x100000000)
#define SYS_CLONE_INTO_CGROUP UINT64_C(0x200000000)
#define SYS_CLOSE_RANGE_CLOEXEC 4u

/* Fork. flags: CLONE_NEW*, SYS_CLONE_CLEAR_SIGHAND, SYS_CLONE_INTO_CGROUP (with cgroup_fd). The child gets 0.
 * *ret_pidfd (never NULL) is a close-on-exec pidfd in the parent; -1 when the kernel has none (before 5.2).
 * *ret_in_cgroup tells whether the child was born in the cgroup: without clone3, or without the right to enter the group,
 * the child is made outside, and the caller has to have it moved. The C library's fork handlers do not run: the child must not allocate or lock. */
pid_t sys_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, bool *ret_in_cgroup);

/* -ENOSYS also where a filter forbids the call as such. Without pidfd_send_signal a child is signalled by its pid, which is
 * its own until it is waited for; for others -ENOSYS is the answer. */
int sys_pidfd_open(pid_t pid);
int sys_pidfd_send_signal(int pidfd, int signo);
int sys_pidfd_getfd(int pidfd, int fd);
/* Wait for the end of a child, retrying EINTR; by pidfd when it is not -1, so that a pid that was reaped and used again is
 * not waited for (-ECHILD). *ret_status as waitpid gives it. */
int sys_wait_child(pid_t pid, int pidfd, int *ret_status);

int sys_setns(int fd, int flags);
int sys_unshare(int flags);
/* close(2) of every descriptor in [first, last]; close-on-exec instead with `cloexec`. Without close_range: /proc. */
int sys_close_range(unsigned first, unsigned last, bool cloexec);
/* Close these (each given once) and set them to -1; those that are -1 are left out. One call for each run of
 * numbers. */
void sys_close_all(int *fds, size_t count);
int sys_execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags);
/* A memory file, close-on-exec, sealable, executable where the kernel makes that a choice. */
int sys_memfd(const char *name);
/* Join the session keyring of that name, or make it. -ENOSYS when the kernel has no keys. */
int sys_keyring_join(const char *name);

/* --- descriptors --- */
/* Write or read all of it, retrying EINTR and short transfers. read: *ret_len may be short only at the end of file. */
int sys_write_all(int fd, const void *data, size_t len);
int sys_read_all(int fd, void *data, size_t size, size_t *ret_len);
/* Open, one write, close: kernel files. */
int sys_write_file(int dir, const char *path, const void *data, size_t len);
/* Whether fd is on a file system of that magic (statfs). 1, 0, -errno. */
int sys_fs_is(int fd, unsigned long magic);

#endif
