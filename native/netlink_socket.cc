#include "netlink_socket.h"

#include <linux/netlink.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "socket_options.h"

namespace netlace {

void NetlinkSocket::add_open(Program& program, int protocol, const std::vector<int>& options) {
  uint32_t opened = program.add(SYS_socket, {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol});
  Program::Argument fd = Program::result_of(opened);
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  program.add(SYS_bind, {fd, program.bytes(&address, sizeof address), sizeof address});
  // After bind(), which takes a socket out of the groups 1 to 32 that `nl_groups` does not name.
  add_options(program, fd, options);
  program.add(Pseudo::send, {fd});
}

uint32_t NetlinkSocket::calls_to_open(const std::vector<int>& options) {
  return calls_for(options) + 3;
}

std::shared_ptr<NetlinkSocket> NetlinkSocket::adopt(UniqueFd fd) {
  sockaddr_nl address = {};
  socklen_t length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return std::make_shared<NetlinkSocket>(std::move(fd), address.nl_pid);
}

void NetlinkSocket::close() {
  std::lock_guard lock(mutex_);
  if (closed_.exchange(true)) {
    return;
  }
  if (leases_ == 0) {
    shut();
  } else if (wake_) {
    eventfd_write(wake_.get(), 1);
  }
}

int NetlinkSocket::wake_fd() {
  std::lock_guard lock(mutex_);
  if (!wake_) {
    wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }
  if (wake_ && closed()) {
    eventfd_write(wake_.get(), 1);
  }
  return wake_.get();
}

int NetlinkSocket::send(std::span<const uint8_t> request) const {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent;
  do {
    sent =
        sendto(fd(), request.data(), request.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

NetlinkSocket::Next NetlinkSocket::receive(std::span<uint8_t> into) const {
  iovec part = {into.data(), into.size()};
  sockaddr_nl sender = {};
  msghdr message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t length;
  do {
    length = recvmsg(fd(), &message, MSG_TRUNC | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  return {length < 0 ? -errno : length, sender.nl_pid == 0};
}

NetlinkSocket::Next NetlinkSocket::peek() const {
  sockaddr_nl sender = {};
  msghdr message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  ssize_t length;
  do {
    length = recvmsg(fd(), &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  return {length < 0 ? -errno : length, sender.nl_pid == 0};
}

ssize_t NetlinkSocket::take(std::span<uint8_t> into) const {
  ssize_t length;
  do {
    length = recv(fd(), into.data(), into.size(), MSG_TRUNC | MSG_DONTWAIT);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    return -errno;
  }
  return static_cast<size_t>(length) > into.size() ? -EMSGSIZE : length;
}

bool NetlinkSocket::acquire() {
  std::lock_guard lock(mutex_);
  if (closed()) {
    return false;
  }
  leases_++;
  return true;
}

void NetlinkSocket::release() {
  std::lock_guard lock(mutex_);
  leases_--;
  if (leases_ == 0 && closed()) {
    shut();
  }
}

void NetlinkSocket::shut() {
  fd_.reset();
  wake_.reset();
}

}  // namespace netlace
