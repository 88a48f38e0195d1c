// look FOLDER: in a container, looks at its parent and all processes of the pid namespace that begin later, until SIGTERM.
// FOLDER is one of the host's. Prints "looking", a line for each kind of thing that it found, and how often it looked.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret.h"

static volatile sig_atomic_t is_over = 0;
static const char *folder;
static int sees_folder;

static struct {
  int pid;
  char exe[512];
} target;

static void stop(int signal) {
  (void)signal;
  is_over = 1;
}

// Tells of the first thing of a kind.
static void hit(const char *kind, const char *format, ...) {
  static const char *told[32];
  static int count = 0;
  for (int i = 0; i < count; i++)
    if (strcmp(told[i], kind) == 0) return;
  told[count++] = kind;
  va_list arguments;
  va_start(arguments, format);
  printf("hit %s: process %d, ", kind, target.pid);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
}

static const char *in_proc(const char *name) {
  static char path[2048];
  snprintf(path, sizeof path, "/proc/%d/%s", target.pid, name);
  return path;
}

static int begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static int link_of(const char *path, char *to, size_t size) {
  ssize_t length = readlink(path, to, size - 1);
  to[length < 0 ? 0 : length] = 0;
  return length >= 0;
}

// Whether the program is Node.js, or a launcher, which never is one of the container's. Process 1 may be an init.
static int is_hosts(const char *exe) {
  const char *name = strrchr(exe, '/');
  return (name != NULL && strcmp(name, "/node") == 0) || strstr(exe, ".node") != NULL ||
         (target.pid != 1 && begins(exe, "/memfd:"));
}

static int has_secret(const char *bytes, ssize_t length) {
  const size_t begin = strlen(SECRET_BEGIN), end = strlen(SECRET_END);
  const char *at = bytes, *last = bytes + length;
  while (at < last && (at = memmem(at, last - at, SECRET_BEGIN, begin)) != NULL) {
    at += begin;
    if ((size_t)(last - at) >= end && memcmp(at, SECRET_END, end) == 0) return 1;
  }
  return 0;
}

// Memory that the process may write to.
struct range {
  unsigned long from, size;
};
static struct range ranges[1024];

static int read_ranges(void) {
  FILE *maps = fopen(in_proc("maps"), "r");
  if (maps == NULL) return 0;
  int count = 0;
  char line[1024];
  while (count < 1024 && fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    char rights[8];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && begins(rights, "rw"))
      ranges[count++] = (struct range){from, to - from};
  }
  fclose(maps);
  return count;
}

static char bytes[1 << 22];

static void look_at_memory(int memory) {
  int count = read_ranges();
  for (int i = 0; i < count; i++)
    for (unsigned long at = 0; at < ranges[i].size; at += sizeof bytes) {
      unsigned long rest = ranges[i].size - at;
      size_t size = rest < sizeof bytes ? rest : sizeof bytes;
      unsigned long from = ranges[i].from + at;
      if (memory >= 0 && has_secret(bytes, pread(memory, bytes, size, from)))
        return hit("mem", "/proc/PID/mem of %s has the secret", target.exe);
      struct iovec here = {bytes, size}, there = {(void *)from, size};
      if (memory < 0 && has_secret(bytes, process_vm_readv(target.pid, &here, 1, &there, 1, 0))) {
        // As it is: whoever may write there has Node.js in hand.
        there.iov_len = here.iov_len = 1;
        ssize_t written = process_vm_writev(target.pid, &here, 1, &there, 1, 0);
        return hit("vm", "process_vm_readv of %s has the secret, written %zd", target.exe, written);
      }
    }
}

static void look_at_descriptors(void) {
  DIR *descriptors = opendir(in_proc("fd"));
  if (descriptors == NULL) return;
  int fd = dirfd(descriptors);
  struct dirent *entry;
  while ((entry = readdir(descriptors)) != NULL) {
    char to[512];
    ssize_t length = readlinkat(fd, entry->d_name, to, sizeof to - 1);
    if (length < 0) continue;
    to[length] = 0;
    if (begins(to, folder)) {
      hit("fd", "%s of %s is %s", entry->d_name, target.exe, to);
      continue;
    }
    // What a launcher has: memory, pidfds, namespaces. Programs may have pipes, too.
    int is_namespace = !begins(to, "/") && strstr(to, ":[") != NULL && !begins(to, "pipe:") && !begins(to, "socket:");
    if (begins(to, "/memfd:") || begins(to, "anon_inode:") || is_namespace)
      hit("launcher", "%s of %s is %s", entry->d_name, target.exe, to);
  }
  closedir(descriptors);
}

// The host's folder is not to be seen in the container.
static void look_at_folders(void) {
  char path[1024];
  snprintf(path, sizeof path, "root%s/secret", folder);
  if (access(in_proc(path), F_OK) == 0 || access(in_proc("root/secret"), F_OK) == 0)
    hit("root", "%s has %s", target.exe, folder);
  if (access(in_proc("cwd/secret"), F_OK) == 0) hit("cwd", "%s is in %s", target.exe, folder);
}

static void look_at_environment(void) {
  int environment = open(in_proc("environ"), O_RDONLY | O_CLOEXEC);
  if (environment < 0) return;
  if (has_secret(bytes, read(environment, bytes, sizeof bytes))) hit("environ", "%s has the secret", target.exe);
  close(environment);
}

static void trace(void) {
  if (ptrace(PTRACE_SEIZE, target.pid, 0, 0) != 0) return;
  if (link_of(in_proc("exe"), target.exe, sizeof target.exe) && is_hosts(target.exe))
    hit("ptrace", "it is %s", target.exe);
  int status;
  ptrace(PTRACE_INTERRUPT, target.pid, 0, 0);
  if (waitpid(target.pid, &status, __WALL) == target.pid && WIFSTOPPED(status)) ptrace(PTRACE_DETACH, target.pid, 0, 0);
}

static void look(void) {
  int memory = open(in_proc("mem"), O_RDWR | O_CLOEXEC);
  // Only now: what it is after that had been opened, it was before.
  int is_known = link_of(in_proc("exe"), target.exe, sizeof target.exe);
  if (is_known && is_hosts(target.exe)) {
    hit("exe", "it is %s", target.exe);
    if (memory >= 0) hit("mem", "/proc/PID/mem of %s is open", target.exe);
  }
  look_at_memory(-1);
  if (memory >= 0) look_at_memory(memory);
  look_at_descriptors();
  if (!sees_folder) look_at_folders();
  look_at_environment();
  // The container's own programs can be traced, of course.
  if (!is_known || is_hosts(target.exe)) trace();
  if (memory >= 0) close(memory);
}

// By number; as many as there can be.
static char was_there[1 << 22];

static int next_process(DIR *processes) {
  struct dirent *entry;
  while ((entry = readdir(processes)) != NULL) {
    int pid = atoi(entry->d_name);
    if (pid > 0) return pid;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  folder = argv[1];
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  char path[1024];
  snprintf(path, sizeof path, "%s/secret", folder);
  sees_folder = access(path, F_OK) == 0;
  int parent = getppid();
  DIR *processes = opendir("/proc");
  if (processes == NULL) return 3;
  for (int pid; (pid = next_process(processes)) != 0;) was_there[pid] = pid != parent;
  printf("looking\n");
  long looks = 0;
  while (!is_over) {
    rewinddir(processes);
    while (!is_over && (target.pid = next_process(processes)) != 0) {
      if (was_there[target.pid]) continue;
      if (target.pid != parent) looks++;
      strcpy(target.exe, "?");
      look();
    }
  }
  printf("looks %ld\n", looks);
  return 0;
}
