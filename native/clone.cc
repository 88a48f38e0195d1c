#include "clone.h"

#include <sys/syscall.h>

#include <cerrno>

#include "launcher/clone_call.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace netlace {

long clone_child(clone_args& arguments, void (*function)(void*), void* data) {
  long result = clone_call(SYS_clone3, address(&arguments), sizeof arguments, 0, function, data);
  if (result != -ENOSYS) {
    return result;
  }
  // It does not know CLONE_CLEAR_SIGHAND, and returns the pidfd where others have the child's number.
  long flags = static_cast<long>((arguments.flags & ~CLONE_CLEAR_SIGHAND) | arguments.exit_signal);
  return clone_call(SYS_clone, flags, static_cast<long>(arguments.stack + arguments.stack_size),
                    static_cast<long>(arguments.pidfd), function, data);
}

ChildStack::~ChildStack() {
#if defined(__SANITIZE_ADDRESS__)
  // The child ended without returning. So its frames are still marked; what comes here next would have the marks.
  ASAN_UNPOISON_MEMORY_REGION(bytes_, sizeof bytes_);
#endif
}

}  // namespace netlace
