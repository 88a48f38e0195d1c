#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "program.h"

namespace netlace {

// Reads arguments by their JavaScript type. The first wrong one throws a TypeError and makes `valid()` false; what is
// read from then on is empty and must not be used.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  bool valid() const { return valid_; }
  Napi::Env env() const { return info_.Env(); }

  template <typename T>
  T integer(size_t index, const char* name) {
    return static_cast<T>(number(info_[index], name, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }

  std::string string(size_t index, const char* name) { return string_of(info_[index], name); }
  std::vector<std::string> strings(size_t index, const char* name);
  std::vector<int> integers(size_t index, const char* name) { return integers_of(info_[index], name); }

  // The bytes stay where they are: good until control returns to JavaScript.
  std::span<uint8_t> bytes(size_t index, const char* name) { return bytes_of(info_[index], name); }
  std::span<uint8_t> bytes_or_null(size_t index, const char* name);

  // A copy that may travel to another thread.
  std::vector<uint8_t> copy(size_t index, const char* name);

  // What an object of the addon's class `T` stands for, by `T::from`.
  template <typename T>
  auto object(size_t index, const char* name) -> decltype(T::from(Napi::Value())) {
    auto found = T::from(info_[index]);
    if (found == nullptr) {
      refuse(name, "an object of the addon");
    }
    return found;
  }

  bool is_null(size_t index) const { return info_[index].IsNull(); }

  Program program(size_t index, const char* name);

  // Optional properties of an object argument. Absent: false, and `value` stays as it is.
  bool property(size_t index, const char* name, int& value);
  bool property(size_t index, const char* name, std::vector<int>& value);
  bool property(size_t index, const char* name, std::vector<uint8_t>& value);

 private:
  int64_t number(napi_value value, const char* name, int64_t least, int64_t most);
  std::vector<int> integers_of(Napi::Value value, const char* name);
  std::span<uint8_t> bytes_of(napi_value value, const char* name);
  std::string string_of(Napi::Value value, const char* name);
  Napi::Value property_of(size_t index, const char* name);
  void refuse(const char* name, const char* expected);

  const Napi::CallbackInfo& info_;
  bool valid_ = true;
};

}  // namespace netlace
