/* The little of rtnetlink that the C programs of the benchmark share: messages, batches, acknowledgements. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that travel in one send. */
struct batch {
  char *bytes;
  size_t length;
  size_t message; /* where the message being written starts */
  int messages;
  int one_ack; /* Only the last message asks for an acknowledgement. Failures are answered in any case. */
};

/* Ends the program with `what` and errno's text. */
void fail(const char *what);
double now_ms(void);
void print_run(const char *work, long n, double ms);

int rtnl_open(void);

void batch_init(struct batch *batch);
/* Every message asks for an acknowledgement, unless the batch says otherwise; `flags` come on top of that. */
void message_begin(struct batch *batch, int type, int flags, const void *header, size_t header_length);
void message_end(struct batch *batch);
void attribute(struct batch *batch, int type, const void *value, size_t length);
void attribute_string(struct batch *batch, int type, const char *value);
size_t nest_begin(struct batch *batch, int type);
void nest_end(struct batch *batch, size_t nest);
/* Sends the batch, waits until the last message is acknowledged, and empties it. Any error ends the program. */
void rtnl_exchange(int fd, struct batch *batch);

void put_link_up(struct batch *batch, int index);
void put_veth(struct batch *batch, const char *name, const char *peer);
/*
 * The far end is born in the namespace `netns`. Only the near end comes up: the kernel opens the far one before the
 * two are tied together, which a veth refuses.
 */
void put_container_veth(struct batch *batch, const char *name, int master, const char *peer, int netns);
void put_bridge(struct batch *batch, const char *name);
/* Addresses are in host byte order. */
void put_address(struct batch *batch, int index, uint32_t address, int prefix);
void put_host_route(struct batch *batch, uint32_t to, int oif);
void put_default_route(struct batch *batch, uint32_t via);
/* The index of the link with this name, or 0. */
int link_index(int fd, const char *name);

/* A socket in a network namespace that is made for it; `*netns` becomes the namespace's descriptor. */
int rtnl_open_in_new_netns(int home, int *netns);
