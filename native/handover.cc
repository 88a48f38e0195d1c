#include "handover.h"

namespace netlace {

namespace {

// In the JavaScript thread, once for each post. `env` is null when the function is being freed.
void deliver(napi_env raw_env, napi_value, void*, void* data) {
  std::unique_ptr<std::shared_ptr<Handover::Recipient>> recipient(
      static_cast<std::shared_ptr<Handover::Recipient>*>(data));
  if (raw_env != nullptr) {
    Napi::Env env(raw_env);
    Napi::HandleScope scope(env);
    (*recipient)->collect(env);
  }
}

}  // namespace

std::shared_ptr<Handover> Handover::make(Napi::Env env) {
  auto handover = std::make_shared<Handover>();
  if (napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "netlace"), 0, 1, nullptr, nullptr,
                                      nullptr, deliver, &handover->function_) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  // Whoever posts has a task under way, which keeps the process alive.
  napi_unref_threadsafe_function(env, handover->function_);
  // Hooks run last in, first out: this one comes before Node frees the function.
  napi_add_env_cleanup_hook(
      env,
      [](void* data) {
        std::unique_ptr<std::shared_ptr<Handover>> held(static_cast<std::shared_ptr<Handover>*>(data));
        (*held)->end();
      },
      new std::shared_ptr<Handover>(handover));
  return handover;
}

bool Handover::post(std::shared_ptr<Recipient> recipient) {
  std::lock_guard lock(mutex_);
  if (function_ == nullptr) {
    return false;
  }
  auto data = std::make_unique<std::shared_ptr<Recipient>>(std::move(recipient));
  if (napi_call_threadsafe_function(function_, data.get(), napi_tsfn_nonblocking) != napi_ok) {
    return false;
  }
  data.release();
  return true;
}

void Handover::end() {
  std::lock_guard lock(mutex_);
  function_ = nullptr;
}

}  // namespace netlace
