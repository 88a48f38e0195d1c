#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "birth.h"
#include "launcher/run.h"
#include "launcher_file.h"
#include "signals.h"

// Newer than the oldest headers that this is built with.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

namespace netlace {

namespace {

constexpr uint64_t all_signals = ~uint64_t{0};

UniqueFd make_memory_file() {
  // MFD_NOEXEC_SEAL is known since Linux 6.3, and may be required there (vm.memfd_noexec).
  UniqueFd fd(memfd_create("netlace-calls", MFD_CLOEXEC | MFD_NOEXEC_SEAL));
  return fd || errno != EINVAL ? std::move(fd) : UniqueFd(memfd_create("netlace-calls", MFD_CLOEXEC));
}

}  // namespace

std::optional<ChildFailure> Birth::open() {
  const char* failed = report_.open(O_NONBLOCK);
  if (failed == nullptr) {
    failed = raise(report_.write, plan_.least_descriptor);
  }
  if (failed != nullptr) {
    return ChildFailure{Failure::of(failed), ChildFailure::clone};
  }
  if (!plan_.is_launched) {
    plan_.program.place_here();
    plan_.program.block()->report = report_.write.get();
    return {};
  }
  Result<UniqueFd> made = has_launcher ? make_launcher() : Failure{ENOSYS, "execveat"};
  if (Failure* failure = std::get_if<Failure>(&made)) {
    return ChildFailure{*failure, ChildFailure::launch};
  }
  launcher_ = std::move(*std::get_if<UniqueFd>(&made));
  if (const char* call = open_launch()) {
    return ChildFailure{Failure::of(call), ChildFailure::clone};
  }
  return {};
}

// Null, or the call that failed.
const char* Birth::open_launch() {
  if (!plan_.writes.empty()) {
    const char* failed = gate_.open();
    if (failed == nullptr) {
      failed = raise(gate_.read, plan_.least_descriptor);
    }
    if (failed != nullptr) {
      return failed;
    }
  }
  if (plan_.sends) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      return "socketpair";
    }
    channel_ = UniqueFd(ends[0]);
    their_channel_ = UniqueFd(ends[1]);
  }
  block_ = make_memory_file();
  if (!block_) {
    return "memfd_create";
  }
  std::vector<int>& keeps = theirs_.keeps;
  keeps = plan_.keeps;
  for (const UniqueFd* fd : {&report_.write, &gate_.read, &their_channel_}) {
    if (*fd) {
      keeps.push_back(fd->get());
    }
  }
  std::sort(keeps.begin(), keeps.end());
  keeps.erase(std::unique(keeps.begin(), keeps.end()), keeps.end());
  plan_.program.place_in_launcher(keeps);
  Launch& header = *plan_.program.block();
  header.report = report_.write.get();
  header.gate = gate_.read.get();
  header.channel = their_channel_.get();
  header.signals = all_signals;
  std::span<const uint8_t> image = plan_.program.image();
  if (write(block_.get(), image.data(), image.size()) != static_cast<ssize_t>(image.size())) {
    return "write";
  }
  keeps.push_back(block_.get());
  theirs_.launcher = launcher_.get();
  std::snprintf(theirs_.block, sizeof theirs_.block, "%d", block_.get());
  std::snprintf(theirs_.size, sizeof theirs_.size, "%zu", image.size());
  // An init keeps the name, for everybody to see.
  theirs_.arguments[0] = const_cast<char*>(plan_.program.count(Pseudo::init) > 0 ? "init" : "netlace");
  theirs_.arguments[1] = theirs_.block;
  theirs_.arguments[2] = theirs_.size;
  return nullptr;
}

std::optional<ChildFailure> Birth::clone() {
  int pidfd = -1;
  clone_args arguments = {};
  arguments.flags = plan_.flags | CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = stack_.address();
  arguments.stack_size = stack_.size();
  long pid;
  {
    SignalsBlocked blocked;
    pid = clone_child(arguments, live, this);
  }
  if (pid < 0) {
    return ChildFailure{{static_cast<int>(-pid), "clone3"}, ChildFailure::clone};
  }
  child_ = {static_cast<pid_t>(pid), UniqueFd(pidfd)};
  report_.write.reset();
  gate_.read.reset();
  their_channel_.reset();
  launcher_.reset();
  return {};
}

// In the child. From here to the other program there is nothing but system calls.
void Birth::live(void* data) {
  Birth& birth = *static_cast<Birth*>(data);
  Launch* block = birth.plan_.program.block();
  Report said = {Report::failed, not_begun, 0, 0};
  if (birth.plan_.is_launched) {
    for (int fd : birth.theirs_.keeps) {
      system_call(SYS_fcntl, fd, F_SETFD, 0);
    }
    said.error = static_cast<int>(-system_call(SYS_execveat, birth.theirs_.launcher, address(""),
                                               address(birth.theirs_.arguments), address(birth.theirs_.environment),
                                               AT_EMPTY_PATH));
  } else {
    reset_signals(all_signals);
    Outcome outcome =
        run_all(block, [=](const Call& call, const long(&arguments)[6]) { return make_call(block, call, arguments); });
    said.step = outcome.call;
    said.error = outcome.error;
  }
  if (said.error != 0) {
    system_call(SYS_write, block->report, address(&said), sizeof said);
  }
  for (;;) {
    system_call(SYS_exit_group, said.error == 0 ? 0 : 127);
  }
}

}  // namespace netlace
