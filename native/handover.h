#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

namespace netlace {

// Brings results to the JavaScript thread while the pool task that has them goes on. There is one for each environment.
class Handover {
 public:
  class Recipient {
   public:
    virtual ~Recipient() = default;
    // In the JavaScript thread.
    virtual void collect(Napi::Env env) = 0;
  };

  // Null, with a JavaScript exception pending, when the environment has no room for it.
  static std::shared_ptr<Handover> make(Napi::Env env);

  // In any thread. False: the environment is ending, and nobody will be called.
  bool post(std::shared_ptr<Recipient> recipient);

 private:
  void end();

  std::mutex mutex_;
  // Null once the environment ends: Node frees the function then, whoever may still want to call it.
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace netlace
