#include "sim/cli/measured_pool.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 200000000L

/* Present in coverage builds: _exit() would lose the counts. */
extern void __gcov_dump(void) __attribute__((weak));

struct slot {
  pid_t pid; /* 0: idle */
  size_t task;
  int messages;   /* descriptor of a file in memory */
  double *shared; /* `width` numbers */
};

struct pool {
  const struct pool_options *o;
  struct slot *slots;
  double *shared;
  double *results;
  size_t next, total, done;
  sigset_t before, waited;
  enum pool_status status;
};

/* -- children ------------------------------------------------------------- */

_Noreturn static void child(const struct pool *p, const struct slot *s,
                            pid_t parent)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(CLI_FAILED);
  /* Ctrl-C reaches the whole process group; the parent decides. */
  sigset_t mask = p->before;
  sigaddset(&mask, SIGINT);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  dup2(s->messages, STDERR_FILENO);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0)
    dup2(nowhere, STDOUT_FILENO);
  p->o->run(p->o->ctx, s->task, s->shared);
  fflush(stderr);
  if (__gcov_dump != NULL)
    __gcov_dump();
  _exit(CLI_OK);
}

static bool start(struct pool *p, struct slot *s)
{
  pid_t parent = getpid();
  s->task = p->next;
  s->messages = memfd_create("messages", MFD_CLOEXEC);
  if (s->messages < 0)
    return false;
  fflush(NULL);
  s->pid = fork();
  if (s->pid == 0)
    child(p, s, parent);
  if (s->pid > 0) {
    p->next++;
    return true;
  }
  s->pid = 0;
  close(s->messages);
  return false;
}

static void print_messages(int fd)
{
  char text[4096];
  off_t at = 0;
  for (ssize_t n; (n = pread(fd, text, sizeof text, at)) > 0; at += n)
    fwrite(text, 1, (size_t)n, stderr);
}

static void finish(struct pool *p, struct slot *s, int status)
{
  bool good = WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK;
  print_messages(s->messages);
  if (!good && WIFSIGNALED(status))
    cli_message("a simulation was killed by signal %d (%s)", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
  if (!good)
    p->status = POOL_FAILED;
  close(s->messages);
  memcpy(p->results + s->task * p->o->width, s->shared,
         p->o->width * sizeof(double));
  s->pid = 0;
  p->done++;
}

/* -- the loop ------------------------------------------------------------- */

static size_t start_idle(struct pool *p)
{
  size_t running = 0;
  for (size_t i = 0; i < p->o->processes; i++) {
    struct slot *s = &p->slots[i];
    if (s->pid == 0 && p->next < p->total && p->status == POOL_OK &&
        !start(p, s) && running == 0 && i + 1 == p->o->processes) {
      cli_message("no process to be had: %s", strerror(errno));
      p->status = POOL_FAILED;
    }
    running += s->pid != 0;
  }
  return running;
}

static void collect(struct pool *p)
{
  for (size_t i = 0; i < p->o->processes; i++) {
    struct slot *s = &p->slots[i];
    int status;
    if (s->pid != 0 && waitpid(s->pid, &status, WNOHANG) == s->pid)
      finish(p, s, status);
  }
}

static void kill_all(struct pool *p)
{
  for (size_t i = 0; i < p->o->processes; i++) {
    struct slot *s = &p->slots[i];
    if (s->pid == 0)
      continue;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->messages);
    s->pid = 0;
  }
}

static void loop(struct pool *p)
{
  struct timespec tick = {.tv_nsec = TICK_NS};
  while (start_idle(p) > 0) {
    int signal = sigtimedwait(&p->waited, NULL, &tick);
    if (signal > 0 && signal != SIGCHLD) {
      kill_all(p);
      p->status = POOL_INTERRUPTED;
      return;
    }
    collect(p);
    if (p->o->tick != NULL)
      p->o->tick(p->o->ctx, p->done, p->total);
  }
}

static void choose_signals(struct pool *p)
{
  static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&p->waited);
  sigaddset(&p->waited, SIGCHLD);
  for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
    struct sigaction now;
    if (sigaction(stops[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaddset(&p->waited, stops[i]);
  }
}

enum pool_status cli_pool_run(const struct pool_options *o, size_t n,
                              double *results)
{
  struct pool p = {.o = o, .results = results, .total = n};
  size_t bytes = o->processes * o->width * sizeof *p.shared;
  p.shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p.shared == MAP_FAILED) {
    cli_message("no shared memory: %s", strerror(errno));
    return POOL_FAILED;
  }
  p.slots = cli_allocate(o->processes, sizeof *p.slots);
  for (size_t i = 0; i < o->processes; i++)
    p.slots[i].shared = p.shared + i * o->width;
  choose_signals(&p);
  sigprocmask(SIG_BLOCK, &p.waited, &p.before);
  loop(&p);
  sigprocmask(SIG_SETMASK, &p.before, NULL);
  munmap(p.shared, bytes);
  free(p.slots);
  return p.status;
}
