#pragma once

#include <linux/sched.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "program.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// What to make a child of.
struct ChildPlan {
  // Made by a child that goes ahead, whose child the actual one becomes without ceasing to be ours: that is what it
  // takes to be born into a pid or user namespace that exists. Empty: there is none.
  Program entry;
  // Made by the child: up to execve(), or else the child ends with the last one.
  Program program;
  // CLONE_NEW*; CLONE_VM, if the child may share our memory until it is another program; and CLONE_CHILD_CLEARTID, if
  // that it does not any more is all that we wait for: without an entry, and a program that is given `report`.
  uint64_t flags = 0;
  // The cgroup that the child is born into, or -1.
  int cgroup = -1;
  // The least number of the descriptor that the child reports with: those below are the program's to fill.
  int least_descriptor = 0;
  // Files of the child's folder in /proc, written by this process before the child's program starts.
  std::vector<std::pair<std::string, std::vector<uint8_t>>> writes;
};

struct Child {
  pid_t pid;
  UniqueFd pidfd;
};

// What went wrong, and in which step.
struct ChildFailure {
  enum Stage { clone, entry, write, program };
  Failure failure;
  Stage stage;
  // The index of the call or of the file.
  uint32_t step;
};

// Returns when the child is another program, or has ended. Blocks.
std::variant<Child, ChildFailure> make_child(ChildPlan& plan);

}  // namespace netlace
