// What a program finds itself with, a line for each: name, tab, value. For child-environment.mjs.
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char** environ;

static void fields(const char* path, const char* const* names) {
  char line[4096];
  FILE* file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    for (int i = 0; names[i] != NULL; i++) {
      size_t length = strlen(names[i]);
      if (strncmp(line, names[i], length) == 0 && line[length] == ':') {
        printf("%s\t%s", names[i], line + length + 1 + strspn(line + length + 1, " \t"));
      }
    }
  }
  if (file != NULL) {
    fclose(file);
  }
}

static void descriptors(void) {
  DIR* folder = opendir("/proc/self/fd");
  printf("descriptors\t");
  for (struct dirent* entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    char path[300];
    char target[300];
    snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder) && length > 0) {
      target[length] = 0;
      target[strcspn(target, "[")] = 0;
      printf("%s %s, ", entry->d_name, target);
    }
  }
  printf("\n");
  if (folder != NULL) {
    closedir(folder);
  }
}

static void keyring(const char* name, int which) {
  char text[256] = "none";
  long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, which, 0);
  if (id > 0) {
    syscall(SYS_keyctl, KEYCTL_DESCRIBE, id, text, sizeof text - 1);
  }
  const char* last = strrchr(text, ';');
  printf("%s\t%ld %s\n", name, id > 0 ? id : 0, last == NULL ? text : last + 1);
}

int main(int argc, char** argv) {
  (void)argc;
  static const char* const status[] = {"Uid",    "Gid",    "Groups", "CapInh", "CapPrm",     "CapEff",  "CapBnd",
                                       "CapAmb", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp", NULL};
  static const char* const limits[] = {"cpu",      "fsize",  "data",    "stack", "core",  "rss",
                                       "nproc",    "nofile", "memlock", "as",    "locks", "sigpending",
                                       "msgqueue", "nice",   "rtprio",  "rttime"};
  descriptors();
  printf("argv[0]\t%s\n", argv[0]);
  printf("pid\t%d\nparent\t%d\nsession\t%d\ngroup\t%d\n", getpid(), getppid(), getsid(0), getpgrp());
  printf("terminal\t%s\n", open("/dev/tty", 0) < 0 ? "no" : "yes");
  keyring("session keyring", KEY_SPEC_SESSION_KEYRING);
  for (int i = 0; i < (int)(sizeof limits / sizeof *limits); i++) {
    struct rlimit limit;
    getrlimit(i, &limit);
    printf("limit %s\t%lld %lld\n", limits[i], (long long)limit.rlim_cur, (long long)limit.rlim_max);
  }
  fields("/proc/self/status", status);
  int signal = 0;
  prctl(PR_GET_PDEATHSIG, &signal);
  printf("death signal\t%d\ndumpable\t%d\nsecurebits\t%d\n", signal, prctl(PR_GET_DUMPABLE), prctl(PR_GET_SECUREBITS));
  mode_t mask = umask(0);
  printf("umask\t%04o\nnice\t%d\n", mask, getpriority(PRIO_PROCESS, 0));
  char text[4096] = "?";
  printf("cwd\t%s\n", getcwd(text, sizeof text) == NULL ? "?" : text);
  FILE* file = fopen("/proc/self/oom_score_adj", "re");
  printf("oom_score_adj\t%s", file != NULL && fgets(text, sizeof text, file) != NULL ? text : "?\n");
  file = fopen("/proc/self/cgroup", "re");
  while (file != NULL && fgets(text, sizeof text, file) != NULL) {
    if (strncmp(text, "0::", 3) == 0) {
      printf("cgroup\t%s", text + 3);
    }
  }
  printf("env\t");
  for (char** each = environ; *each != NULL; each++) {
    printf("%.*s ", (int)strcspn(*each, "="), *each);
  }
  printf("\n");
  return 0;
}
