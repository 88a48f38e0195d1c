#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "arguments.h"
#include "convert.h"
#include "pool_task.h"

namespace netlace {

// An operation is a struct that is constructed from `Arguments&` in the JavaScript thread, owns copies of what it was
// given, and has a `run()`, called in any thread, that returns a `Result`. These two make it callable, either way.

template <typename Operation>
Napi::Value call_sync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Operation operation(arguments);
  return arguments.valid() ? convert(info.Env(), operation.run()) : Napi::Value();
}

template <typename Operation>
class CallTask : public PoolTask {
 public:
  CallTask(Operation operation, Deferred deferred) : operation_(std::move(operation)), deferred_(deferred) {}

  void execute() override { result_ = operation_.run(); }

  void complete(Napi::Env env) override {
    // Without a taker for it, a result that owns a descriptor closes it.
    if (can_run_javascript(env)) {
      deferred_.resolve(env, convert(env, std::move(result_)));
    }
  }

 private:
  Operation operation_;
  Deferred deferred_;
  decltype(std::declval<Operation>().run()) result_;
};

template <typename Operation>
Napi::Value call_async(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Operation operation(arguments);
  if (!arguments.valid()) {
    return {};
  }
  Deferred deferred(info.Env());
  if (!launch(info.Env(), std::make_unique<CallTask<Operation>>(std::move(operation), deferred))) {
    deferred.resolve(info.Env(), convert(info.Env(), Failure{EAGAIN, "napi_queue_async_work"}));
  }
  return deferred.promise(info.Env());
}

// Where operations are registered: the `sync` and the `async` object of the addon.
struct Calls {
  Napi::Object sync;
  Napi::Object async;

  template <typename Operation>
  void add(const char* name) {
    sync.Set(name, Napi::Function::New<call_sync<Operation>>(sync.Env(), name));
    async.Set(name, Napi::Function::New<call_async<Operation>>(async.Env(), name));
  }
};

}  // namespace netlace
