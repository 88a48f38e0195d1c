#pragma once

#include <asm/unistd.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cerrno>

#include "launch.h"
#include "system_call.h"

#ifndef __NR_close_range
#define __NR_close_range 436
#endif

namespace netlace {

// Carries out lists of system calls: in the launcher, in a child that still shares Node's memory, or in a thread of its
// own. There is nothing here but system calls: no lock, no allocation, no errno.

inline const Call* calls_of(const Launch* block) {
  return reinterpret_cast<const Call*>(block + 1);
}

inline int64_t* results_of(Launch* block) {
  return reinterpret_cast<int64_t*>(reinterpret_cast<char*>(block) + block->results);
}

inline void mask_signals(uint64_t signals) {
  system_call(__NR_rt_sigprocmask, SIG_SETMASK, address(&signals), 0, sizeof signals);
}

inline void reset_signals(uint64_t signals) {
  // struct sigaction of the kernel: SIG_DFL.
  const uint64_t standard[4] = {0, 0, 0, 0};
  for (long signal = 1; signal <= 64; signal++) {
    if ((signals >> (signal - 1) & 1) != 0) {
      system_call(__NR_rt_sigaction, signal, address(standard), 0, sizeof(uint64_t));
    }
  }
}

inline bool tolerates(const Launch* block, const Call& call, long error) {
  auto* errnos = reinterpret_cast<const int32_t*>(reinterpret_cast<const char*>(block) + call.tolerated);
  for (unsigned i = 0; i < call.tolerated_count; i++) {
    if (errnos[i] == error || errnos[i] == any_error) {
      return true;
    }
  }
  return false;
}

inline long close_all_but(long first, long kept) {
  if (kept > first) {
    if (long result = system_call(__NR_close_range, first, kept - 1, 0)) {
      return result;
    }
  }
  return system_call(__NR_close_range, kept >= first ? kept + 1 : first, 0xffffffff, 0);
}

// Not inlined: what would have these pages in its frame would touch those below them.
[[gnu::noinline]] inline long is_in_root() {
  // "(unreachable)/..." where the working directory is not below the root.
  char path[4096];
  long length = system_call(__NR_getcwd, address(path), sizeof path);
  return is_error(length) ? length : path[0] == '/' ? 0 : -ENOENT;
}

inline long runs_still(long pidfd) {
  pollfd watched = {static_cast<int>(pidfd), POLLIN, 0};
  const long now[2] = {0, 0};
  long ready = system_call(__NR_ppoll, address(&watched), 1, address(now), 0, 0);
  return ready > 0 ? -ESRCH : ready;
}

// What any process can do.
inline long make_call(const Launch* block, const Call& call, const long (&a)[6]) {
  switch (call.number) {
  case close_rest:
    return close_all_but(a[0], block->report);
  case in_root:
    return is_in_root();
  case still_runs:
    return runs_still(a[0]);
  case __NR_execve:
  case __NR_execveat:
    mask_signals(0);
    break;
  default:
    break;
  }
  return system_call(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// That a program is there but may not be run says more than that it is not in the folders after that: execvp(3).
inline Outcome what_counts(Launch* block, Outcome last) {
  for (uint32_t i = 0; i < last.call; i++) {
    const Call& call = calls_of(block)[i];
    if (call.number == __NR_execve && results_of(block)[i] == -EACCES && tolerates(block, call, last.error)) {
      return {i, EACCES};
    }
  }
  return last;
}

// Whether the call is skipped; then it has a result already.
inline bool skips(Launch* block, uint32_t index) {
  uint16_t condition = calls_of(block)[index].condition;
  if (condition == 0) {
    return false;
  }
  int64_t earlier = results_of(block)[(condition & ~only_if) - 1];
  if (is_error(earlier) != ((condition & only_if) != 0)) {
    return false;
  }
  results_of(block)[index] = earlier;
  return true;
}

// Makes the calls from `begin` up to `end`, each by `make(call, arguments)`.
template <typename Make>
inline Outcome run(Launch* block, uint32_t begin, uint32_t end, Make make) {
  int64_t* results = results_of(block);
  for (uint32_t i = begin; i < end; i++) {
    const Call& call = calls_of(block)[i];
    *const_cast<volatile uint32_t*>(&block->at) = i;
    if (skips(block, i)) {
      continue;
    }
    long arguments[6];
    for (int k = 0; k < 6; k++) {
      int64_t argument = call.arguments[k];
      arguments[k] = static_cast<long>(call.kinds[k] == Kind::result_of ? results[argument] : argument);
    }
    long result = make(call, arguments);
    results[i] = result;
    if (is_error(result) && !tolerates(block, call, -result)) {
      return what_counts(block, {i, static_cast<int>(-result)});
    }
  }
  return {end, 0};
}

// Makes all calls from `begin` on, and those that make up for a failure.
template <typename Make>
inline Outcome run_all(Launch* block, Make make, uint32_t begin = 0) {
  Outcome outcome = run(block, begin, block->rescue, make);
  if (outcome.error != 0) {
    for (uint32_t i = block->rescue; i < block->count; i++) {
      run(block, i, i + 1, make);
    }
  }
  *const_cast<volatile uint32_t*>(&block->at) = outcome.error == 0 ? block->count : outcome.call;
  return outcome;
}

}  // namespace netlace
