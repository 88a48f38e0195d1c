/* A container, as every peer of the benchmark runs it. */
#pragma once

/* Runs /bin/true in so many new containers, each until its end; one after the other. `folder` has rootfs and hosts. */
void run_containers(int count, const char *folder);

/* Writes the containers' seccomp filter to standard output: an array of struct sock_filter. */
void print_filter(void);
