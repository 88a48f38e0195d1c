#pragma once

#include <cstdint>

namespace netlace {

// What children say when they fail, an init's child among them (init.cc): through a pipe that is closed when the child
// becomes another program, or in memory that they share.
struct ChildReport {
  enum Kind : uint32_t { nothing, born, not_born, entry_failed, program_failed };
  Kind kind;
  uint32_t step;
  // An errno, or the child's pid.
  int32_t value;
  int32_t pidfd;
};

}  // namespace netlace
