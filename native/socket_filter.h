#pragma once

#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "program.h"

namespace netlace {

// A raw socket receives from its first moment on. So first it has a filter that lets nothing in; then what came before
// is thrown away, to which there is an end; then it gets its own filter.
inline void add_closed_filter(Program& program, Program::Argument socket) {
  const sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  Program::Argument instructions = program.bytes(nothing, sizeof nothing);
  sock_fprog closed = {1, nullptr};
  Program::Argument value = program.bytes(&closed, sizeof closed);
  program.point(value, offsetof(sock_fprog, filter), instructions);
  program.add(SYS_setsockopt, {socket, SOL_SOCKET, SO_ATTACH_FILTER, value, sizeof closed});
}

// `filter` is an array of struct sock_filter. On failure false, with errno set.
inline bool replace_closed_filter(int fd, const std::vector<uint8_t>& filter) {
  std::vector<sock_filter> instructions(filter.size() / sizeof(sock_filter));
  std::memcpy(instructions.data(), filter.data(), instructions.size() * sizeof(sock_filter));
  sock_fprog program = {static_cast<unsigned short>(instructions.size()), instructions.data()};
  char byte;
  while (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == EINTR) {
  }
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace netlace
