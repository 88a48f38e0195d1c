#include "child.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "child_report.h"
#include "clone.h"
#include "shared_child.h"

namespace netlace {

namespace {

// Of the kernel: those of the C library begin behind some that it keeps for itself.
constexpr int first_realtime_signal = 32;

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  // Null, or the call that failed.
  const char* open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return "pipe2";
    }
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
    return nullptr;
  }

  // With an end to write whose number is not less than that.
  const char* open_from(int least) {
    if (const char* failed = open()) {
      return failed;
    }
    if (write.get() < least) {
      write = UniqueFd(fcntl(write.get(), F_DUPFD_CLOEXEC, least));
    }
    return write ? nullptr : "fcntl";
  }
};

// Real-time signals that are ignored. That lasts: it was inherited, and nothing in JavaScript changes it.
const std::vector<int>& ignored_realtime_signals() {
  static const std::vector<int> ignored = [] {
    std::vector<int> found;
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
      struct sigaction action;
      if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
        found.push_back(signal);
      }
    }
    return found;
  }();
  return ignored;
}

struct Birth {
  explicit Birth(ChildPlan& plan) : plan(plan) {}

  ChildPlan& plan;
  // What a child reports with, unless it is waited for by its memory: then it reports in `said`.
  Pipe reports;
  ChildReport said = {};
  // The kernel makes it 0 when a child without such a pipe does not share the memory any more.
  std::atomic<uint32_t> shares = 1;
  // The child starts when there is a byte, and gives up when the pipe is closed.
  Pipe start;
  ChildStack stack;
  clone_args arguments = {};
  int pidfd = -1;
  // The numbers of the ends that a child uses: it has descriptors of its own, but the objects above are also ours.
  int report_to = -1;
  int start_from = -1;
  int start_end = -1;
  // Asked for here: a child must not be the one to begin with it.
  const std::vector<int>& ignored_realtime = ignored_realtime_signals();
};

void report(Birth& birth, ChildReport report) {
  if (birth.report_to < 0) {
    birth.said = report;
    return;
  }
  // Whoever would read it may be gone.
  [[maybe_unused]] ssize_t written = write(birth.report_to, &report, sizeof report);
}

// That a program is there but may not be run says more than that it is not in the folders after that: execvp(3).
Program::Outcome what_counts(const Program& program, Program::Outcome last) {
  for (uint32_t i = 0; i < last.call; i++) {
    if (program.number(i) == SYS_execve && program.result(i) == -EACCES && program.tolerates(i, last.error)) {
      return {i, EACCES};
    }
  }
  return last;
}

// Whether the kernel itself says when the child is another program, or has ended: that takes shared memory to report
// in.
bool is_told_by_memory(const ChildPlan& plan) {
  return shares_memory && (plan.flags & CLONE_CHILD_CLEARTID) != 0 && (plan.flags & CLONE_VM) != 0;
}

// Until the child does not share the memory any more. In CLONE_VFORK's wait this process could not be stopped: not by a
// terminal that stops both, where the child, stopped first, would wait for this process to go on, and this for the
// child.
void wait_for_memory(const Birth& birth, int pidfd) {
  // The kernel does not say it of a child that ended with a core dump.
  const timespec patience = {0, 100'000'000};
  pollfd end = {pidfd, POLLIN, 0};
  while (birth.shares.load() != 0) {
    // Not FUTEX_PRIVATE_FLAG: the kernel wakes without.
    long woken = syscall(SYS_futex, &birth.shares, FUTEX_WAIT, 1, &patience, nullptr, 0);
    if (woken != 0 && errno == ETIMEDOUT && poll(&end, 1, 0) == 1) {
      return;
    }
  }
}

