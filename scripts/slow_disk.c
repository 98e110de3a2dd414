// Preloaded into a server, makes the folder $SLOW_FOLDER lie on a slow disk: each look at a file or
// folder in it takes $SLOW_MICROSECONDS. See slow_library.sh.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void wait_if_slow(int folder, const char* name) {
  static const char* slow;
  static unsigned microseconds;
  if (!slow) {
    slow = getenv("SLOW_FOLDER");
    if (!slow) slow = "";
    microseconds = (unsigned)atoi(getenv("SLOW_MICROSECONDS") ? getenv("SLOW_MICROSECONDS") : "0");
  }
  if (!*slow) return;
  char path[PATH_MAX] = "", link[64];
  if (name[0] == '/') {
    snprintf(path, sizeof path, "%s", name);
  } else if (folder >= 0) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    if (readlink(link, path, sizeof path - 1) < 0) return;
  }
  if (strncmp(path, slow, strlen(slow)) == 0) usleep(microseconds);
}

int fstatat64(int folder, const char* name, struct stat64* status, int flags) {
  static int (*next)(int, const char*, struct stat64*, int);
  if (!next) next = dlsym(RTLD_NEXT, "fstatat64");
  wait_if_slow(folder, name);
  return next(folder, name, status, flags);
}

int fstatat(int folder, const char* name, struct stat* status, int flags) {
  static int (*next)(int, const char*, struct stat*, int);
  if (!next) next = dlsym(RTLD_NEXT, "fstatat");
  wait_if_slow(folder, name);
  return next(folder, name, status, flags);
}

int openat(int folder, const char* name, int flags, ...) {
  static int (*next)(int, const char*, int, ...);
  va_list more;
  va_start(more, flags);
  const int mode = va_arg(more, int);
  va_end(more);
  if (!next) next = dlsym(RTLD_NEXT, "openat");
  wait_if_slow(folder, name);
  return next(folder, name, flags, mode);
}
