#include "inside.h"
#include "registration.h"
#include "system_calls.h"
#include "thread.h"

namespace netlace {

namespace {

// perform(program, rescue, keeps)
struct Perform {
  Program program;
  bool is_launched;
  std::vector<int> keeps;

  explicit Perform(Arguments& arguments)
      : program(arguments.program(0, "program")), is_launched(!arguments.is_null(2)) {
    program.rescue_from(arguments.integer<uint32_t>(1, "rescue"));
    if (is_launched) {
      keeps = arguments.integers(2, "keeps");
    }
  }

  Performed run() {
    if (is_launched) {
      return perform_launched(std::move(program), std::move(keeps));
    }
    Performed performed;
    int error = in_own_thread([&] { performed = perform_here(std::move(program)); });
    if (error != 0) {
      performed.failure = {error, "pthread_create"};
    }
    return performed;
  }
};

}  // namespace

void add_perform_call(Calls& calls, Napi::Object exports) {
  Napi::Env env = exports.Env();
  Napi::Array names = Napi::Array::New(env);
  for (const SystemCall& call : system_calls()) {
    names.Set(names.Length(), call.name);
  }
  exports.Set("systemCalls", names);
  calls.add<Perform>("perform");
}

}  // namespace netlace
