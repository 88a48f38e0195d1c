#include "arguments.h"

#include <cmath>
#include <utility>

namespace netlace {

std::vector<std::string> Arguments::strings(size_t index, const char* name) {
  Napi::Value value = info_[index];
  if (!value.IsArray()) {
    refuse(name, "an array of strings");
    return {};
  }
  Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> values;
  for (uint32_t i = 0; valid_ && i < array.Length(); i++) {
    values.push_back(string_of(array.Get(i), name));
  }
  return values;
}

std::string Arguments::string_of(Napi::Value value, const char* name) {
  if (!value.IsString()) {
    refuse(name, "a string");
    return {};
  }
  std::string text = value.As<Napi::String>().Utf8Value();
  // The kernel would silently see a shorter string.
  if (text.find('\0') != std::string::npos) {
    refuse(name, "a string without null characters");
    return {};
  }
  return text;
}

std::span<uint8_t> Arguments::bytes_or_null(size_t index, const char* name) {
  return info_[index].IsNull() ? std::span<uint8_t>() : bytes(index, name);
}

std::vector<uint8_t> Arguments::copy(size_t index, const char* name) {
  std::span<uint8_t> source = bytes(index, name);
  return {source.begin(), source.end()};
}

Program Arguments::program(size_t index, const char* name) {
  Program program;
  std::span<uint8_t> block = bytes(index, name);
  if (valid_ && !program.read(block)) {
    refuse(name, "a program");
  }
  return valid_ ? std::move(program) : Program();
}

bool Arguments::property(size_t index, const char* name, int& value) {
  Napi::Value found = property_of(index, name);
  if (found.IsEmpty()) {
    return false;
  }
  value = static_cast<int>(number(found, name, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  return true;
}

bool Arguments::property(size_t index, const char* name, std::vector<int>& value) {
  Napi::Value found = property_of(index, name);
  if (found.IsEmpty()) {
    return false;
  }
  value = integers_of(found, name);
  return true;
}

bool Arguments::property(size_t index, const char* name, std::vector<uint8_t>& value) {
  Napi::Value found = property_of(index, name);
  if (found.IsEmpty()) {
    return false;
  }
  std::span<uint8_t> source = bytes_of(found, name);
  value.assign(source.begin(), source.end());
  return true;
}

int64_t Arguments::number(napi_value value, const char* name, int64_t least, int64_t most) {
  double number = 0;
  if (napi_get_value_double(info_.Env(), value, &number) != napi_ok || std::trunc(number) != number ||
      number < static_cast<double>(least) || number >= static_cast<double>(most) + 1) {
    refuse(name, "an integer in range");
    return 0;
  }
  return static_cast<int64_t>(number);
}

std::vector<int> Arguments::integers_of(Napi::Value value, const char* name) {
  if (!value.IsArray()) {
    refuse(name, "an array of integers");
    return {};
  }
  Napi::Array array = value.As<Napi::Array>();
  std::vector<int> values;
  for (uint32_t i = 0; valid_ && i < array.Length(); i++) {
    Napi::Value element = array.Get(i);
    values.push_back(
        static_cast<int>(number(element, name, std::numeric_limits<int>::min(), std::numeric_limits<int>::max())));
  }
  return values;
}

std::span<uint8_t> Arguments::bytes_of(napi_value value, const char* name) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(info_.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    refuse(name, "a Uint8Array");
    return {};
  }
  // A detached array has a length of 0 and may still have an address.
  return {static_cast<uint8_t*>(data), data == nullptr ? 0 : length};
}

// Empty when the property is absent, or when a getter threw.
Napi::Value Arguments::property_of(size_t index, const char* name) {
  Napi::Value object = info_[index];
  if (!valid_ || !object.IsObject()) {
    refuse(name, "a property of an object");
    return {};
  }
  Napi::Value value = object.As<Napi::Object>().Get(name);
  if (info_.Env().IsExceptionPending()) {
    valid_ = false;
    return {};
  }
  return value.IsUndefined() ? Napi::Value() : value;
}

void Arguments::refuse(const char* name, const char* expected) {
  if (valid_) {
    valid_ = false;
    if (!info_.Env().IsExceptionPending()) {
      Napi::TypeError::New(info_.Env(), std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
    }
  }
}

}  // namespace netlace
