#include "exchange_queue.h"

#include <chrono>

namespace netlace {

namespace {

using std::chrono::milliseconds;

// How long a task may wait for a silent kernel before it comes back to be queued anew. It bounds how long a pool thread
// is taken from others, and how long a Worker that is being terminated has to wait.
constexpr milliseconds wait_slice(20);

// Results that are there are handed over after this time, even if more exchanges are queued.
constexpr milliseconds drain_time(2);

}  // namespace

class ExchangeQueue::Task : public PoolTask {
 public:
  explicit Task(std::shared_ptr<ExchangeQueue> queue) : queue_(std::move(queue)) {}
  void execute() override { queue_->drain(finished_); }
  void complete(Napi::Env env) override { queue_->deliver(env, std::move(finished_)); }

 private:
  std::shared_ptr<ExchangeQueue> queue_;
  Finished finished_;
};

void ExchangeQueue::push(Napi::Object owner, std::unique_ptr<PendingExchange> exchange) {
  {
    std::lock_guard lock(mutex_);
    pending_.push_back(std::move(exchange));
  }
  if (tasks_ == 0) {
    owner_ = Napi::Persistent(owner);
  }
  start(owner.Env());
}

// Unless a task is at it, or there is nothing to do.
void ExchangeQueue::start(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    if (draining_ || pending_.empty()) {
      return;
    }
    draining_ = true;
  }
  if (launch(env, std::make_unique<Task>(shared_from_this()))) {
    tasks_++;
    return;
  }
  {
    std::lock_guard lock(mutex_);
    draining_ = false;
  }
  while (std::unique_ptr<PendingExchange> refused = pop()) {
    refused->deferred.resolve(env, Napi::Number::New(env, static_cast<double>(refused->result)));
  }
  if (tasks_ == 0) {
    owner_.Reset();
  }
}

// In a pool thread.
void ExchangeQueue::drain(Finished& finished) {
  drain_some(finished);
  std::lock_guard lock(mutex_);
  draining_ = false;
}

void ExchangeQueue::drain_some(Finished& finished) {
  NetlinkSocket::Lease lease(*socket_);
  auto started = std::chrono::steady_clock::now();
  while (PendingExchange* next = front()) {
    // Who has results to hand over does not wait. Without a lease the socket is closed, and each exchange ends at once.
    if (!next->exchange.advance(*socket_, finished.empty() ? wait_slice : milliseconds(0))) {
      return;
    }
    next->result = next->exchange.result();
    finished.push_back(pop());
    if (std::chrono::steady_clock::now() - started > drain_time) {
      return;
    }
  }
}

// Back in the JavaScript thread.
void ExchangeQueue::deliver(Napi::Env env, Finished finished) {
  tasks_--;
  if (can_run_javascript(env)) {
    // The next exchanges start first, so that the kernel works while JavaScript looks at these results.
    start(env);
  } else if (tasks_ == 0) {
    while (pop()) {
    }
  }
  if (tasks_ == 0) {
    owner_.Reset();
  }
  if (!can_run_javascript(env)) {
    return;
  }
  for (const std::unique_ptr<PendingExchange>& exchange : finished) {
    exchange->deferred.resolve(env, Napi::Number::New(env, static_cast<double>(exchange->result)));
  }
}

PendingExchange* ExchangeQueue::front() {
  std::lock_guard lock(mutex_);
  return pending_.empty() ? nullptr : pending_.front().get();
}

std::unique_ptr<PendingExchange> ExchangeQueue::pop() {
  std::lock_guard lock(mutex_);
  if (pending_.empty()) {
    return nullptr;
  }
  std::unique_ptr<PendingExchange> exchange = std::move(pending_.front());
  pending_.pop_front();
  return exchange;
}

}  // namespace netlace
