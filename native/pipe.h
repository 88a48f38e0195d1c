#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "unique_fd.h"

namespace netlace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  // Null, or the call that failed, with errno set. `flags` as of pipe2().
  const char* open(int flags = 0) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | flags) != 0) {
      return "pipe2";
    }
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
    return nullptr;
  }
};

// Gives the descriptor a number that is not less than `least`. Null, or the call that failed.
inline const char* raise(UniqueFd& fd, int least) {
  if (fd.get() < least) {
    fd = UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, least));
  }
  return fd ? nullptr : "fcntl";
}

}  // namespace netlace
