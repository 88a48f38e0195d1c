#define _GNU_SOURCE
#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_CAPACITY = 1 << 20, RECEIVE_BUFFER = 8 << 20 };

void fail(const char *what) {
  perror(what);
  exit(1);
}

double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void print_run(const char *work, long n, double ms) {
  printf("{\"work\":\"%s\",\"n\":%ld,\"ms\":%.3f}\n", work, n, ms);
  fflush(stdout);
}

int rtnl_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) fail("socket");
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind");
  int one = 1, size = RECEIVE_BUFFER;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  return fd;
}

void batch_init(struct batch *batch) {
  memset(batch, 0, sizeof *batch);
  batch->bytes = malloc(BATCH_CAPACITY);
  if (!batch->bytes) fail("malloc");
}

static void *grow(struct batch *batch, size_t length) {
  size_t aligned = NLMSG_ALIGN(length);
  if (batch->length + aligned > BATCH_CAPACITY) {
    fprintf(stderr, "the batch is too long\n");
    exit(1);
  }
  void *at = batch->bytes + batch->length;
  memset(at, 0, aligned);
  batch->length += aligned;
  return at;
}

void message_begin(struct batch *batch, int type, int flags, const void *header, size_t header_length) {
  batch->message = batch->length;
  struct nlmsghdr *message = grow(batch, sizeof *message);
  message->nlmsg_type = (uint16_t)type;
  message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  memcpy(grow(batch, header_length), header, header_length);
}

void message_end(struct batch *batch) {
  struct nlmsghdr *message = (void *)(batch->bytes + batch->message);
  message->nlmsg_len = (uint32_t)(batch->length - batch->message);
  message->nlmsg_seq = (uint32_t)++batch->messages;
}

void attribute(struct batch *batch, int type, const void *value, size_t length) {
  struct rtattr *attr = grow(batch, RTA_LENGTH(length));
  attr->rta_type = (uint16_t)type;
  attr->rta_len = (uint16_t)RTA_LENGTH(length);
  if (length) memcpy(RTA_DATA(attr), value, length);
}

void attribute_string(struct batch *batch, int type, const char *value) {
  attribute(batch, type, value, strlen(value) + 1);
}

size_t nest_begin(struct batch *batch, int type) {
  size_t nest = batch->length;
  attribute(batch, type | NLA_F_NESTED, NULL, 0);
  return nest;
}

void nest_end(struct batch *batch, size_t nest) {
  struct rtattr *attr = (void *)(batch->bytes + nest);
  attr->rta_len = (uint16_t)(batch->length - nest);
}

static void ask_for_one_ack(struct batch *batch) {
  int left = (int)batch->length;
  for (struct nlmsghdr *message = (void *)batch->bytes; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
    if (message->nlmsg_seq != (uint32_t)batch->messages) message->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
  }
}

void rtnl_exchange(int fd, struct batch *batch) {
  static char replies[1 << 16];
  if (batch->one_ack) ask_for_one_ack(batch);
  if (send(fd, batch->bytes, batch->length, 0) < 0) fail("send");
  for (int acknowledged = 0; !acknowledged;) {
    ssize_t received = recv(fd, replies, sizeof replies, 0);
    if (received < 0) fail("recv");
    int left = (int)received;
    for (struct nlmsghdr *reply = (void *)replies; NLMSG_OK(reply, left); reply = NLMSG_NEXT(reply, left)) {
      if (reply->nlmsg_type != NLMSG_ERROR) continue;
      const struct nlmsgerr *error = NLMSG_DATA(reply);
      if (error->error) {
        errno = -error->error;
        fail("refused by the kernel");
      }
      acknowledged = reply->nlmsg_seq == (uint32_t)batch->messages;
    }
  }
  batch->length = 0;
  batch->messages = 0;
}

void put_link_up(struct batch *batch, int index) {
  struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  message_begin(batch, RTM_NEWLINK, 0, &link, sizeof link);
  message_end(batch);
}

