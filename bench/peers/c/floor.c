/*
 * The floor: the same system calls and messages as everybody else, and nothing made of the replies.
 *
 *   floor links|routes N REPS
 *   floor add-routes|veths N REPS MESSAGES BYTES [one-ack]   so much travels in one send, with an ACK of each or one
 *   floor attach N REPS
 *   floor spawn N REPS
 *   floor container N REPS FOLDER   with the container's rootfs
 *   floor filter                    prints the container's seccomp filter
 *   floor events N REPS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container.h"
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

static void add_veths(int fd, struct batch *batch, int first, int count, struct limit limit) {
  for (int pair = first; pair < first + count; pair++) {
    char near[IFNAMSIZ], far[IFNAMSIZ];
    snprintf(near, sizeof near, "va%d", pair);
    snprintf(far, sizeof far, "vb%d", pair);
    put_veth(batch, near, far);
    if (is_full(batch, limit) || pair == first + count - 1) rtnl_exchange(fd, batch);
  }
}

static void attach(int fd, int home, struct batch *batch, int bridge, int count, int *kept) {
  for (int container = 0; container < count; container++) {
    char name[IFNAMSIZ];
    snprintf(name, sizeof name, "v%d", container);
    int inside = rtnl_open_in_new_netns(home, &kept[container]);
    put_container_veth(batch, name, bridge, "eth0", kept[container]);
    rtnl_exchange(fd, batch);
    int eth0 = link_index(inside, "eth0");
    put_link_up(batch, LOOPBACK);
    put_address(batch, eth0, 0x0a5f0002u + (uint32_t)container, 16);
    put_link_up(batch, eth0);
    put_default_route(batch, 0x0a5f0001);
    rtnl_exchange(inside, batch);
    close(inside);
  }
}

/* Takes the containers down again, off the clock: with each that is there the kernel gets slower. */
static void attach_repeatedly(int fd, struct batch *batch, int count, int reps) {
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), bridge = link_index(fd, "br0");
  struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
  long before = dump(fd, RTM_GETLINK, &any, sizeof any);
  int *kept = calloc((size_t)count, sizeof *kept);
  for (int rep = 0; rep < reps; rep++) {
    double start = now_ms();
    attach(fd, home, batch, bridge, count, kept);
    print_run("attach", count, now_ms() - start);
    for (int container = 0; container < count; container++) close(kept[container]);
    while (dump(fd, RTM_GETLINK, &any, sizeof any) > before) usleep(10000);
  }
  free(kept);
}

/* What a child of a program with handlers and descriptors of its own has to do: standard streams from /dev/null, which is
 * `*null`, no signal ignored or blocked, and no other descriptor. */
static int become_true(void *null) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 32; number++) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 0; number < 3; number++) dup3(*(int *)null, number, 0);
  syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
  char *arguments[] = {"true", NULL}, *environment[] = {NULL};
  execve("/bin/true", arguments, environment);
  return 127;
}

/* A program in new UTS, IPC and pid namespaces, and its end; one after the other. Memory is not copied. */
static void spawn(int count) {
  static char stack[1 << 16] __attribute__((aligned(16)));
  int flags = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_PIDFD | CLONE_VM | CLONE_VFORK | SIGCHLD;
  sigset_t all, before;
  sigfillset(&all);
  for (int child = 0; child < count; child++) {
    int pidfd = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) fail("/dev/null");
    sigprocmask(SIG_SETMASK, &all, &before);
    if (clone(become_true, stack + sizeof stack, flags, &null, &pidfd) < 0) fail("clone");
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(null);
    siginfo_t end;
    if (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) || end.si_status != 0) fail("/bin/true");
    close(pidfd);
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
  if (argc == 2 && strcmp(argv[1], "filter") == 0) {
    print_filter();
    return 0;
  }
  if (argc < 4) {
    fprintf(stderr, "usage: floor WORK N REPS [MESSAGES BYTES [one-ack] | FOLDER]\n");
    return 2;
  }
  const char *work = argv[1];
  int n = atoi(argv[2]), reps = atoi(argv[3]);
  struct limit limit = {1, SIZE_MAX};
  if (argc > 5) limit = (struct limit){atoi(argv[4]), strtoul(argv[5], NULL, 10)};
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
  batch.one_ack = argc > 6 && strcmp(argv[6], "one-ack") == 0;
  if (strcmp(work, "attach") == 0) {
    attach_repeatedly(fd, &batch, n, reps);
    return 0;
  }
  for (int rep = 0; rep < reps; rep++) {
    double start = now_ms();
    if (strcmp(work, "add-routes") == 0) {
      add_routes(fd, &batch, (0x0bu + (uint32_t)rep) << 24, n, limit);
    } else if (strcmp(work, "veths") == 0) {
      add_veths(fd, &batch, rep * n, n, limit);
    } else if (strcmp(work, "spawn") == 0) {
      spawn(n);
    } else if (strcmp(work, "container") == 0 && argc > 4) {
      run_containers(n, argv[4]);
    } else {
      fprintf(stderr, "%s: no such work\n", work);
      return 2;
    }
    print_run(work, n, now_ms() - start);
  }
  return 0;
}
