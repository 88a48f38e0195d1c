#include "launcher_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "launcher_image.h"

// Newer than the oldest headers that this is built with.
#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

namespace netlace {

namespace {

constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr mode_t mode = 0555;

bool fill(int fd) {
  return write(fd, launcher_image, sizeof launcher_image) == static_cast<ssize_t>(sizeof launcher_image) &&
         fchmod(fd, mode) == 0;
}

// MFD_EXEC and F_SEAL_EXEC are known since Linux 6.3. Without the latter its mode can be changed.
Result<UniqueFd> in_memory() {
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(memfd_create("netlace", flags | MFD_EXEC));
  if (!fd && errno == EINVAL) {
    fd = UniqueFd(memfd_create("netlace", flags));
  }
  if (!fd) {
    return Failure::of("memfd_create");
  }
  if (!fill(fd.get())) {
    return Failure::of("write");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, seals | F_SEAL_EXEC) != 0 && fcntl(fd.get(), F_ADD_SEALS, seals) != 0) {
    return Failure::of("fcntl");
  }
  return fd;
}

// In a folder from which files can be executed. A file cannot be executed while it is open for writing.
UniqueFd without_name(const char* folder) {
  UniqueFd written(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!written || !fill(written.get())) {
    return {};
  }
  std::string path = "/proc/self/fd/" + std::to_string(written.get());
  return access(path.c_str(), X_OK) == 0 ? UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) : UniqueFd();
}

}  // namespace

Result<UniqueFd> make_launcher() {
  Result<UniqueFd> made = in_memory();
  Failure* failure = std::get_if<Failure>(&made);
  // The sysctl vm.memfd_noexec is 2: no file in memory may be executed.
  if (failure == nullptr || failure->number != EACCES) {
    return made;
  }
  for (const char* folder : {"/dev/shm", "/tmp", "/var/tmp"}) {
    if (UniqueFd fd = without_name(folder)) {
      return fd;
    }
  }
  return made;
}

}  // namespace netlace
