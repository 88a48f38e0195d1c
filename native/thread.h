#pragma once

#include <pthread.h>
#include <sched.h>

#include <utility>

#include "result.h"
#include "shared_child.h"
#include "unique_fd.h"

namespace netlace {

// pthread_create with every signal blocked from the thread's first instruction on: signals belong to Node's threads.
// Returns 0 or the errno. (std::thread reports failure by an exception.)
int start_thread(pthread_t& thread, void* (*entry)(void*), void* argument);

// Calls `function`, which returns a Result, in a thread that is made for it and ends with it.
template <typename Function>
auto in_own_thread(Function&& function) -> decltype(function()) {
  struct Job {
    Function& function;
    decltype(function()) result;
  } job{function, Failure{0, ""}};
  pthread_t thread;
  int error = start_thread(
      thread,
      [](void* data) -> void* {
        Job& job = *static_cast<Job*>(data);
        job.result = job.function();
        return nullptr;
      },
      &job);
  if (error != 0) {
    return Failure{error, "pthread_create"};
  }
  pthread_join(thread, nullptr);
  return std::move(job.result);
}

// Whether `netns` is the network namespace that the calling thread is in.
bool is_current_namespace(int netns);

// The user namespace that owns a namespace, unless that is out of our reach.
UniqueFd owner_of(int fd);

// Calls `function` inside the network namespace `netns`; -1: the process's own. Where the thread is there already, it
// takes neither a detour nor the right to enter. Only ever a thread of its own enters another namespace: a thread
// started later by one that is elsewhere would be elsewhere too, for good. Where the right is only had in the user
// namespace that owns it, which no thread of a process can enter, a child does instead.
template <typename Function>
auto in_namespace(int netns, Function&& function) -> decltype(function()) {
  if (netns == -1 || is_current_namespace(netns)) {
    return function();
  }
  bool refused = false;
  auto result = in_own_thread([&]() -> decltype(function()) {
    if (setns(netns, CLONE_NEWNET) != 0) {
      refused = errno == EPERM;
      return Failure::of("setns");
    }
    return function();
  });
  UniqueFd owner = refused ? owner_of(netns) : UniqueFd();
  if (!owner) {
    return result;
  }
  bool entered = false;
  auto another = in_own_child(0, [&]() -> decltype(function()) {
    if (setns(owner.get(), CLONE_NEWUSER) != 0 || setns(netns, CLONE_NEWNET) != 0) {
      return Failure::of("setns");
    }
    entered = true;
    return function();
  });
  // What the thread was told says more than that it may not enter the user namespace that it is in.
  return entered ? std::move(another) : std::move(result);
}

}  // namespace netlace
