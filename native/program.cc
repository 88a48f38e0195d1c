#include "program.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// Newer than the oldest headers that this is built with; their numbers are the same on all processors.
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

namespace netlace {

namespace {

#define NETLACE_CALL(name)                                                                                             \
  { #name, SYS_##name, false }
// Its result is a new descriptor.
#define NETLACE_OPENS(name)                                                                                            \
  { #name, SYS_##name, true }

// Those that all processors have: `openat` and no `open`.
constexpr SystemCall system_calls[] = {
    NETLACE_CALL(capset),        NETLACE_CALL(chdir),       NETLACE_CALL(chroot),     NETLACE_CALL(close),
    NETLACE_CALL(close_range),   NETLACE_CALL(dup3),        NETLACE_CALL(execve),     NETLACE_CALL(execveat),
    NETLACE_CALL(fcntl),         NETLACE_CALL(fsconfig),    NETLACE_OPENS(fsmount),   NETLACE_OPENS(fsopen),
    NETLACE_CALL(ioctl),         NETLACE_CALL(listmount),   NETLACE_CALL(mkdirat),    NETLACE_CALL(mount),
    NETLACE_CALL(mount_setattr), NETLACE_CALL(move_mount),  NETLACE_OPENS(open_tree), NETLACE_OPENS(openat),
    NETLACE_OPENS(openat2),      NETLACE_CALL(pivot_root),  NETLACE_CALL(ppoll),      NETLACE_CALL(prctl),
    NETLACE_CALL(prlimit64),     NETLACE_CALL(read),        NETLACE_CALL(seccomp),    NETLACE_CALL(setdomainname),
    NETLACE_CALL(setgroups),     NETLACE_CALL(sethostname), NETLACE_CALL(setns),      NETLACE_CALL(setpriority),
    NETLACE_CALL(setresgid),     NETLACE_CALL(setresuid),   NETLACE_CALL(setsid),     NETLACE_CALL(statmount),
    NETLACE_CALL(umask),         NETLACE_CALL(umount2),     NETLACE_CALL(unshare),    NETLACE_CALL(write),
};

#undef NETLACE_OPENS
#undef NETLACE_CALL

}  // namespace

const SystemCall* find_system_call(const char* name) {
  for (const SystemCall& call : system_calls) {
    if (std::strcmp(call.name, name) == 0) {
      return &call;
    }
  }
  return nullptr;
}

bool Program::Call::tolerates(int error) const {
  return std::any_of(tolerated.begin(), tolerated.end(), [=](int each) { return each == error || each == any_error; });
}

Program::Outcome Program::run(uint32_t begin, uint32_t end) {
  for (uint32_t i = begin; i < end; i++) {
    const Call& call = calls_[i];
    long arguments[6];
    for (int k = 0; k < 6; k++) {
      int16_t from = call.results[k];
      arguments[k] = from == report ? report_to_ : from < 0 ? call.arguments[k] : results_[static_cast<size_t>(from)];
    }
    long result =
        syscall(call.number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    if (result == -1) {
      int error = errno;
      if (!call.tolerates(error)) {
        return {i, error};
      }
      result = -error;
    }
    results_[i] = result;
  }
  return {end, 0};
}

std::vector<std::vector<uint8_t>> Program::take_buffers() {
  std::vector<std::vector<uint8_t>> taken;
  taken.reserve(buffers_.size());
  for (size_t index : buffers_) {
    taken.push_back(std::move(memory_[index]));
  }
  return taken;
}

}  // namespace netlace
