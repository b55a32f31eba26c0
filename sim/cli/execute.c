#include "sim/cli/execute.h"

#include "sim/cli/progress.h"
#include "sim/cli/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 200000000L

struct executor {
  struct plan *plan;
  const struct outdir *dir;
  const struct execution *how;
  struct worker *workers;
  struct worker_progress *shared;
  struct progress progress;
  sigset_t before, waited; /* signal masks */
  size_t next;             /* job */
};

/* -- without a process ---------------------------------------------------- */

static struct rows_subject subject_of(const struct plan *p,
                                      const struct plan_job *job,
                                      const struct hd_point *point)
{
  return (struct rows_subject){.plan = p, .job = job, .point = point};
}

static void keep_fitting(struct executor *e)
{
  struct plan *p = e->plan;
  size_t kept = 0;
  for (size_t i = 0; e->how->resume && i < p->n_jobs; i++) {
    struct hd_point *point = cli_plan_resolve(p, &p->jobs[i]);
    struct rows_subject s = subject_of(p, &p->jobs[i], point);
    if (cli_record_matches(e->dir, &s)) {
      p->jobs[i].state = JOB_DONE;
      kept++;
    }
    hd_point_destroy(point);
  }
  if (e->how->resume && !e->how->quiet)
    cli_message("%zu of %zu points are there already", kept, p->n_jobs);
  cli_progress_begin(&e->progress, e->how->quiet, p->n_jobs, kept);
}

static void fail_job(struct executor *e, struct plan_job *job, char *failure)
{
  job->state = JOB_FAILED;
  job->failure = failure;
  e->plan->status = CLI_FAILED;
}

/* Does the hardware have room? If not, records that, and the job is over. */
static bool record_infeasible(struct executor *e, struct plan_job *job,
                              const struct rows_subject *s)
{
  struct server_shortage shortage = {0};
  if (server_feasible(hd_point_config(s->point), &shortage))
    return false;
  char *status = cli_format("infeasible: %s %lld < %lld", shortage.resource,
                            (long long)shortage.have, (long long)shortage.need);
  struct record_content content = {.status = status};
  if (cli_record_write(e->dir, s, &content))
    job->state = JOB_DONE;
  else
    fail_job(e, job, cli_format("its results could not be written"));
  cli_progress_job(&e->progress, NULL);
  free(status);
  return true;
}

/* -- with a process ------------------------------------------------------- */

static size_t count_running(const struct executor *e)
{
  size_t running = 0;
  for (size_t i = 0; i < e->how->processes; i++)
    running += e->workers[i].pid != 0;
  return running;
}

static struct worker *idle_worker(struct executor *e)
{
  for (size_t i = 0; i < e->how->processes; i++)
    if (e->workers[i].pid == 0)
      return &e->workers[i];
  return NULL;
}

/* Returns false when the job must wait until another one is over. */
static bool start_job(struct executor *e, struct plan_job *job)
{
  struct worker *w = idle_worker(e);
  struct hd_point *point = cli_plan_resolve(e->plan, job);
  struct rows_subject s = subject_of(e->plan, job, point);
  bool over = record_infeasible(e, job, &s);
  if (!over && w != NULL)
    over = cli_worker_start(w, e->dir, &s, &e->before);
  if (!over && w != NULL && count_running(e) == 0) {
    fail_job(e, job, cli_format("no process: %s", strerror(errno)));
    cli_progress_job(&e->progress, NULL);
    over = true;
  }
  hd_point_destroy(point);
  return over;
}

static void start_jobs(struct executor *e)
{
  struct plan *p = e->plan;
  while (e->next < p->n_jobs && idle_worker(e) != NULL) {
    struct plan_job *job = &p->jobs[e->next];
    if (job->state == JOB_WAITING && !start_job(e, job))
      return;
    e->next++;
  }
}

static void collect(struct executor *e)
{
  for (size_t i = 0; i < e->how->processes; i++) {
    struct worker *w = &e->workers[i];
    int status;
    if (w->pid == 0 || waitpid(w->pid, &status, WNOHANG) != w->pid)
      continue;
    struct plan_job *job = &e->plan->jobs[w->job];
    if (!cli_worker_is_silent(w, status))
      cli_progress_clear(&e->progress);
    char *failure = cli_worker_finish(w, e->plan, status);
    if (failure != NULL)
      fail_job(e, job, failure);
    else
      job->state = JOB_DONE;
    cli_progress_job(&e->progress, w);
  }
}

/* -- the loop ------------------------------------------------------------- */

static void interrupt(struct executor *e)
{
  for (size_t i = 0; i < e->how->processes; i++)
    cli_worker_kill(&e->workers[i]);
  cli_outdir_tidy(e->dir);
  e->plan->status = CLI_INTERRUPTED;
}

/* Waits for a child's end, a signal to stop, or the next tick. */
static bool is_interrupted(const struct executor *e)
{
  struct timespec tick = {.tv_nsec = TICK_NS};
  int signal = sigtimedwait(&e->waited, NULL, &tick);
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

static void run_jobs(struct executor *e)
{
  struct plan *p = e->plan;
  for (;;) {
    start_jobs(e);
    if (e->next == p->n_jobs && count_running(e) == 0)
      return;
    cli_progress_tick(&e->progress, e->workers, e->how->processes);
    if (is_interrupted(e)) {
      interrupt(e);
      return;
    }
    collect(e);
  }
}

static bool share_memory(struct executor *e)
{
  size_t n = e->how->processes;
  e->workers = cli_allocate(n, sizeof *e->workers);
  e->shared = mmap(NULL, n * sizeof *e->shared, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; e->shared != MAP_FAILED && i < n; i++)
    e->workers[i].progress = &e->shared[i];
  return e->shared != MAP_FAILED;
}

/* What to wait for: children's ends, and requests to stop, unless whoever
 * started this program asked for them to be ignored (nohup, a script's &). */
static void choose_signals(struct executor *e)
{
  static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&e->waited);
  sigaddset(&e->waited, SIGCHLD);
  for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
    struct sigaction now;
    if (sigaction(stops[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaddset(&e->waited, stops[i]);
  }
}

void cli_execute(struct plan *p, const struct outdir *d,
                 const struct execution *x)
{
  struct executor e = {.plan = p, .dir = d, .how = x};
  choose_signals(&e);
  if (!share_memory(&e)) {
    cli_message("no shared memory: %s", strerror(errno));
    p->status = CLI_FAILED;
  } else {
    sigprocmask(SIG_BLOCK, &e.waited, &e.before);
    keep_fitting(&e);
    run_jobs(&e);
    cli_progress_clear(&e.progress);
    sigprocmask(SIG_SETMASK, &e.before, NULL);
    munmap(e.shared, x->processes * sizeof *e.shared);
  }
  free(e.workers);
}
