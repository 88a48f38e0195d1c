#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "child.h"
#include "convert.h"
#include "registration.h"

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
  case ChildFailure::null_device:
    return "nullDevice";
  default:
    return "program";
  }
}

}  // namespace

// Found by its argument's namespace, which the unnamed one is not.
static Napi::Value convert(Napi::Env env, std::variant<Child, ChildFailure> result) {
  Napi::Object object = Napi::Object::New(env);
  if (Child* child = std::get_if<Child>(&result)) {
    object.Set("pid", child->pid);
    object.Set("pidfd", convert(env, std::move(child->pidfd)));
  } else {
    const ChildFailure& failure = *std::get_if<ChildFailure>(&result);
    object.Set("errno", failure.failure.number);
    object.Set("syscall", failure.failure.syscall);
    object.Set("stage", name_of(failure.stage));
    object.Set("step", failure.step);
  }
  return object;
}

namespace {

// spawn(entry, program, flags, cgroup, writes, leastDescriptor)
struct Spawn {
  ChildPlan plan;

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
  }

  std::variant<Child, ChildFailure> run() { return make_child(plan); }
};

// How many numbers tell of a process's end: see the contract of `wait`.
constexpr size_t end_size = 11;

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

// wait(pidfd, into)
Napi::Value wait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  int pidfd = arguments.integer<int>(0, "pidfd");
  std::span<uint8_t> into = arguments.bytes(1, "into");
  if (!arguments.valid() || into.size() < end_size * sizeof(double)) {
    return {};
  }
  siginfo_t status = {};
  rusage usage = {};
  // waitid() of the C library leaves the last argument out.
  if (syscall(SYS_waitid, P_PIDFD, pidfd, &status, WEXITED | WNOHANG | __WALL, &usage) != 0) {
    return Napi::Number::New(env, -errno);
  }
  if (status.si_pid == 0) {
    return Napi::Number::New(env, 0);
  }
  const double end[end_size] = {
      static_cast<double>(status.si_code),
      static_cast<double>(status.si_status),
      milliseconds(usage.ru_utime),
      milliseconds(usage.ru_stime),
      static_cast<double>(usage.ru_maxrss) * 1024,
      static_cast<double>(usage.ru_minflt),
      static_cast<double>(usage.ru_majflt),
      static_cast<double>(usage.ru_inblock),
      static_cast<double>(usage.ru_oublock),
      static_cast<double>(usage.ru_nvcsw),
      static_cast<double>(usage.ru_nivcsw),
  };
  std::memcpy(into.data(), end, sizeof end);
  return Napi::Number::New(env, 1);
}

}  // namespace

void add_spawn_calls(Calls& calls, Napi::Object exports) {
  Dl_info self = {};
  if (dladdr(reinterpret_cast<void*>(&add_spawn_calls), &self) != 0 && self.dli_fname != nullptr) {
    exports.Set("path", self.dli_fname);
  }
  calls.add<Spawn>("spawn");
  exports.Set("wait", Napi::Function::New<wait>(exports.Env(), "wait"));
}

}  // namespace netlace
