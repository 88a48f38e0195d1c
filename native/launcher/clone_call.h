#pragma once

#include <asm/unistd.h>
#include <linux/sched.h>

#include <cstdint>

#include "system_call.h"

namespace netlace {

// A system call in which the child comes back with an empty stack, so that it cannot return from here: it calls the
// function, which is kept in a register and must not return.
#if defined(__x86_64__)

inline long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
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

inline long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
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
inline long clone_call(long number, long a, long b, long c, void (*function)(void*), void* data) {
  if (number == __NR_clone3) {
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

}  // namespace netlace
