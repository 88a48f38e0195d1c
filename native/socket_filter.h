#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace netlace {

// `program` is an array of struct sock_filter. A raw socket receives from its first moment on: what came before the
// filter was there is thrown away behind one that lets nothing in, so that there is an end to it. On failure false,
// with errno set.
inline bool attach_filter(int fd, const std::vector<uint8_t>& program) {
  std::vector<sock_filter> instructions(program.size() / sizeof(sock_filter));
  std::memcpy(instructions.data(), program.data(), instructions.size() * sizeof(sock_filter));
  sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  sock_fprog first = {1, nothing};
  sock_fprog second = {static_cast<unsigned short>(instructions.size()), instructions.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &first, sizeof first) != 0) {
    return false;
  }
  char byte;
  while (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == EINTR) {
  }
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &second, sizeof second) == 0;
}

}  // namespace netlace
