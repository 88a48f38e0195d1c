#include <sys/mount.h>

#include "registration.h"

namespace netlace {

namespace {

struct Mount {
  std::string source;
  std::string target;
  std::string type;
  uint32_t flags;

  explicit Mount(Arguments& arguments)
      : source(arguments.string(0, "source")), target(arguments.string(1, "target")), type(arguments.string(2, "type")),
        flags(arguments.integer<uint32_t>(3, "flags")) {}

  Result<Done> run() const {
    // Old kernels want a type even where it means nothing.
    const char* named = type.empty() ? "none" : type.c_str();
    if (::mount(source.c_str(), target.c_str(), named, flags, nullptr) != 0) {
      return Failure::of("mount");
    }
    return Done();
  }
};

struct Unmount {
  std::string target;
  int flags;

  explicit Unmount(Arguments& arguments)
      : target(arguments.string(0, "target")), flags(arguments.integer<int>(1, "flags")) {}

  Result<Done> run() const {
    if (::umount2(target.c_str(), flags) != 0) {
      return Failure::of("umount2");
    }
    return Done();
  }
};

}  // namespace

void add_mount_calls(Calls& calls) {
  calls.add<Mount>("mount");
  calls.add<Unmount>("umount");
}

}  // namespace netlace
