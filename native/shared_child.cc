#include "shared_child.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include "clone.h"

namespace netlace {

namespace {

// The flag is one for all threads. So the first child that may clear it and the last one count: while another user's
// child has our memory, that must not be open to the other user.
struct {
  std::mutex mutex;
  int children = 0;
  int before = 0;
} dumpable;

}  // namespace

ChildStack::~ChildStack() {
#if defined(__SANITIZE_ADDRESS__)
  // The child ended without returning, so that its frames are still marked; what comes here next would have the marks.
  ASAN_UNPOISON_MEMORY_REGION(bytes_, sizeof bytes_);
#endif
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

DumpableKept::DumpableKept() {
  std::lock_guard lock(dumpable.mutex);
  if (dumpable.children++ == 0) {
    dumpable.before = prctl(PR_GET_DUMPABLE);
  }
}

DumpableKept::~DumpableKept() {
  std::lock_guard lock(dumpable.mutex);
  if (--dumpable.children == 0 && dumpable.before == 1 && prctl(PR_GET_DUMPABLE) != 1) {
    prctl(PR_SET_DUMPABLE, 1);
  }
}

void reap(idtype_t type, id_t id) {
  siginfo_t info;
  while (waitid(type, id, &info, WEXITED | __WALL) != 0 && errno == EINTR) {
  }
}

void end_child(int status) {
  for (;;) {
    syscall(SYS_exit_group, status);
  }
}

int run_in_own_child(uint64_t flags, void (*function)(void*), void* data) {
  if (!shares_memory) {
    return ENOSYS;
  }
  ChildStack stack;
  struct Job {
    void (*function)(void*);
    void* data;
  } job{function, data};
  clone_args arguments = {};
  arguments.flags = flags | CLONE_VM | CLONE_FILES | CLONE_VFORK;
  arguments.stack = stack.address();
  arguments.stack_size = stack.size();
  DumpableKept dumpable;
  SignalsBlocked blocked;
  long pid = clone_child(
      arguments,
      [](void* data) {
        Job& job = *static_cast<Job*>(data);
        job.function(job.data);
        end_child(0);
      },
      &job);
  if (pid < 0) {
    return errno;
  }
  reap(P_PID, static_cast<id_t>(pid));
  return 0;
}

}  // namespace netlace
