#pragma once

#include <cstdint>
#include <span>

namespace netlace {

// `Reader.wait` of the addon's contract, of a pidfd.
int wait_for_end(int pidfd, std::span<uint8_t> into);

}  // namespace netlace
