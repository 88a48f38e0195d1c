#pragma once

#include <memory>
#include <vector>

#include "arguments.h"
#include "netlink_socket.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// A network namespace and a socket that was opened in it.
struct MadeNetns {
  UniqueFd netns;
  std::shared_ptr<NetlinkSocket> socket;
};

// The operation behind `newNetns` of the addon's contract, by its first arguments.
class NewNetns {
 public:
  explicit NewNetns(Arguments& arguments);

  Result<MadeNetns> run() const;
  // The same without a thread of its own: the calling one may stay inside.
  Result<MadeNetns> run_here() const;

 private:
  void add_to(Program& program) const;

  bool loopback_;
  int protocol_;
  std::vector<int> options_;
  int user_;
};

}  // namespace netlace
