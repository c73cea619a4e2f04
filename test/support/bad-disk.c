/*
 * A disk that loses what an fsync could not write, between a program and libc (LD_PRELOAD; for fsyncs that merely fail or are
 * slow see fault-shim.c). Linux cannot be asked to fail an fsync or to lose power, and what
 * follows a failed one is the point: the pages it could not write count as clean, read as written, and no later fsync
 * writes them (https://wiki.postgresql.org/wiki/Fsync_Errors). So each watched file has a twin that holds what is
 * really on the disk: an fsync copies the pages written since the last one; one that fails forgets them.
 *
 *   BAD_DISK_DIR      the folder watched; files elsewhere are left alone
 *   BAD_DISK_TWINS    a folder for the twins, each named by its inode
 *   BAD_DISK_CONTROL  a folder: while it holds fail-wal (fail-db), every fsync of a file that ends in -wal (.db) fails with EIO
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES_MAX = 65536, FILES_MAX = 64, PATH_MAX_BYTES = 1024 };

struct watched {
  ino_t inode;
  unsigned char dirty[PAGES_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched *files[FILES_MAX];

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void find_real(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX_BYTES - 1);
  if (length < 0) return 0;
  path[length] = 0;
  const char *dir = getenv("BAD_DISK_DIR");
  return dir && strncmp(path, dir, strlen(dir)) == 0;
}

static struct watched *watch(ino_t inode) {
  for (int n = 0; n < FILES_MAX; n += 1) {
    if (files[n] && files[n]->inode == inode) return files[n];
    if (files[n]) continue;
    files[n] = calloc(1, sizeof(struct watched));
    if (files[n]) files[n]->inode = inode;
    return files[n];
  }
  return NULL;
}

static void mark(int fd, off_t from, ssize_t count) {
  char path[PATH_MAX_BYTES];
  struct stat found;
  if (count <= 0 || !getenv("BAD_DISK_TWINS") || !path_of(fd, path) || fstat(fd, &found) != 0) return;
  if (!S_ISREG(found.st_mode)) return;
  pthread_mutex_lock(&lock);
  struct watched *file = watch(found.st_ino);
  for (off_t page = from / PAGE; file && page <= (from + count - 1) / PAGE && page < PAGES_MAX; page += 1)
    file->dirty[page] = 1;
  pthread_mutex_unlock(&lock);
}

static int ends_in(const char *path, const char *end) {
  size_t length = strlen(path);
  return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

static int must_fail(const char *path) {
  const char *control = getenv("BAD_DISK_CONTROL");
  char name[PATH_MAX_BYTES];
  if (!control) return 0;
  snprintf(name, sizeof name, "%s/%s", control, ends_in(path, "-wal") ? "fail-wal" : ends_in(path, ".db") ? "fail-db" : "-");
  return access(name, F_OK) == 0;
}

/* The pages written since the last fsync reach the twin, or are forgotten. */
static void settle(int fd, int is_failed) {
  struct stat found;
  char name[PATH_MAX_BYTES];
  char page[PAGE];
  if (fstat(fd, &found) != 0) return;
  struct watched *file = watch(found.st_ino);
  if (!file) return;
  if (is_failed) {
    memset(file->dirty, 0, sizeof file->dirty);
    return;
  }
  snprintf(name, sizeof name, "%s/%lu", getenv("BAD_DISK_TWINS"), (unsigned long)found.st_ino);
  int twin = open(name, O_RDWR | O_CREAT, 0600);
  if (twin < 0) return;
  for (off_t n = 0; n < PAGES_MAX; n += 1) {
    if (!file->dirty[n]) continue;
    file->dirty[n] = 0;
    ssize_t count = pread(fd, page, PAGE, n * PAGE);
    if (count > 0) real_pwrite(twin, page, (size_t)count, n * PAGE);
  }
  if (ftruncate(twin, found.st_size) != 0) abort();
  close(twin);
}

static int bad_sync(int fd, int (*real)(int)) {
  char path[PATH_MAX_BYTES];
  if (!path_of(fd, path)) return real(fd);
  int is_failed = must_fail(path);
  if (getenv("BAD_DISK_TWINS")) {
    pthread_mutex_lock(&lock);
    settle(fd, is_failed);
    pthread_mutex_unlock(&lock);
  }
  if (is_failed) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}

int fsync(int fd) { return bad_sync(fd, real_fsync); }
int fdatasync(int fd) { return bad_sync(fd, real_fdatasync); }

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
  ssize_t done = real_pwrite(fd, bytes, count, at);
  mark(fd, at, done);
  return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t done = real_write(fd, bytes, count);
  if (done > 0 && getenv("BAD_DISK_TWINS")) mark(fd, lseek(fd, 0, SEEK_CUR) - done, done);
  return done;
}
