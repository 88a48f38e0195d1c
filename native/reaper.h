#pragma once

#include <memory>
#include <vector>

#include "birth.h"
#include "unique_fd.h"

namespace netlace {

// Waits until the child has ended.
void reap(const Child& child);

// Waits, in a thread made for it, for children that nobody else waits for any more. Without that they would stay as
// zombies until this process ends.
void reap_later(std::vector<UniqueFd> pidfds);

// Brings a birth to its end that was aborted.
void finish_later(std::unique_ptr<Birth> birth);

}  // namespace netlace
