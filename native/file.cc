#include <fcntl.h>
#include <unistd.h>

#include "registration.h"
#include "thread.h"

namespace netlace {

namespace {

// O_NONBLOCK, since a path that turns out to be a FIFO without another end would wait for it for ever.
Result<UniqueFd> open_file(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    return Failure::of("open");
  }
  return UniqueFd(fd);
}

struct Open {
  std::string path;
  int flags;

  explicit Open(Arguments& arguments) : path(arguments.string(0, "path")), flags(arguments.integer<int>(1, "flags")) {}

  Result<UniqueFd> run() const { return open_file(path, flags); }
};

struct ReadFile {
  int netns;
  std::string path;

  explicit ReadFile(Arguments& arguments)
      : netns(arguments.integer<int>(0, "netns")), path(arguments.string(1, "path")) {}

  Result<std::vector<uint8_t>> run() const {
    return in_namespace(netns, [&] { return read_all(); });
  }

  Result<std::vector<uint8_t>> read_all() const {
    Result<UniqueFd> opened = open_file(path, O_RDONLY | O_NONBLOCK);
    if (Failure* failure = std::get_if<Failure>(&opened)) {
      return *failure;
    }
    int fd = std::get_if<UniqueFd>(&opened)->get();
    // Files in /proc do not know their size.
    std::vector<uint8_t> bytes(4096);
    size_t filled = 0;
    for (;;) {
      ssize_t count = ::read(fd, bytes.data() + filled, bytes.size() - filled);
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        return Failure::of("read");
      }
      filled += static_cast<size_t>(count);
      if (count == 0) {
        bytes.resize(filled);
        return bytes;
      }
      if (filled == bytes.size()) {
        bytes.resize(2 * bytes.size());
      }
    }
  }
};

struct WriteFile {
  int netns;
  std::string path;
  std::vector<uint8_t> bytes;

  explicit WriteFile(Arguments& arguments)
      : netns(arguments.integer<int>(0, "netns")), path(arguments.string(1, "path")),
        bytes(arguments.copy(2, "bytes")) {}

  Result<Done> run() const {
    return in_namespace(netns, [&] { return write_all(); });
  }

  Result<Done> write_all() const {
    Result<UniqueFd> opened = open_file(path, O_WRONLY | O_NONBLOCK);
    if (Failure* failure = std::get_if<Failure>(&opened)) {
      return *failure;
    }
    int fd = std::get_if<UniqueFd>(&opened)->get();
    ssize_t count;
    do {
      count = ::write(fd, bytes.data(), bytes.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      return Failure::of("write");
    }
    // A sysctl takes one write as one value, so a rest cannot be written after it.
    if (static_cast<size_t>(count) < bytes.size()) {
      return Failure{EIO, "write"};
    }
    return Done();
  }
};

}  // namespace

void add_file_calls(Calls& calls) {
  calls.add<Open>("open");
  calls.add<ReadFile>("readFile");
  calls.add<WriteFile>("writeFile");
}

}  // namespace netlace
