#pragma once

#include <napi.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "exchange.h"
#include "handover.h"
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
// the other, and hands over results while it goes on with the next: neither the kernel nor JavaScript waits for the
// other. A task that has had a thread of the pool for long is relieved by one that waits its turn there.
class ExchangeQueue : public Handover::Recipient, public std::enable_shared_from_this<ExchangeQueue> {
 public:
  ExchangeQueue(std::shared_ptr<NetlinkSocket> socket, std::shared_ptr<Handover> handover)
      : socket_(std::move(socket)), handover_(std::move(handover)) {}

  // In the JavaScript thread. `owner` is the socket's object: it lives until the queue is empty.
  void push(Napi::Object owner, std::unique_ptr<PendingExchange> exchange);
  // Whether a promise is still to be resolved.
  bool busy() const { return unresolved_ > 0; }

  // Resolves what is finished.
  void collect(Napi::Env env) override;

 private:
  class Task;

  using Clock = std::chrono::steady_clock;

  void start(Napi::Env env);
  void relieve(Napi::Env env);
  bool add_drainer(Napi::Env env);
  void drain();
  void carry_out();
  void end_task(Napi::Env env);

  PendingExchange* front();
  std::unique_ptr<PendingExchange> pop();
  std::unique_ptr<PendingExchange> take_front();
  void finish_front();
  bool tells_of_finished();
  bool leaves_it();

  std::shared_ptr<NetlinkSocket> socket_;
  std::shared_ptr<Handover> handover_;
  // The next three belong to the JavaScript thread. Of the tasks that have not come back, two at most are to drain.
  Napi::ObjectReference owner_;
  size_t unresolved_ = 0;
  int tasks_ = 0;

  // Held by the task that drains.
  std::mutex turn_;
  std::mutex mutex_;
  // Tasks that drain, or will.
  int drainers_ = 0;
  // Since when the one whose turn it is does, and whether it shall leave that to the next one.
  Clock::time_point since_;
  bool relieved_ = false;
  std::deque<std::unique_ptr<PendingExchange>> pending_;
  std::vector<std::unique_ptr<PendingExchange>> finished_;
  // `collect` is to be called for what is finished.
  bool told_ = false;
};

}  // namespace netlace
