#pragma once

#include <sys/socket.h>

#include <vector>

namespace netlace {

// `options` are triples of level, name and value. On failure false, with errno set.
inline bool set_options(int fd, const std::vector<int>& options) {
  for (size_t i = 0; i + 2 < options.size(); i += 3) {
    if (setsockopt(fd, options[i], options[i + 1], &options[i + 2], sizeof(int)) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace netlace
