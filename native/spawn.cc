#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
    plan.entry = arguments.program(0);
    plan.program = arguments.program(1);
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

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

// wait(pidfd): null while the process runs.
Napi::Value wait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  int pidfd = arguments.integer<int>(0, "pidfd");
  if (!arguments.valid()) {
    return {};
  }
  siginfo_t status = {};
  rusage usage = {};
  // waitid() of the C library leaves the last argument out.
  if (syscall(SYS_waitid, P_PIDFD, pidfd, &status, WEXITED | WNOHANG | __WALL, &usage) != 0) {
    return convert(env, Failure::of("waitid"));
  }
  if (status.si_pid == 0) {
    return env.Null();
  }
  Napi::Object end = Napi::Object::New(env);
  end.Set("exited", status.si_code == CLD_EXITED);
  end.Set("status", status.si_status);
  end.Set("dumpedCore", status.si_code == CLD_DUMPED);
  end.Set("userTime", milliseconds(usage.ru_utime));
  end.Set("systemTime", milliseconds(usage.ru_stime));
  end.Set("maxResidentSet", static_cast<double>(usage.ru_maxrss) * 1024);
  end.Set("minorFaults", static_cast<double>(usage.ru_minflt));
  end.Set("majorFaults", static_cast<double>(usage.ru_majflt));
  end.Set("blocksIn", static_cast<double>(usage.ru_inblock));
  end.Set("blocksOut", static_cast<double>(usage.ru_oublock));
  end.Set("voluntarySwitches", static_cast<double>(usage.ru_nvcsw));
  end.Set("involuntarySwitches", static_cast<double>(usage.ru_nivcsw));
  return end;
}

}  // namespace

void add_spawn_calls(Napi::Object exports) {
  Dl_info self = {};
  if (dladdr(reinterpret_cast<void*>(&add_spawn_calls), &self) != 0 && self.dli_fname != nullptr) {
    exports.Set("path", self.dli_fname);
  }
  exports.Set("spawn", Napi::Function::New<call_async<Spawn>>(exports.Env(), "spawn"));
  exports.Set("wait", Napi::Function::New<wait>(exports.Env(), "wait"));
}

}  // namespace netlace
