#pragma once

#include <cerrno>
#include <variant>

namespace netlace {

// A system call that failed.
struct Failure {
  int number;
  const char* syscall;

  // To be called before anything else can overwrite errno.
  static Failure of(const char* syscall) { return {errno, syscall}; }
};

// For calls of which the only news is that they succeeded.
using Done = std::monostate;

template <typename T>
using Result = std::variant<T, Failure>;

}  // namespace netlace
