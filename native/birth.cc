#include "birth.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "reaper.h"

namespace netlace {

namespace {

bool is_exec(const Call& call) {
  return call.number == SYS_execve || call.number == SYS_execveat;
}

// The index of the first call that may make the child another program; behind the last one if none does.
uint32_t first_exec(const Program& program) {
  uint32_t index = 0;
  while (index < program.size() && !is_exec(program.call(index))) {
    index++;
  }
  return index;
}

}  // namespace

std::variant<std::shared_ptr<Birth>, ChildFailure> Birth::begin(ChildPlan plan) {
  auto birth = std::shared_ptr<Birth>(new Birth(std::move(plan)), let_go);
  std::optional<ChildFailure> failure = birth->open();
  if (!failure) {
    failure = birth->clone();
  }
  if (failure) {
    birth->over_ = true;
    return *failure;
  }
  return birth;
}

Birth::Birth(ChildPlan plan) : plan_(std::move(plan)) {}

Birth::~Birth() = default;

// The last one who had a share in it. The child may still use its memory.
void Birth::let_go(Birth* birth) {
  std::unique_ptr<Birth> owned(birth);
  if (!birth->over_) {
    birth->abort();
    finish_later(std::move(owned));
  } else if (birth->child_.pidfd) {
    std::vector<UniqueFd> children;
    children.push_back(std::move(birth->child_.pidfd));
    reap_later(std::move(children));
  }
}

int Birth::waits_for() {
  std::lock_guard lock(mutex_);
  if (!ending_) {
    return report_.read.get();
  }
  return first_.pidfd ? first_.pidfd.get() : child_.pidfd.get();
}

bool Birth::advance() {
  std::lock_guard lock(mutex_);
  if (!ending_ && !over_ && read_reports()) {
    conclude();
  }
  if (ending_ && !over_) {
    over_ = reap_all();
  }
  return over_;
}

bool Birth::wait(int milliseconds) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  do {
    // Signals that arrive do not prolong it.
    auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    int patience = milliseconds < 0 ? -1 : static_cast<int>(std::max<int64_t>(rest.count(), 0));
    pollfd watched = {waits_for(), POLLIN, 0};
    if (poll(&watched, 1, patience) == 0) {
      return false;
    }
  } while (!advance());
  return true;
}

bool Birth::abort() {
  std::lock_guard lock(mutex_);
  if (over_ || ending_ || !end()) {
    return false;
  }
  ending_ = true;
  return true;
}

bool Birth::is_over() {
  std::lock_guard lock(mutex_);
  return over_;
}

std::vector<UniqueFd> Birth::take_sent() {
  std::vector<UniqueFd> sent;
  for (;;) {
    char byte;
    iovec part = {&byte, 1};
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(channel_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1 || CMSG_FIRSTHDR(&message) == nullptr) {
      return sent;
    }
    sent.emplace_back(*reinterpret_cast<int*>(CMSG_DATA(CMSG_FIRSTHDR(&message))));
  }
}

// True at the end: the child is another program, or has ended.
bool Birth::read_reports() {
  Report said = {};
  for (;;) {
    ssize_t length = read(report_.read.get(), &said, sizeof said);
    if (length < 0 && errno == EINTR) {
      continue;
    }
    if (length != sizeof said) {
      return length == 0;
    }
    if (said.kind == Report::maps_wanted) {
      write_files();
    } else if (!failure_) {
      failure_ = said.step == not_begun
                     ? ChildFailure{{said.error, "execveat"}, ChildFailure::launch}
                     : ChildFailure{{said.error, plan_.program.name(said.step)}, ChildFailure::program, said.step};
    }
  }
}

void Birth::conclude() {
  adopt();
  const Program& program = plan_.program;
  if (!failure_ && program.reached() >= static_cast<int64_t>(first_exec(program))) {
    over_ = true;
    // It ended when it had made the other one.
    std::vector<UniqueFd> first;
    first.push_back(std::move(first_.pidfd));
    reap_later(std::move(first));
  } else {
    ending_ = true;
    end();
  }
}

// What the launcher has written into its block: how far it came, and the process that goes on with the list.
void Birth::adopt() {
  if (!plan_.is_launched || forked_) {
    return;
  }
  pid_t born = plan_.program.read_back(block_.get());
  if (born > 0) {
    forked_ = true;
    first_ = std::move(child_);
    // The number of a pipe that has come to its end is free for this one.
    report_.read.reset();
    // Its number is its own until it is waited for.
    child_ = {born, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, born, 0)))};
    if (!child_.pidfd) {
      failure_ = ChildFailure{Failure::of("pidfd_open"), ChildFailure::clone};
      kill(born, SIGKILL);
      waitid(P_PID, static_cast<id_t>(born), nullptr, WEXITED | __WALL);
    }
  }
}

// False where that is not allowed: it is another user's by now.
bool Birth::end() {
  bool allowed = true;
  for (const Child* child : {&first_, &child_}) {
    if (child->pidfd && syscall(SYS_pidfd_send_signal, child->pidfd.get(), SIGKILL, nullptr, 0) != 0) {
      allowed = allowed && errno != EPERM;
    }
  }
  return allowed;
}

// True when nothing is left.
bool Birth::reap_all() {
  for (Child* child : {&first_, &child_}) {
    while (child->pidfd) {
      siginfo_t info = {};
      if (waitid(P_PIDFD, static_cast<id_t>(child->pidfd.get()), &info, WEXITED | WNOHANG | __WALL) == 0 &&
          info.si_pid == 0) {
        return false;
      }
      child->pidfd.reset();
      if (!failure_) {
        int signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
        uint32_t step = plan_.program.block()->at;
        failure_ = ChildFailure{{signal, plan_.program.name(step)}, ChildFailure::killed, step};
      }
      if (child == &child_ && !forked_) {
        // It may have made another one before it ended.
        adopt();
        if (forked_) {
          end();
        }
      }
    }
  }
  return true;
}

void Birth::write_files() {
  uint32_t step = 0;
  for (const auto& [name, text] : plan_.writes) {
    std::string path = "/proc/" + std::to_string(child_.pid) + "/" + name;
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const char* failed = !fd ? "open" : write(fd.get(), text.data(), text.size()) < 0 ? "write" : nullptr;
    if (failed != nullptr) {
      failure_ = ChildFailure{Failure::of(failed), ChildFailure::write, step};
      gate_.write.reset();
      return;
    }
    step++;
  }
  [[maybe_unused]] ssize_t started = write(gate_.write.get(), "", 1);
  gate_.write.reset();
}

}  // namespace netlace
