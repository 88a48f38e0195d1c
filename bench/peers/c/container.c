/*
 * A container without a user namespace, by the system calls that netlace makes for it: its mounts are made first, and
 * put to their places when the root has changed. The capabilities, the mounts and the calls that are forbidden are
 * those of ../oci/container.json.
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rtnl.h"

enum { CLOSED = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

static const struct filesystem {
  const char *type, *target;
  unsigned attributes;
  const char *parameters[3][2];
} filesystems[] = {
    {"proc", "/proc", CLOSED, {{0}}},
    {"tmpfs", "/dev", MOUNT_ATTR_NOSUID, {{"mode", "755"}, {"size", "64k"}}},
    {"devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, {{"mode", "0620"}, {"ptmxmode", "0666"}}},
    {"tmpfs", "/dev/shm", CLOSED, {{"mode", "1777"}, {"size", "64m"}}},
    {"mqueue", "/dev/mqueue", CLOSED, {{0}}},
    {"sysfs", "/sys", CLOSED | MOUNT_ATTR_RDONLY, {{0}}},
    {"tmpfs", "/sys/fs/cgroup", CLOSED, {{"mode", "755"}}},
};
enum { FILESYSTEMS = sizeof filesystems / sizeof *filesystems };

static const char *const hosts = "/etc/hosts";

static const int capabilities[] = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,           CAP_FSETID,  CAP_KILL,       CAP_SETGID,  CAP_SETUID,
    CAP_SETPCAP, CAP_MKNOD,        CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_SETFCAP, CAP_AUDIT_WRITE,
};

static const int forbidden[] = {
    __NR_acct,        __NR_add_key,           __NR_bpf,             __NR_clock_settime, __NR_delete_module,
    __NR_init_module, __NR_finit_module,      __NR_kexec_load,      __NR_keyctl,        __NR_mount,
    __NR_move_mount,  __NR_open_by_handle_at, __NR_perf_event_open, __NR_pivot_root,    __NR_ptrace,
    __NR_reboot,      __NR_request_key,       __NR_setns,           __NR_settimeofday,  __NR_swapoff,
    __NR_swapon,      __NR_umount2,           __NR_unshare,         __NR_userfaultfd,
};
enum { FORBIDDEN = sizeof forbidden / sizeof *forbidden };

#if defined(__x86_64__)
enum { ARCHITECTURE = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { ARCHITECTURE = AUDIT_ARCH_AARCH64 };
#endif

/* A wrong architecture, a forbidden call: EPERM. Everything else is allowed. */
static struct sock_fprog make_filter(void) {
  static struct sock_filter filter[FORBIDDEN + 6];
  unsigned short length = 0;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCHITECTURE, 0, FORBIDDEN + 2);
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < FORBIDDEN; i++) {
    unsigned char left = (unsigned char)(FORBIDDEN - i);
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)forbidden[i], left, 0);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  return (struct sock_fprog){length, filter};
}

void print_filter(void) {
  struct sock_fprog filter = make_filter();
  fwrite(filter.filter, sizeof *filter.filter, filter.len, stdout);
}

struct container {
  const char *rootfs, *hosts_source;
  struct sock_fprog filter;
  int null;
};

static long checked(const char *what, long result) {
  if (result < 0) fail(what);
  return result;
}

static int make_filesystem(const struct filesystem *wanted) {
  int context = (int)checked("fsopen", syscall(SYS_fsopen, wanted->type, FSOPEN_CLOEXEC));
  checked("fsconfig", syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", wanted->type, 0));
  for (int i = 0; i < 3 && wanted->parameters[i][0]; i++) {
    const char *const *parameter = wanted->parameters[i];
    checked(parameter[0], syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, parameter[0], parameter[1], 0));
  }
  checked(wanted->type, syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  return (int)checked("fsmount", syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, wanted->attributes));
}

