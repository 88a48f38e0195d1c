#include "reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <limits>
#include <utility>

#include "exchange.h"
#include "reaper.h"
#include "thread.h"

namespace netlace {

namespace {
constexpr size_t buffer_bytes = 256 * 1024;
constexpr uint32_t wake_id = 0;
}  // namespace

Reader::Reader(napi_env env, napi_threadsafe_function deliveries) : env_(env), deliveries_(deliveries) {
  napi_unref_threadsafe_function(env_, deliveries_);
}

int64_t Reader::add(std::shared_ptr<NetlinkSocket> socket) {
  int fd = socket->fd();
  return insert({.socket = std::move(socket)}, fd);
}

int64_t Reader::watch(UniqueFd fd) {
  int number = fd.get();
  return insert({.file = std::move(fd)}, number);
}

int64_t Reader::watch(std::shared_ptr<Birth> birth) {
  int fd = birth->waits_for();
  return insert({.birth = std::move(birth)}, fd);
}

int64_t Reader::watch(Child child) {
  return insert({.file = std::move(child.pidfd), .pid = child.pid}, -1);
}

std::optional<ChildFailure> Reader::outcome(uint32_t id) {
  std::shared_ptr<Entry> entry = find(id);
  std::shared_ptr<Birth> birth = birth_of(id);
  if (birth == nullptr) {
    return {};
  }
  if (const ChildFailure* failure = birth->failure()) {
    remove(id);
    return *failure;
  }
  Child child = birth->take_child();
  std::lock_guard lock(mutex_);
  entry->birth = nullptr;
  entry->pid = child.pid;
  entry->file = std::move(child.pidfd);
  return {};
}

void Reader::abort(uint32_t id) {
  std::shared_ptr<Birth> birth = birth_of(id);
  if (birth != nullptr && birth->abort()) {
    arm(birth->waits_for(), id);
  }
}

pid_t Reader::pid(uint32_t id) {
  std::shared_ptr<Entry> entry = find(id);
  return entry == nullptr ? -1 : entry->pid;
}

int Reader::pidfd(uint32_t id) {
  std::shared_ptr<Entry> entry = find(id);
  return entry == nullptr || entry->pid < 0 ? -1 : entry->file.get();
}

int64_t Reader::insert(Entry entry, int fd) {
  if (int error = start()) {
    return -error;
  }
  uint32_t id = next_id_++;
  {
    std::lock_guard lock(mutex_);
    entries_.emplace(id, std::make_shared<Entry>(std::move(entry)));
  }
  if (fd >= 0 && !arm(fd, id)) {
    int error = errno;
    std::lock_guard lock(mutex_);
    entries_.erase(id);
    return -error;
  }
  if (keeping_alive_++ == 0) {
    napi_ref_threadsafe_function(env_, deliveries_);
  }
  return id;
}

void Reader::resume(uint32_t id) {
  std::shared_ptr<Entry> entry = find(id);
  if (entry == nullptr) {
    return;
  }
  if (entry->socket == nullptr) {
    arm(entry->file.get(), id);
  } else if (!entry->socket->closed()) {
    if (int error = entry->socket->take_deferred_error()) {
      post({id, {}, error});
    } else {
      arm(entry->socket->fd(), id);
    }
  }
}

void Reader::let_go(uint32_t id) {
  if (std::shared_ptr<Entry> entry = find(id)) {
    let_go_of(*entry);
  }
}

void Reader::let_go_of(Entry& entry) {
  if (std::exchange(entry.keeps_alive, false) && --keeping_alive_ == 0) {
    napi_unref_threadsafe_function(env_, deliveries_);
  }
}

void Reader::remove(uint32_t id) {
  std::shared_ptr<Entry> entry = find(id);
  if (entry == nullptr) {
    return;
  }
  let_go_of(*entry);
  if (entry->socket != nullptr) {
    // Closing it takes it out of the epoll set, too.
    entry->socket->close();
  } else if (entry->pid < 0) {
    // There may be other descriptors of the file, so that closing this one would not.
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry->file.get(), nullptr);
  }
  std::lock_guard lock(mutex_);
  entries_.erase(id);
}

bool Reader::has(uint32_t id) {
  return find(id) != nullptr;
}

void Reader::stop() {
  if (stopped_) {
    return;
  }
  stopped_ = true;
  if (started_) {
    eventfd_write(wake_.get(), 1);
    pthread_join(thread_, nullptr);
  }
  std::vector<UniqueFd> children;
  for (auto& [id, entry] : entries_) {
    if (entry->socket != nullptr) {
      entry->socket->close();
    } else if (entry->pid >= 0) {
      children.push_back(std::move(entry->file));
    }
  }
  entries_.clear();
  reap_later(std::move(children));
  epoll_.reset();
  wake_.reset();
}

int Reader::start() {
  if (stopped_) {
    return EBADF;
  }
  if (started_) {
    return 0;
  }
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) {
    return errno;
  }
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) {
    return errno;
  }
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = wake_id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return errno;
  }
  int error = start_thread(
      thread_,
      [](void* data) -> void* {
        static_cast<Reader*>(data)->run();
        return nullptr;
      },
      this);
  started_ = error == 0;
  return error;
}

// The thread.
void Reader::run() {
  std::vector<uint8_t> buffer(buffer_bytes);
  for (;;) {
    epoll_event events[16];
    int count = epoll_wait(epoll_.get(), events, 16, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 == wake_id) {
        return;
      }
      serve(static_cast<uint32_t>(events[i].data.u64), buffer);
    }
  }
}

void Reader::serve(uint32_t id, std::vector<uint8_t>& buffer) {
  std::shared_ptr<Entry> entry = find(id);
  if (entry == nullptr) {
    return;
  }
  if (std::shared_ptr<Birth> birth = birth_of(id)) {
    if (birth->is_over()) {
      return;
    }
    if (!birth->advance()) {
      arm(birth->waits_for(), id);
      return;
    }
  }
  if (entry->socket == nullptr) {
    post({id, {}, 0});
  } else if (NetlinkSocket::Lease lease(*entry->socket); lease) {
    read(*entry->socket, id, buffer);
  }
}

void Reader::read(NetlinkSocket& socket, uint32_t id, std::vector<uint8_t>& buffer) {
  // Without an end but the socket's: what is there, and no waiting.
  auto drain = [&] {
    Exchange exchange({}, buffer, std::numeric_limits<uint32_t>::max(), 0);
    exchange.advance(socket, std::chrono::milliseconds(0));
    return exchange.result();
  };
  int64_t result = drain();
  while (result > static_cast<int64_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(result));
    result = drain();
  }
  if (result > 0) {
    post({id, {buffer.begin(), buffer.begin() + result}, 0, true});
  } else if (result < 0) {
    post({id, {}, static_cast<int>(-result)});
  } else {
    // Only datagrams that did not count.
    arm(socket.fd(), id);
  }
}

bool Reader::arm(int fd, uint32_t id) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = id;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ||
         (errno == ENOENT && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Reader::post(Delivery delivery) {
  auto posted = std::make_unique<Delivery>(std::move(delivery));
  // Refused only while the environment is being ended.
  if (napi_call_threadsafe_function(deliveries_, posted.get(), napi_tsfn_nonblocking) == napi_ok) {
    posted.release();
  }
}

std::shared_ptr<Reader::Entry> Reader::find(uint32_t id) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

std::shared_ptr<Birth> Reader::birth_of(uint32_t id) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second->birth;
}

}  // namespace netlace
