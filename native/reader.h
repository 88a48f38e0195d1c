#pragma once

#include <node_api.h>
#include <pthread.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "netlink_socket.h"
#include "unique_fd.h"

namespace netlace {

// What the reading thread hands to JavaScript: bytes, or else an errno.
struct Delivery {
  uint32_t id;
  std::vector<uint8_t> bytes;
  int error;
};

// Sockets and the one thread that reads them. Everything but the reading is called in the JavaScript thread.
//
// A socket is armed for one event at a time: what has been delivered is answered by `resume`, and until then the
// thread does not look at the socket again.
class Reader {
 public:
  // Deliveries are posted through `deliveries`, each as a `Delivery*` that the receiver deletes.
  explicit Reader(napi_threadsafe_function deliveries) : deliveries_(deliveries) {}
  ~Reader() { stop(); }

  // Returns an id, or a negative errno.
  int64_t add(std::shared_ptr<NetlinkSocket> socket);
  void resume(uint32_t id);
  void remove(uint32_t id);
  bool has(uint32_t id);

  // Ends the thread and closes the sockets. Nothing is posted afterwards.
  void stop();
  bool stopped() const { return stopped_; }

 private:
  int start();
  void run();
  void read(uint32_t id, std::vector<uint8_t>& buffer);
  bool arm(const NetlinkSocket& socket, uint32_t id, int operation);
  void post(Delivery delivery);
  std::shared_ptr<NetlinkSocket> find(uint32_t id);

  napi_threadsafe_function deliveries_;
  UniqueFd epoll_;
  // An eventfd that ends the thread.
  UniqueFd wake_;
  pthread_t thread_ = {};
  bool started_ = false;
  bool stopped_ = false;

  std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<NetlinkSocket>> sockets_;
  // 0 is the eventfd.
  uint32_t next_id_ = 1;
};

}  // namespace netlace
