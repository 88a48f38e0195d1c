/* libnl-route-3: `libnl links|routes N REPS`. A cache holds each object decoded. */
#include <netdb.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rtnl.h"

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: libnl links|routes N REPS\n");
    return 2;
  }
  struct nl_sock *socket = nl_socket_alloc();
  nl_connect(socket, NETLINK_ROUTE);
  for (int rep = 0; rep < atoi(argv[3]); rep++) {
    struct nl_cache *cache;
    double start = now_ms();
    int error = strcmp(argv[1], "links") == 0 ? rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache)
                                              : rtnl_route_alloc_cache(socket, AF_INET, 0, &cache);
    if (error < 0) {
      fprintf(stderr, "%s\n", nl_geterror(error));
      return 1;
    }
    print_run(argv[1], nl_cache_nitems(cache), now_ms() - start);
    nl_cache_free(cache);
  }
  return 0;
}
