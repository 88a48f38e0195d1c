#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cstring>

#include "inside.h"
#include "registration.h"

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
    Performed made = perform_inside(netns, {4, [&](Program& program) { add_to(program); }});
    return taken(std::move(made), [](Performed& performed) { return std::move(performed.sent[0]); });
  }

  void add_to(Program& program) const {
    uint32_t opened =
        program.add(SYS_openat, {AT_FDCWD, program.text("/dev/net/tun"), O_RDWR | O_CLOEXEC | O_NONBLOCK, 0});
    Program::Argument fd = Program::result_of(opened);
    ifreq request = {};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(flags);
    program.add(SYS_ioctl, {fd, TUNSETIFF, program.bytes(&request, sizeof request)});
    if (persist >= 0) {
      program.add(SYS_ioctl, {fd, TUNSETPERSIST, persist});
    }
    program.add(Pseudo::send, {fd});
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
