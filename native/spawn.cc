#include <dlfcn.h>

#include <csignal>

#include "child.h"
#include "convert.h"
#include "reader_object.h"
#include "registration.h"
#include "shared_child.h"

namespace netlace {

namespace {

const char* name_of(ChildFailure::Stage stage) {
  switch (stage) {
  case ChildFailure::clone:
    return "clone";
  case ChildFailure::entry:
    return "entry";
  case ChildFailure::write:
    return "write";
  default:
    return "program";
  }
}

Napi::Value convert(Napi::Env env, const ChildFailure& failure) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", failure.failure.number);
  object.Set("syscall", failure.failure.syscall);
  object.Set("stage", name_of(failure.stage));
  object.Set("step", failure.step);
  return object;
}

// What came of it, and who watches the child from now on.
struct Spawned {
  std::shared_ptr<Reader> reader;
  std::variant<Child, ChildFailure> result;
};

Napi::Value convert(Napi::Env env, Spawned spawned) {
  Child* child = std::get_if<Child>(&spawned.result);
  if (child == nullptr) {
    return convert(env, *std::get_if<ChildFailure>(&spawned.result));
  }
  pid_t pid = child->pid;
  int64_t id = spawned.reader->watch(std::move(*child));
  if (id < 0) {
    // Its number is its own until it is waited for.
    kill(pid, SIGKILL);
    reap(P_PID, static_cast<id_t>(pid));
    return convert(env, ChildFailure{{static_cast<int>(-id), "epoll_ctl"}, ChildFailure::clone, 0});
  }
  return Napi::Number::New(env, static_cast<double>(id));
}

// spawn(entry, program, flags, cgroup, writes, leastDescriptor, reader)
struct Spawn {
  ChildPlan plan;
  std::shared_ptr<Reader> reader;
  // Why no child can be watched, an errno.
  int unwatchable = 0;

  explicit Spawn(Arguments& arguments) {
    plan.entry = arguments.program(0, "entry");
    plan.program = arguments.program(1, "program");
    plan.flags = static_cast<uint64_t>(arguments.integer<int64_t>(2, "flags"));
    plan.cgroup = arguments.integer<int>(3, "cgroup");
    std::vector<std::string> writes = arguments.strings(4, "writes");
    for (size_t i = 0; i + 1 < writes.size(); i += 2) {
      plan.writes.emplace_back(writes[i], std::vector<uint8_t>(writes[i + 1].begin(), writes[i + 1].end()));
    }
    plan.least_descriptor = arguments.integer<int>(5, "leastDescriptor");
    reader = arguments.object<ReaderObject>(6, "reader");
    if (arguments.valid()) {
      unwatchable = reader->start();
    }
  }

  Spawned run() {
    if (unwatchable != 0) {
      return {reader, ChildFailure{{unwatchable, "pthread_create"}, ChildFailure::clone, 0}};
    }
    return {reader, make_child(plan)};
  }
};

}  // namespace

void add_spawn_calls(Calls& calls, Napi::Object exports) {
  Dl_info self = {};
  if (dladdr(reinterpret_cast<void*>(&add_spawn_calls), &self) != 0 && self.dli_fname != nullptr) {
    exports.Set("path", self.dli_fname);
  }
  calls.add<Spawn>("spawn");
}

}  // namespace netlace