static int clone_tree(const char *path) {
  return (int)checked(path, syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
}

static void make_read_only(int fd, const char *path) {
  struct mount_attr change = {.attr_set = MOUNT_ATTR_RDONLY};
  int flags = *path ? 0 : AT_EMPTY_PATH | AT_RECURSIVE;
  checked("mount_setattr", syscall(SYS_mount_setattr, fd, path, flags, &change, sizeof change));
}

static int open_path(const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
  return (int)checked(path, syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

/* Makes what is missing of the path. */
static void put(int mount, const char *target, int is_folder) {
  char parent[64] = "/", name[64];
  for (const char *part = target + 1; *part; part += strcspn(part, "/"), part += *part == '/') {
    size_t length = strcspn(part, "/");
    snprintf(name, sizeof name, "%.*s", (int)length, part);
    int above = open_path(parent);
    if (part[length] == '/' || is_folder) {
      if (mkdirat(above, name, 0755) && errno != EEXIST) fail(target);
    } else {
      close(openat(above, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    }
    close(above);
    snprintf(parent, sizeof parent, "%.*s", (int)(part + length - target), target);
  }
  int there = open_path(target);
  checked("move_mount", syscall(SYS_move_mount, mount, "", there, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static void set_root(const struct container *container) {
  int mounts[FILESYSTEMS];
  checked("propagation", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  for (int i = 0; i < FILESYSTEMS; i++) mounts[i] = make_filesystem(&filesystems[i]);
  int file = clone_tree(container->hosts_source);
  make_read_only(file, "");
  int root = clone_tree(container->rootfs);
  checked("move_mount", syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
  checked("fchdir", fchdir(root));
  checked("pivot_root", syscall(SYS_pivot_root, ".", "."));
  checked("umount2", umount2(".", MNT_DETACH));
  checked("chdir", chdir("/"));
  for (int i = 0; i < FILESYSTEMS; i++) put(mounts[i], filesystems[i].target, 1);
  /* Whether it is a folder. */
  if (openat(file, ".", O_PATH | O_DIRECTORY | O_CLOEXEC) >= 0) fail(hosts);
  put(file, hosts, 0);
  make_read_only(AT_FDCWD, "/");
}

static void set_rights(const struct container *container) {
  checked("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &container->filter));
  unsigned long long kept = 0;
  for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++) kept |= 1ull << capabilities[i];
  for (int number = 0; number <= CAP_LAST_CAP; number++) {
    if (!(kept >> number & 1)) checked("PR_CAPBSET_DROP", prctl(PR_CAPBSET_DROP, number, 0, 0, 0));
  }
  checked("PR_SET_KEEPCAPS", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  unsigned low = (unsigned)kept, high = (unsigned)(kept >> 32);
  struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  checked("capset", syscall(SYS_capset, &header, data));
  checked("PR_CAP_AMBIENT_CLEAR_ALL", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

static int become_true(void *data) {
  const struct container *container = data;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 32; number++) sigaction(number, &standard, NULL);
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  checked("PR_SET_DUMPABLE", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  checked("setsid", setsid());
  checked("sethostname", sethostname("netlace-bench", 13));
  set_root(container);
  for (int number = 0; number < 3; number++) dup3(container->null, number, 0);
  checked("close_range", syscall(SYS_close_range, 3, ~0u, 0));
  set_rights(container);
  char folder[64];
  checked("chdir", chdir("/"));
  checked("getcwd", syscall(SYS_getcwd, folder, sizeof folder));
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  char *arguments[] = {"true", NULL}, *environment[] = {NULL};
  execve("/bin/true", arguments, environment);
  return 127;
}

void run_containers(int count, const char *folder) {
  static char stack[1 << 16] __attribute__((aligned(16)));
  char rootfs[4096], source[4096];
  snprintf(rootfs, sizeof rootfs, "%s/rootfs", folder);
  snprintf(source, sizeof source, "%s/hosts", folder);
  struct container container = {rootfs, source, make_filter(), -1};
  int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_PIDFD |
              CLONE_VM | CLONE_VFORK | SIGCHLD;
  sigset_t all, before;
  sigfillset(&all);
  for (int i = 0; i < count; i++) {
    int pidfd = -1;
    container.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (container.null < 0) fail("/dev/null");
    sigprocmask(SIG_SETMASK, &all, &before);
    if (clone(become_true, stack + sizeof stack, flags, &container, &pidfd) < 0) fail("clone");
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(container.null);
    siginfo_t end;
    if (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) || end.si_status != 0) fail("a container");
    close(pidfd);
  }
}
