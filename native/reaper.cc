#include "reaper.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>

#include "thread.h"

namespace netlace {

namespace {

// Milliseconds after which to look again at a child that has ended, and is traced.
constexpr int traced = 20;

// Without a thread the argument is lost: a child may still be using it.
template <typename T>
void start_detached(void* (*entry)(void*), std::unique_ptr<T> argument) {
  pthread_t thread;
  if (start_thread(thread, entry, argument.release()) == 0) {
    pthread_detach(thread);
  }
}

bool is_reaped(const UniqueFd& pidfd) {
  siginfo_t info = {};
  return waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG | __WALL) != 0 || info.si_pid != 0;
}

}  // namespace

void reap(const Child& child) {
  siginfo_t info = {};
  while (child.pidfd && waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED | __WALL) != 0 &&
         errno == EINTR) {
  }
}

void reap_later(std::vector<UniqueFd> pidfds) {
  std::erase_if(pidfds, [](const UniqueFd& pidfd) { return !pidfd || is_reaped(pidfd); });
  if (pidfds.empty()) {
    return;
  }
  start_detached(
      [](void* data) -> void* {
        std::unique_ptr<std::vector<UniqueFd>> pidfds(static_cast<std::vector<UniqueFd>*>(data));
        while (!pidfds->empty()) {
          std::vector<pollfd> watched;
          for (const UniqueFd& pidfd : *pidfds) {
            watched.push_back({pidfd.get(), POLLIN, 0});
          }
          poll(watched.data(), watched.size(), -1);
          if (std::erase_if(*pidfds, is_reaped) == 0) {
            poll(nullptr, 0, traced);
          }
        }
        return nullptr;
      },
      std::make_unique<std::vector<UniqueFd>>(std::move(pidfds)));
}

void finish_later(std::unique_ptr<Birth> birth) {
  start_detached(
      [](void* data) -> void* {
        std::unique_ptr<Birth> birth(static_cast<Birth*>(data));
        birth->wait(-1);
        reap(birth->take_child());
        return nullptr;
      },
      std::move(birth));
}

}  // namespace netlace
