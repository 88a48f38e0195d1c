// victim FOLDER-DESCRIPTOR: what no process in a container should be. It has the host's secret, descriptors as a
// launcher has them, and a folder of the host open, as its root and as its working directory. It waits for the end of
// its standard input.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "secret.h"

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  // On the heap.
  char *secret = strdup(SECRET_BEGIN);
  secret = realloc(secret, 100);
  strcat(secret, SECRET_END);
  if (memfd_create("netlace", 0) < 0) perror("memfd_create");
  if (fchdir(atoi(argv[1])) != 0 || chroot(".") != 0) perror("victim");
  printf("waiting\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  return strlen(secret) > 1000;
}
