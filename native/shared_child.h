#pragma once

#include <sched.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "result.h"

namespace netlace {

// What it takes to have a child that shares our memory, see clone.h.

// Memory of the function that makes the child, and waits until that no longer runs there: nothing has to be mapped.
class ChildStack {
 public:
  ChildStack() {}
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack();
  uint64_t address() const { return reinterpret_cast<uint64_t>(bytes_); }
  uint64_t size() const { return sizeof bytes_; }

 private:
  alignas(16) uint8_t bytes_[64 * 1024];
};

// For as long as it lives. A handler that ran in a child would run in memory that is also ours.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();

 private:
  sigset_t before_;
};

// Such a child makes all of the memory undumpable, our files in /proc root's with that, when its user changes.
class DumpableKept {
 public:
  DumpableKept();
  DumpableKept(const DumpableKept&) = delete;
  DumpableKept& operator=(const DumpableKept&) = delete;
  ~DumpableKept();
};

// Waits for a child's end.
void reap(idtype_t type, id_t id);

[[noreturn]] void end_child(int status);

// Calls `function` in a child with these CLONE_NEW* flags that has our memory and our files, while this thread stands
// still: as if the thread were another process for a while. Returns 0 or an errno.
int run_in_own_child(uint64_t flags, void (*function)(void*), void* data);

// Calls `function`, which returns a Result, in such a child. What it opens is ours, too.
template <typename Function>
auto in_own_child(uint64_t flags, Function&& function) -> decltype(function()) {
  struct Job {
    Function& function;
    decltype(function()) result;
  } job{function, Failure{ECHILD, "clone3"}};
  int error = run_in_own_child(
      flags,
      [](void* data) {
        Job& job = *static_cast<Job*>(data);
        job.result = job.function();
      },
      &job);
  if (error != 0) {
    return Failure{error, "clone3"};
  }
  return std::move(job.result);
}

}  // namespace netlace
