#include "reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <limits>

#include "exchange.h"
#include "thread.h"

namespace netlace {

namespace {
constexpr size_t buffer_bytes = 256 * 1024;
constexpr uint32_t wake_id = 0;
}  // namespace

int64_t Reader::add(std::shared_ptr<NetlinkSocket> socket) {
  if (stopped_) {
    return -EBADF;
  }
  if (!started_) {
    if (int error = start()) {
      return -error;
    }
  }
  uint32_t id = next_id_++;
  {
    std::lock_guard lock(mutex_);
    sockets_.emplace(id, socket);
  }
  if (!arm(*socket, id, EPOLL_CTL_ADD)) {
    int error = errno;
    std::lock_guard lock(mutex_);
    sockets_.erase(id);
    return -error;
  }
  return id;
}

void Reader::resume(uint32_t id) {
  std::shared_ptr<NetlinkSocket> socket = find(id);
  if (socket == nullptr || socket->closed()) {
    return;
  }
  if (int error = socket->take_deferred_error()) {
    post({id, {}, error});
  } else {
    arm(*socket, id, EPOLL_CTL_MOD);
  }
}

void Reader::remove(uint32_t id) {
  std::shared_ptr<NetlinkSocket> socket = find(id);
  if (socket != nullptr) {
    // Closing it takes it out of the epoll set, too.
    socket->close();
    std::lock_guard lock(mutex_);
    sockets_.erase(id);
  }
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
  for (auto& [id, socket] : sockets_) {
    socket->close();
  }
  sockets_.clear();
  epoll_.reset();
  wake_.reset();
}

// Returns 0 or an errno.
int Reader::start() {
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
      read(static_cast<uint32_t>(events[i].data.u64), buffer);
    }
  }
}

void Reader::read(uint32_t id, std::vector<uint8_t>& buffer) {
  std::shared_ptr<NetlinkSocket> socket = find(id);
  if (socket == nullptr) {
    return;
  }
  NetlinkSocket::Lease lease(*socket);
  if (!lease) {
    return;
  }
  // Without an end but the socket's: what is there, and no waiting.
  auto drain = [&] {
    Exchange exchange({}, buffer, std::numeric_limits<uint32_t>::max(), 0);
    exchange.advance(*socket, std::chrono::milliseconds(0));
    return exchange.result();
  };
  int64_t result = drain();
  while (result > static_cast<int64_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(result));
    result = drain();
  }
  if (result > 0) {
    post({id, {buffer.begin(), buffer.begin() + result}, 0});
  } else if (result < 0) {
    post({id, {}, static_cast<int>(-result)});
  } else {
    // Only datagrams that did not count.
    arm(*socket, id, EPOLL_CTL_MOD);
  }
}

bool Reader::arm(const NetlinkSocket& socket, uint32_t id, int operation) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = id;
  return epoll_ctl(epoll_.get(), operation, socket.fd(), &event) == 0;
}

void Reader::post(Delivery delivery) {
  auto posted = std::make_unique<Delivery>(std::move(delivery));
  // Refused only while the environment is being ended.
  if (napi_call_threadsafe_function(deliveries_, posted.get(), napi_tsfn_nonblocking) == napi_ok) {
    posted.release();
  }
}

std::shared_ptr<NetlinkSocket> Reader::find(uint32_t id) {
  std::lock_guard lock(mutex_);
  auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second;
}

}  // namespace netlace
