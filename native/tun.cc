#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cstring>

#include "registration.h"
#include "thread.h"

namespace netlace {

namespace {

// The device belongs to the network namespace of the thread that opens the file (drivers/net/tun.c, tun_chr_open).
struct OpenTun {
  int netns;
  std::string name;
  int flags;
  int persist;

  explicit OpenTun(Arguments& arguments)
      : netns(arguments.integer<int>(0, "netns")), name(arguments.string(1, "name")),
        flags(arguments.integer<int>(2, "flags")), persist(arguments.integer<int>(3, "persist")) {}

  Result<UniqueFd> run() const {
    return in_namespace(netns, [&] { return open(); });
  }

  Result<UniqueFd> open() const {
    UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
      return Failure::of("open");
    }
    ifreq request = {};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(flags);
    if (ioctl(fd.get(), TUNSETIFF, &request) != 0 ||
        (persist >= 0 && ioctl(fd.get(), TUNSETPERSIST, static_cast<unsigned long>(persist)) != 0)) {
      return Failure::of("ioctl");
    }
    return fd;
  }
};

// The name changes when the link is renamed.
Napi::Value tun_name(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int fd = arguments.integer<int>(0, "fd");
  if (!arguments.valid()) {
    return {};
  }
  ifreq request = {};
  if (ioctl(fd, TUNGETIFF, &request) != 0) {
    return convert(info.Env(), Failure::of("ioctl"));
  }
  return Napi::String::New(info.Env(), request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ));
}

}  // namespace

void add_tun_calls(Calls& calls, Napi::Object exports) {
  calls.add<OpenTun>("tun");
  exports.Set("tunName", Napi::Function::New<tun_name>(exports.Env(), "tunName"));
}

}  // namespace netlace
