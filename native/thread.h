#pragma once

#include <pthread.h>
#include <type_traits>

#include "unique_fd.h"

namespace netlace {

// pthread_create with every signal blocked from the thread's first instruction on: signals belong to Node's threads.
// Returns 0 or the errno. (std::thread reports failure by an exception.)
int start_thread(pthread_t& thread, void* (*entry)(void*), void* argument);

// Calls `function` in a thread that is made for it and ends with it. Returns 0 or an errno.
template <typename Function>
int in_own_thread(Function&& function) {
  pthread_t thread;
  int error = start_thread(
      thread,
      [](void* data) -> void* {
        (*static_cast<std::remove_reference_t<Function>*>(data))();
        return nullptr;
      },
      &function);
  if (error == 0) {
    pthread_join(thread, nullptr);
  }
  return error;
}

// Whether `netns` is the network namespace that the calling thread is in.
bool is_current_namespace(int netns);

// The user namespace that owns a namespace, unless that is out of our reach.
UniqueFd owner_of(int fd);

}  // namespace netlace
