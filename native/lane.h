#pragma once

#include <napi.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "handover.h"
#include "pool_task.h"
#include "result.h"

namespace netlace {

// Jobs that are done in order. A task in the thread pool does them one after the other, and hands over results while it
// goes on with the next: neither the kernel nor JavaScript waits for the other. A task that has had a thread of the
// pool for long is relieved by one that waits its turn there.
class Lane : public Handover::Recipient, public std::enable_shared_from_this<Lane> {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    // Off the JavaScript thread. Goes on until the job is done (true), or until nothing has come for `patience`
    // (false).
    virtual bool advance(std::chrono::milliseconds patience) = 0;
    // Instead of being done, or of going on.
    virtual void fail(Failure failure) = 0;
    // In the JavaScript thread, when it is done or has failed.
    virtual void resolve(Napi::Env env) = 0;
  };

  explicit Lane(std::shared_ptr<Handover> handover) : handover_(std::move(handover)) {}

  // In the JavaScript thread.
  void push(Napi::Env env, std::unique_ptr<Job> job);
  // How many are not resolved yet.
  size_t jobs() const { return unresolved_; }

  // Resolves what is done.
  void collect(Napi::Env env) override;

 protected:
  // In a pool thread: does what there is, until it is relieved.
  virtual void carry_out();
  void fail_all(Failure failure);

 private:
  class Task;

  using Clock = std::chrono::steady_clock;

  void start(Napi::Env env);
  void relieve(Napi::Env env);
  bool add_drainer(Napi::Env env);
  void drain();
  void end_task(Napi::Env env);

  Job* front();
  std::unique_ptr<Job> pop();
  std::unique_ptr<Job> take_front();
  void finish_front();
  bool tells_of_finished();
  bool leaves_it();

  std::shared_ptr<Handover> handover_;
  // The next two belong to the JavaScript thread. Of the tasks that have not come back, two at most are to drain.
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
  std::deque<std::unique_ptr<Job>> pending_;
  std::vector<std::unique_ptr<Job>> finished_;
  // `collect` is to be called for what is finished.
  bool told_ = false;
};

}  // namespace netlace
