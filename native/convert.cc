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

Napi::Value convert(Napi::Env env, const ChildFailure& failure) {
  // In the order of ChildFailure::Stage.
  static constexpr const char* stages[] = {"clone", "launch", "write", "program", "killed"};
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", failure.failure.number);
  object.Set("syscall", failure.failure.syscall);
  object.Set("stage", stages[failure.stage]);
  object.Set("step", failure.step);
  return object;
}

Napi::Value convert(Napi::Env env, Performed performed) {
  Napi::Object object = Napi::Object::New(env);
  std::vector<std::vector<uint8_t>> written = performed.program.buffers();
  Napi::Array buffers = Napi::Array::New(env, written.size());
  for (uint32_t i = 0; i < written.size(); i++) {
    Napi::Value bytes = to_uint8_array(env, written[i]);
    if (bytes.IsEmpty()) {
      return {};
    }
    buffers.Set(i, bytes);
  }
  object.Set("buffers", buffers);
  if (performed.failure.number != 0) {
    object.Set("errno", performed.failure.number);
    object.Set("syscall", performed.failure.syscall);
    object.Set("step", performed.step);
    return object;
  }
  Napi::Array results = Napi::Array::New(env, performed.program.size());
  for (uint32_t i = 0; i < performed.program.size(); i++) {
    results.Set(i, static_cast<double>(performed.program.result(i)));
  }
  object.Set("results", results);
  object.Set("descriptor", performed.sent.empty() ? env.Null() : convert(env, std::move(performed.sent[0])));
  return object;
}

}  // namespace netlace
