#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "exchange.h"
#include "netlink_socket.h"
#include "pool_task.h"

namespace netlace {

// An exchange on its way, with what must not be garbage collected meanwhile.
struct PendingExchange {
  Exchange exchange;
  Napi::ObjectReference request;
  Napi::ObjectReference into;
  Deferred deferred;
  int64_t result = -EAGAIN;
};

// The asynchronous exchanges of one socket, first in first out. One task in the thread pool carries them out one after
// the other; it comes back to the JavaScript thread to hand over results, not between exchanges.
class ExchangeQueue : public std::enable_shared_from_this<ExchangeQueue> {
 public:
  explicit ExchangeQueue(std::shared_ptr<NetlinkSocket> socket) : socket_(std::move(socket)) {}

  // In the JavaScript thread. `owner` is the socket's object: it lives until the queue is empty.
  void push(Napi::Object owner, std::unique_ptr<PendingExchange> exchange);
  bool busy() const { return running_; }

 private:
  class Task;
  using Finished = std::vector<std::unique_ptr<PendingExchange>>;

  void start(Napi::Env env);
  void drain(Finished& finished);
  void deliver(Napi::Env env, Finished finished);

  // Whether exchanges were queued since this was last asked.
  bool take_pushed();
  PendingExchange* front();
  std::unique_ptr<PendingExchange> pop();

  std::shared_ptr<NetlinkSocket> socket_;
  // The next two belong to the JavaScript thread.
  Napi::ObjectReference owner_;
  bool running_ = false;

  std::mutex mutex_;
  std::deque<std::unique_ptr<PendingExchange>> pending_;
  bool pushed_ = false;
};

}  // namespace netlace