static void put_veth_pair(struct batch *batch, const struct ifinfomsg *link, const char *name, int master,
                          const char *peer, int netns) {
  static const struct ifinfomsg far_link = {0};
  message_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link, sizeof *link);
  attribute_string(batch, IFLA_IFNAME, name);
  if (master) attribute(batch, IFLA_MASTER, &master, sizeof master);
  size_t info = nest_begin(batch, IFLA_LINKINFO);
  attribute_string(batch, IFLA_INFO_KIND, "veth");
  size_t data = nest_begin(batch, IFLA_INFO_DATA);
  size_t far = nest_begin(batch, VETH_INFO_PEER);
  memcpy(grow(batch, sizeof far_link), &far_link, sizeof far_link);
  attribute_string(batch, IFLA_IFNAME, peer);
  if (netns >= 0) attribute(batch, IFLA_NET_NS_FD, &netns, sizeof netns);
  nest_end(batch, far);
  nest_end(batch, data);
  nest_end(batch, info);
  message_end(batch);
}

void put_veth(struct batch *batch, const char *name, const char *peer) {
  struct ifinfomsg link = {0};
  put_veth_pair(batch, &link, name, 0, peer, -1);
}

void put_container_veth(struct batch *batch, const char *name, int master, const char *peer, int netns) {
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  put_veth_pair(batch, &link, name, master, peer, netns);
}

void put_bridge(struct batch *batch, const char *name) {
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  message_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  attribute_string(batch, IFLA_IFNAME, name);
  size_t info = nest_begin(batch, IFLA_LINKINFO);
  attribute_string(batch, IFLA_INFO_KIND, "bridge");
  nest_end(batch, info);
  message_end(batch);
}

void put_address(struct batch *batch, int index, uint32_t address, int prefix) {
  uint32_t bytes = htonl(address);
  struct ifaddrmsg header = {
      .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = (uint32_t)index};
  message_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  attribute(batch, IFA_LOCAL, &bytes, sizeof bytes);
  attribute(batch, IFA_ADDRESS, &bytes, sizeof bytes);
  message_end(batch);
}

void put_host_route(struct batch *batch, uint32_t to, int oif) {
  uint32_t bytes = htonl(to);
  struct rtmsg route = {.rtm_family = AF_INET,
                        .rtm_dst_len = 32,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_LINK,
                        .rtm_type = RTN_UNICAST};
  message_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
  attribute(batch, RTA_DST, &bytes, sizeof bytes);
  attribute(batch, RTA_OIF, &oif, sizeof oif);
  message_end(batch);
}

void put_default_route(struct batch *batch, uint32_t via) {
  uint32_t bytes = htonl(via);
  struct rtmsg route = {.rtm_family = AF_INET,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_UNIVERSE,
                        .rtm_type = RTN_UNICAST};
  message_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
  attribute(batch, RTA_GATEWAY, &bytes, sizeof bytes);
  message_end(batch);
}

int link_index(int fd, const char *name) {
  static char bytes[1 << 15];
  struct batch request;
  batch_init(&request);
  struct ifinfomsg link = {0};
  message_begin(&request, RTM_GETLINK, 0, &link, sizeof link);
  attribute_string(&request, IFLA_IFNAME, name);
  message_end(&request);
  if (send(fd, request.bytes, request.length, 0) < 0) fail("send");
  free(request.bytes);
  int index = 0;
  for (;;) {
    ssize_t received = recv(fd, bytes, sizeof bytes, 0);
    if (received < 0) fail("recv");
    int left = (int)received;
    for (struct nlmsghdr *reply = (void *)bytes; NLMSG_OK(reply, left); reply = NLMSG_NEXT(reply, left)) {
      if (reply->nlmsg_type == NLMSG_ERROR) return index;
      index = ((struct ifinfomsg *)NLMSG_DATA(reply))->ifi_index;
    }
  }
}

int rtnl_open_in_new_netns(int home, int *netns) {
  if (unshare(CLONE_NEWNET)) fail("unshare");
  *netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (*netns < 0) fail("/proc/thread-self/ns/net");
  int fd = rtnl_open();
  if (setns(home, CLONE_NEWNET)) fail("setns");
  return fd;
}
