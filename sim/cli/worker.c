#include "sim/cli/worker.h"

#include "sim/cli/captures.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Present in coverage builds: _exit() would lose the counts. */
extern void __gcov_dump(void) __attribute__((weak));
/* Present in sanitizer builds: _exit() would skip the search for leaks. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

struct beat {
  struct server *server;
  struct worker_progress *progress;
};

static void heartbeat(void *ctx, hd_time now, uint64_t events)
{
  struct beat *b = ctx;
  hd_time start =
      b->server != NULL ? server_workload_start(b->server) : HD_TIME_NEVER;
  atomic_store_explicit(&b->progress->now, now, memory_order_relaxed);
  atomic_store_explicit(&b->progress->start, start, memory_order_relaxed);
  atomic_store_explicit(&b->progress->events, events, memory_order_relaxed);
}

static double seconds_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Simulates and writes the record. */
static bool simulate(const struct outdir *d, const struct rows_subject *s,
                     struct worker_progress *progress)
{
  const struct server_config *config = hd_point_config(s->point);
  char *reproduce = cli_plan_reproduce(s->plan, s->job, s->point);
  struct beat beat = {.progress = progress};
  const struct capture *captures[SERVER_MAX_GROUPS];
  cli_captures_of(config, captures);
  struct server_options options = {.seed = cli_plan_seed(s->plan, s->job),
                                   .reproduce = reproduce,
                                   .heartbeat = heartbeat,
                                   .heartbeat_ctx = &beat,
                                   .captures = captures};
  double begin = seconds_now();
  beat.server = server_create(config, &options);
  server_run(beat.server);
  struct server_results results;
  server_get_results(beat.server, &results);
  struct record_content content = {
      .results = &results, .status = "ok", .wall_s = seconds_now() - begin};
  if (results.series[0] != NULL)
    content.series = results.series;
  bool good = cli_record_write(d, s, &content);
  if (results.note != NULL)
    cli_message("point %zu, repetition %zu: live migration: %s", s->job->point,
                s->job->repetition, results.note);
  if (__lsan_do_leak_check != NULL) {
    server_destroy(beat.server);
    free(reproduce);
  }
  return good;
}

/* The child's end is quick: its memory goes with it. */
_Noreturn static void child(const struct worker *w, const struct outdir *d,
                            const struct rows_subject *s,
                            const sigset_t *signals, pid_t parent)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(CLI_FAILED);
  /* Ctrl-C reaches the whole process group; the parent decides. */
  sigset_t mask = *signals;
  sigaddset(&mask, SIGINT);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  dup2(w->messages, STDERR_FILENO);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0)
    dup2(nowhere, STDOUT_FILENO);
  bool good = simulate(d, s, w->progress);
  fflush(stderr);
  if (__gcov_dump != NULL)
    __gcov_dump();
  if (__lsan_do_leak_check != NULL)
    __lsan_do_leak_check();
  _exit(good ? CLI_OK : CLI_FAILED);
}

static void reset(struct worker_progress *p, const struct server_config *c)
{
  atomic_store(&p->now, 0);
  atomic_store(&p->start, HD_TIME_NEVER);
  atomic_store(&p->events, 0);
  atomic_store(&p->length, c->run.warmup + c->run.duration);
}

bool cli_worker_start(struct worker *w, const struct outdir *d,
                      const struct rows_subject *s, const sigset_t *signals)
{
  pid_t parent = getpid();
  w->messages = memfd_create("messages", MFD_CLOEXEC);
  if (w->messages < 0)
    return false;
  reset(w->progress, hd_point_config(s->point));
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0)
    child(w, d, s, signals, parent);
  if (pid > 0) {
    w->pid = pid;
    w->job = (size_t)(s->job - s->plan->jobs);
    return true;
  }
  int error = errno;
  close(w->messages);
  errno = error;
  return false;
}

/* -- the end of a child --------------------------------------------------- */

/* All that the child wrote, without the last newline; owned. */
static char *read_messages(int fd)
{
  off_t size = lseek(fd, 0, SEEK_END);
  size_t length = size > 0 ? (size_t)size : 0;
  char *text = cli_allocate(length + 1, 1);
  ssize_t got = pread(fd, text, length, 0);
  text[got > 0 ? got : 0] = '\0';
  for (char *c = text + strlen(text); c > text && c[-1] == '\n';)
    *--c = '\0';
  return text;
}

/* The child's first line without the program's name. */
static char *first_line(const char *messages)
{
  size_t name = strlen(cli_program);
  if (strncmp(messages, cli_program, name) == 0 &&
      strncmp(messages + name, ": ", 2) == 0)
    messages += name + 2;
  return cli_format("%.*s", (int)strcspn(messages, "\n"), messages);
}

static char *what_happened(int status, const char *messages)
{
  if (WIFSIGNALED(status))
    return cli_format("killed by signal %d (%s)", WTERMSIG(status),
                      strsignal(WTERMSIG(status)));
  if (messages[0] != '\0')
    return first_line(messages);
  return cli_format("exit status %d", WEXITSTATUS(status));
}

static void report(const struct plan *p, const struct plan_job *job,
                   const char *failure, const char *messages)
{
  struct hd_point *point = cli_plan_resolve(p, job);
  char *axes = cli_plan_axes_text(p->scenario, point);
  char *reproduce = cli_plan_reproduce(p, job, point);
  cli_message("point %zu, repetition %zu%s%s failed: %s", job->point,
              job->repetition, axes[0] != '\0' ? ", " : "", axes, failure);
  if (messages[0] != '\0')
    fprintf(stderr, "%s\n", messages);
  if (strstr(messages, reproduce) == NULL)
    fprintf(stderr, "  reproduce with: %s\n", reproduce);
  free(reproduce);
  free(axes);
  hd_point_destroy(point);
}

bool cli_worker_is_silent(const struct worker *w, int status)
{
  return status == 0 && lseek(w->messages, 0, SEEK_END) <= 0;
}

char *cli_worker_finish(struct worker *w, const struct plan *p, int status)
{
  bool good = WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK;
  char *messages = read_messages(w->messages);
  char *failure = good ? NULL : what_happened(status, messages);
  if (!good)
    report(p, &p->jobs[w->job], failure, messages);
  else if (messages[0] != '\0')
    fprintf(stderr, "%s\n", messages);
  free(messages);
  close(w->messages);
  w->pid = 0;
  return failure;
}

void cli_worker_kill(struct worker *w)
{
  if (w->pid == 0)
    return;
  kill(w->pid, SIGKILL);
  waitpid(w->pid, NULL, 0);
  close(w->messages);
  w->pid = 0;
}
