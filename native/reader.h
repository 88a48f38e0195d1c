#pragma once

#include <node_api.h>
#include <pthread.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "birth.h"
#include "netlink_socket.h"
#include "unique_fd.h"

namespace netlace {

// What the reading thread hands to JavaScript: bytes, or else an errno, or else that a watched file is readable.
struct Delivery {
  uint32_t id;
  std::vector<uint8_t> bytes;
  int error;
  bool is_bytes = false;
};

// Sockets and the one thread that reads them. Everything but the reading is called in the JavaScript thread. Other
// files are only watched: a process's end is read from a pidfd by waiting for it. The thread also attends births.
//
// Each is armed for one event at a time: what has been delivered is answered by `resume`, and until then the thread
// does not look at it again. Each keeps the process alive until it is removed or let go of.
class Reader {
 public:
  // Deliveries are posted through `deliveries`, each as a `Delivery*` that the receiver deletes.
  Reader(napi_env env, napi_threadsafe_function deliveries);
  ~Reader() { stop(); }

  // Returns an id, or a negative errno.
  int64_t add(std::shared_ptr<NetlinkSocket> socket);
  // The same for any file, of which it is told when it is readable.
  int64_t watch(UniqueFd fd);
  // For a child. While it is being born, its birth's end is delivered; its own end is from the first `resume` on.
  int64_t watch(std::shared_ptr<Birth> birth);
  int64_t watch(Child child);
  // What came of a birth whose end was delivered: null, or what went wrong; then the id is nobody's any more.
  std::optional<ChildFailure> outcome(uint32_t id);
  // Ends a birth that is not over.
  void abort(uint32_t id);
  // -1 of what is no child.
  pid_t pid(uint32_t id);
  int pidfd(uint32_t id);
  void resume(uint32_t id);
  void let_go(uint32_t id);
  void remove(uint32_t id);
  bool has(uint32_t id);

  // Starts the thread, unless it runs, which `add` and `watch` do too. Returns 0 or an errno.
  int start();
  // Ends the thread, closes the sockets, and leaves children to the reaper. Nothing is posted afterwards.
  void stop();
  bool stopped() const { return stopped_; }

 private:
  // A socket, a birth, or a file, which is a pidfd if there is a pid.
  struct Entry {
    std::shared_ptr<NetlinkSocket> socket = {};
    std::shared_ptr<Birth> birth = {};
    UniqueFd file = {};
    pid_t pid = -1;
    bool keeps_alive = true;
  };

  void run();
  int64_t insert(Entry entry, int fd);
  void let_go_of(Entry& entry);
  void serve(uint32_t id, std::vector<uint8_t>& buffer);
  void read(NetlinkSocket& socket, uint32_t id, std::vector<uint8_t>& buffer);
  // Has the next event of the file told.
  bool arm(int fd, uint32_t id);
  void post(Delivery delivery);
  std::shared_ptr<Entry> find(uint32_t id);
  std::shared_ptr<Birth> birth_of(uint32_t id);

  napi_env env_;
  napi_threadsafe_function deliveries_;
  UniqueFd epoll_;
  // An eventfd that ends the thread.
  UniqueFd wake_;
  pthread_t thread_ = {};
  bool started_ = false;
  bool stopped_ = false;
  // How many keep the process alive.
  int keeping_alive_ = 0;

  std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<Entry>> entries_;
  // 0 is the eventfd.
  uint32_t next_id_ = 1;
};

}  // namespace netlace
