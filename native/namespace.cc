#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "registration.h"
#include "thread.h"

namespace netlace {

namespace {

constexpr unsigned long nsfs_magic = 0x6e736673;

// Where a thread finds the namespace of a type that unshare() has just given it. Null: a type that unshare() does not
// give to one thread of many (user), or only to its children (pid, time).
const char* own_namespace(int flag) {
  switch (flag) {
  case CLONE_NEWNET:
    return "/proc/thread-self/ns/net";
  case CLONE_NEWNS:
    return "/proc/thread-self/ns/mnt";
  case CLONE_NEWUTS:
    return "/proc/thread-self/ns/uts";
  case CLONE_NEWIPC:
    return "/proc/thread-self/ns/ipc";
  case CLONE_NEWCGROUP:
    return "/proc/thread-self/ns/cgroup";
  default:
    return nullptr;
  }
}

struct Unshare {
  int flag;

  explicit Unshare(Arguments& arguments) : flag(arguments.integer<int>(0, "flag")) {}

  Result<UniqueFd> run() const {
    const char* path = own_namespace(flag);
    if (path == nullptr) {
      return Failure{EINVAL, "unshare"};
    }
    Result<UniqueFd> made = Failure{0, ""};
    int error = in_own_thread([&] { made = unshare_here(path); });
    return error == 0 ? std::move(made) : Failure{error, "pthread_create"};
  }

  Result<UniqueFd> unshare_here(const char* path) const {
    if (unshare(flag) != 0) {
      return Failure::of("unshare");
    }
    UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    return fd ? Result<UniqueFd>(std::move(fd)) : Failure::of("open");
  }
};

// The number of the PIDFD_GET_*_NAMESPACE ioctl. Spelt out, since headers older than Linux 6.11 lack it. 0: there is
// none.
unsigned long pidfd_request(int type) {
  constexpr int pidfs_magic = 0xff;
  switch (type) {
  case CLONE_NEWCGROUP:
    return _IO(pidfs_magic, 1);
  case CLONE_NEWIPC:
    return _IO(pidfs_magic, 2);
  case CLONE_NEWNS:
    return _IO(pidfs_magic, 3);
  case CLONE_NEWNET:
    return _IO(pidfs_magic, 4);
  case CLONE_NEWPID:
    return _IO(pidfs_magic, 5);
  case CLONE_NEWTIME:
    return _IO(pidfs_magic, 7);
  case CLONE_NEWUSER:
    return _IO(pidfs_magic, 9);
  case CLONE_NEWUTS:
    return _IO(pidfs_magic, 10);
  default:
    return 0;
  }
}

// A system call that returns a descriptor, or -1 with errno set, as a JavaScript value.
Napi::Value made_descriptor(Napi::Env env, long fd, const char* syscall) {
  Failure failure = Failure::of(syscall);
  return fd < 0 ? convert(env, failure) : convert(env, UniqueFd(static_cast<int>(fd)));
}

// The two that change the calling thread for good. For those who ask for it.
Napi::Value enter_namespaces(Napi::Env env, int fd, int types) {
  return setns(fd, types) != 0 ? convert(env, Failure::of("setns")) : convert(env, Done());
}

Napi::Value unshare_thread(Napi::Env env, int flags) {
  return unshare(flags) != 0 ? convert(env, Failure::of("unshare")) : convert(env, Done());
}

// The calls below have descriptors and numbers as their only arguments.
template <Napi::Value (*Call)(Napi::Env, int)>
Napi::Value with_integer(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int number = arguments.integer<int>(0, "argument");
  return arguments.valid() ? Call(info.Env(), number) : Napi::Value();
}

template <Napi::Value (*Call)(Napi::Env, int, int)>
Napi::Value with_two_integers(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int first = arguments.integer<int>(0, "first argument");
  int second = arguments.integer<int>(1, "second argument");
  return arguments.valid() ? Call(info.Env(), first, second) : Napi::Value();
}

Napi::Value identify(Napi::Env env, int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) {
    return convert(env, Failure::of("fstat"));
  }
  struct statfs filesystem;
  if (fstatfs(fd, &filesystem) != 0) {
    return convert(env, Failure::of("fstatfs"));
  }
  int type = 0;
  if (static_cast<unsigned long>(filesystem.f_type) == nsfs_magic) {
    type = ioctl(fd, NS_GET_NSTYPE);
    if (type < 0) {
      return convert(env, Failure::of("ioctl"));
    }
  }
  Napi::Object identity = Napi::Object::New(env);
  identity.Set("dev", Napi::BigInt::New(env, static_cast<uint64_t>(status.st_dev)));
  identity.Set("ino", Napi::BigInt::New(env, static_cast<uint64_t>(status.st_ino)));
  identity.Set("type", type);
  return identity;
}

Napi::Value owning_user_namespace(Napi::Env env, int fd) {
  return made_descriptor(env, ioctl(fd, NS_GET_USERNS), "ioctl");
}

Napi::Value parent_namespace(Napi::Env env, int fd) {
  return made_descriptor(env, ioctl(fd, NS_GET_PARENT), "ioctl");
}

Napi::Value owner_uid(Napi::Env env, int fd) {
  uid_t uid = 0;
  return ioctl(fd, NS_GET_OWNER_UID, &uid) != 0 ? convert(env, Failure::of("ioctl")) : convert(env, uint32_t{uid});
}

Napi::Value socket_namespace(Napi::Env env, int fd) {
  return made_descriptor(env, ioctl(fd, SIOCGSKNS), "ioctl");
}

Napi::Value duplicate(Napi::Env env, int fd) {
  return made_descriptor(env, fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl");
}

// For a number that has been given away already.
Napi::Value replace(Napi::Env env, int fd, int over) {
  return dup3(fd, over, O_CLOEXEC) < 0 ? convert(env, Failure::of("dup3")) : convert(env, Done());
}

Napi::Value pidfd_open(Napi::Env env, int pid) {
  return made_descriptor(env, syscall(SYS_pidfd_open, pid, 0), "pidfd_open");
}

Napi::Value pidfd_namespace(Napi::Env env, int pidfd, int type) {
  unsigned long request = pidfd_request(type);
  if (request == 0) {
    return convert(env, Failure{EINVAL, "ioctl"});
  }
  return made_descriptor(env, ioctl(pidfd, request, 0), "ioctl");
}

Napi::Value pidfd_signal(Napi::Env env, int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) {
    return convert(env, Failure::of("pidfd_send_signal"));
  }
  return convert(env, Done());
}

}  // namespace

