#include "netlink_socket_object.h"

#include <sys/socket.h>

#include "instance.h"
#include "pinned_exchange.h"
#include "pool_task.h"

namespace netlace {

namespace {

constexpr napi_type_tag tag = {0x6e65746c61636502, 0x6e6c736f636b6574};

// After each slice of a synchronous wait it is seen whether the Worker was terminated.
constexpr std::chrono::milliseconds wait_slice(50);

class PendingExchange : public Lane::Job {
 public:
  PendingExchange(std::shared_ptr<NetlinkSocket> socket, Napi::Object owner, PinnedExchange pinned)
      : socket_(std::move(socket)), owner_(Napi::Persistent(owner)), pinned_(std::move(pinned)),
        deferred_(owner.Env()) {}

  Napi::Value promise(Napi::Env env) const { return deferred_.promise(env); }

  bool advance(std::chrono::milliseconds patience) override {
    // Without a lease the socket is closed, and the exchange ends at once.
    NetlinkSocket::Lease lease(*socket_);
    return pinned_.exchange.advance(*socket_, patience);
  }

  void fail(Failure failure) override { pinned_.exchange.finish(-failure.number); }

  void resolve(Napi::Env env) override {
    deferred_.resolve(env, Napi::Number::New(env, static_cast<double>(pinned_.exchange.result())));
  }

 private:
  std::shared_ptr<NetlinkSocket> socket_;
  // While exchanges are under way the socket's object is not garbage collected, which would close it.
  Napi::ObjectReference owner_;
  PinnedExchange pinned_;
  Deferred deferred_;
};

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
      wrapper->lane_ = std::make_shared<Lane>(Instance::of(env).handover);
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
  // Whoever has taken the socket keeps it.
  if (socket_ != nullptr && !socket_->taken()) {
    socket_->close();
  }
}

std::variant<std::shared_ptr<NetlinkSocket>, int> NetlinkSocketObject::exclusively() const {
  if (closed()) {
    return EBADF;
  }
  if (socket_->taken() || lane_->jobs() > 0) {
    return EBUSY;
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
  Exchange exchange = read_exchange(arguments, 0);
  if (!arguments.valid()) {
    return {};
  }
  auto own = exclusively();
  if (int* error = std::get_if<int>(&own)) {
    return number(info.Env(), -*error);
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
  PinnedExchange pinned(arguments, info, 0);
  if (!arguments.valid()) {
    return {};
  }
  if (closed() || socket_->taken()) {
    Deferred deferred(info.Env());
    deferred.resolve(info.Env(), number(info.Env(), closed() ? -ECANCELED : -EBUSY));
    return deferred.promise(info.Env());
  }
  auto pending = std::make_unique<PendingExchange>(socket_, info.This().As<Napi::Object>(), std::move(pinned));
  Napi::Value promise = pending->promise(info.Env());
  lane_->push(info.Env(), std::move(pending));
  return promise;
}

void NetlinkSocketObject::close(const Napi::CallbackInfo&) {
  if (socket_ != nullptr) {
    socket_->close();
  }
}

}  // namespace netlace
