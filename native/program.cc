#include "program.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

// Newer than the oldest headers that this is built with; their numbers are the same on all processors.
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

namespace netlace {

namespace {

struct SystemCall {
  const char* name;
  long number;
  bool opens;
};

#define NETLACE_CALL(name)                                                                                             \
  { #name, SYS_##name, false }
// Its result is a new descriptor.
#define NETLACE_OPENS(name)                                                                                            \
  { #name, SYS_##name, true }

// Those that all processors have: `openat` and no `open`.
constexpr SystemCall system_calls[] = {
    NETLACE_CALL(capset),        NETLACE_CALL(chdir),       NETLACE_CALL(chroot),     NETLACE_CALL(close),
    NETLACE_CALL(close_range),   NETLACE_CALL(dup3),        NETLACE_CALL(execve),     NETLACE_CALL(execveat),
    NETLACE_CALL(fcntl),         NETLACE_CALL(fsconfig),    NETLACE_OPENS(fsmount),   NETLACE_OPENS(fsopen),
    NETLACE_CALL(ioctl),         NETLACE_CALL(listmount),   NETLACE_CALL(mkdirat),    NETLACE_CALL(mount),
    NETLACE_CALL(mount_setattr), NETLACE_CALL(move_mount),  NETLACE_OPENS(open_tree), NETLACE_OPENS(openat),
    NETLACE_OPENS(openat2),      NETLACE_CALL(pivot_root),  NETLACE_CALL(ppoll),      NETLACE_CALL(prctl),
    NETLACE_CALL(prlimit64),     NETLACE_CALL(read),        NETLACE_CALL(seccomp),    NETLACE_CALL(setdomainname),
    NETLACE_CALL(setgroups),     NETLACE_CALL(sethostname), NETLACE_CALL(setns),      NETLACE_CALL(setpriority),
    NETLACE_CALL(setresgid),     NETLACE_CALL(setresuid),   NETLACE_CALL(setsid),     NETLACE_CALL(statmount),
    NETLACE_CALL(umask),         NETLACE_CALL(umount2),     NETLACE_CALL(unshare),    NETLACE_CALL(write),
};

#undef NETLACE_OPENS
#undef NETLACE_CALL

struct Header {
  uint32_t calls;
  // So many offsets of pointers, at the end of the block.
  uint32_t pointers;
};

// Of a buffer; more than any call here writes.
constexpr int64_t most_buffer_bytes = 1 << 20;

}  // namespace

std::vector<const char*> system_call_names() {
  std::vector<const char*> names;
  for (const SystemCall& call : system_calls) {
    names.push_back(call.name);
  }
  return names;
}

bool Program::read(std::span<const uint8_t> block) {
  Header header;
  if (block.size() < sizeof header) {
    return false;
  }
  std::memcpy(&header, block.data(), sizeof header);
  uint64_t least = sizeof header + uint64_t{header.calls} * sizeof(Call) + uint64_t{header.pointers} * sizeof(uint32_t);
  if (block.size() < least || block.size() > UINT32_MAX) {
    return false;
  }
  block_.reserve(block.size() + sizeof(uint64_t));
  block_.assign(block.begin(), block.end());
  block_.resize(block.size() + sizeof(uint64_t));
  calls_ = reinterpret_cast<Call*>(block_.data() + sizeof header);
  for (uint32_t i = 0; i < header.calls; i++) {
    if (!read_call(calls_[i], i)) {
      return false;
    }
  }
  results_.assign(header.calls, -1);
  return read_pointers(header.pointers);
}

bool Program::read_call(Call& call, uint32_t index) {
  if (call.system_call >= std::size(system_calls) || call.tolerated % alignof(int32_t) != 0 ||
      !is_inside(call.tolerated, call.tolerated_count * sizeof(int32_t))) {
    return false;
  }
  for (int k = 0; k < 6; k++) {
    int64_t& argument = call.arguments[k];
    double given = std::bit_cast<double>(argument);
    if (!(given >= -0x1p63 && given < 0x1p63)) {
      return false;
    }
    argument = static_cast<int64_t>(given);
    switch (call.kinds[k]) {
    case value:
    case report:
      break;
    case address:
      if (!is_inside(static_cast<uint64_t>(argument), 0)) {
        return false;
      }
      argument = address_of(static_cast<size_t>(argument));
      break;
    case result_of:
      if (argument < 0 || argument >= index) {
        return false;
      }
      break;
    case buffer:
      if (argument < 0 || argument > most_buffer_bytes) {
        return false;
      }
      argument = reinterpret_cast<int64_t>(buffers_.emplace_back(argument).data());
      break;
    default:
      return false;
    }
  }
  return true;
}

bool Program::read_pointers(size_t count) {
  size_t list = block_.size() - sizeof(uint64_t) - count * sizeof(uint32_t);
  for (size_t i = 0; i < count; i++) {
    uint32_t place = 0;
    uint64_t target = 0;
    std::memcpy(&place, block_.data() + list + i * sizeof place, sizeof place);
    if (place + sizeof target > list) {
      return false;
    }
    std::memcpy(&target, block_.data() + place, sizeof target);
    if (!is_inside(target, 0)) {
      return false;
    }
    int64_t pointer = address_of(target);
    std::memcpy(block_.data() + place, &pointer, sizeof pointer);
  }
  return true;
}

bool Program::is_inside(uint64_t place, size_t length) const {
  size_t size = block_.size() - sizeof(uint64_t);
  return place <= size && length <= size - place;
}

const char* Program::name(uint32_t index) const {
  return index < size() ? system_calls[calls_[index].system_call].name : "";
}

long Program::number(uint32_t index) const {
  return system_calls[calls_[index].system_call].number;
}

bool Program::opens(uint32_t index) const {
  return system_calls[calls_[index].system_call].opens;
}

bool Program::tolerates(uint32_t index, int error) const {
  const Call& call = calls_[index];
  auto* tolerated = reinterpret_cast<const int32_t*>(block_.data() + call.tolerated);
  return std::any_of(tolerated, tolerated + call.tolerated_count,
                     [=](int each) { return each == error || each == any_error; });
}

Program::Outcome Program::run(uint32_t begin, uint32_t end) {
  for (uint32_t i = begin; i < end; i++) {
    const Call& call = calls_[i];
    long arguments[6];
    for (int k = 0; k < 6; k++) {
      switch (call.kinds[k]) {
      case result_of:
        arguments[k] = results_[static_cast<size_t>(call.arguments[k])];
        break;
      case report:
        arguments[k] = report_to_;
        break;
      default:
        arguments[k] = static_cast<long>(call.arguments[k]);
      }
    }
    long result =
        syscall(number(i), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    if (result == -1) {
      int error = errno;
      if (!tolerates(i, error)) {
        return {i, error};
      }
      result = -error;
    }
    results_[i] = result;
  }
  return {end, 0};
}

}  // namespace netlace
