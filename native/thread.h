#pragma once

#include <pthread.h>
#include <sched.h>

#include <utility>

#include "result.h"

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

// Calls `function` inside the network namespace `netns`; -1: the process's own. Where the thread is there already, it
// takes neither a detour nor the right to enter. Only ever a thread of its own enters another namespace: a thread
// started later by one that is elsewhere would be elsewhere too, for good.
template <typename Function>
auto in_namespace(int netns, Function&& function) -> decltype(function()) {
  if (netns == -1 || is_current_namespace(netns)) {
    return function();
  }
  return in_own_thread([&]() -> decltype(function()) {
    if (setns(netns, CLONE_NEWNET) != 0) {
      return Failure::of("setns");
    }
    return function();
  });
}

}  // namespace netlace
