#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>

#include <vector>

#include "program.h"

namespace netlace {

// `options` are triples of level, name and value.
inline uint32_t calls_for(const std::vector<int>& options) {
  return static_cast<uint32_t>(options.size() / 3);
}

inline void add_options(Program& program, Program::Argument socket, const std::vector<int>& options) {
  for (size_t i = 0; i + 2 < options.size(); i += 3) {
    Program::Argument value = program.bytes(&options[i + 2], sizeof(int));
    program.add(SYS_setsockopt, {socket, options[i], options[i + 1], value, sizeof(int)});
  }
}

}  // namespace netlace
