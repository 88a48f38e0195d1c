#pragma once

#include <linux/sched.h>

#include <cstddef>
#include <cstdint>

namespace netlace {

// clone3() of a child that runs `function` and must not return from it. Returns the pid, or -errno.
//
// With CLONE_VM the child shares this process's memory and runs on the stack that `arguments` name: copying the memory,
// or only its page tables, takes longer the larger the heap is. So the child may do little more than system calls until
// it is another program. Where that is not implemented CLONE_VM is left out, and the child has a copy.
//
// Where a filter forbids clone3() (ENOSYS), clone() does the same.
long clone_child(clone_args& arguments, void (*function)(void*), void* data);

// Where the child runs. It stays until the child does not share the memory any more.
class ChildStack {
 public:
  ChildStack() {}
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack();
  uint64_t address() const { return reinterpret_cast<uint64_t>(bytes_); }
  uint64_t size() const { return sizeof bytes_; }

 private:
  alignas(16) uint8_t bytes_[32 * 1024];
};

}  // namespace netlace
