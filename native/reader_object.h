#pragma once

#include <napi.h>

#include <memory>

#include "reader.h"

namespace netlace {

// `Reader` of the addon's contract.
class ReaderObject : public Napi::ObjectWrap<ReaderObject> {
 public:
  static Napi::Function define(Napi::Env env);
  static ReaderObject* Unwrap(Napi::Object object);
  // Null when `value` is something else.
  static std::shared_ptr<Reader> from(Napi::Value value);

  explicit ReaderObject(const Napi::CallbackInfo& info);
  ~ReaderObject() override;

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  Napi::Value outcome(const Napi::CallbackInfo& info);
  void abort(const Napi::CallbackInfo& info);
  Napi::Value pid(const Napi::CallbackInfo& info);
  Napi::Value pidfd(const Napi::CallbackInfo& info);
  Napi::Value wait(const Napi::CallbackInfo& info);
  void resume(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  void unref(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  static void deliver(napi_env env, napi_value callback, void* context, void* data);
  static void on_environment_end(void* object);
  void end();

  napi_env env_;
  napi_threadsafe_function deliveries_ = nullptr;
  // Null when the constructor threw. Shared with the thread-safe function, which may outlive this object.
  std::shared_ptr<Reader> reader_;
};

}  // namespace netlace
