#include "program.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "system_calls.h"

namespace netlace {

namespace {

// Of a buffer; more than any call here writes.
constexpr int64_t most_buffer_bytes = 1 << 20;

}  // namespace

bool Program::read(std::span<const uint8_t> block) {
  Launch header;
  if (block.size() < sizeof header) {
    return false;
  }
  std::memcpy(&header, block.data(), sizeof header);
  uint64_t least = sizeof header + uint64_t{header.count} * sizeof(Call) + uint64_t{header.pointers} * sizeof(uint32_t);
  if (block.size() < least || block.size() > INT32_MAX) {
    return false;
  }
  size_t list = block.size() - header.pointers * sizeof(uint32_t);
  pointers_.resize(header.pointers);
  for (uint32_t i = 0; i < header.pointers; i++) {
    std::memcpy(&pointers_[i], block.data() + list + i * sizeof(uint32_t), sizeof(uint32_t));
  }
  block_.reserve(2 * block.size());
  block_.assign(block.begin(), block.begin() + static_cast<ptrdiff_t>(list));
  for (uint32_t i = 0; i < header.count; i++) {
    if (!read_call(calls()[i], i)) {
      return false;
    }
  }
  bool are_inside = std::all_of(pointers_.begin(), pointers_.end(), [&](uint32_t place) {
    uint64_t target = 0;
    if (!is_inside(place, sizeof target)) {
      return false;
    }
    std::memcpy(&target, block_.data() + place, sizeof target);
    return is_inside(target, 0);
  });
  // A text without an end has one in these zeros.
  block_.resize(list + sizeof(uint64_t));
  return are_inside;
}

bool Program::read_call(Call& call, uint32_t index) {
  if (call.number >= system_calls().size() || call.tolerated % alignof(int32_t) != 0 ||
      !is_inside(call.tolerated, call.tolerated_count * sizeof(int32_t)) ||
      (call.condition & ~only_if) > static_cast<int>(index)) {
    return false;
  }
  call.number = static_cast<uint16_t>(system_calls()[call.number].number);
  for (int k = 0; k < 6; k++) {
    int64_t& argument = call.arguments[k];
    // As doubles in the block.
    double given = std::bit_cast<double>(argument);
    if (!(given >= -0x1p63 && given < 0x1p63)) {
      return false;
    }
    argument = static_cast<int64_t>(given);
    switch (call.kinds[k]) {
    case Kind::value:
      break;
    case Kind::address:
      if (!is_inside(static_cast<uint64_t>(argument), 0)) {
        return false;
      }
      break;
    case Kind::result_of:
      if (argument < 0 || argument >= index) {
        return false;
      }
      break;
    case Kind::buffer:
      if (argument < 0 || argument > most_buffer_bytes) {
        return false;
      }
      break;
    default:
      return false;
    }
  }
  return true;
}

Program::Program(uint32_t most_calls) : block_(sizeof(Launch) + most_calls * sizeof(Call)) {}

Program::Argument Program::bytes(const void* data, size_t size) {
  size_t place = reserve(size);
  auto* from = static_cast<const uint8_t*>(data);
  std::copy(from, from + size, block_.begin() + static_cast<ptrdiff_t>(place));
  return {Kind::address, static_cast<int64_t>(place)};
}

void Program::point(const Argument& data, size_t offset, const Argument& target) {
  size_t place = static_cast<size_t>(data.number) + offset;
  std::memcpy(block_.data() + place, &target.number, sizeof target.number);
  pointers_.push_back(static_cast<uint32_t>(place));
}

uint32_t Program::add(long number, std::initializer_list<Argument> arguments) {
  uint32_t index = block()->count++;
  Call& call = calls()[index];
  call.number = static_cast<uint16_t>(number);
  int k = 0;
  for (const Argument& argument : arguments) {
    call.kinds[k] = argument.kind;
    call.arguments[k++] = argument.number;
  }
  return index;
}

size_t Program::reserve(size_t size) {
  size_t place = (block_.size() + 7) & ~size_t{7};
  block_.resize(place + size);
  return place;
}

void Program::place_here() {
  reserve_results({});
  place(reinterpret_cast<int64_t>(block_.data()));
}

void Program::place_in_launcher(std::span<const int32_t> keeps) {
  reserve_results(keeps);
  place(launcher_block);
}

void Program::reserve_results(std::span<const int32_t> keeps) {
  size_t results = reserve(size() * sizeof(int64_t));
  size_t kept = reserve(keeps.size_bytes());
  std::copy(keeps.begin(), keeps.end(), reinterpret_cast<int32_t*>(block_.data() + kept));
  for (uint32_t i = 0; i < size(); i++) {
    for (int k = 0; k < 6; k++) {
      if (calls()[i].kinds[k] == Kind::buffer) {
        size_t length = static_cast<size_t>(calls()[i].arguments[k]);
        size_t offset = reserve(length);
        calls()[i].arguments[k] = static_cast<int64_t>(offset);
        buffers_.push_back({offset, length});
      }
    }
  }
  Launch& header = *block();
  header.results = static_cast<uint32_t>(results);
  header.keeps = static_cast<uint32_t>(kept);
  header.keep_count = static_cast<uint32_t>(keeps.size());
  header.report = header.gate = header.channel = -1;
  header.born = 0;
  header.size = static_cast<uint32_t>(block_.size());
  header.rescue = std::min(rescue_, header.count);
  reset();
}

void Program::place(int64_t base) {
  for (uint32_t i = 0; i < size(); i++) {
    for (int k = 0; k < 6; k++) {
      if (calls()[i].kinds[k] == Kind::address || calls()[i].kinds[k] == Kind::buffer) {
        calls()[i].arguments[k] += base;
      }
    }
  }
  for (uint32_t place : pointers_) {
    int64_t pointer = 0;
    std::memcpy(&pointer, block_.data() + place, sizeof pointer);
    pointer += base;
    std::memcpy(block_.data() + place, &pointer, sizeof pointer);
  }
}

size_t Program::count(long number) const {
  return static_cast<size_t>(
      std::count_if(calls(), calls() + size(), [=](const Call& call) { return call.number == number; }));
}

const char* Program::name(uint32_t index) const {
  return index < size() ? system_call_of(calls()[index].number)->kernel_name : "";
}

bool Program::opens(uint32_t index) const {
  return system_call_of(calls()[index].number)->opens;
}

pid_t Program::read_back(int file) {
  Launch copy;
  std::span<uint8_t> written = image().subspan(block()->results);
  if (pread(file, &copy, sizeof copy, 0) != static_cast<ssize_t>(sizeof copy) ||
      pread(file, written.data(), written.size(), block()->results) != static_cast<ssize_t>(written.size())) {
    return 0;
  }
  block()->at = copy.at;
  return copy.born;
}

long Program::result(uint32_t index) const {
  auto* results = reinterpret_cast<const int64_t*>(block_.data() + block()->results);
  return static_cast<long>(results[index]);
}

void Program::reset() {
  auto* results = reinterpret_cast<int64_t*>(block_.data() + block()->results);
  std::fill(results, results + size(), -1);
  block()->at = not_begun;
}

std::vector<std::vector<uint8_t>> Program::buffers() const {
  std::vector<std::vector<uint8_t>> found;
  for (const Buffer& buffer : buffers_) {
    auto begin = block_.begin() + static_cast<ptrdiff_t>(buffer.offset);
    found.emplace_back(begin, begin + static_cast<ptrdiff_t>(buffer.size));
  }
  return found;
}

}  // namespace netlace
