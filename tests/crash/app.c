// The app that dockupd moves from version to version while the rig breaks things: it notices what must never happen and
// writes that where nothing restores it.
//
//   app run    service app: locks /data, appends a numbered line every 80 ms, synced, then acknowledges it
//   app db     the same, for a service whose version never changes
//   app side   no volume, no health check: only runs
//   app mig    one-shot: rewrites /data for this version
//   app hc     health check of `run`; prints {"version": …, "status": …}
//
// Everything is one static program; VERSION and BEHAVIOUR come from the image's environment. Side channel: lines
// appended to /evidence/log, each one write, synced:
//
//   NANOSECONDS ROLE VERSION CONTAINER START EVENT [TEXT]
//
// NANOSECONDS since the host's boot; CONTAINER as hostname; START is random, one for each process. Events: start, stop,
// ack LINE, two-writers, wrong-data, mig-begin, mig-end, mig-again, failed TEXT.
//
// On the volume: `format` (the version whose data this is), `lines.FORMAT`, `lock`.
//
// BEHAVIOUR: ok · unhealthy · crash · exit0 · exit1 · flap · sickens (healthy, then unhealthy) · slow-stop ·
// ignore-term · oom · slow-start · slow (never in time) · needs-env · mig-fail · mig-hang · mig-oom · mig-crash ·
// side-exit1 · side-late · no-write (unhealthy, and never writes)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { step_ms = 80, two_writers_exit = 97, wrong_data_exit = 98, line_size = 128 };
static const char data_directory[] = "/data";
static const char started_file[] = "/started";  // of this container's own file system, for `hc`

static const char *role, *version, *behaviour;
static char host[64], start_id[17];
static int evidence = -1;
static volatile sig_atomic_t asked_to_stop;

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

// One of those that are joined by '+'.
static int behaves(const char* what) {
  size_t size = strlen(what);
  for (const char* at = behaviour; (at = strstr(at, what)) != NULL; at += size)
    if ((at == behaviour || at[-1] == '+') && (at[size] == 0 || at[size] == '+')) return 1;
  return 0;
}

// One write, so that lines of several processes never mix; what cannot be said here would be a fault unseen.
static void say(const char* format, ...) {
  char text[512];
  int size = snprintf(text, sizeof text, "%lld %s %s %s %s ", now_ns(), role, version, host, start_id);
  va_list list;
  va_start(list, format);
  size += vsnprintf(text + size, sizeof text - (size_t)size - 1, format, list);
  va_end(list);
  text[size++] = '\n';
  if (evidence < 0 || write(evidence, text, (size_t)size) != size || fsync(evidence) != 0) {
    perror("evidence");
    exit(96);
  }
}

static void fail(const char* what) {
  int error = errno;
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  say("failed %s: %s", what, strerror(error));
  exit(1);
}

static void on_term(int number) {
  (void)number;
  asked_to_stop = 1;
}

// Process 1 gets no signal that it does not handle.
static void handle_signals(void) {
  struct sigaction action = {.sa_handler = behaves("ignore-term") ? SIG_IGN : on_term};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

static void sync_directory(void) {
  int fd = open(data_directory, O_RDONLY | O_DIRECTORY);
  if (fd < 0 || fsync(fd) != 0) fail("sync of the volume");
  close(fd);
}

static void lock_volume(void) {
  int fd = open("/data/lock", O_RDWR | O_CREAT, 0600);
  if (fd < 0) fail("lock");
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return;  // kept open: held for life
  say("two-writers");
  fprintf(stderr, "another process writes to this volume\n");
  exit(two_writers_exit);
}

// --- data: whose it is, and its lines

static void read_format(char* out, size_t size) {
  out[0] = 0;
  int fd = open("/data/format", O_RDONLY);
  if (fd < 0) return;
  ssize_t got = read(fd, out, size - 1);
  close(fd);
  out[got < 0 ? 0 : got] = 0;
  out[strcspn(out, "\n")] = 0;
}

static void replace_file(const char* path, const char* bytes, size_t size) {
  char temporary[128];
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  if (fd < 0) fail(temporary);
  for (size_t done = 0; done < size;) {
    ssize_t wrote = write(fd, bytes + done, size - done);
    if (wrote < 0) fail(temporary);
    done += (size_t)wrote;
  }
  if (fsync(fd) != 0 || close(fd) != 0 || rename(temporary, path) != 0) fail(path);
  sync_directory();
}

static void write_format(void) {
  char text[64];
  int size = snprintf(text, sizeof text, "%s\n", version);
  replace_file("/data/format", text, (size_t)size);
}

static void lines_path(char* out, size_t size, const char* format) { snprintf(out, size, "/data/lines.%s", format); }

static char* read_all(const char* path, size_t* size) {
  *size = 0;
  int fd = open(path, O_RDONLY);
  if (fd < 0 && errno == ENOENT) return calloc(1, 1);
  struct stat facts;
  if (fd < 0 || fstat(fd, &facts) != 0) fail(path);
  char* out = malloc((size_t)facts.st_size + 1);
  for (ssize_t got; (got = read(fd, out + *size, (size_t)facts.st_size - *size)) > 0;) *size += (size_t)got;
  close(fd);
  return out;
}

static void remove_other_formats(void) {
  char keep[64];
  snprintf(keep, sizeof keep, "lines.%s", version);
  DIR* directory = opendir(data_directory);
  if (directory == NULL) fail("volume");
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    if (strncmp(entry->d_name, "lines.", 6) != 0 || strcmp(entry->d_name, keep) == 0) continue;
    if (unlinkat(dirfd(directory), entry->d_name, 0) != 0) fail(entry->d_name);
  }
  closedir(directory);
  sync_directory();
}

