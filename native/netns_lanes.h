#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "handover.h"
#include "lane.h"

namespace netlace {

// Makes network namespaces, the asynchronous way. A thread that has made one stays inside, and goes on to the next that
// is wanted; with the last it ends. So where many are wanted, few threads make them.
class NetnsLanes {
 public:
  explicit NetnsLanes(std::shared_ptr<Handover> handover) : handover_(std::move(handover)) {}

  // In the JavaScript thread.
  void push(Napi::Env env, std::unique_ptr<Lane::Job> job);

 private:
  Lane& next();

  std::shared_ptr<Handover> handover_;
  std::vector<std::shared_ptr<Lane>> lanes_;
};

}  // namespace netlace
