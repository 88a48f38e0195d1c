#pragma once

#include <napi.h>

#include <memory>

namespace netlace {

// One trip to the thread pool and back.
class PoolTask {
 public:
  virtual ~PoolTask() = default;

  // In a pool thread.
  virtual void execute() = 0;

  // Back in the JavaScript thread; the task is deleted afterwards. JavaScript may be past running: see below.
  virtual void complete(Napi::Env env) = 0;
};

// False, and the task is gone, when the environment takes no more work.
bool launch(Napi::Env env, std::unique_ptr<PoolTask> task);

// A promise and the means to resolve it, both of which there may be none of: see can_run_javascript.
class Deferred {
 public:
  explicit Deferred(Napi::Env env) {
    if (napi_create_promise(env, &deferred_, &promise_) != napi_ok) {
      deferred_ = nullptr;
      promise_ = nullptr;
    }
  }

  // To be returned to JavaScript by the call that made it.
  Napi::Value promise(Napi::Env env) const { return Napi::Value(env, promise_); }

  void resolve(Napi::Env env, Napi::Value value) {
    if (deferred_ != nullptr && !value.IsEmpty()) {
      napi_resolve_deferred(env, deferred_, value);
      deferred_ = nullptr;
    }
  }

 private:
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

// False once the environment is being ended: a Worker was terminated, or the process exits. Node still completes the
// tasks under way then, and waits for those that they launch: nothing may be launched any more.
bool can_run_javascript(Napi::Env env);

}  // namespace netlace
