#include "convert.h"

#include <cstring>

#include "descriptor.h"
#include "netlink_socket_object.h"

namespace netlace {

Napi::Value convert(Napi::Env env, Done) {
  return Napi::Number::New(env, 0);
}

Napi::Value convert(Napi::Env env, uint32_t number) {
  return Napi::Number::New(env, number);
}

Napi::Value convert(Napi::Env env, UniqueFd fd) {
  return Descriptor::make(env, std::move(fd));
}

Napi::Value convert(Napi::Env env, std::vector<uint8_t> bytes) {
  return to_uint8_array(env, bytes);
}

Napi::Value convert(Napi::Env env, std::shared_ptr<NetlinkSocket> socket) {
  return NetlinkSocketObject::make(env, std::move(socket));
}

Napi::Value convert(Napi::Env env, MadeNetns made) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("netns", convert(env, std::move(made.netns)));
  object.Set("socket", convert(env, std::move(made.socket)));
  return object;
}

Napi::Value convert(Napi::Env env, Failure failure) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", failure.number);
  object.Set("syscall", failure.syscall);
  return object;
}

Napi::Value to_uint8_array(Napi::Env env, const std::vector<uint8_t>& bytes) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes.size());
  if (buffer.IsEmpty()) {
    return {};
  }
  if (!bytes.empty()) {
    std::memcpy(buffer.Data(), bytes.data(), bytes.size());
  }
  return Napi::Uint8Array::New(env, bytes.size(), buffer, 0);
}

}  // namespace netlace
