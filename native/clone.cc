#include "clone.h"

#include <sys/syscall.h>

#include <cerrno>

#include "launcher/system_call.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace netlace {

namespace {

// A system call in which the child comes back with an empty stack, so that it cannot return from here: it calls the
// function, which is kept in a register.
#if defined(__x86_64__)

long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
  long result;
  register void (*entry)(void*) asm("r12") = function;
  register void* argument asm("r13") = data;
  register long child_tid asm("r10") = 0;
  register long tls asm("r8") = 0;
  asm volatile("syscall\n\t"
               "test %%rax, %%rax\n\t"
               "jnz 1f\n\t"
               "xor %%ebp, %%ebp\n\t"
               "mov %%r13, %%rdi\n\t"
               "call *%%r12\n\t"
               "ud2\n"
               "1:"
               : "=a"(result)
               : "0"(number), "D"(a), "S"(b), "d"(c), "r"(entry), "r"(argument), "r"(child_tid), "r"(tls)
               : "rcx", "r11", "memory", "cc");
  return result;
}

#elif defined(__aarch64__)

long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
  register long call asm("x8") = number;
  register long result asm("x0") = a;
  register long second asm("x1") = b;
  register long third asm("x2") = c;
  register long tls asm("x3") = 0;
  register long child_tid asm("x4") = 0;
  register void (*entry)(void*) asm("x10") = function;
  register void* argument asm("x11") = data;
  asm volatile("svc #0\n\t"
               "cbnz x0, 1f\n\t"
               "mov x29, #0\n\t"
               "mov x0, x11\n\t"
               "blr x10\n\t"
               "brk #1\n"
               "1:"
               : "+r"(result)
               : "r"(call), "r"(second), "r"(third), "r"(tls), "r"(child_tid), "r"(entry), "r"(argument)
               : "memory", "cc", "x30");
  return result;
}

#else

// The child has a copy of the memory, and the stack in it.
long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
  if (number == SYS_clone3) {
    auto* arguments = reinterpret_cast<clone_args*>(a);
    arguments->flags &= ~static_cast<uint64_t>(CLONE_VM);
    arguments->stack = 0;
    arguments->stack_size = 0;
  } else {
    a &= ~static_cast<long>(CLONE_VM);
    b = 0;
  }
  long result = system_call(number, a, b, c);
  if (result == 0) {
    function(data);
  }
  return result;
}

#endif

}  // namespace

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
