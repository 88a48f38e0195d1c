#include "netns_lanes.h"

#include <algorithm>

#include "thread.h"

namespace netlace {

namespace {

// Another lane is begun where all have so many to do. Links are made under one lock of the kernel (RTNL), where two
// threads would wait for each other; namespaces alone are not.
constexpr size_t enough_jobs = 4;
// The threads of Node's pool, unless somebody has set another number.
constexpr size_t most_lanes = 4;

class NetnsLane : public Lane {
 public:
  using Lane::Lane;

 private:
  void carry_out() override {
    if (int error = in_own_thread([&] { Lane::carry_out(); })) {
      fail_all({error, "pthread_create"});
    }
  }
};

}  // namespace

void NetnsLanes::push(Napi::Env env, std::unique_ptr<Lane::Job> job) {
  next().push(env, std::move(job));
}

Lane& NetnsLanes::next() {
  for (const std::shared_ptr<Lane>& lane : lanes_) {
    if (lane->jobs() < enough_jobs) {
      return *lane;
    }
  }
  if (lanes_.size() < most_lanes) {
    lanes_.push_back(std::make_shared<NetnsLane>(handover_));
    return *lanes_.back();
  }
  return **std::min_element(lanes_.begin(), lanes_.end(),
                            [](const auto& one, const auto& other) { return one->jobs() < other->jobs(); });
}

}  // namespace netlace
