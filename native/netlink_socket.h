#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "program.h"
#include "result.h"
#include "unique_fd.h"

namespace netlace {

// A netlink socket, shared by its JavaScript object and whoever works on it in another thread.
//
// A descriptor's number may be taken by something else the moment it is closed. So another thread works on the socket
// under a Lease, and `close()` leaves the closing to the end of the last one.
class NetlinkSocket {
 public:
  // Opens and binds one, which the program then sends. `options` are triples of level, name and value.
  static void add_open(Program& program, int protocol, const std::vector<int>& options);
  static uint32_t calls_to_open(const std::vector<int>& options);
  static std::shared_ptr<NetlinkSocket> adopt(UniqueFd fd);

  NetlinkSocket(UniqueFd fd, uint32_t port_id) : fd_(std::move(fd)), port_id_(port_id) {}

  // To be used by the JavaScript thread while not closed, and by other threads under a Lease.
  int fd() const { return fd_.get(); }
  uint32_t port_id() const { return port_id_; }

  bool closed() const { return closed_.load(std::memory_order_acquire); }
  void close();

  // For who waits under a Lease: becomes readable with `close()`. -1 where descriptors have run out: then a waiter sees
  // the close when its slice of waiting ends. Most exchanges never wait, as the kernel answers before it has taken all
  // in.
  int wake_fd();

  // Sends the whole request. Returns 0 or a negative errno.
  int send(std::span<const uint8_t> request) const;

  struct Next {
    // Of the next datagram; or a negative errno, -EAGAIN if there is none.
    ssize_t length;
    bool from_kernel;
  };
  // None of these waits.
  Next peek() const;
  // Takes the next datagram as it is; a `length` greater than that of `into` says that it was cut.
  Next receive(std::span<uint8_t> into) const;
  // Takes the next datagram. Returns its length or a negative errno: -EMSGSIZE when `into` was too small.
  ssize_t take(std::span<uint8_t> into) const;

  // An error that the socket reported, and that nobody has been told of yet: a positive errno, or 0.
  int deferred_error() const { return deferred_error_.load(std::memory_order_acquire); }
  void defer_error(int error) { deferred_error_.store(error, std::memory_order_release); }
  int take_deferred_error() { return deferred_error() == 0 ? 0 : deferred_error_.exchange(0); }

  // The sequence number whose answer ended last, since something was sent; or 0. For who carries out exchanges, of
  // which there is one at a time.
  uint32_t answered() const { return answered_; }
  void set_answered(uint32_t sequence) { answered_ = sequence; }

  // For the JavaScript thread: whether somebody works on the socket apart from its object.
  bool taken() const { return taken_; }
  void set_taken(bool taken) { taken_ = taken; }

  // Keeps the descriptor open. False: it was closed already.
  class Lease {
   public:
    explicit Lease(NetlinkSocket& socket) : socket_(socket), held_(socket.acquire()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (held_) {
        socket_.release();
      }
    }
    explicit operator bool() const { return held_; }

   private:
    NetlinkSocket& socket_;
    bool held_;
  };

 private:
  bool acquire();
  void release();
  void shut();

  UniqueFd fd_;
  // An eventfd.
  UniqueFd wake_;
  uint32_t port_id_;
  uint32_t answered_ = 0;
  bool taken_ = false;
  std::atomic<int> deferred_error_ = 0;
  std::atomic<bool> closed_ = false;
  std::mutex mutex_;
  int leases_ = 0;
};

}  // namespace netlace
