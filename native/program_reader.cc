#include "program_reader.h"

#include <cstring>
#include <string>

namespace netlace {

Program ProgramReader::read(Napi::Value calls) {
  if (!calls.IsArray()) {
    refuse("calls must be an array");
    return {};
  }
  Napi::Array array = calls.As<Napi::Array>();
  program_.calls_.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length() && valid_; i++) {
    Napi::HandleScope scope(env_);
    Napi::Value call = array.Get(i);
    if (call.IsEmpty() || !call.IsObject()) {
      refuse("a call must be an object");
      break;
    }
    read_call(call.As<Napi::Object>());
  }
  program_.results_.resize(program_.calls_.size(), -1);
  return valid_ ? std::move(program_) : Program();
}

void ProgramReader::read_call(Napi::Object object) {
  Napi::Value name = object.Get("name");
  Napi::Value arguments = object.Get("args");
  Napi::Value tolerated = object.Get("tolerated");
  if (!name.IsString() || !arguments.IsArray() || arguments.As<Napi::Array>().Length() > 6) {
    refuse("a call must have a name and at most six arguments");
    return;
  }
  const SystemCall* found = find_system_call(name.As<Napi::String>().Utf8Value().c_str());
  if (found == nullptr) {
    refuse("a call must be one of those that are known");
    return;
  }
  Program::Call call = {found->number, found->name, found->opens, {}, {-1, -1, -1, -1, -1, -1}, {}};
  if (tolerated.IsArray()) {
    Napi::Array errnos = tolerated.As<Napi::Array>();
    for (uint32_t i = 0; i < errnos.Length(); i++) {
      Napi::Value number = errnos.Get(i);
      if (!number.IsNumber()) {
        refuse("what is tolerated must be numbers");
        return;
      }
      call.tolerated.push_back(number.As<Napi::Number>().Int32Value());
    }
  }
  Napi::Array list = arguments.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length() && valid_; i++) {
    read_argument(list.Get(i), call, static_cast<int>(i));
  }
  program_.calls_.push_back(std::move(call));
}

void ProgramReader::read_argument(Napi::Value value, Program::Call& call, int index) {
  long& argument = call.arguments[index];
  if (value.IsNumber()) {
    argument = static_cast<long>(value.As<Napi::Number>().Int64Value());
  } else if (value.IsNull()) {
    argument = 0;
  } else if (value.IsString()) {
    argument = reinterpret_cast<long>(keep_text(value.As<Napi::String>()));
  } else if (value.IsTypedArray()) {
    Napi::Uint8Array bytes = value.As<Napi::Uint8Array>();
    argument = reinterpret_cast<long>(keep(bytes.Data(), bytes.ByteLength()));
  } else if (value.IsObject()) {
    Napi::Object object = value.As<Napi::Object>();
    Napi::Value result = object.Get("result");
    if (result.IsNumber()) {
      uint32_t earlier = result.As<Napi::Number>().Uint32Value();
      if (earlier >= program_.calls_.size() || earlier > INT16_MAX) {
        refuse("a result must be that of a call made before");
        return;
      }
      call.results[index] = static_cast<int16_t>(earlier);
    } else if (Napi::Value buffer = object.Get("buffer"); buffer.IsNumber()) {
      argument = reinterpret_cast<long>(make_buffer(buffer.As<Napi::Number>().Uint32Value()));
    } else if (Napi::Value report = object.Get("report"); report.IsBoolean()) {
      call.results[index] = Program::report;
    } else {
      argument = reinterpret_cast<long>(keep_struct(object));
    }
  } else {
    refuse("an argument must be a number, null, a string, bytes, a struct, a buffer or a result");
  }
}

uint8_t* ProgramReader::keep(const void* bytes, size_t length) {
  std::vector<uint8_t>& block = program_.memory_.emplace_back(length + 1);
  if (length > 0) {
    std::memcpy(block.data(), bytes, length);
  }
  return block.data();
}

uint8_t* ProgramReader::make_buffer(size_t length) {
  program_.buffers_.push_back(program_.memory_.size());
  return program_.memory_.emplace_back(length).data();
}

uint8_t* ProgramReader::keep_text(Napi::String text) {
  std::string bytes = text.Utf8Value();
  if (bytes.find('\0') != std::string::npos) {
    refuse("a string must be without null characters");
    return nullptr;
  }
  return keep(bytes.data(), bytes.size());
}

// `{ bytes, pointers: [[offset, string or bytes or struct], ...] }`
uint8_t* ProgramReader::keep_struct(Napi::Object object) {
  Napi::Value bytes = object.Get("bytes");
  Napi::Value pointers = object.Get("pointers");
  if (!bytes.IsTypedArray() || !pointers.IsArray()) {
    refuse("a struct must have bytes and pointers");
    return nullptr;
  }
  Napi::Uint8Array contents = bytes.As<Napi::Uint8Array>();
  size_t length = contents.ByteLength();
  // The blocks that follow may move the list of blocks, but not this one.
  uint8_t* block = keep(contents.Data(), length);
  Napi::Array list = pointers.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length() && valid_; i++) {
    Napi::HandleScope scope(env_);
    Napi::Value pair = list.Get(i);
    // Each may be empty, for which a value's methods do not work: in a Worker that is being ended.
    Napi::Value at = pair.IsArray() ? pair.As<Napi::Array>().Get(0u) : Napi::Value();
    if (!at.IsNumber()) {
      refuse("a pointer must be an offset and what it points to");
      return nullptr;
    }
    uint32_t offset = at.As<Napi::Number>().Uint32Value();
    Napi::Value target = pair.As<Napi::Array>().Get(1u);
    if (offset + sizeof(void*) > length) {
      refuse("a pointer must be inside its struct");
      return nullptr;
    }
    uint8_t* address = nullptr;
    if (target.IsString()) {
      address = keep_text(target.As<Napi::String>());
    } else if (target.IsTypedArray()) {
      Napi::Uint8Array inner = target.As<Napi::Uint8Array>();
      address = keep(inner.Data(), inner.ByteLength());
    } else if (target.IsObject()) {
      address = keep_struct(target.As<Napi::Object>());
    }
    std::memcpy(block + offset, &address, sizeof address);
  }
  return block;
}

void ProgramReader::refuse(const char* what) {
  if (valid_ && !env_.IsExceptionPending()) {
    Napi::TypeError::New(env_, what).ThrowAsJavaScriptException();
  }
  valid_ = false;
}

}  // namespace netlace
