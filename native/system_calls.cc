#include "system_calls.h"

#include <sys/syscall.h>

#include <algorithm>

#include "launcher/launch.h"

// Newer than the oldest headers that this is built with; their numbers are the same on all processors.
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

namespace netlace {

namespace {

#define NETLACE_CALL(name)                                                                                             \
  { #name, SYS_##name, false, #name }
#define NETLACE_OPENS(name)                                                                                            \
  { #name, SYS_##name, true, #name }

// Those that all processors have: `openat` and no `open`. The last ones are not of the kernel.
constexpr SystemCall all[] = {
    NETLACE_CALL(bind),
    NETLACE_CALL(capset),
    NETLACE_CALL(chdir),
    NETLACE_CALL(chroot),
    NETLACE_CALL(close),
    NETLACE_CALL(dup3),
    NETLACE_CALL(execve),
    NETLACE_CALL(fchdir),
    NETLACE_CALL(fcntl),
    NETLACE_CALL(fsconfig),
    NETLACE_OPENS(fsmount),
    NETLACE_OPENS(fsopen),
    NETLACE_CALL(ioctl),
    NETLACE_CALL(keyctl),
    NETLACE_CALL(listmount),
    NETLACE_CALL(mkdirat),
    NETLACE_CALL(mknodat),
    NETLACE_CALL(mount),
    NETLACE_CALL(mount_setattr),
    NETLACE_CALL(move_mount),
    NETLACE_OPENS(open_tree),
    NETLACE_OPENS(openat),
    NETLACE_OPENS(openat2),
    NETLACE_CALL(pivot_root),
    NETLACE_CALL(prctl),
    NETLACE_CALL(prlimit64),
    NETLACE_CALL(read),
    NETLACE_CALL(seccomp),
    NETLACE_CALL(setdomainname),
    NETLACE_CALL(setgroups),
    NETLACE_CALL(sethostname),
    NETLACE_CALL(setns),
    NETLACE_CALL(setpriority),
    NETLACE_CALL(setresgid),
    NETLACE_CALL(setresuid),
    NETLACE_CALL(setsid),
    NETLACE_CALL(setsockopt),
    NETLACE_OPENS(socket),
    NETLACE_CALL(statmount),
    NETLACE_CALL(umask),
    NETLACE_CALL(umount2),
    NETLACE_CALL(unshare),
    NETLACE_CALL(write),
    {"closeRest", close_rest, false, "close_range"},
    {"inRoot", in_root, false, "getcwd"},
    {"stillRuns", still_runs, false, "pidfd_open"},
    {"fork", fork, false, "clone3"},
    {"maps", maps, false, "uid_map"},
    {"init", init, false, "clone"},
    {"send", send, false, "sendmsg"},
};

#undef NETLACE_OPENS
#undef NETLACE_CALL

}  // namespace

std::span<const SystemCall> system_calls() {
  return all;
}

const SystemCall* system_call_of(long number) {
  auto* found =
      std::find_if(std::begin(all), std::end(all), [=](const SystemCall& call) { return call.number == number; });
  return found == std::end(all) ? nullptr : found;
}

}  // namespace netlace
