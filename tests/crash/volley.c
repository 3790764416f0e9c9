// Starts a program N times at once and says of each, in the order of their ends, its exit code (128 + signal) and the
// microseconds from its spawn to its end. Their output goes nowhere.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char** argv) {
  int count = argc > 2 ? atoi(argv[1]) : 0;
  if (count < 1 || count > 256) {
    fprintf(stderr, "volley COUNT PROGRAM ARGUMENT...\n");
    return 2;
  }
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t children[256];
  long long began[256];
  for (int i = 0; i < count; ++i) {
    began[i] = now();
    if (posix_spawn(&children[i], argv[2], &quiet, NULL, argv + 2, environ) != 0) {
      perror(argv[2]);
      return 1;
    }
  }
  for (int left = count; left > 0; --left) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, 0);
    long long at = now();
    if (ended < 0) {
      if (errno == EINTR) continue;
      perror("waitpid");
      return 1;
    }
    for (int i = 0; i < count; ++i)
      if (children[i] == ended)
        printf("%d %lld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), at - began[i]);
  }
  return 0;
}
