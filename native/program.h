#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace netlace {

// System calls to be made one after the other: written down beforehand, so that making them takes no memory and no
// lock. A child that shares this process's memory can do that, between clone3() and execve().
//
// It comes as one block of bytes, which lib/system-calls/encode.ts writes: a header, the calls, what their arguments
// point to, and where in that there are pointers. All places are offsets from the block's beginning, and become
// addresses.
class Program {
 public:
  // What an argument's number is.
  enum Kind : uint8_t { value, address, result_of, report, buffer };

  struct Call {
    uint16_t system_call;
    // With one of these errnos the call has not failed, and its result is -errno: so many, from that place on.
    uint16_t tolerated_count;
    uint32_t tolerated;
    Kind kinds[6];
    uint16_t unused;
    // As doubles in the block.
    int64_t arguments[6];
  };

  // Where it stopped: at the end (`call` is their number, errno 0), or at the call that failed.
  struct Outcome {
    uint32_t call;
    int error;
  };

  // Stands for all errnos.
  static constexpr int any_error = -1;

  Program() = default;
  // Calls point into the block.
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;

  // False: that is no program, and this one must not be used.
  bool read(std::span<const uint8_t> block);

  Outcome run() { return run(0, size()); }
  // Only those from `begin` up to `end`.
  Outcome run(uint32_t begin, uint32_t end);

  // What arguments of these kinds stand for.
  void report_to(int fd) { report_to_ = fd; }

  // As if none had been made.
  void reset() { results_.assign(results_.size(), -1); }

  uint32_t size() const { return static_cast<uint32_t>(results_.size()); }
  bool empty() const { return results_.empty(); }
  // Of the system call, which lasts; empty behind the last call.
  const char* name(uint32_t index) const;
  long number(uint32_t index) const;
  // Whether its result is a new descriptor.
  bool opens(uint32_t index) const;
  const Call& call(uint32_t index) const { return calls_[index]; }
  bool tolerates(uint32_t index, int error) const;
  // -1 of a call that has not been made, or failed.
  long result(uint32_t index) const { return results_[index]; }

  // What the calls wrote where there was a buffer for it, in the order of the arguments. Once, at the end.
  std::vector<std::vector<uint8_t>> take_buffers() { return std::move(buffers_); }

 private:
  bool read_call(Call& call, uint32_t index);
  bool read_pointers(size_t count);
  bool is_inside(uint64_t place, size_t length) const;
  int64_t address_of(size_t place) { return reinterpret_cast<int64_t>(block_.data() + place); }

  // With zeros behind it, in which a text without an end has one. It stays where it is, as the buffers do.
  std::vector<uint8_t> block_;
  Call* calls_ = nullptr;
  std::vector<long> results_;
  std::vector<std::vector<uint8_t>> buffers_;
  int report_to_ = -1;
};

// The names of all system calls that there may be, in the order of their numbers in a block.
std::vector<const char*> system_call_names();

}  // namespace netlace
