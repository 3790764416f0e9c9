// Preloaded into the program: another wall clock, for it alone. Clocks that only measure are left as they are.
//   SHIM_OFFSET=SECONDS                     from the start
//   SHIM_STEP=SECONDS SHIM_STEP_AFTER=MS    once more, so long after the first look at the clock
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long number(const char* name) {
  const char* text = getenv(name);
  return text == NULL ? 0 : atol(text);
}

static long long milliseconds(void) {
  struct timespec t;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static long shift(void) {
  static long long began = -1;
  if (began < 0) began = milliseconds();
  long out = number("SHIM_OFFSET");
  if (milliseconds() - began >= number("SHIM_STEP_AFTER")) out += number("SHIM_STEP");
  return out;
}

int clock_gettime(clockid_t clock, struct timespec* t) {
  if (syscall(SYS_clock_gettime, clock, t) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI) t->tv_sec += shift();
  return 0;
}

int gettimeofday(struct timeval* restrict t, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
