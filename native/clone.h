#pragma once

#include <linux/sched.h>

#include <cstddef>

namespace netlace {

// clone3() of a child that runs `function` and must not return from it. Returns the pid, or -1 with errno set.
//
// With CLONE_VM the child shares this process's memory and runs on the stack that `arguments` say: copying the memory,
// or only its page tables, would take the longer the larger the heap is. So it may do little more than system calls
// until it is another program. Where that is not implemented (`shares_memory`) CLONE_VM is left out, and the child has
// a copy.
extern const bool shares_memory;
long clone_child(clone_args& arguments, void (*function)(void*), void* data);

}  // namespace netlace
