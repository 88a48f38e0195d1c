#pragma once

#include <napi.h>

#include <memory>

#include "handover.h"
#include "netns_lanes.h"

namespace netlace {

// What one environment (the main thread or a Worker) needs: nothing is shared between environments.
struct Instance {
  Napi::FunctionReference descriptor;
  Napi::FunctionReference netlink_socket;
  std::shared_ptr<Handover> handover;
  std::unique_ptr<NetnsLanes> netns_lanes;

  static Instance& of(Napi::Env env) { return *env.GetInstanceData<Instance>(); }
};

// Unwraps `value` if it was made by the class with this tag. Without the check, an accessor borrowed from one class
// and called on an object of another would reinterpret memory.
template <typename T>
T* unwrap_tagged(Napi::Value value, const napi_type_tag& tag) {
  bool is_tagged = false;
  void* wrapped = nullptr;
  if (napi_check_object_type_tag(value.Env(), value, &tag, &is_tagged) != napi_ok || !is_tagged ||
      napi_unwrap(value.Env(), value, &wrapped) != napi_ok) {
    return nullptr;
  }
  return static_cast<T*>(wrapped);
}

// The same for `this` of a method.
template <typename T>
T* unwrap_this(Napi::Object object, const napi_type_tag& tag) {
  T* unwrapped = unwrap_tagged<T>(object, tag);
  if (unwrapped == nullptr && !object.Env().IsExceptionPending()) {
    Napi::TypeError::New(object.Env(), "Illegal invocation").ThrowAsJavaScriptException();
  }
  return unwrapped;
}

}  // namespace netlace
