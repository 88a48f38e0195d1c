#include "new_netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstring>
#include <utility>

#include "inside.h"
#include "thread.h"

namespace netlace {

namespace {

// Instead of a descriptor of a user namespace: with the rights of this process.
constexpr int privileged = -1;

Performed here(const Writing& writing) {
  Program program(writing.most_calls);
  writing.write(program);
  return perform_here(std::move(program));
}

}  // namespace

NewNetns::NewNetns(Arguments& arguments)
    : loopback_(arguments.integer<int>(0, "loopback") != 0), protocol_(arguments.integer<int>(1, "protocol")),
      options_(arguments.integers(2, "options")), user_(arguments.integer<int>(3, "user")) {}

Result<MadeNetns> NewNetns::run() const {
  if (user_ != privileged) {
    return run_here();
  }
  Result<MadeNetns> made = Failure{0, ""};
  int error = in_own_thread([&] { made = run_here(); });
  return error == 0 ? std::move(made) : Failure{error, "pthread_create"};
}

Result<MadeNetns> NewNetns::run_here() const {
  Writing writing = {NetlinkSocket::calls_to_open(options_) + 5, [&](Program& program) { add_to(program); }};
  return taken(user_ == privileged ? here(writing) : perform_as_root(user_, writing), [](Performed& performed) {
    return MadeNetns{std::move(performed.sent[0]), NetlinkSocket::adopt(std::move(performed.sent[1]))};
  });
}

void NewNetns::add_to(Program& program) const {
  program.add(SYS_unshare, {CLONE_NEWNET});
  Program::Argument path = program.text("/proc/thread-self/ns/net");
  program.add(Pseudo::send, {Program::result_of(program.add(SYS_openat, {AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0}))});
  if (loopback_) {
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    uint32_t opened = program.add(SYS_socket, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0});
    program.add(SYS_ioctl, {Program::result_of(opened), SIOCSIFFLAGS, program.bytes(&request, sizeof request)});
  }
  NetlinkSocket::add_open(program, protocol_, options_);
}

}  // namespace netlace
