#include "thread.h"

#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "signals.h"

namespace netlace {

namespace {
// Nothing deep runs in these threads, and the default of 8 MiB may be refused where address space is limited.
constexpr size_t stack_bytes = 512 * 1024;
}  // namespace

int start_thread(pthread_t& thread, void* (*entry)(void*), void* argument) {
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes)) {
    return error;
  }
  pthread_attr_setstacksize(&attributes, stack_bytes);
  int error = 0;
  {
    // A new thread inherits the mask.
    SignalsBlocked blocked;
    error = pthread_create(&thread, &attributes, entry, argument);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

bool is_current_namespace(int netns) {
  struct stat theirs;
  struct stat own;
  return fstat(netns, &theirs) == 0 && stat("/proc/thread-self/ns/net", &own) == 0 && theirs.st_dev == own.st_dev &&
         theirs.st_ino == own.st_ino;
}

UniqueFd owner_of(int fd) {
  return UniqueFd(ioctl(fd, NS_GET_USERNS));
}

}  // namespace netlace
