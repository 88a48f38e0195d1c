#include "descriptor.h"

#include "instance.h"

namespace netlace {

namespace {
constexpr napi_type_tag tag = {0x6e65746c61636501, 0x64657363726970};
}

Napi::Function Descriptor::define(Napi::Env env) {
  return DefineClass(env, "Descriptor",
                     {InstanceAccessor<&Descriptor::fd>("fd"), InstanceMethod<&Descriptor::close>("close"),
                      InstanceMethod<&Descriptor::lend>("lend"), InstanceMethod<&Descriptor::release>("release")});
}

Napi::Object Descriptor::make(Napi::Env env, UniqueFd fd) {
  Napi::Object object = Instance::of(env).descriptor.New({});
  // Empty when the environment is being ended: the descriptor is then closed here.
  if (!object.IsEmpty()) {
    if (Descriptor* descriptor = unwrap_tagged<Descriptor>(object, tag)) {
      descriptor->fd_ = std::move(fd);
    }
  }
  return object;
}

Descriptor* Descriptor::Unwrap(Napi::Object object) {
  return unwrap_this<Descriptor>(object, tag);
}

Descriptor::Descriptor(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&tag);
}

Descriptor::~Descriptor() {
  // A Worker was terminated after something had taken the descriptor and before `release`. Node has closed what it took
  // by now, so the number is another file's, or nobody's.
  struct stat now = {};
  if (lent_ && (fstat(fd_.get(), &now) != 0 || now.st_dev != lent_->st_dev || now.st_ino != lent_->st_ino)) {
    fd_.release();
  }
}

Napi::Value Descriptor::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

void Descriptor::close(const Napi::CallbackInfo&) {
  fd_.reset();
}

Napi::Value Descriptor::lend(const Napi::CallbackInfo& info) {
  struct stat status = {};
  if (fstat(fd_.get(), &status) == 0) {
    lent_ = status;
  }
  return fd(info);
}

Napi::Value Descriptor::release(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.release());
}

}  // namespace netlace
