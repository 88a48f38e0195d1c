/*
 * Runs a command in a network namespace that holds exactly what a benchmark needs, so that every peer finds the same.
 *
 *   populate links N  -- COMMAND...     N links besides lo: N / 2 veth pairs
 *   populate routes N -- COMMAND...     N IPv4 host routes through lo
 *   populate bridge N -- COMMAND...     a bridge br0, up, with 10.95.0.1/16
 *   populate empty N  -- COMMAND...     lo, up
 *   populate events N -- COMMAND...     a veth pair, up, and a process that changes it 2,000 times for each byte written
 *                                       to descriptor 3 of COMMAND, and answers on descriptor 4 when it has done so
 *
 *   populate -t REPS ...                runs COMMAND that often with its output thrown away, and times it as a whole
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rtnl.h"

enum { BATCH = 100, LOOPBACK = 1, GO = 3, DONE = 4, EVENTS_AT_ONCE = 2000 };

/*
 * The kernel tears namespaces down in the background, in order, holding locks that everyone else needs. A namespace
 * closed now is taken down after those that earlier runs left; the veth that it shares with us shows when. Two rounds,
 * as the first one may share a batch with what it waits for.
 */
static void wait_for_earlier_namespaces(int home, int fd, struct batch *batch) {
  for (int round = 0; round < 2; round++) {
    int netns;
    close(rtnl_open_in_new_netns(home, &netns));
    put_container_veth(batch, "barrier", 0, "barrier", netns);
    rtnl_exchange(fd, batch);
    close(netns);
    while (link_index(fd, "barrier")) usleep(1000);
  }
}

static void make_links(int fd, struct batch *batch, int count) {
  for (int pair = 0; pair < count / 2; pair++) {
    char near[IFNAMSIZ], far[IFNAMSIZ];
    snprintf(near, sizeof near, "va%d", pair);
    snprintf(far, sizeof far, "vb%d", pair);
    put_veth(batch, near, far);
    if (batch->messages == BATCH) rtnl_exchange(fd, batch);
  }
}

static void make_routes(int fd, struct batch *batch, int count) {
  for (int route = 0; route < count; route++) {
    put_host_route(batch, 0x0b000000u + (uint32_t)route, LOOPBACK);
    if (batch->messages == BATCH) rtnl_exchange(fd, batch);
  }
}

static void make_bridge(int fd, struct batch *batch) {
  put_bridge(batch, "br0");
  rtnl_exchange(fd, batch);
  put_address(batch, link_index(fd, "br0"), 0x0a5f0001, 16);
}

/* An alias of alternating length: each change of it is one event, of a link with all its attributes. */
static void produce_events(int fd, struct batch *batch, int index, int go, int done) {
  char byte;
  while (read(go, &byte, 1) == 1) {
    for (int event = 0; event < EVENTS_AT_ONCE; event++) {
      struct ifinfomsg link = {.ifi_index = index};
      message_begin(batch, RTM_SETLINK, 0, &link, sizeof link);
      attribute_string(batch, IFLA_IFALIAS, event % 2 ? "odd" : "even");
      message_end(batch);
      if (batch->messages == BATCH || event == EVENTS_AT_ONCE - 1) rtnl_exchange(fd, batch);
    }
    if (write(done, &byte, 1) != 1) fail("write");
  }
  exit(0);
}

static void start_producer(int fd, struct batch *batch) {
  put_veth(batch, "events", "events-far");
  rtnl_exchange(fd, batch);
  int index = link_index(fd, "events");
  put_link_up(batch, index);
  rtnl_exchange(fd, batch);
  int go[2], done[2];
  if (pipe(go) || pipe(done)) fail("pipe");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(go[1]);
    close(done[0]);
    produce_events(fd, batch, index, go[0], done[1]);
  }
  close(go[0]);
  close(done[1]);
  /* Out of the way first: one of the four may be descriptor 3 or 4 itself. */
  int write_go = fcntl(go[1], F_DUPFD_CLOEXEC, 10), read_done = fcntl(done[0], F_DUPFD_CLOEXEC, 10);
  close(go[1]);
  close(done[0]);
  if (dup2(write_go, GO) < 0 || dup2(read_done, DONE) < 0) fail("dup2");
}

static void time_command(const char *objects, int count, int reps, char **command) {
  for (int rep = 0; rep < reps; rep++) {
    double start = now_ms();
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      int null = open("/dev/null", O_WRONLY);
      dup2(null, STDOUT_FILENO);
      execvp(command[0], command);
      _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) < 0) fail("waitpid");
    if (status != 0) {
      fprintf(stderr, "%s: exit status %d\n", command[0], WEXITSTATUS(status));
      exit(1);
    }
    print_run(objects, count, now_ms() - start);
  }
}

int main(int argc, char **argv) {
  int reps = 0;
  if (argc > 2 && strcmp(argv[1], "-t") == 0) {
    reps = atoi(argv[2]);
    argv += 2;
    argc -= 2;
  }
  if (argc < 5 || strcmp(argv[3], "--") != 0) {
    fprintf(stderr, "usage: populate [-t REPS] links|routes|bridge|empty|events N -- COMMAND...\n");
    return 2;
  }
  const char *objects = argv[1];
  int count = atoi(argv[2]);

  /* `ip netns` keeps its names in /run/netns: with a /run of our own nothing is left behind there. */
  if (unshare(CLONE_NEWNET | CLONE_NEWNS)) fail("unshare");
  if (mount("", "/", "", MS_REC | MS_PRIVATE, NULL) || mount("run", "/run", "tmpfs", 0, NULL)) fail("mount");

  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int fd = rtnl_open();
  struct batch batch;
  batch_init(&batch);
  wait_for_earlier_namespaces(home, fd, &batch);

  put_link_up(&batch, LOOPBACK);
  rtnl_exchange(fd, &batch);
  if (strcmp(objects, "links") == 0) {
    make_links(fd, &batch, count);
  } else if (strcmp(objects, "routes") == 0) {
    make_routes(fd, &batch, count);
  } else if (strcmp(objects, "bridge") == 0) {
    make_bridge(fd, &batch);
  } else if (strcmp(objects, "events") == 0) {
    start_producer(fd, &batch);
  } else if (strcmp(objects, "empty") != 0) {
    fprintf(stderr, "%s: nothing that can be made\n", objects);
    return 2;
  }
  if (batch.messages) rtnl_exchange(fd, &batch);

  if (reps) {
    time_command(objects, count, reps, argv + 4);
    return 0;
  }
  execvp(argv[4], argv + 4);
  fail(argv[4]);
}
