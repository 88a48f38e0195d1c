#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "launcher/launch.h"

namespace netlace {

// System calls to be made one after the other: written down beforehand, so that making them takes no memory and no
// lock. A child that shares this process's memory can do that, and so can the launcher.
class Program {
 public:
  Program() = default;

  // False: that is no program, and this one must not be used. The bytes are those of lib/system-calls/encode.ts.
  bool read(std::span<const uint8_t> block);

  // One that is written down here, of at most so many calls.
  explicit Program(uint32_t most_calls);

  struct Argument {
    Kind kind = Kind::value;
    int64_t number = 0;

    Argument() = default;
    Argument(int64_t value) : number(value) {}
    Argument(Kind kind, int64_t number) : kind(kind), number(number) {}
  };
  static Argument result_of(uint32_t call) { return {Kind::result_of, call}; }
  // A copy of data.
  Argument bytes(const void* data, size_t size);
  Argument text(const std::string& text) { return bytes(text.c_str(), text.size() + 1); }
  // Puts a pointer to other data into data.
  void point(const Argument& data, size_t offset, const Argument& target);
  // Memory to write to.
  static Argument buffer(size_t size) { return {Kind::buffer, static_cast<int64_t>(size)}; }
  // Returns the index of the call.
  uint32_t add(long number, std::initializer_list<Argument> arguments);
  // The calls from this index on are made when one before has failed.
  void rescue_from(uint32_t index) { rescue_ = index; }

  // Makes it ready to be carried out where it is; or by a launcher, which keeps these descriptors, in ascending order.
  void place_here();
  void place_in_launcher(std::span<const int32_t> keeps);
  // What is to be carried out, once it is placed.
  Launch* block() { return reinterpret_cast<Launch*>(block_.data()); }
  const Launch* block() const { return reinterpret_cast<const Launch*>(block_.data()); }
  std::span<uint8_t> image() { return block_; }

  uint32_t size() const { return block_.empty() ? 0 : block()->count; }
  const Call& call(uint32_t index) const { return calls()[index]; }
  // How many such calls there are.
  size_t count(long number) const;
  // Of the system call, which lasts; empty behind the last call.
  const char* name(uint32_t index) const;
  // Whether its result is a new descriptor.
  bool opens(uint32_t index) const;
  // The call that is being made, or was the last one; -1 before the first.
  int64_t reached() const { return block()->at == not_begun ? -1 : block()->at; }
  // Takes over what a launcher has written into its copy, a file. Returns the process that goes on with the list, or 0.
  pid_t read_back(int file);
  // -1 of a call that has not been made.
  long result(uint32_t index) const;
  // As if no call had been made.
  void reset();
  // What the calls wrote where there was a buffer for it, in the order of the arguments.
  std::vector<std::vector<uint8_t>> buffers() const;

 private:
  struct Buffer {
    size_t offset;
    size_t size;
  };

  bool read_call(Call& call, uint32_t index);
  bool is_inside(uint64_t place, size_t length) const {
    return place <= block_.size() && length <= block_.size() - place;
  }
  // At a multiple of 8. Returns where it begins.
  size_t reserve(size_t size);
  void reserve_results(std::span<const int32_t> keeps);
  void place(int64_t base);
  Call* calls() { return reinterpret_cast<Call*>(block() + 1); }
  const Call* calls() const { return reinterpret_cast<const Call*>(block() + 1); }

  std::vector<uint8_t> block_;
  uint32_t rescue_ = UINT32_MAX;
  // Where there are pointers.
  std::vector<uint32_t> pointers_;
  std::vector<Buffer> buffers_;
};

}  // namespace netlace