// In the child, which has no handlers any more (CLONE_CLEAR_SIGHAND): no signal is ignored or blocked.
void reset_signals(const std::vector<int>& ignored_realtime) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < first_realtime_signal; signal++) {
    sigaction(signal, &standard, nullptr);
  }
  for (int signal : ignored_realtime) {
    sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child. From here to the new program there is nothing but system calls.
void live(void* data) {
  Birth& birth = *static_cast<Birth*>(data);
  if (birth.start_from >= 0) {
    close(birth.start_end);
    char byte;
    if (read(birth.start_from, &byte, 1) != 1) {
      end_child(127);
    }
  }
  reset_signals(birth.ignored_realtime);
  birth.plan.program.report_to(birth.report_to);
  Program::Outcome outcome = what_counts(birth.plan.program, birth.plan.program.run());
  if (outcome.error != 0) {
    report(birth, {ChildReport::program_failed, outcome.call, outcome.error, -1});
    end_child(127);
  }
  end_child(0);
}

// In the child that goes ahead.
void go_ahead(void* data) {
  Birth& birth = *static_cast<Birth*>(data);
  Program::Outcome outcome = birth.plan.entry.run();
  if (outcome.error != 0) {
    report(birth, {ChildReport::entry_failed, outcome.call, outcome.error, -1});
    end_child(0);
  }
  // If the memory is a copy, it is one for both.
  birth.arguments.flags |= CLONE_PARENT | CLONE_VM;
  // The child has the parent's signal for its end.
  birth.arguments.exit_signal = 0;
  long pid = clone_child(birth.arguments, live, data);
  if (pid < 0) {
    report(birth, {ChildReport::not_born, 0, errno, -1});
  } else {
    report(birth, {ChildReport::born, 0, static_cast<int32_t>(pid), birth.pidfd});
  }
  end_child(0);
}

// The child's pid; or how it failed.
std::variant<Child, ChildFailure> bear(Birth& birth) {
  if (birth.plan.entry.empty()) {
    long pid = clone_child(birth.arguments, live, &birth);
    if (pid < 0) {
      return ChildFailure{Failure::of("clone3"), ChildFailure::clone, 0};
    }
    return Child{static_cast<pid_t>(pid), UniqueFd(birth.pidfd)};
  }
  ChildStack stack;
  clone_args ahead = {};
  // With our table of files, so that the child's pidfd is in it. SIGCHLD: the child shall send that, too.
  ahead.flags = CLONE_FILES | (birth.plan.flags & CLONE_VM);
  ahead.exit_signal = SIGCHLD;
  ahead.stack = stack.address();
  ahead.stack_size = stack.size();
  long pid = clone_child(ahead, go_ahead, &birth);
  if (pid < 0) {
    return ChildFailure{Failure::of("clone3"), ChildFailure::clone, 0};
  }
  reap(P_PID, static_cast<id_t>(pid));
  ChildReport said = {};
  pollfd watched = {birth.reports.read.get(), POLLIN, 0};
  if (poll(&watched, 1, 0) != 1 || read(birth.reports.read.get(), &said, sizeof said) != sizeof said) {
    return ChildFailure{{ESRCH, "clone3"}, ChildFailure::entry, 0};
  }
  switch (said.kind) {
  case ChildReport::born:
    return Child{said.value, UniqueFd(said.pidfd)};
  case ChildReport::entry_failed:
    return ChildFailure{{said.value, birth.plan.entry.name(said.step)}, ChildFailure::entry, said.step};
  default:
    return ChildFailure{{said.value, "clone3"}, ChildFailure::clone, 0};
  }
}

Result<Done> write_for(pid_t pid, const std::string& name, const std::vector<uint8_t>& bytes) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) {
    return Failure::of("open");
  }
  return write(fd.get(), bytes.data(), bytes.size()) < 0 ? Result<Done>(Failure::of("write")) : Done();
}

}  // namespace

std::variant<Child, ChildFailure> make_child(ChildPlan& plan) {
  Birth birth(plan);
  const char* failed = is_told_by_memory(plan) ? nullptr : birth.reports.open_from(plan.least_descriptor);
  if (failed == nullptr && !plan.writes.empty()) {
    failed = birth.start.open();
  }
  if (failed != nullptr) {
    return ChildFailure{Failure::of(failed), ChildFailure::clone, 0};
  }
  birth.report_to = birth.reports.write.get();
  birth.start_from = birth.start.read.get();
  birth.start_end = birth.start.write.get();
  birth.arguments.flags = plan.flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  birth.arguments.pidfd = reinterpret_cast<uint64_t>(&birth.pidfd);
  birth.arguments.child_tid = reinterpret_cast<uint64_t>(&birth.shares);
  birth.arguments.exit_signal = SIGCHLD;
  birth.arguments.stack = birth.stack.address();
  birth.arguments.stack_size = birth.stack.size();
  if (plan.cgroup >= 0) {
    birth.arguments.flags |= CLONE_INTO_CGROUP;
    birth.arguments.cgroup = static_cast<uint64_t>(plan.cgroup);
  }

  DumpableKept dumpable;
  SignalsBlocked blocked;
  std::variant<Child, ChildFailure> born = bear(birth);
  Child* child = std::get_if<Child>(&born);
  if (child == nullptr) {
    return born;
  }
  std::variant<Child, ChildFailure> result = ChildFailure{{0, ""}, ChildFailure::write, 0};
  ChildFailure& failure = *std::get_if<ChildFailure>(&result);
  for (const auto& [name, bytes] : plan.writes) {
    Result<Done> written = write_for(child->pid, name, bytes);
    if (Failure* refused = std::get_if<Failure>(&written)) {
      failure.failure = *refused;
      break;
    }
    failure.step++;
  }
  if (birth.start.write && failure.failure.number == 0) {
    [[maybe_unused]] ssize_t started = write(birth.start.write.get(), "", 1);
  }
  birth.start.write.reset();
  birth.reports.write.reset();
  ChildReport& said = birth.said;
  if (birth.reports.read) {
    [[maybe_unused]] ssize_t length = read(birth.reports.read.get(), &said, sizeof said);
  } else {
    wait_for_memory(birth, child->pidfd.get());
  }
  if (said.kind == ChildReport::program_failed) {
    failure = {{said.value, plan.program.name(said.step)}, ChildFailure::program, said.step};
  }
  if (failure.failure.number == 0) {
    return born;
  }
  reap(P_PIDFD, static_cast<id_t>(child->pidfd.get()));
  return result;
}

}  // namespace netlace
