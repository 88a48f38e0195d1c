#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "birth.h"
#include "inside.h"
#include "netlink_socket.h"
#include "new_netns.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// Results as JavaScript values, as the addon's contract has them.
Napi::Value convert(Napi::Env env, Done done);
Napi::Value convert(Napi::Env env, uint32_t number);
Napi::Value convert(Napi::Env env, UniqueFd fd);
Napi::Value convert(Napi::Env env, std::vector<uint8_t> bytes);
Napi::Value convert(Napi::Env env, std::shared_ptr<NetlinkSocket> socket);
Napi::Value convert(Napi::Env env, MadeNetns made);
Napi::Value convert(Napi::Env env, Failure failure);
Napi::Value convert(Napi::Env env, const ChildFailure& failure);
Napi::Value convert(Napi::Env env, Performed performed);

template <typename T>
Napi::Value convert(Napi::Env env, Result<T> result) {
  if (Failure* failure = std::get_if<Failure>(&result)) {
    return convert(env, *failure);
  }
  return convert(env, std::move(*std::get_if<T>(&result)));
}

// Empty when no buffer could be made.
Napi::Value to_uint8_array(Napi::Env env, const std::vector<uint8_t>& bytes);

}  // namespace netlace
