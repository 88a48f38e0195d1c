/*
 * The floor: the same system calls and messages as everybody else, and nothing made of the replies.
 *
 *   floor links|routes N REPS
 *   floor add-routes|veths N 1 [MESSAGES BYTES]   so much travels in one send: 100 messages unless told
 *   floor attach N 1
 *   floor events N REPS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtnl.h"

enum { LOOPBACK = 1, GO = 3, DONE = 4, EVENTS_AT_ONCE = 2000 };

/* How much travels in one send. */
struct limit {
  int messages;
  size_t bytes;
};

static char buffer[1 << 16];

/* Message headers are walked, as NLMSG_DONE may stand at the end of a datagram. */
static long dump(int fd, int type, const void *header, size_t length) {
  struct batch request;
  batch_init(&request);
  message_begin(&request, type, NLM_F_DUMP, header, length);
  message_end(&request);
  if (send(fd, request.bytes, request.length, 0) < 0) fail("send");
  free(request.bytes);
  for (long messages = 0;;) {
    ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0) fail("recv");
    int left = (int)received;
    for (struct nlmsghdr *message = (void *)buffer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return messages;
      messages++;
    }
  }
}

static void list(const char *work, int reps) {
  int fd = rtnl_open();
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
  struct rtmsg route = {.rtm_family = AF_INET};
  for (int rep = 0; rep < reps; rep++) {
    double start = now_ms();
    long n = strcmp(work, "links") == 0 ? dump(fd, RTM_GETLINK, &link, sizeof link)
                                        : dump(fd, RTM_GETROUTE, &route, sizeof route);
    print_run(work, n, now_ms() - start);
  }
}

static int is_full(const struct batch *batch, struct limit limit) {
  return batch->messages == limit.messages || batch->length >= limit.bytes;
}

static void add_routes(int fd, struct batch *batch, uint32_t first, int count, struct limit limit) {
  for (int route = 0; route < count; route++) {
    put_host_route(batch, first + (uint32_t)route, LOOPBACK);
    if (is_full(batch, limit) || route == count - 1) rtnl_exchange(fd, batch);
  }
}

static void add_veths(int fd, struct batch *batch, const char *prefix, int count, struct limit limit) {
  for (int pair = 0; pair < count; pair++) {
    char near[IFNAMSIZ], far[IFNAMSIZ];
    snprintf(near, sizeof near, "%sa%d", prefix, pair);
    snprintf(far, sizeof far, "%sb%d", prefix, pair);
    put_veth(batch, near, far);
    if (is_full(batch, limit) || pair == count - 1) rtnl_exchange(fd, batch);
  }
}

static void attach(int fd, int home, struct batch *batch, const char *prefix, int bridge, int first, int count) {
  for (int container = first; container < first + count; container++) {
    char name[IFNAMSIZ];
    snprintf(name, sizeof name, "%s%d", prefix, container);
    int netns, inside = rtnl_open_in_new_netns(home, &netns);
    put_container_veth(batch, name, bridge, "eth0", netns);
    rtnl_exchange(fd, batch);
    int eth0 = link_index(inside, "eth0");
    put_link_up(batch, LOOPBACK);
    put_address(batch, eth0, 0x0a5f0002u + (uint32_t)container, 16);
    put_link_up(batch, eth0);
    put_default_route(batch, 0x0a5f0001);
    rtnl_exchange(inside, batch);
    /* The namespace lives on by its descriptor: it is taken down after the measurement, when the program ends. */
    close(inside);
  }
}

static void events(int count, int reps) {
  int fd = rtnl_open(), group = RTNLGRP_LINK;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)) fail("NETLINK_ADD_MEMBERSHIP");
  for (int rep = 0; rep < reps; rep++) {
    double elapsed = 0;
    int received = 0;
    while (received < count) {
      char byte = 0;
      if (write(GO, &byte, 1) != 1 || read(DONE, &byte, 1) != 1) fail("the producer of events");
      double start = now_ms();
      for (int event = 0; event < EVENTS_AT_ONCE; event++) {
        if (recv(fd, buffer, sizeof buffer, 0) < 0) fail("recv");
      }
      elapsed += now_ms() - start;
      received += EVENTS_AT_ONCE;
    }
    print_run("events", received, elapsed);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: floor WORK N REPS [MESSAGES BYTES]\n");
    return 2;
  }
  const char *work = argv[1];
  int n = atoi(argv[2]), reps = atoi(argv[3]);
  struct limit limit = {100, SIZE_MAX};
  if (argc > 5) limit = (struct limit){atoi(argv[4]), strtoul(argv[5], NULL, 10)};
  int warm_up = n / 10;
  if (strcmp(work, "links") == 0 || strcmp(work, "routes") == 0) {
    list(work, reps);
    return 0;
  }
  if (strcmp(work, "events") == 0) {
    events(n, reps);
    return 0;
  }

  int fd = rtnl_open();
  struct batch batch;
  batch_init(&batch);
  double start;
  if (strcmp(work, "add-routes") == 0) {
    add_routes(fd, &batch, 0x0c000000, warm_up, limit);
    start = now_ms();
    add_routes(fd, &batch, 0x0b000000, n, limit);
  } else if (strcmp(work, "veths") == 0) {
    add_veths(fd, &batch, "w", warm_up, limit);
    start = now_ms();
    add_veths(fd, &batch, "v", n, limit);
  } else if (strcmp(work, "attach") == 0) {
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), bridge = link_index(fd, "br0");
    attach(fd, home, &batch, "w", bridge, n, warm_up);
    start = now_ms();
    attach(fd, home, &batch, "v", bridge, 0, n);
  } else {
    fprintf(stderr, "%s: no such work\n", work);
    return 2;
  }
  print_run(work, n, now_ms() - start);
  return 0;
}