static void take_all_memory(void) {
  for (;;) {
    char* block = malloc(1 << 20);
    if (block != NULL) memset(block, 1, 1 << 20);
  }
}

static void crash(void) { *(volatile char*)8 = 0; }  // abort() would not end process 1

// What a case has put there is changed as real migrations change what they find.
static void change_extra(void) {
  int fd = open("/data/extra.bin", O_WRONLY);
  if (fd < 0) return;
  if (pwrite(fd, version, strlen(version), 0) < 0 || fsync(fd) != 0) fail("extra.bin");
  close(fd);
  replace_file("/data/extra.new", version, strlen(version));
}

// --- roles

// Old data stays until the new is whole, so a migration that died is begun again by the next.
static int migrate(void) {
  char format[64], from[128], to[128];
  lock_volume();
  read_format(format, sizeof format);
  say("mig-begin %s", format[0] ? format : "none");
  printf("migrating from %s to %s\n", format[0] ? format : "nothing", version);
  if (strcmp(format, version) == 0) {
    remove_other_formats();
    say("mig-again");
    return 0;
  }
  if (behaves("mig-skips")) return 0;
  lines_path(from, sizeof from, format);
  lines_path(to, sizeof to, version);
  size_t size;
  char* bytes = read_all(from, &size);
  replace_file(to, bytes, size);
  free(bytes);
  change_extra();
  if (behaves("mig-fail")) {
    fprintf(stderr, "migration broke half way: column price is missing\n");
    say("mig-fail");
    return 1;
  }
  if (behaves("mig-crash")) crash();
  if (behaves("mig-oom")) take_all_memory();
  while (behaves("mig-hang") && !asked_to_stop) sleep_ms(50);
  if (asked_to_stop) return 143;
  write_format();
  remove_other_formats();
  say("mig-end");
  return 0;
}

// The number after the last whole line's; what a cut left of a line is cut off, it was never acknowledged.
static int open_lines(const char* path, long* next) {
  size_t size;
  char* bytes = read_all(path, &size);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (fd < 0) fail(path);
  while (size > 0 && bytes[size - 1] != '\n') size--;
  if (ftruncate(fd, (off_t)size) != 0) fail(path);
  size_t begin = size > 0 ? size - 1 : 0;
  while (begin > 0 && bytes[begin - 1] != '\n') begin--;
  *next = size > 0 ? strtol(bytes + begin, NULL, 10) + 1 : 1;
  free(bytes);
  return fd;
}

// Twice: ext4 lets an fsync that was under way when the plug was pulled end with success, though nothing was written
// (30 of 400 cuts on a busy machine, Linux 6.18). One that begins afterwards fails, so the first had ended before.
static int append(int fd, const char* line, size_t size) {
  errno = ENOSPC;  // what a short write means
  return write(fd, line, size) == (ssize_t)size && fsync(fd) == 0 && fsync(fd) == 0;
}

// On a full disk it waits for room, as a database does that is to survive it (MySQL).
static void write_line(int fd, long number) {
  char line[line_size];
  int size = snprintf(line, sizeof line, "%ld %s %s\n", number, version, start_id);
  off_t before = lseek(fd, 0, SEEK_END);
  while (!append(fd, line, (size_t)size)) {
    if (errno != ENOSPC) fail("line");
    do {
      if (asked_to_stop) return;
      sleep_ms(step_ms);
    } while (ftruncate(fd, before) != 0);
  }
  line[size - 1] = 0;
  say("ack %s", line);
}

