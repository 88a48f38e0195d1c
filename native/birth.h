#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "clone.h"
#include "pipe.h"
#include "program.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// What to make a child of.
struct ChildPlan {
  // Up to execve(), or else the child ends with the last call.
  Program program;
  // Whether a launcher carries out the program. Else the child does, with this process's memory: then the program
  // changes nothing of who may look at that memory.
  bool is_launched = false;
  // CLONE_NEW* of what the first process is made with.
  uint64_t flags = 0;
  // Of a launcher: the descriptors that the program names.
  std::vector<int> keeps;
  // The least number of the descriptor that the child reports with: those below are the program's to fill.
  int least_descriptor = 0;
  // Files of the launcher's folder in /proc, written by this process when the launcher asks for it.
  std::vector<std::pair<std::string, std::string>> writes;
  // Whether the program sends descriptors.
  bool sends = false;
};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
};

// What went wrong, and in which step.
struct ChildFailure {
  enum Stage { clone, launch, write, program, killed };
  // Of `killed`, the number is that of the signal.
  Failure failure;
  Stage stage;
  // The index of the call or of the file.
  uint32_t step = 0;
};

// A child on its way to being another program. There is no wait in here: whoever waits for it does so by polling
// `waits_for`, and calls `advance` then. Everything but that is for one thread.
class Birth {
 public:
  // The kernel's process exists when this returns a Birth.
  static std::variant<std::shared_ptr<Birth>, ChildFailure> begin(ChildPlan plan);

  int waits_for();
  // True when it is over: the child is another program, or nothing is left of it.
  bool advance();
  // Polls and advances for up to so many milliseconds; -1: until it is over.
  bool wait(int milliseconds);
  // Ends it. False: it is over already or about to be, or may not be ended.
  bool abort();

  bool is_over();
  // When it is over.
  const ChildFailure* failure() const { return failure_ ? &*failure_ : nullptr; }
  Child take_child() { return std::move(child_); }
  // With the results.
  Program take_program() { return std::move(plan_.program); }
  std::vector<UniqueFd> take_sent();

  explicit Birth(ChildPlan plan);
  ~Birth();
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

 private:
  static void let_go(Birth* birth);
  std::optional<ChildFailure> open();
  const char* open_launch();
  std::optional<ChildFailure> clone();
  static void live(void* data);

  bool read_reports();
  void conclude();
  bool end();
  bool reap_all();
  void adopt();
  void write_files();

  ChildPlan plan_;
  std::mutex mutex_;
  ChildStack stack_;
  Pipe report_;
  Pipe gate_;
  UniqueFd launcher_;
  UniqueFd block_;
  UniqueFd channel_;
  UniqueFd their_channel_;
  // What the child uses: the objects above change here meanwhile.
  struct {
    int launcher = -1;
    std::vector<int> keeps;
    char block[12];
    char size[12];
    char* arguments[4] = {};
    char* environment[1] = {};
  } theirs_;

  // The first process; and the one that goes on with the list, which is the same one unless that forked.
  Child first_;
  Child child_;
  bool forked_ = false;
  bool ending_ = false;
  bool over_ = false;
  std::optional<ChildFailure> failure_;
};

}  // namespace netlace
