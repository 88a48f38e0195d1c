#pragma once

#include <napi.h>

#include <memory>

#include "arguments.h"
#include "exchange.h"
#include "exchange_queue.h"
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

  // The socket, for a reader that is to do all the reading from `hand_over()` on; or why it cannot be had.
  Result<std::shared_ptr<NetlinkSocket>> for_reader() const;
  void hand_over() { handed_over_ = true; }

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value port_id(const Napi::CallbackInfo& info);
  Napi::Value set_option(const Napi::CallbackInfo& info);
  Napi::Value exchange_sync(const Napi::CallbackInfo& info);
  Napi::Value exchange(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  bool closed() const { return socket_ == nullptr || socket_->closed(); }

  std::shared_ptr<NetlinkSocket> socket_;
  std::shared_ptr<ExchangeQueue> queue_;
  bool handed_over_ = false;
};

}  // namespace netlace
