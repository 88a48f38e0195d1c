#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "netlink_socket.h"

namespace netlace {

// One request and its replies: `exchange` of the addon's contract. It can be carried out a slice of time at a time, so
// that nobody has to wait without end for a kernel that stays silent.
class Exchange {
 public:
  // `last`: the sequence number whose answer is waited for. `wait` in milliseconds; negative: without end. No datagram
  // is expected to be longer than `longest`; 0: that is not known.
  Exchange(std::span<const uint8_t> request, std::span<uint8_t> into, uint32_t last, int wait, uint32_t longest = 0)
      : request_(request), into_(into), last_(last), wait_(wait), longest_(longest) {}

  // Goes on until the exchange is finished (true), or until nothing has arrived for `slice` (false).
  bool advance(NetlinkSocket& socket, std::chrono::milliseconds slice);

  // Once finished: what `exchange` returns.
  int64_t result() const { return result_; }
  // Whether the kernel has answered with an error.
  bool refused() const { return refused_; }
  // With a result from elsewhere. True: it is finished.
  bool finish(int64_t result);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Waited { arrived, silent, over };

  bool fail(NetlinkSocket& socket, int error);
  Waited wait_for_news(NetlinkSocket& socket, std::chrono::milliseconds slice);

  std::span<const uint8_t> request_;
  std::span<uint8_t> into_;
  uint32_t last_;
  int wait_;
  uint32_t longest_;
  bool sent_ = false;
  size_t filled_ = 0;
  // Since when the socket has been found empty.
  std::optional<Clock::time_point> silent_since_;
  int64_t result_ = 0;
  bool refused_ = false;
};

}  // namespace netlace
