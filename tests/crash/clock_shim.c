// Preloaded into the program: another wall clock, for it alone. Clocks that only measure are left as they are, but for the
// one that counts a suspend.
//   SHIM_OFFSET=SECONDS                     from the start
//   SHIM_STEP=SECONDS SHIM_STEP_AFTER=MS    once more, so long after the first look at the clock
//   SHIM_SUSPEND=SECONDS                    then the machine has slept so long
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

static int is_after(void) {
  static long long began = -1;
  if (began < 0) began = milliseconds();
  return milliseconds() - began >= number("SHIM_STEP_AFTER");
}

static long shift(void) { return number("SHIM_OFFSET") + (is_after() ? number("SHIM_STEP") : 0); }

int clock_gettime(clockid_t clock, struct timespec* t) {
  if (syscall(SYS_clock_gettime, clock, t) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI) t->tv_sec += shift();
  if (clock == CLOCK_BOOTTIME && is_after()) t->tv_sec += number("SHIM_SUSPEND");
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
