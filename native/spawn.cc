#include "birth.h"
#include "convert.h"
#include "reader_object.h"
#include "reaper.h"
#include "registration.h"

namespace netlace {

namespace {

// A child, or one on its way; and who watches it from now on.
struct Spawned {
  std::shared_ptr<Reader> reader;
  std::variant<std::shared_ptr<Birth>, ChildFailure> result;
};

Napi::Value convert(Napi::Env env, Spawned spawned) {
  if (ChildFailure* failure = std::get_if<ChildFailure>(&spawned.result)) {
    return convert(env, *failure);
  }
  auto birth = std::move(*std::get_if<std::shared_ptr<Birth>>(&spawned.result));
  if (!birth->is_over()) {
    int64_t id = spawned.reader->watch(std::move(birth));
    return id < 0 ? convert(env, ChildFailure{{static_cast<int>(-id), "epoll_ctl"}, ChildFailure::clone})
                  : Napi::Number::New(env, static_cast<double>(-id));
  }
  if (const ChildFailure* failure = birth->failure()) {
    return convert(env, *failure);
  }
  int64_t id = spawned.reader->watch(birth->take_child());
  return Napi::Number::New(env, static_cast<double>(id));
}

// spawn(program, flags, keeps, writes, leastDescriptor, patience, reader)
struct Spawn {
  ChildPlan plan;
  int patience;
  std::shared_ptr<Reader> reader;
  // Why no child can be watched, an errno.
  int unwatchable = 0;

  explicit Spawn(Arguments& arguments) {
    plan.program = arguments.program(0, "program");
    plan.flags = static_cast<uint64_t>(arguments.integer<int64_t>(1, "flags"));
    plan.is_launched = !arguments.is_null(2);
    if (plan.is_launched) {
      plan.keeps = arguments.integers(2, "keeps");
    }
    std::vector<std::string> writes = arguments.strings(3, "writes");
    for (size_t i = 0; i + 1 < writes.size(); i += 2) {
      plan.writes.emplace_back(writes[i], writes[i + 1]);
    }
    plan.least_descriptor = arguments.integer<int>(4, "leastDescriptor");
    patience = arguments.integer<int>(5, "patience");
    reader = arguments.object<ReaderObject>(6, "reader");
    if (arguments.valid()) {
      unwatchable = reader->start();
    }
  }

  Spawned run() {
    if (unwatchable != 0) {
      return {reader, ChildFailure{{unwatchable, "pthread_create"}, ChildFailure::clone}};
    }
    Spawned spawned = {reader, Birth::begin(std::move(plan))};
    if (auto* birth = std::get_if<std::shared_ptr<Birth>>(&spawned.result); birth != nullptr && patience > 0) {
      (*birth)->wait(patience);
    }
    return spawned;
  }
};

}  // namespace

void add_spawn_calls(Calls& calls) {
  calls.add<Spawn>("spawn");
}

}  // namespace netlace
