#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inside.h"
#include "registration.h"

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

// More than any sysctl has.
constexpr size_t most_bytes = 128 * 1024;

Program::Argument add_open(Program& program, const std::string& path, int flags) {
  return Program::result_of(program.add(SYS_openat, {AT_FDCWD, program.text(path), flags | O_NONBLOCK | O_CLOEXEC, 0}));
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
    if (netns == -1) {
      return read_all();
    }
    Performed performed = perform_inside(netns, {3, [&](Program& program) {
                                                   Program::Argument fd = add_open(program, path, O_RDONLY);
                                                   program.add(SYS_read, {fd, Program::buffer(most_bytes), most_bytes});
                                                   program.add(SYS_close, {fd});
                                                 }});
    if (performed.failure.number != 0) {
      return performed.failure;
    }
    std::vector<uint8_t> bytes = std::move(performed.program.buffers()[0]);
    // A sysctl gives its value to one read.
    size_t length = static_cast<size_t>(performed.program.result(performed.program.size() - 2));
    if (length == most_bytes) {
      return Failure{EFBIG, "read"};
    }
    bytes.resize(length);
    return bytes;
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
    Performed performed = perform_inside(
        netns,
        {3, [&](Program& program) {
           Program::Argument fd = add_open(program, path, O_WRONLY);
           program.add(SYS_write, {fd, program.bytes(bytes.data(), bytes.size()), static_cast<int64_t>(bytes.size())});
           program.add(SYS_close, {fd});
         }});
    if (performed.failure.number != 0) {
      return performed.failure;
    }
    // A sysctl takes one write as one value, so a rest cannot be written after it.
    bool is_written = performed.program.result(performed.program.size() - 2) == static_cast<long>(bytes.size());
    return is_written ? Result<Done>(Done()) : Failure{EIO, "write"};
  }
};

}  // namespace

void add_file_calls(Calls& calls) {
  calls.add<Open>("open");
  calls.add<ReadFile>("readFile");
  calls.add<WriteFile>("writeFile");
}

}  // namespace netlace
