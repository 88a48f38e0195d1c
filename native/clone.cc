#include "clone.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace netlace {

#if defined(__x86_64__)

const bool shares_memory = true;

long clone_child(clone_args& arguments, void (*function)(void*), void* data) {
  long result;
  // The child comes back with an empty stack, so that it cannot return from here: it calls the function, which is kept
  // in a register.
  register void (*entry)(void*) asm("r12") = function;
  register void* argument asm("r13") = data;
  asm volatile("syscall\n\t"
               "test %%rax, %%rax\n\t"
               "jnz 1f\n\t"
               "xor %%ebp, %%ebp\n\t"
               "mov %%r13, %%rdi\n\t"
               "call *%%r12\n\t"
               "ud2\n"
               "1:"
               : "=a"(result)
               : "0"(SYS_clone3), "D"(&arguments), "S"(sizeof arguments), "r"(entry), "r"(argument)
               : "rcx", "r11", "memory", "cc");
  if (result < 0) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

#elif defined(__aarch64__)

const bool shares_memory = true;

long clone_child(clone_args& arguments, void (*function)(void*), void* data) {
  register long number asm("x8") = SYS_clone3;
  register long result asm("x0") = reinterpret_cast<long>(&arguments);
  register long size asm("x1") = sizeof arguments;
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
               : "r"(number), "r"(size), "r"(entry), "r"(argument)
               : "memory", "cc", "x30");
  if (result < 0) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

#else

const bool shares_memory = false;

long clone_child(clone_args& arguments, void (*function)(void*), void* data) {
  arguments.flags &= ~static_cast<uint64_t>(CLONE_VM);
  arguments.stack = 0;
  arguments.stack_size = 0;
  long result = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (result == 0) {
    function(data);
  }
  return result;
}

#endif

}  // namespace netlace
