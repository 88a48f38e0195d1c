#include "netns_lanes.h"

#include <algorithm>

#include "thread.h"

namespace netlace {

namespace {

// One is under way, and the next is there when that is done.
constexpr size_t enough_jobs = 4;
// The threads of Node's pool, unless somebody has set another number.
constexpr size_t most_lanes = 4;

class NetnsLane : public Lane {
 public:
  using Lane::Lane;

 private:
  void carry_out() override {
    Result<Done> done = in_own_thread([&]() -> Result<Done> {
      Lane::carry_out();
      return Done();
    });
    if (Failure* failure = std::get_if<Failure>(&done)) {
      fail_all(*failure);
    }
  }
};

}  // namespace

void NetnsLanes::push(Napi::Env env, std::unique_ptr<Lane::Job> job) {
  next().push(env, std::move(job));
}

// Two lanes wait for the kernel's locks, and get into each other's way there: so another one only where all have
// enough.
Lane& NetnsLanes::next() {
  auto least = std::min_element(lanes_.begin(), lanes_.end(),
                                [](const auto& one, const auto& other) { return one->jobs() < other->jobs(); });
  if (least != lanes_.end() && ((*least)->jobs() < enough_jobs || lanes_.size() == most_lanes)) {
    for (const std::shared_ptr<Lane>& lane : lanes_) {
      if (lane->jobs() < enough_jobs) {
        return *lane;
      }
    }
    return **least;
  }
  lanes_.push_back(std::make_shared<NetnsLane>(handover_));
  return *lanes_.back();
}

}  // namespace netlace
