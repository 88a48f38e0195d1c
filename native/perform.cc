#include <sys/syscall.h>

#include <algorithm>

#include "program.h"
#include "registration.h"
#include "shared_child.h"
#include "thread.h"

namespace netlace {

namespace {

struct Performed {
  std::vector<long> results;
  std::vector<std::vector<uint8_t>> buffers;
  UniqueFd kept;
  // Number 0: there is none.
  Failure failure = {0, ""};
  uint32_t step = 0;
};

Napi::Value convert(Napi::Env env, Performed performed) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array buffers = Napi::Array::New(env, performed.buffers.size());
  for (uint32_t i = 0; i < performed.buffers.size(); i++) {
    Napi::Value bytes = to_uint8_array(env, performed.buffers[i]);
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
  Napi::Array results = Napi::Array::New(env, performed.results.size());
  for (uint32_t i = 0; i < performed.results.size(); i++) {
    results.Set(i, static_cast<double>(performed.results[i]));
  }
  object.Set("results", results);
  object.Set("descriptor", performed.kept ? netlace::convert(env, std::move(performed.kept)) : env.Null());
  return object;
}

struct Perform {
  Program program;
  // The calls from here on are made when one before has failed.
  uint32_t rescue;
  // The call whose descriptor comes back, or -1.
  int keep;

  explicit Perform(Arguments& arguments)
      : program(arguments.program(0, "program")), rescue(arguments.integer<uint32_t>(1, "rescue")),
        keep(arguments.integer<int>(2, "keep")) {
    rescue = std::min(rescue, program.size());
  }

  Result<Performed> run() {
    Result<Performed> result = in_own_thread([&]() -> Result<Performed> { return perform(); });
    Performed* performed = std::get_if<Performed>(&result);
    // Where the right to enter is only had in the user namespace that owns the other one, which no thread of a process
    // can enter, a child does instead.
    if (performed != nullptr && performed->failure.number == EPERM && program.number(performed->step) == SYS_setns) {
      if (UniqueFd owner = owner_of(static_cast<int>(program.call(performed->step).arguments[0]))) {
        Result<Performed> other = in_own_child(0, [&]() -> Result<Performed> {
          return setns(owner.get(), CLONE_NEWUSER) == 0 ? Result<Performed>(perform()) : Failure::of("setns");
        });
        // Not there either: then the first refusal counts.
        if (std::get_if<Performed>(&other) != nullptr) {
          result = std::move(other);
          performed = std::get_if<Performed>(&result);
        }
      }
    }
    if (performed != nullptr) {
      performed->buffers = program.take_buffers();
    }
    return result;
  }

  Performed perform() {
    Performed performed;
    program.reset();
    Program::Outcome outcome = program.run(0, rescue);
    if (outcome.error != 0) {
      performed.failure = {outcome.error, program.name(outcome.call)};
      performed.step = outcome.call;
      for (uint32_t i = rescue; i < program.size(); i++) {
        program.run(i, i + 1);
      }
    }
    // What was opened here and is still open: closed at the end of this function.
    std::vector<UniqueFd> opened(program.size());
    for (uint32_t i = 0; i < program.size(); i++) {
      const Program::Call& call = program.call(i);
      if (program.opens(i)) {
        opened[i] = UniqueFd(static_cast<int>(program.result(i)));
      } else if (program.number(i) == SYS_close && call.kinds[0] == Program::result_of && program.result(i) == 0) {
        opened[static_cast<size_t>(call.arguments[0])].release();
      }
      performed.results.push_back(program.result(i));
    }
    if (performed.failure.number == 0 && keep >= 0 && static_cast<size_t>(keep) < opened.size()) {
      performed.kept = std::move(opened[static_cast<size_t>(keep)]);
    }
    return performed;
  }
};

}  // namespace

void add_perform_call(Calls& calls, Napi::Object exports) {
  Napi::Env env = exports.Env();
  Napi::Array names = Napi::Array::New(env);
  for (const char* name : system_call_names()) {
    names.Set(names.Length(), name);
  }
  exports.Set("systemCalls", names);
  calls.add<Perform>("perform");
}

}  // namespace netlace
