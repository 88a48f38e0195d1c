#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "convert.h"
#include "registration.h"

namespace netlace {

namespace {

Napi::Value pair(Napi::Env env, UniqueFd first, UniqueFd second) {
  Napi::Array both = Napi::Array::New(env, 2);
  both.Set(0u, convert(env, std::move(first)));
  both.Set(1u, convert(env, std::move(second)));
  return both;
}

Napi::Value make_pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return convert(info.Env(), Failure::of("pipe2"));
  }
  return pair(info.Env(), UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Napi::Value make_socketpair(const Napi::CallbackInfo& info) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return convert(info.Env(), Failure::of("socketpair"));
  }
  return pair(info.Env(), UniqueFd(ends[0]), UniqueFd(ends[1]));
}

bool set_size(int fd, uint32_t rows, uint32_t columns) {
  winsize size = {};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  return ioctl(fd, TIOCSWINSZ, &size) == 0;
}

Napi::Value make_pty(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  uint32_t rows = arguments.integer<uint16_t>(0, "rows");
  uint32_t columns = arguments.integer<uint16_t>(1, "columns");
  if (!arguments.valid()) {
    return {};
  }
  UniqueFd master(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master) {
    return convert(env, Failure::of("open"));
  }
  int unlocked = 0;
  if (ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) {
    return convert(env, Failure::of("ioctl"));
  }
  // By descriptor: the slave has a name only where its file system is mounted.
  UniqueFd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave || !set_size(master.get(), rows, columns)) {
    return convert(env, Failure::of("ioctl"));
  }
  return pair(env, std::move(master), std::move(slave));
}

Napi::Value resize_pty(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int fd = arguments.integer<int>(0, "fd");
  uint32_t rows = arguments.integer<uint16_t>(1, "rows");
  uint32_t columns = arguments.integer<uint16_t>(2, "columns");
  if (!arguments.valid()) {
    return {};
  }
  return set_size(fd, rows, columns) ? convert(info.Env(), Done()) : convert(info.Env(), Failure::of("ioctl"));
}

}  // namespace

void add_pty_calls(Napi::Object exports) {
  exports.Set("pipe", Napi::Function::New<make_pipe>(exports.Env(), "pipe"));
  exports.Set("socketpair", Napi::Function::New<make_socketpair>(exports.Env(), "socketpair"));
  exports.Set("pty", Napi::Function::New<make_pty>(exports.Env(), "pty"));
  exports.Set("resizePty", Napi::Function::New<resize_pty>(exports.Env(), "resizePty"));
}

}  // namespace netlace
