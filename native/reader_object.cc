#include "reader_object.h"

#include <fcntl.h>

#include "arguments.h"
#include "child_end.h"
#include "convert.h"
#include "instance.h"
#include "netlink_socket_object.h"

namespace netlace {

namespace {
constexpr napi_type_tag tag = {0x6e65746c61636503, 0x726561646572};
}

Napi::Function ReaderObject::define(Napi::Env env) {
  using Self = ReaderObject;
  return DefineClass(env, "Reader",
                     {InstanceMethod<&Self::add>("add"), InstanceMethod<&Self::watch>("watch"),
                      InstanceMethod<&Self::outcome>("outcome"), InstanceMethod<&Self::abort>("abort"),
                      InstanceMethod<&Self::pid>("pid"), InstanceMethod<&Self::pidfd>("pidfd"),
                      InstanceMethod<&Self::wait>("wait"), InstanceMethod<&Self::resume>("resume"),
                      InstanceMethod<&Self::remove>("remove"), InstanceMethod<&Self::unref>("unref"),
                      InstanceMethod<&Self::close>("close")});
}

ReaderObject* ReaderObject::Unwrap(Napi::Object object) {
  return unwrap_this<ReaderObject>(object, tag);
}

std::shared_ptr<Reader> ReaderObject::from(Napi::Value value) {
  ReaderObject* object = unwrap_tagged<ReaderObject>(value, tag);
  return object == nullptr ? nullptr : object->reader_;
}

ReaderObject::ReaderObject(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
  Napi::Env env = info.Env();
  info.This().As<Napi::Object>().TypeTag(&tag);
  if (!info[0].IsFunction()) {
    Napi::TypeError::New(env, "onDelivery must be a function").ThrowAsJavaScriptException();
    return;
  }
  auto* shared = new std::shared_ptr<Reader>();
  auto finalize = [](napi_env, void*, void* context) { delete static_cast<std::shared_ptr<Reader>*>(context); };
  if (napi_create_threadsafe_function(env, info[0], nullptr, Napi::String::New(env, "netlace"), 0, 1, nullptr, finalize,
                                      shared, deliver, &deliveries_) != napi_ok) {
    delete shared;
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return;
  }
  reader_ = std::make_shared<Reader>(env, deliveries_);
  *shared = reader_;
  // Hooks run last in, first out: this one ends the thread before Node frees the thread-safe function under it.
  napi_add_env_cleanup_hook(env, on_environment_end, this);
}

ReaderObject::~ReaderObject() {
  end();
}

Napi::Value ReaderObject::add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  NetlinkSocketObject* object = NetlinkSocketObject::from(info[0]);
  if (object == nullptr) {
    if (!env.IsExceptionPending()) {
      Napi::TypeError::New(env, "socket must be a NetlinkSocket").ThrowAsJavaScriptException();
    }
    return {};
  }
  if (reader_->stopped()) {
    return Napi::Number::New(env, -EBADF);
  }
  auto exclusive = object->exclusively();
  if (int* error = std::get_if<int>(&exclusive)) {
    return Napi::Number::New(env, -*error);
  }
  auto& socket = *std::get_if<std::shared_ptr<NetlinkSocket>>(&exclusive);
  int64_t id = reader_->add(socket);
  if (id > 0) {
    socket->set_taken(true);
  }
  return Napi::Number::New(env, static_cast<double>(id));
}

Napi::Value ReaderObject::watch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  int fd = arguments.integer<int>(0, "fd");
  if (!arguments.valid()) {
    return {};
  }
  if (reader_->stopped()) {
    return Napi::Number::New(env, -EBADF);
  }
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) {
    return Napi::Number::New(env, -errno);
  }
  return Napi::Number::New(env, static_cast<double>(reader_->watch(std::move(own))));
}

Napi::Value ReaderObject::outcome(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  if (!arguments.valid()) {
    return {};
  }
  std::optional<ChildFailure> failure = reader_->outcome(id);
  return failure ? convert(info.Env(), *failure) : info.Env().Null();
}

void ReaderObject::abort(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  if (arguments.valid()) {
    reader_->abort(id);
  }
}

Napi::Value ReaderObject::pid(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  return arguments.valid() ? Napi::Number::New(info.Env(), reader_->pid(id)) : Napi::Value();
}

Napi::Value ReaderObject::pidfd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  return arguments.valid() ? Napi::Number::New(info.Env(), reader_->pidfd(id)) : Napi::Value();
}

Napi::Value ReaderObject::wait(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  std::span<uint8_t> into = arguments.bytes(1, "into");
  if (!arguments.valid()) {
    return {};
  }
  int waited = wait_for_end(reader_->pidfd(id), into);
  if (waited != 0) {
    reader_->remove(id);
  }
  return Napi::Number::New(info.Env(), waited);
}

void ReaderObject::resume(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  if (arguments.valid()) {
    reader_->resume(id);
  }
}

void ReaderObject::remove(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  if (arguments.valid()) {
    reader_->remove(id);
  }
}

void ReaderObject::unref(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  uint32_t id = arguments.integer<uint32_t>(0, "id");
  if (arguments.valid()) {
    reader_->let_go(id);
  }
}

void ReaderObject::close(const Napi::CallbackInfo&) {
  end();
}

// In the JavaScript thread, once for each posted delivery. `env` is null when the function is being freed.
void ReaderObject::deliver(napi_env raw_env, napi_value callback, void* context, void* data) {
  std::unique_ptr<Delivery> delivery(static_cast<Delivery*>(data));
  if (raw_env == nullptr || callback == nullptr) {
    return;
  }
  Reader& reader = **static_cast<std::shared_ptr<Reader>*>(context);
  if (!reader.has(delivery->id)) {
    return;
  }
  Napi::Env env(raw_env);
  Napi::HandleScope scope(env);
  Napi::Value bytes = delivery->is_bytes ? to_uint8_array(env, delivery->bytes) : env.Null();
  if (bytes.IsEmpty()) {
    return;
  }
  napi_value arguments[] = {Napi::Number::New(env, delivery->id), bytes, Napi::Number::New(env, delivery->error)};
  napi_value result;
  if (napi_call_function(env, env.Undefined(), callback, 3, arguments, &result) == napi_pending_exception) {
    // Thrown by the callback: an uncaught exception, as from any other callback. None is there if JavaScript has ended.
    napi_value error;
    if (env.IsExceptionPending() && napi_get_and_clear_last_exception(env, &error) == napi_ok) {
      napi_fatal_exception(env, error);
    }
  }
}

void ReaderObject::on_environment_end(void* object) {
  // Only the thread: Node itself frees the thread-safe function next.
  static_cast<ReaderObject*>(object)->reader_->stop();
}

void ReaderObject::end() {
  if (reader_ != nullptr && !reader_->stopped()) {
    napi_remove_env_cleanup_hook(env_, on_environment_end, this);
    reader_->stop();
    napi_release_threadsafe_function(deliveries_, napi_tsfn_abort);
  }
}

}  // namespace netlace
