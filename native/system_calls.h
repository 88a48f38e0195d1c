#pragma once

#include <cstddef>
#include <span>

namespace netlace {

// A system call that a program may be of.
struct SystemCall {
  // In a program.
  const char* name;
  long number;
  // Whether its result is a new descriptor.
  bool opens;
  // What an error calls it.
  const char* kernel_name;
};

// All of them, in the order of their numbers in a block.
std::span<const SystemCall> system_calls();

// Null: there is none with this number.
const SystemCall* system_call_of(long number);

}  // namespace netlace
