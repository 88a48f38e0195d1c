#include "netlink_socket_object.h"

#include <sys/socket.h>

#include "instance.h"
#include "pool_task.h"

namespace netlace {

namespace {

constexpr napi_type_tag tag = {0x6e65746c61636502, 0x6e6c736f636b6574};

// After each slice of a synchronous wait it is seen whether the Worker was terminated.
constexpr std::chrono::milliseconds wait_slice(50);

Exchange read_exchange(Arguments& arguments) {
  std::span<uint8_t> request = arguments.bytes_or_null(0, "request");
  std::span<uint8_t> into = arguments.bytes(1, "into");
  uint32_t last = arguments.integer<uint32_t>(2, "last");
  int wait = arguments.integer<int>(3, "wait");
  return Exchange(request, into, last, wait, arguments.integer<uint32_t>(4, "longest"));
}

Napi::Number number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

}  // namespace

Napi::Function NetlinkSocketObject::define(Napi::Env env) {
  using Self = NetlinkSocketObject;
  return DefineClass(env, "NetlinkSocket",
                     {InstanceAccessor<&Self::fd>("fd"), InstanceAccessor<&Self::port_id>("portId"),
                      InstanceMethod<&Self::set_option>("setOption"),
                      InstanceMethod<&Self::exchange_sync>("exchangeSync"), InstanceMethod<&Self::exchange>("exchange"),
                      InstanceMethod<&Self::close>("close")});
}

Napi::Object NetlinkSocketObject::make(Napi::Env env, std::shared_ptr<NetlinkSocket> socket) {
  Napi::Object object = Instance::of(env).netlink_socket.New({});
  if (!object.IsEmpty()) {
    if (NetlinkSocketObject* wrapper = from(object)) {
      wrapper->queue_ = std::make_shared<ExchangeQueue>(socket, Instance::of(env).handover);
      wrapper->socket_ = std::move(socket);
    }
  }
  return object;
}

NetlinkSocketObject* NetlinkSocketObject::from(Napi::Value value) {
  return unwrap_tagged<NetlinkSocketObject>(value, tag);
}

NetlinkSocketObject* NetlinkSocketObject::Unwrap(Napi::Object object) {
  return unwrap_this<NetlinkSocketObject>(object, tag);
}

NetlinkSocketObject::NetlinkSocketObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&tag);
}

NetlinkSocketObject::~NetlinkSocketObject() {
  // A reader keeps the socket that it was given.
  if (socket_ != nullptr && !handed_over_) {
    socket_->close();
  }
}

Result<std::shared_ptr<NetlinkSocket>> NetlinkSocketObject::for_reader() const {
  if (closed()) {
    return Failure{EBADF, "epoll_ctl"};
  }
  if (handed_over_ || queue_->busy()) {
    return Failure{EBUSY, "epoll_ctl"};
  }
  return socket_;
}

Napi::Value NetlinkSocketObject::fd(const Napi::CallbackInfo& info) {
  return number(info.Env(), closed() ? -1 : socket_->fd());
}

Napi::Value NetlinkSocketObject::port_id(const Napi::CallbackInfo& info) {
  return number(info.Env(), socket_ == nullptr ? 0 : socket_->port_id());
}

Napi::Value NetlinkSocketObject::set_option(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int level = arguments.integer<int>(0, "level");
  int name = arguments.integer<int>(1, "name");
  int value = arguments.integer<int>(2, "value");
  if (!arguments.valid()) {
    return {};
  }
  if (closed()) {
    return number(info.Env(), -EBADF);
  }
  return number(info.Env(), setsockopt(socket_->fd(), level, name, &value, sizeof value) == 0 ? 0 : -errno);
}

Napi::Value NetlinkSocketObject::exchange_sync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Exchange exchange = read_exchange(arguments);
  if (!arguments.valid()) {
    return {};
  }
  if (closed()) {
    return number(info.Env(), -EBADF);
  }
  if (handed_over_ || queue_->busy()) {
    return number(info.Env(), -EBUSY);
  }
  while (!exchange.advance(*socket_, wait_slice)) {
    if (!can_run_javascript(info.Env())) {
      return {};
    }
  }
  return number(info.Env(), exchange.result());
}

Napi::Value NetlinkSocketObject::exchange(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Exchange exchange = read_exchange(arguments);
  if (!arguments.valid()) {
    return {};
  }
  Deferred deferred(info.Env());
  if (closed() || handed_over_) {
    deferred.resolve(info.Env(), number(info.Env(), closed() ? -ECANCELED : -EBUSY));
    return deferred.promise(info.Env());
  }
  auto pending = std::make_unique<PendingExchange>(PendingExchange{exchange, {}, {}, deferred});
  if (!info[0].IsNull()) {
    pending->request = Napi::Persistent(info[0].As<Napi::Object>());
  }
  pending->into = Napi::Persistent(info[1].As<Napi::Object>());
  queue_->push(info.This().As<Napi::Object>(), std::move(pending));
  return deferred.promise(info.Env());
}

void NetlinkSocketObject::close(const Napi::CallbackInfo&) {
  if (socket_ != nullptr) {
    socket_->close();
  }
}

}  // namespace netlace
