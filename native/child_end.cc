#include "child_end.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace netlace {

namespace {

// How many numbers tell of a process's end: see the contract of `Reader.wait`.
constexpr size_t end_size = 11;

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

}  // namespace

int wait_for_end(int pidfd, std::span<uint8_t> into) {
  if (into.size() < end_size * sizeof(double)) {
    return -EINVAL;
  }
  siginfo_t status = {};
  rusage usage = {};
  // waitid() of the C library leaves the last argument out.
  if (syscall(SYS_waitid, P_PIDFD, pidfd, &status, WEXITED | WNOHANG | __WALL, &usage) != 0) {
    return -errno;
  }
  if (status.si_pid == 0) {
    return 0;
  }
  const double end[end_size] = {
      static_cast<double>(status.si_code),
      static_cast<double>(status.si_status),
      milliseconds(usage.ru_utime),
      milliseconds(usage.ru_stime),
      static_cast<double>(usage.ru_maxrss) * 1024,
      static_cast<double>(usage.ru_minflt),
      static_cast<double>(usage.ru_majflt),
      static_cast<double>(usage.ru_inblock),
      static_cast<double>(usage.ru_oublock),
      static_cast<double>(usage.ru_nvcsw),
      static_cast<double>(usage.ru_nivcsw),
  };
  std::memcpy(into.data(), end, sizeof end);
  return 1;
}

}  // namespace netlace
