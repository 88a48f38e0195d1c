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

// The asynchronous exchanges of one socket, first in first out. A task in the thread pool carries them out one after
// the other; it comes back to the JavaScript thread to hand over results, not between exchanges. While JavaScript is
// too busy to take them, queueing more, the next task goes on with those: the kernel need not wait for it.
class ExchangeQueue : public std::enable_shared_from_this<ExchangeQueue> {
 public:
  explicit ExchangeQueue(std::shared_ptr<NetlinkSocket> socket) : socket_(std::move(socket)) {}

  // In the JavaScript thread. `owner` is the socket's object: it lives until the queue is empty.
  void push(Napi::Object owner, std::unique_ptr<PendingExchange> exchange);
  bool busy() const { return tasks_ > 0; }

 private:
  class Task;
  using Finished = std::vector<std::unique_ptr<PendingExchange>>;

  void start(Napi::Env env);
  void drain(Finished& finished);
  void drain_some(Finished& finished);
  void deliver(Napi::Env env, Finished finished);

  PendingExchange* front();
  std::unique_ptr<PendingExchange> pop();

  std::shared_ptr<NetlinkSocket> socket_;
  // The next two belong to the JavaScript thread. Of the tasks that have not been delivered, one at most is draining.
  Napi::ObjectReference owner_;
  int tasks_ = 0;

  std::mutex mutex_;
  bool draining_ = false;
  std::deque<std::unique_ptr<PendingExchange>> pending_;
};

}  // namespace netlace
