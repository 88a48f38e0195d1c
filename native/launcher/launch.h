#pragma once

#include <cstdint>

namespace netlace {

// A list of system calls as one block of bytes: this header, the calls, what their arguments point to, the results and
// the buffers. lib/system-calls/encode.ts writes the first three, `Program` adds the rest. Offsets count from the
// block's beginning.
//
// The launcher has the block at a fixed address. So pointers into it are made before there is a launcher.
constexpr int64_t launcher_block = 0x10000000;

// What an argument's number is.
enum class Kind : uint8_t {
  value,
  // Of something in the block.
  address,
  // The index of an earlier call.
  result_of,
  // A size, of memory in the block that the call writes to; an address once the program has been read.
  buffer,
};

struct Call {
  uint16_t number;
  uint16_t tolerated_count;
  // The offset of errnos with which the call has not failed: its result is -errno. -1 stands for all of them.
  uint32_t tolerated;
  Kind kinds[6];
  // 1 + the index of an earlier call. If that one succeeded, this one is skipped and has its result; with `only_if`
  // the other way round. 0: none.
  uint16_t condition;
  int64_t arguments[6];
};
static_assert(sizeof(Call) == 64);

constexpr uint16_t only_if = 0x8000;
constexpr int32_t any_error = -1;

struct Launch {
  uint32_t count;
  // So many offsets of pointers, at the end of what TypeScript wrote.
  uint32_t pointers;
  uint32_t results;
  // Descriptors that the launcher keeps, in ascending order. It closes all others.
  uint32_t keeps;
  uint32_t keep_count;
  // Descriptors: a pipe for reports, one to wait at, a socket to send descriptors through. -1: none.
  int32_t report;
  int32_t gate;
  int32_t channel;
  // The signals whose handling is made the default: signal 1 is bit 0.
  uint64_t signals;
  // The call that is being made. `not_begun` until the first.
  uint32_t at;
  // The process that goes on with the list, once there is one: the kernel writes it.
  int32_t born;
  uint32_t size;
  // The calls from this one on are made when one before has failed, whether they fail or not.
  uint32_t rescue;
  uint32_t unused[2];
};
static_assert(sizeof(Launch) == 64);

constexpr uint32_t not_begun = 0xffffffff;

// Numbers for what the kernel does not have as one system call. Those of the first group work anywhere.
enum Pseudo : uint16_t {
  // Closes all descriptors from the argument on, except the one for reports. Since Linux 5.9.
  close_rest = 0xfff0,
  // ENOENT if the working directory is not below the root.
  in_root,
  // ESRCH if the process behind the pidfd has ended.
  still_runs,

  // clone3() with the argument's flags and cgroup (-1: none). The child, which has the launcher's parent, goes on.
  fork,
  // Waits until the id maps have been written.
  maps,
  // The child of process 1 goes on; process 1 becomes its init.
  init,
  // Sends a descriptor through the channel.
  send,
};

// What the launcher says through its pipe. Written at once (PIPE_BUF).
struct Report {
  enum Kind : uint32_t { maps_wanted, failed };
  Kind kind;
  uint32_t step;
  int32_t error;
  uint32_t unused;
};

// Where carrying out a list stopped: at the end (`call` is their number, no error), or at the call that failed.
struct Outcome {
  uint32_t call;
  int error;
};

}  // namespace netlace
