#include "exchange.h"

#include <linux/netlink.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace netlace {

namespace {

// Of a message of either type: the answer to a request, or the end of a dump.
bool says_error(std::span<const uint8_t> message) {
  int32_t error = 0;
  if (message.size() >= sizeof(nlmsghdr) + sizeof error) {
    std::memcpy(&error, message.data() + sizeof(nlmsghdr), sizeof error);
  }
  return error != 0;
}

struct Answers {
  // Whether the answer to the last request ends here.
  bool end = false;
  // Whether one of them is an error.
  bool refused = false;
};

// Bytes that are no whole message end every answer: what follows them cannot be found, and waiting for it would have no
// end.
Answers look_at(std::span<const uint8_t> datagram, uint32_t last) {
  Answers answers;
  while (!datagram.empty()) {
    nlmsghdr header;
    if (datagram.size() < sizeof header) {
      answers.end = true;
      break;
    }
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
      answers.end = true;
      break;
    }
    if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
      answers.end = answers.end || header.nlmsg_seq == last;
      answers.refused = answers.refused || says_error(datagram.first(header.nlmsg_len));
    }
    datagram = datagram.subspan(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return answers;
}

}  // namespace

bool Exchange::advance(NetlinkSocket& socket, std::chrono::milliseconds slice) {
  if (socket.closed()) {
    return finish(-ECANCELED);
  }
  if (!sent_) {
    if (int error = socket.take_deferred_error()) {
      return finish(-error);
    }
    if (!request_.empty()) {
      if (int error = socket.send(request_)) {
        return finish(error);
      }
      socket.set_answered(0);
    }
    sent_ = true;
  }
  while (socket.answered() != last_) {
    size_t start = std::min(NLMSG_ALIGN(filled_), into_.size());
    // All that is left, not just what the datagram needs: from the size offered here the kernel learns how much of a
    // dump to put into each of the datagrams to come.
    std::span<uint8_t> rest = into_.subspan(start);
    // Asking for the length first takes as long as receiving: what is sure to fit is received at once.
    bool at_once = longest_ > 0 && rest.size() >= longest_;
    if (longest_ > 0 && !at_once && filled_ > 0) {
      break;
    }
    NetlinkSocket::Next next = at_once ? socket.receive(rest) : socket.peek();
    if (next.length == -EAGAIN) {
      Waited waited = wait_for_news(socket, slice);
      if (socket.closed()) {
        return finish(-ECANCELED);
      }
      if (waited == Waited::over) {
        break;
      }
      if (waited == Waited::silent) {
        return false;
      }
      continue;
    }
    if (next.length < 0) {
      return fail(socket, static_cast<int>(-next.length));
    }
    if (!next.from_kernel) {
      // Cut to nothing, which is no error here.
      if (ssize_t taken = at_once ? 0 : socket.take({}); taken < 0 && taken != -EMSGSIZE) {
        return fail(socket, static_cast<int>(-taken));
      }
      continue;
    }
    size_t length = static_cast<size_t>(next.length);
    if (length > rest.size() && !at_once) {
      // Nothing filled means that `rest` is all of `into_`, so `length` is greater than that.
      return finish(static_cast<int64_t>(filled_ == 0 ? length : filled_));
    }
    ssize_t taken = !at_once ? socket.take(rest) : length > rest.size() ? -EMSGSIZE : next.length;
    if (taken < 0) {
      return fail(socket, static_cast<int>(-taken));
    }
    if (taken == 0) {
      // An object fits into no part of a dump, and the kernel makes empty ones without end: net/ipv6/ip6_fib.c,
      // inet6_dump_fib.
      return fail(socket, EMSGSIZE);
    }
    filled_ = start + static_cast<size_t>(taken);
    Answers answers = look_at(rest.first(static_cast<size_t>(taken)), last_);
    refused_ = refused_ || answers.refused;
    if (answers.end) {
      socket.set_answered(last_);
    }
    silent_since_.reset();
  }
  return finish(static_cast<int64_t>(filled_));
}

bool Exchange::finish(int64_t result) {
  result_ = result;
  return true;
}

// What was received before the error goes out first.
bool Exchange::fail(NetlinkSocket& socket, int error) {
  if (filled_ == 0) {
    return finish(-error);
  }
  socket.defer_error(error);
  return finish(static_cast<int64_t>(filled_));
}

Exchange::Waited Exchange::wait_for_news(NetlinkSocket& socket, std::chrono::milliseconds slice) {
  if (wait_ == 0) {
    return Waited::over;
  }
  Clock::time_point now = Clock::now();
  if (!silent_since_) {
    silent_since_ = now;
  }
  std::chrono::milliseconds patience = slice;
  if (wait_ > 0) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*silent_since_ + std::chrono::milliseconds(wait_) - now);
    if (left.count() <= 0) {
      return Waited::over;
    }
    patience = std::min(patience, left);
  }
  pollfd watched[2] = {{socket.fd(), POLLIN, 0}, {socket.wake_fd(), POLLIN, 0}};
  int ready = poll(watched, 2, static_cast<int>(patience.count()));
  // Interrupted by a signal counts as news: whoever looks again finds nothing, and waits again.
  return ready == 0 ? (patience < slice ? Waited::over : Waited::silent) : Waited::arrived;
}

}  // namespace netlace
