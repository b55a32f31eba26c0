#include "sim/cli/progress.h"

#include "sim/engine/time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LINE_INTERVAL_S 5.0
#define SAMPLE_INTERVAL_S 0.5
enum { BAR_WIDTH = 16, LINE_MAX_LENGTH = 256 };

static double seconds_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_begin(struct progress *p, bool quiet, size_t total,
                        size_t kept)
{
  *p = (struct progress){.quiet = quiet,
                         .terminal = isatty(STDERR_FILENO) != 0,
                         .begin = seconds_now(),
                         .total = total,
                         .kept = kept,
                         .done = kept};
  p->last_line = p->last_sample = p->begin;
}

void cli_progress_job(struct progress *p, const struct worker *w)
{
  p->done++;
  if (w != NULL)
    p->events_done += atomic_load(&w->progress->events);
}

void cli_progress_clear(struct progress *p)
{
  if (!p->drawn)
    return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  p->drawn = false;
}

/* -- what is going on ----------------------------------------------------- */

struct state {
  size_t running;
  double simulated_ps; /* sum over running jobs, since their start */
  double parts;        /* of running jobs that are behind them, 0 to 1 each */
  uint64_t events;
};

static void look_at(struct state *s, const struct worker *w)
{
  int64_t now = atomic_load(&w->progress->now);
  int64_t start = atomic_load(&w->progress->start);
  int64_t length = atomic_load(&w->progress->length);
  s->running++;
  s->simulated_ps += (double)now;
  s->events += atomic_load(&w->progress->events);
  if (now > start && length > 0)
    s->parts += fmin(1, (double)(now - start) / (double)length);
}

static struct state look(const struct progress *p, const struct worker *workers,
                         size_t n)
{
  struct state s = {.events = p->events_done};
  for (size_t i = 0; i < n; i++)
    if (workers[i].pid != 0)
      look_at(&s, &workers[i]);
  return s;
}

static void sample(struct progress *p, const struct state *s, double now)
{
  double interval = now - p->last_sample;
  if (interval < SAMPLE_INTERVAL_S)
    return;
  double events = s->events > p->sampled ? (double)(s->events - p->sampled) : 0;
  double rate = events / interval;
  p->events_per_s =
      p->events_per_s > 0 ? 0.7 * p->events_per_s + 0.3 * rate : rate;
  p->sampled = s->events;
  p->last_sample = now;
}

/* Seconds; NaN while nothing is known. */
static double remaining(const struct progress *p, const struct state *s,
                        double now)
{
  double done = (double)(p->done - p->kept) + s->parts;
  double left = (double)(p->total - p->done) - s->parts;
  double elapsed = now - p->begin;
  if (done < 0.05 || elapsed < 0.5)
    return NAN;
  return elapsed / done * left;
}

/* -- words ------------------------------------------------------------------
 */

static void put_duration(char *text, size_t size, double seconds)
{
  if (isnan(seconds))
    snprintf(text, size, "? s");
  else if (seconds < 99.5)
    snprintf(text, size, "%.0f s", ceil(seconds));
  else if (seconds < 5400)
    snprintf(text, size, "%.0f min", seconds / 60);
  else
    snprintf(text, size, "%.1f h", seconds / 3600);
}

static void put_words(char *text, size_t size, const struct progress *p,
                      const struct state *s, double now)
{
  char left[32];
  put_duration(left, sizeof left, remaining(p, s, now));
  double mean = s->running > 0 ? s->simulated_ps / (double)s->running : 0;
  double ms = mean / (double)HD_MS;
  snprintf(text, size,
           "%zu/%zu points, %zu running at %.*f ms, %.1f M events/s, %s left",
           p->done, p->total, s->running, ms < 100 ? 1 : 0, ms,
           p->events_per_s / 1e6, left);
}

static size_t terminal_width(void)
{
  struct winsize w;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20)
    return w.ws_col;
  return 80;
}

static void draw_bar(struct progress *p, const struct state *s, double now)
{
  char bar[BAR_WIDTH + 1], words[LINE_MAX_LENGTH],
      line[BAR_WIDTH + LINE_MAX_LENGTH + 8];
  double part = ((double)p->done + s->parts) / (double)p->total;
  size_t full = (size_t)(fmin(1, part) * BAR_WIDTH);
  memset(bar, '-', BAR_WIDTH);
  memset(bar, '#', full);
  bar[BAR_WIDTH] = '\0';
  put_words(words, sizeof words, p, s, now);
  snprintf(line, sizeof line, "[%s] %s", bar, words);
  fprintf(stderr, "\r%.*s\033[K", (int)terminal_width() - 1, line);
  fflush(stderr);
  p->drawn = true;
}

static void print_line(struct progress *p, const struct state *s, double now)
{
  char words[LINE_MAX_LENGTH];
  if (now - p->last_line < LINE_INTERVAL_S)
    return;
  p->last_line = now;
  put_words(words, sizeof words, p, s, now);
  cli_message("%s", words);
}

void cli_progress_tick(struct progress *p, const struct worker *workers,
                       size_t n_workers)
{
  double now = seconds_now();
  if (p->quiet || p->total == 0)
    return;
  struct state s = look(p, workers, n_workers);
  sample(p, &s, now);
  if (p->terminal)
    draw_bar(p, &s, now);
  else
    print_line(p, &s, now);
}
