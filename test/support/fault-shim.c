/*
 * What only the operating system can do wrong, done by a library that stands before libc (LD_PRELOAD): an fsync that
 * fails or takes its time, a wall clock that jumps. The orders lie in a small file that the test writes and this maps,
 * so they hold from one call to the next, in every thread. See fault-shim.ts for the layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct orders {
  int64_t clock_offset_ns;
  int32_t fsync_errno;
  int32_t fsync_delay_us;
  /* Written here, read by the test: how many fsyncs were refused. */
  int64_t fsyncs_failed;
};

static volatile struct orders *orders;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("LINLI_FAULTS");
  if (path == NULL) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) orders = mapped;
}

static int refused(void) {
  if (orders == NULL) return 0;
  if (orders->fsync_delay_us > 0) usleep((useconds_t)orders->fsync_delay_us);
  if (orders->fsync_errno == 0) return 0;
  __atomic_add_fetch((int64_t *)&orders->fsyncs_failed, 1, __ATOMIC_SEQ_CST);
  errno = orders->fsync_errno;
  return 1;
}

int fsync(int file) { return refused() ? -1 : real_fsync(file); }

int fdatasync(int file) { return refused() ? -1 : real_fdatasync(file); }

static void shift(struct timespec *time) {
  int64_t ns = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + orders->clock_offset_ns;
  time->tv_sec = ns / 1000000000;
  time->tv_nsec = ns % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (real_clock_gettime == NULL) real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real_clock_gettime(clock, time);
  if (result == 0 && orders != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(time);
  return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  (void)zone;
  struct timespec time;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  out->tv_sec = time.tv_sec;
  out->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
