#include "new_netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "thread.h"

namespace netlace {

namespace {

// Whose rights the namespace is made with, where it is no descriptor of a user namespace.
constexpr int privileged = -1;
constexpr int new_user = -2;

Result<Done> bring_loopback_up() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return Failure::of("socket");
  }
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return Failure::of("ioctl");
  }
  return Done();
}

// In a new user namespace, root is who we are outside.
Result<Done> write_maps(uid_t uid, gid_t gid) {
  const std::pair<const char*, std::string> files[] = {
      {"/proc/self/setgroups", "deny"},
      {"/proc/self/uid_map", "0 " + std::to_string(uid) + " 1"},
      {"/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"},
  };
  for (const auto& [path, text] : files) {
    UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
    if (!fd || write(fd.get(), text.data(), text.size()) < 0) {
      return Failure::of("uid_map");
    }
  }
  return Done();
}

}  // namespace

NewNetns::NewNetns(Arguments& arguments)
    : loopback_(arguments.integer<int>(0, "loopback") != 0), protocol_(arguments.integer<int>(1, "protocol")),
      options_(arguments.integers(2, "options")), user_(arguments.integer<int>(3, "user")) {}

Result<MadeNetns> NewNetns::run() const {
  return user_ == privileged ? in_own_thread([&]() { return run_here(); }) : run_here();
}

Result<MadeNetns> NewNetns::run_here() const {
  if (user_ == privileged) {
    if (unshare(CLONE_NEWNET) != 0) {
      return Failure::of("unshare");
    }
    return furnish();
  }
  if (user_ == new_user) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    return in_own_child(CLONE_NEWUSER | CLONE_NEWNET, [&]() -> Result<MadeNetns> {
      Result<Done> written = write_maps(uid, gid);
      if (Failure* failure = std::get_if<Failure>(&written)) {
        return *failure;
      }
      return furnish();
    });
  }
  return in_own_child(0, [&]() -> Result<MadeNetns> {
    if (setns(user_, CLONE_NEWUSER) != 0) {
      return Failure::of("setns");
    }
    if (unshare(CLONE_NEWNET) != 0) {
      return Failure::of("unshare");
    }
    return furnish();
  });
}

// Inside.
Result<MadeNetns> NewNetns::furnish() const {
  UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns) {
    return Failure::of("open");
  }
  if (loopback_) {
    Result<Done> up = bring_loopback_up();
    if (Failure* failure = std::get_if<Failure>(&up)) {
      return *failure;
    }
  }
  Result<std::shared_ptr<NetlinkSocket>> socket = NetlinkSocket::open(protocol_, options_);
  if (Failure* failure = std::get_if<Failure>(&socket)) {
    return *failure;
  }
  return MadeNetns{std::move(netns), std::move(*std::get_if<std::shared_ptr<NetlinkSocket>>(&socket))};
}

}  // namespace netlace
