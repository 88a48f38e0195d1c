#pragma once

#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "program.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// What came of a program, wherever it was carried out.
struct Performed {
  // With the results and the buffers.
  Program program;
  // What it sent, in that order. All else that it opened is closed.
  std::vector<UniqueFd> sent;
  // Number 0: nothing has failed.
  Failure failure = {0, ""};
  uint32_t step = 0;
};

// In the calling thread, as it is.
Performed perform_here(Program program);
// By a launcher, which keeps these descriptors and has nothing else of this process. Returns when it has ended.
Performed perform_launched(Program program, std::vector<int> keeps);

// Writes a program down, of at most so many calls.
struct Writing {
  uint32_t most_calls;
  std::function<void(Program&)> write;
};

// Inside the network namespace `netns`; -1: the process's own. Where the thread is there already, it takes neither a
// detour nor the right to enter. Only ever a thread of its own enters another namespace: a thread started later by one
// that is elsewhere would be elsewhere too, for good. Where the right is only had in the user namespace that owns it,
// which no thread of a process can enter, a launcher does.
Performed perform_inside(int netns, const Writing& writing);

// With all rights over the user namespace `user`. `new_user`: over a new one, in which root is who we are here.
constexpr int new_user = -2;
Performed perform_as_root(int user, const Writing& writing);

// What `take` makes of it, or the failure.
template <typename Take>
auto taken(Performed performed, Take take) -> Result<decltype(take(performed))> {
  if (performed.failure.number != 0) {
    return performed.failure;
  }
  return take(performed);
}

}  // namespace netlace
