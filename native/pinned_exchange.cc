#include "pinned_exchange.h"

namespace netlace {

Exchange read_exchange(Arguments& arguments, size_t first) {
  std::span<uint8_t> request = arguments.bytes_or_null(first, "request");
  std::span<uint8_t> into = arguments.bytes(first + 1, "into");
  uint32_t last = arguments.integer<uint32_t>(first + 2, "last");
  int wait = arguments.integer<int>(first + 3, "wait");
  return Exchange(request, into, last, wait, arguments.integer<uint32_t>(first + 4, "longest"));
}

PinnedExchange::PinnedExchange(Arguments& arguments, const Napi::CallbackInfo& info, size_t first)
    : exchange(read_exchange(arguments, first)) {
  if (!arguments.valid()) {
    return;
  }
  if (!info[first].IsNull()) {
    request_ = Napi::Persistent(info[first].As<Napi::Object>());
  }
  into_ = Napi::Persistent(info[first + 1].As<Napi::Object>());
}

}  // namespace netlace
