#pragma once

#include <napi.h>
#include <sys/stat.h>

#include <optional>

#include "unique_fd.h"

namespace netlace {

// `Descriptor` of the addon's contract.
class Descriptor : public Napi::ObjectWrap<Descriptor> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, UniqueFd fd);
  static Descriptor* Unwrap(Napi::Object object);

  // `new` from JavaScript makes a closed one.
  explicit Descriptor(const Napi::CallbackInfo& info);
  ~Descriptor() override;

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  Napi::Value lend(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);

  UniqueFd fd_;
  // What file it is, from `lend` on.
  std::optional<struct stat> lent_;
};

}  // namespace netlace
