#include "lane.h"

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

class Lane::Task : public PoolTask {
 public:
  explicit Task(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  void execute() override { lane_->drain(); }
  void complete(Napi::Env env) override { lane_->end_task(env); }

 private:
  std::shared_ptr<Lane> lane_;
};

void Lane::push(Napi::Env env, std::unique_ptr<Job> job) {
  {
    std::lock_guard lock(mutex_);
    pending_.push_back(std::move(job));
  }
  unresolved_++;
  start(env);
}

// Unless a task is at it, or there is nothing to do.
void Lane::start(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    if (drainers_ > 0 || pending_.empty()) {
      return;
    }
  }
  if (add_drainer(env)) {
    return;
  }
  while (std::unique_ptr<Job> refused = pop()) {
    unresolved_--;
    refused->fail({EAGAIN, "napi_queue_async_work"});
    refused->resolve(env);
  }
}

// Where one has drained for long, and there is more to do.
void Lane::relieve(Napi::Env env) {
  {
    std::lock_guard lock(mutex_);
    if (drainers_ != 1 || pending_.empty() || Clock::now() - since_ < drain_time) {
      return;
    }
  }
  add_drainer(env);
}

// Relieves the one that there is, if so.
bool Lane::add_drainer(Napi::Env env) {
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
void Lane::drain() {
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

void Lane::carry_out() {
  // Who has results that nobody was told of does not wait.
  milliseconds patience = wait_slice;
  while (Job* next = front()) {
    if (tells_of_finished() && !handover_->post(shared_from_this())) {
      patience = milliseconds(0);
    }
    if (!next->advance(patience)) {
      return;
    }
    finish_front();
    if (leaves_it()) {
      return;
    }
  }
}

void Lane::fail_all(Failure failure) {
  while (Job* next = front()) {
    next->fail(failure);
    finish_front();
  }
}

// Back in the JavaScript thread.
void Lane::end_task(Napi::Env env) {
  tasks_--;
  if (can_run_javascript(env)) {
    // The next exchanges start first, so that the kernel works while JavaScript looks at these results.
    start(env);
    collect(env);
  } else if (tasks_ == 0) {
    while (pop()) {
    }
  }
}

void Lane::collect(Napi::Env env) {
  std::vector<std::unique_ptr<Job>> finished;
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
  for (const std::unique_ptr<Job>& job : finished) {
    job->resolve(env);
  }
}

Lane::Job* Lane::front() {
  std::lock_guard lock(mutex_);
  return pending_.empty() ? nullptr : pending_.front().get();
}

std::unique_ptr<Lane::Job> Lane::pop() {
  std::lock_guard lock(mutex_);
  return pending_.empty() ? nullptr : take_front();
}

// With the lock held.
std::unique_ptr<Lane::Job> Lane::take_front() {
  std::unique_ptr<Job> job = std::move(pending_.front());
  pending_.pop_front();
  return job;
}

void Lane::finish_front() {
  std::lock_guard lock(mutex_);
  finished_.push_back(take_front());
}

// Whether there are results that JavaScript has not been told of; from now on it has.
bool Lane::tells_of_finished() {
  std::lock_guard lock(mutex_);
  return !finished_.empty() && !std::exchange(told_, true);
}

bool Lane::leaves_it() {
  std::lock_guard lock(mutex_);
  return relieved_ || Clock::now() - since_ > drain_limit;
}

}  // namespace netlace
