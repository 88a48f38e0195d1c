#pragma once

#include <napi.h>

#include <memory>
#include <variant>

#include "arguments.h"
#include "lane.h"
#include "netlink_socket.h"

namespace netlace {

// `NetlinkSocket` of the addon's contract.
class NetlinkSocketObject : public Napi::ObjectWrap<NetlinkSocketObject> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<NetlinkSocket> socket);
  // Null when `value` is something else.
  static NetlinkSocketObject* from(Napi::Value value);
  static NetlinkSocketObject* Unwrap(Napi::Object object);

  // `new` from JavaScript makes a closed one.
  explicit NetlinkSocketObject(const Napi::CallbackInfo& info);
  ~NetlinkSocketObject() override;

  // The socket, for somebody who is to have it to himself, and calls `set_taken` when he does; or the errno of why it
  // cannot be had.
  std::variant<std::shared_ptr<NetlinkSocket>, int> exclusively() const;

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value port_id(const Napi::CallbackInfo& info);
  Napi::Value set_option(const Napi::CallbackInfo& info);
  Napi::Value exchange_sync(const Napi::CallbackInfo& info);
  Napi::Value exchange(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  bool closed() const { return socket_ == nullptr || socket_->closed(); }

  std::shared_ptr<NetlinkSocket> socket_;
  // For the asynchronous exchanges.
  std::shared_ptr<Lane> lane_;
};

}  // namespace netlace
