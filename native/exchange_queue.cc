#include "exchange_queue.h"

#include <chrono>
#include <utility>

namespace netlace {

namespace {

using std::chrono::milliseconds;

// How long a task may wait for a silent kernel before it comes back to be queued anew. It bounds how long a pool thread
// is taken from others, and how long a Worker that is being terminated has to wait.
constexpr milliseconds wait_slice(20);

// After this time others get their turn in the pool: what is left is for a task that is queued behind theirs. At the
// limit also when the JavaScript thread, collecting garbage maybe, has not come to queue one.
constexpr milliseconds drain_time(20);
constexpr milliseconds drain_limit(100);

}  // namespace

class ExchangeQueue::Task : public PoolTask {
 public:
  explicit Task(std::shared_ptr<ExchangeQueue> queue) : queue_(std::move(queue)) {}
  void execute() override { queue_->drain(); }
  void complete(Napi::Env env) override { queue_->end_task(env); }

 private:
  std::shared_ptr<ExchangeQueue> queue_;
};

void ExchangeQueue::push(Napi::Object owner, std::unique_ptr<PendingExchange> exchange) {
  {
    std::lock_guard lock(mutex_);
    pending_.push_back(std::move(exchange));
  }
  unresolved_++;
  if (tasks_ == 0) {
    owner_ = Napi::Persistent(owner);
  }
  start(owner.Env());
}

// Unless a task is at it, or there is nothing to do.
void ExchangeQueue::start(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    if (drainers_ > 0 || pending_.empty()) {
      return;
    }
  }
  if (add_drainer(env)) {
    return;
  }
  while (std::unique_ptr<PendingExchange> refused = pop()) {
    unresolved_--;
    refused->deferred.resolve(env, Napi::Number::New(env, static_cast<double>(refused->result)));
  }
  if (tasks_ == 0) {
    owner_.Reset();
  }
}

// Where one has drained for long, and there is more to do.
void ExchangeQueue::relieve(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    if (drainers_ != 1 || pending_.empty() || Clock::now() - since_ < drain_time) {
      return;
    }
  }
  add_drainer(env);
}

// Relieves the one that there is, if so.
bool ExchangeQueue::add_drainer(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    relieved_ = drainers_ > 0;
    drainers_++;
  }
  if (launch(env, std::make_unique<Task>(shared_from_this()))) {
    tasks_++;
    return true;
  }
  std::lock_guard lock(mutex_);
  relieved_ = false;
  drainers_--;
  return false;
}

// In a pool thread.
void ExchangeQueue::drain() {
  std::lock_guard turn(turn_);
  {
    std::lock_guard lock(mutex_);
    relieved_ = false;
    since_ = Clock::now();
  }
  carry_out();
  std::lock_guard lock(mutex_);
  drainers_--;
}

void ExchangeQueue::carry_out() {
  NetlinkSocket::Lease lease(*socket_);
  // Who has results that nobody was told of does not wait.
  milliseconds patience = wait_slice;
  while (PendingExchange* next = front()) {
    if (tells_of_finished() && !handover_->post(shared_from_this())) {
      patience = milliseconds(0);
    }
    // Without a lease the socket is closed, and each exchange ends at once.
    if (!next->exchange.advance(*socket_, patience)) {
      return;
    }
    finish_front();
    if (leaves_it()) {
      return;
    }
  }
}

// Back in the JavaScript thread.
void ExchangeQueue::end_task(Napi::Env env) {
  tasks_--;
  if (can_run_javascript(env)) {
    // The next exchanges start first, so that the kernel works while JavaScript looks at these results.
    start(env);
    collect(env);
  } else if (tasks_ == 0) {
    while (pop()) {
    }
  }
  if (tasks_ == 0) {
    owner_.Reset();
  }
}

void ExchangeQueue::collect(Napi::Env env) {
  std::vector<std::unique_ptr<PendingExchange>> finished;
  {
    std::lock_guard lock(mutex_);
    finished.swap(finished_);
    told_ = false;
  }
  unresolved_ -= finished.size();
  if (!can_run_javascript(env)) {
    return;
  }
  relieve(env);
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
  return pending_.empty() ? nullptr : take_front();
}

// With the lock held.
std::unique_ptr<PendingExchange> ExchangeQueue::take_front() {
  std::unique_ptr<PendingExchange> exchange = std::move(pending_.front());
  pending_.pop_front();
  return exchange;
}

void ExchangeQueue::finish_front() {
  std::lock_guard lock(mutex_);
  std::unique_ptr<PendingExchange> exchange = take_front();
  exchange->result = exchange->exchange.result();
  finished_.push_back(std::move(exchange));
}

// Whether there are results that JavaScript has not been told of; from now on it has.
bool ExchangeQueue::tells_of_finished() {
  std::lock_guard lock(mutex_);
  return !finished_.empty() && !std::exchange(told_, true);
}

bool ExchangeQueue::leaves_it() {
  std::lock_guard lock(mutex_);
  return relieved_ || Clock::now() - since_ > drain_limit;
}

}  // namespace netlace
