#pragma once

#include <cstdint>

namespace netlace {

// What children say through the pipe, an init's child among them (init.cc). It is closed when the child becomes another
// program.
struct ChildReport {
  enum Kind : uint32_t { born, not_born, entry_failed, program_failed };
  Kind kind;
  uint32_t step;
  // An errno, or the child's pid.
  int32_t value;
  int32_t pidfd;
};

}  // namespace netlace
