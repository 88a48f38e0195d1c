#pragma once

#include <napi.h>

#include "arguments.h"
#include "exchange.h"

namespace netlace {

// An exchange on its way, with what must not be garbage collected meanwhile. For the JavaScript thread, but for
// `exchange`.
struct PinnedExchange {
  // From the five arguments of the addon's `exchange`, the first of which has this index.
  PinnedExchange(Arguments& arguments, const Napi::CallbackInfo& info, size_t first);

  Exchange exchange;

 private:
  Napi::ObjectReference request_;
  Napi::ObjectReference into_;
};

Exchange read_exchange(Arguments& arguments, size_t first);

}  // namespace netlace
