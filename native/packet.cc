#include <linux/if.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "registration.h"

namespace netlace {

namespace {

// What stands before each packet, as JavaScript reads it.
struct Record {
  // Of the bytes that follow.
  uint32_t length;
  // Of the packet, which may have been longer.
  uint32_t original;
  uint32_t address_length;
  // Not 0: the errno of the attempt, which ends what was read; nothing follows.
  uint32_t error;
  // TPID and TCI of the VLAN tag that the kernel or the network card took off. 0: there was none.
  uint32_t vlan;
  uint8_t address[28];
};
static_assert(sizeof(Record) == 48);

// Longer bursts take turns with whatever else the JavaScript thread has to do.
constexpr int most_packets = 256;

uint32_t vlan_tag(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == SOL_PACKET && control->cmsg_type == PACKET_AUXDATA) {
      tpacket_auxdata auxiliary;
      std::memcpy(&auxiliary, CMSG_DATA(control), sizeof auxiliary);
      if ((auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0) {
        uint32_t tpid = (auxiliary.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? auxiliary.tp_vlan_tpid : 0x8100;
        return tpid << 16 | auxiliary.tp_vlan_tci;
      }
    }
  }
  return 0;
}

ssize_t receive_packet(int fd, Record& record, std::span<uint8_t> into) {
  iovec data = {into.data(), into.size()};
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(tpacket_auxdata))];
  msghdr message = {};
  message.msg_name = record.address;
  message.msg_namelen = sizeof record.address;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
  if (count >= 0) {
    record.address_length = std::min<uint32_t>(message.msg_namelen, sizeof record.address);
    record.vlan = vlan_tag(message);
  }
  return count;
}

ssize_t read_packet(int fd, Record&, std::span<uint8_t> into) {
  return ::read(fd, into.data(), into.size());
}

// Each record starts at a multiple of 4.
constexpr size_t padded(size_t length) {
  return (length + 3) & ~size_t{3};
}

// Returns the number of bytes filled.
template <ssize_t (*Take)(int, Record&, std::span<uint8_t>)>
uint32_t take_packets(int fd, std::span<uint8_t> into, size_t longest) {
  size_t filled = 0;
  for (int i = 0; i < most_packets && into.size() - filled >= sizeof(Record) + padded(longest); i++) {
    Record record = {};
    ssize_t count;
    do {
      count = Take(fd, record, into.subspan(filled + sizeof record, longest));
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) {
      break;
    }
    if (count < 0) {
      record.error = static_cast<uint32_t>(errno);
    } else {
      record.original = static_cast<uint32_t>(count);
      record.length = std::min(record.original, static_cast<uint32_t>(longest));
    }
    std::memcpy(into.data() + filled, &record, sizeof record);
    filled += sizeof record + padded(record.length);
    if (record.error != 0) {
      break;
    }
  }
  return static_cast<uint32_t>(filled);
}

template <ssize_t (*Take)(int, Record&, std::span<uint8_t>)>
Napi::Value taken_packets(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int fd = arguments.integer<int>(0, "fd");
  std::span<uint8_t> into = arguments.bytes(1, "into");
  size_t longest = arguments.integer<uint32_t>(2, "longest");
  return arguments.valid() ? convert(info.Env(), take_packets<Take>(fd, into, longest)) : Napi::Value();
}

struct SendPacket {
  int fd;
  std::vector<uint8_t> bytes;
  std::vector<uint8_t> address;
  int wait;

  explicit SendPacket(Arguments& arguments)
      : fd(arguments.integer<int>(0, "fd")), bytes(arguments.copy(1, "bytes")), address(arguments.copy(2, "address")),
        wait(arguments.integer<int>(3, "wait")) {}

  Result<Done> run() const {
    const sockaddr* to = address.empty() ? nullptr : reinterpret_cast<const sockaddr*>(address.data());
    for (;;) {
      if (sendto(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to,
                 static_cast<socklen_t>(address.size())) >= 0) {
        return Done();
      }
      if (errno == EINTR) {
        continue;
      }
      pollfd writable = {fd, POLLOUT, 0};
      if (errno != EAGAIN || wait == 0 || poll(&writable, 1, wait) <= 0) {
        return Failure::of("sendto");
      }
    }
  }
};

struct WritePacket {
  int fd;
  std::vector<uint8_t> bytes;

  explicit WritePacket(Arguments& arguments) : fd(arguments.integer<int>(0, "fd")), bytes(arguments.copy(1, "bytes")) {}

  Result<Done> run() const {
    for (;;) {
      if (::write(fd, bytes.data(), bytes.size()) >= 0) {
        return Done();
      }
      if (errno != EINTR) {
        return Failure::of("write");
      }
    }
  }
};

// Of a link in the namespace of the socket, whatever thread asks.
Napi::Value link_index(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  int fd = arguments.integer<int>(0, "fd");
  std::string name = arguments.string(1, "name");
  if (!arguments.valid()) {
    return {};
  }
  ifreq request = {};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFINDEX, &request) != 0) {
    return convert(info.Env(), Failure::of("ioctl"));
  }
  return convert(info.Env(), static_cast<uint32_t>(request.ifr_ifindex));
}

}  // namespace

void add_packet_calls(Calls& calls, Napi::Object exports) {
  calls.add<SendPacket>("sendPacket");
  calls.add<WritePacket>("writePacket");
  Napi::Env env = exports.Env();
  exports.Set("linkIndex", Napi::Function::New<link_index>(env, "linkIndex"));
  exports.Set("receivePackets", Napi::Function::New<taken_packets<receive_packet>>(env, "receivePackets"));
  exports.Set("readPackets", Napi::Function::New<taken_packets<read_packet>>(env, "readPackets"));
}

}  // namespace netlace
