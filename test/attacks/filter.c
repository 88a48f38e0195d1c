// Prints a seccomp filter as container runtimes have them: what a container does not need is EPERM, clone3 is ENOSYS.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>

static const int refused[] = {
    SYS_acct,          SYS_add_key,     SYS_bpf,           SYS_chroot,         SYS_clock_settime,
    SYS_close_range,   SYS_delete_module, SYS_fsconfig,    SYS_fsmount,        SYS_fsopen,
    SYS_fspick,        SYS_init_module, SYS_kcmp,          SYS_keyctl,         SYS_mount,
    SYS_move_mount,    SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open,
    SYS_pidfd_getfd,   SYS_pivot_root,  SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace,
    SYS_quotactl,      SYS_reboot,      SYS_request_key,   SYS_setdomainname,  SYS_sethostname,
    SYS_setns,         SYS_settimeofday, SYS_swapoff,      SYS_swapon,         SYS_syslog,
    SYS_umount2,       SYS_unshare,     SYS_userfaultfd,
};

static void put(struct sock_filter instruction) {
  fwrite(&instruction, sizeof instruction, 1, stdout);
}

int main(void) {
  put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1));
    put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return 0;
}
