#pragma once

#include <napi.h>

#include "program.h"

namespace netlace {

// Reads a `SystemCall[]` of the addon's contract. The first thing wrong throws a TypeError.
class ProgramReader {
 public:
  explicit ProgramReader(Napi::Env env) : env_(env) {}

  Program read(Napi::Value calls);
  bool valid() const { return valid_; }

 private:
  void read_call(Napi::Object call);
  void read_argument(Napi::Value value, Program::Call& call, int index);
  // The address of a copy, with a NUL behind it.
  uint8_t* keep(const void* bytes, size_t length);
  // The address of memory to write to.
  uint8_t* make_buffer(size_t length);
  uint8_t* keep_text(Napi::String text);
  uint8_t* keep_struct(Napi::Object object);
  void refuse(const char* what);

  Napi::Env env_;
  Program program_;
  bool valid_ = true;
};

}  // namespace netlace