void add_namespace_calls(Calls& calls, Napi::Object exports) {
  calls.add<Unshare>("unshare");

  Napi::Env env = exports.Env();
  exports.Set("identify", Napi::Function::New<with_integer<identify>>(env, "identify"));
  exports.Set("owningUserNamespace",
              Napi::Function::New<with_integer<owning_user_namespace>>(env, "owningUserNamespace"));
  exports.Set("parentNamespace", Napi::Function::New<with_integer<parent_namespace>>(env, "parentNamespace"));
  exports.Set("ownerUid", Napi::Function::New<with_integer<owner_uid>>(env, "ownerUid"));
  exports.Set("socketNamespace", Napi::Function::New<with_integer<socket_namespace>>(env, "socketNamespace"));
  exports.Set("setns", Napi::Function::New<with_two_integers<enter_namespaces>>(env, "setns"));
  exports.Set("unshareThread", Napi::Function::New<with_integer<unshare_thread>>(env, "unshareThread"));
  exports.Set("duplicate", Napi::Function::New<with_integer<duplicate>>(env, "duplicate"));
  exports.Set("replace", Napi::Function::New<with_two_integers<replace>>(env, "replace"));
  exports.Set("pidfdOpen", Napi::Function::New<with_integer<pidfd_open>>(env, "pidfdOpen"));
  exports.Set("pidfdNamespace", Napi::Function::New<with_two_integers<pidfd_namespace>>(env, "pidfdNamespace"));
  exports.Set("pidfdSignal", Napi::Function::New<with_two_integers<pidfd_signal>>(env, "pidfdSignal"));
}

}  // namespace netlace
