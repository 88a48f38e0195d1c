#pragma once

namespace netlace {

// A system call that returns -errno, without a C library: errno belongs to a thread, and a child that shares memory is
// not one. Where this is not implemented there is no launcher (`has_launcher`), and children have a copy of the memory.
#if defined(__x86_64__)

constexpr bool has_launcher = true;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

constexpr bool has_launcher = true;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

#else

}  // namespace netlace

#include <unistd.h>

#include <cerrno>

namespace netlace {

constexpr bool has_launcher = false;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result = syscall(number, a, b, c, d, e, f);
  return result == -1 ? -errno : result;
}

#endif

template <typename T>
inline long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

constexpr bool is_error(long result) {
  return result < 0 && result >= -4095;
}

}  // namespace netlace
