#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace netlace {

// System calls to be made one after the other: written down beforehand, so that making them takes no memory and no
// lock. A child that shares this process's memory can do that, between clone3() and execve().
class Program {
 public:
  struct Call {
    long number;
    const char* name;
    // Its result is a new descriptor.
    bool opens;
    long arguments[6];
    // Of each argument: the index of the call whose result goes there, or -1; -2: the descriptor for reports.
    int16_t results[6];
    // With one of these errnos the call has not failed, and its result is -errno.
    std::vector<int> tolerated;

    bool tolerates(int error) const;
  };

  // Where it stopped: at the end (`call` is their number, errno 0), or at the call that failed.
  struct Outcome {
    uint32_t call;
    int error;
  };

  // Stands for all of them.
  static constexpr int any_error = -1;

  Program() = default;
  // Calls point into the memory.
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;

  static constexpr int16_t report = -2;

  Outcome run() { return run(0, size()); }
  // Only those from `begin` up to `end`.
  Outcome run(uint32_t begin, uint32_t end);

  // What `report` stands for.
  void report_to(int fd) { report_to_ = fd; }

  // As if none had been made.
  void reset() { results_.assign(results_.size(), -1); }

  uint32_t size() const { return static_cast<uint32_t>(calls_.size()); }
  const Call& call(uint32_t index) const { return calls_[index]; }
  bool empty() const { return calls_.empty(); }
  const char* name(uint32_t call) const { return call < calls_.size() ? calls_[call].name : ""; }
  // -1 of a call that has not been made, or failed.
  long result(uint32_t call) const { return results_[call]; }

  // What the calls wrote where there was a buffer for it, in the order of the arguments. Once, at the end.
  std::vector<std::vector<uint8_t>> take_buffers();

 private:
  friend class ProgramReader;

  std::vector<Call> calls_;
  std::vector<long> results_;
  long report_to_ = -1;
  // What arguments point to. Each block stays where it is.
  std::vector<std::vector<uint8_t>> memory_;
  // Which blocks are buffers.
  std::vector<size_t> buffers_;
};

// The number of the system call with this name, or -1; and its name, which lasts.
struct SystemCall {
  const char* name;
  long number;
  bool opens;
};
const SystemCall* find_system_call(const char* name);

}  // namespace netlace