static void note_start(void) {
  FILE* file = fopen(started_file, "w");
  if (file == NULL) fail(started_file);
  fprintf(file, "%lld\n", now_ns());
  fclose(file);
}

// What a sick version does after it has begun to write.
static void misbehave(long lines) {
  if (lines < 3) return;
  if (behaves("crash") || (behaves("crash-late") && lines > 15)) crash();
  if (behaves("oom")) take_all_memory();
  if (behaves("exit0") || behaves("exit1")) {
    fprintf(stderr, "giving up: no licence\n");
    say("stop");
    exit(behaves("exit1"));
  }
}

static int write_until_stopped(void) {
  char format[64], path[128];
  long next;
  lock_volume();
  read_format(format, sizeof format);
  if (format[0] == 0 && strcmp(role, "db") == 0) write_format(), read_format(format, sizeof format);
  if (strcmp(format, version) != 0) {
    fprintf(stderr, "the data is of %s, this is %s\n", format[0] ? format : "nothing", version);
    say("wrong-data %s", format[0] ? format : "none");
    return wrong_data_exit;
  }
  if (behaves("needs-env") && getenv("PAYMENT_KEY") == NULL) {
    fprintf(stderr, "PAYMENT_KEY is not set\n");
    return 1;
  }
  lines_path(path, sizeof path, format);
  int fd = open_lines(path, &next);
  sync_directory();
  note_start();
  say("start");
  printf("%s %s runs\n", role, version);
  fflush(stdout);
  for (long lines = 0; !asked_to_stop; lines++) {
    misbehave(lines);
    if (!behaves("no-write")) write_line(fd, next++);
    sleep_ms(step_ms);
  }
  if (behaves("slow-stop")) sleep_ms(700), write_line(fd, next++);
  say("stop");
  return 0;
}

static int only_run(void) {
  say("start");
  if (behaves("side-late")) sleep_ms(1200);
  if (behaves("side-exit1") || behaves("side-late")) {
    fprintf(stderr, "side: cannot bind\n");
    return 1;
  }
  while (!asked_to_stop) sleep_ms(500);
  say("stop");
  return 0;
}

static const char* health(long long age_ms) {
  if (behaves("unhealthy") || behaves("no-write")) return "no database";
  // On a busy machine a check could come before what they do.
  if (behaves("crash") || behaves("oom") || behaves("exit0") || behaves("exit1")) return "starting up";
  if (behaves("slow-start") && age_ms < 2500) return "starting up";
  if (behaves("flap") && age_ms / 1500 % 2 == 1) return "flapping";
  if (behaves("sickens") && age_ms > 900) return "lost its database";
  return "ok";
}

static int check_health(void) {
  long long since = 0;
  if (behaves("hc-hangs")) sleep_ms(60000);
  FILE* file = fopen(started_file, "r");
  if (file == NULL || fscanf(file, "%lld", &since) != 1) since = 0;
  const char* status = since == 0 ? "not started" : health((now_ns() - since) / 1000000);
  printf("{\"version\": \"%s\", \"status\": \"%s\"}\n", version, status);
  return strcmp(status, "ok") != 0;
}

static const char* environment(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value != NULL && value[0] != 0 ? value : otherwise;
}

static void begin(void) {
  unsigned long long random = 0;
  int fd = open("/dev/urandom", O_RDONLY);
  if (fd < 0 || read(fd, &random, sizeof random) != sizeof random) exit(96);
  close(fd);
  snprintf(start_id, sizeof start_id, "%016llx", random);
  gethostname(host, sizeof host - 1);
  evidence = open("/evidence/log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  handle_signals();
}

int main(int argc, char** argv) {
  const char* verb = argc == 2 ? argv[1] : "";
  version = environment("VERSION", "none");
  behaviour = environment("BEHAVIOUR", "ok");
  if (strcmp(verb, "hc") == 0) return check_health();
  role = strcmp(verb, "run") == 0 ? "app" : verb;
  begin();
  if (strcmp(verb, "mig") == 0) return migrate();
  if (strcmp(verb, "run") == 0 || strcmp(verb, "db") == 0) return write_until_stopped();
  if (strcmp(verb, "side") == 0) return only_run();
  fprintf(stderr, "usage: app run|db|side|mig|hc\n");
  return 2;
}
