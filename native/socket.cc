#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "inside.h"
#include "registration.h"
#include "socket_filter.h"
#include "socket_options.h"

namespace netlace {

namespace {

struct OpenNetlink {
  int netns;
  int protocol;
  std::vector<int> options;

  explicit OpenNetlink(Arguments& arguments)
      : netns(arguments.integer<int>(0, "netns")), protocol(arguments.integer<int>(1, "protocol")),
        options(arguments.integers(2, "options")) {}

  Result<std::shared_ptr<NetlinkSocket>> run() const {
    uint32_t calls = NetlinkSocket::calls_to_open(options);
    Performed made =
        perform_inside(netns, {calls, [&](Program& program) { NetlinkSocket::add_open(program, protocol, options); }});
    return taken(std::move(made),
                 [](Performed& performed) { return NetlinkSocket::adopt(std::move(performed.sent[0])); });
  }
};

// Connecting goes on after a signal has interrupted the call: the outcome is to be waited for, not asked for again.
bool connect_through_signals(int fd, const std::vector<uint8_t>& address) {
  if (connect(fd, reinterpret_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size())) == 0) {
    return true;
  }
  if (errno != EINTR) {
    return errno == EINPROGRESS;
  }
  pollfd watched = {fd, POLLOUT, 0};
  while (poll(&watched, 1, -1) < 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
    return false;
  }
  errno = error;
  return error == 0;
}

struct OpenSocket {
  int netns;
  int domain;
  int type;
  int protocol;
  std::vector<int> options;
  std::vector<uint8_t> filter;
  std::vector<uint8_t> bind_address;
  std::vector<uint8_t> connect_address;
  int backlog = 0;
  bool filters = false;
  bool binds = false;
  bool listens = false;
  bool connects = false;

  explicit OpenSocket(Arguments& arguments)
      : netns(arguments.integer<int>(0, "netns")), domain(arguments.integer<int>(1, "domain")),
        type(arguments.integer<int>(2, "type")), protocol(arguments.integer<int>(3, "protocol")) {
    constexpr size_t setup = 4;
    arguments.property(setup, "options", options);
    filters = arguments.property(setup, "filter", filter);
    binds = arguments.property(setup, "bind", bind_address);
    listens = arguments.property(setup, "backlog", backlog);
    connects = arguments.property(setup, "connect", connect_address);
  }

  Result<UniqueFd> run() const {
    Performed performed = perform_inside(netns, {calls_for(options) + 4, [&](Program& program) { add_to(program); }});
    if (performed.failure.number != 0) {
      return performed.failure;
    }
    return complete(std::move(performed.sent[0]));
  }

  // What takes the rights that there are inside.
  void add_to(Program& program) const {
    Program::Argument fd = Program::result_of(program.add(SYS_socket, {domain, type | SOCK_CLOEXEC, protocol}));
    add_options(program, fd, options);
    if (filters) {
      add_closed_filter(program, fd);
    }
    if (binds) {
      auto size = static_cast<int64_t>(bind_address.size());
      program.add(SYS_bind, {fd, program.bytes(bind_address.data(), bind_address.size()), size});
    }
    program.add(Pseudo::send, {fd});
  }

  Result<UniqueFd> complete(UniqueFd fd) const {
    if (filters && !replace_closed_filter(fd.get(), filter)) {
      return Failure::of("setsockopt");
    }
    if (listens && listen(fd.get(), backlog) != 0) {
      return Failure::of("listen");
    }
    if (connects && !connect_through_signals(fd.get(), connect_address)) {
      return Failure::of("connect");
    }
    return fd;
  }
};

}  // namespace

void add_socket_calls(Calls& calls) {
  calls.add<OpenNetlink>("netlink");
  calls.add<OpenSocket>("socket");
}

}  // namespace netlace
