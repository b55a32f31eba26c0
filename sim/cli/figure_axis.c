#include "sim/cli/figure_axis.h"

#include "sim/cli/cli.h"
#include "sim/cli/figure_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SPAN 20.0
enum { CHARACTER_WIDTH = 10, TIC_GAP = 10, EXPLICIT_TICS_MAX = 24 };

bool cli_figure_is_numeric(const struct figure_data *d)
{
  return d->x != FIGURE_NONE && d->axes[d->x].numeric;
}

static bool has_result(const struct figure_data *d, size_t i)
{
  for (size_t panel = 0; panel < d->n_panels; panel++)
    for (size_t curve = 0; curve < d->n_curves; curve++)
      if (cli_figure_is_ok(cli_figure_cell(d, panel, curve, i)))
        return true;
  return false;
}

/* The axis ends at the last x that anything was measured at. */
static size_t last_x(const struct figure_data *d)
{
  for (size_t i = d->n_x; i-- > 0;)
    if (has_result(d, i))
      return i;
  return d->n_x - 1;
}

bool cli_figure_is_log_x(const struct figure_data *d)
{
  if (!cli_figure_is_numeric(d))
    return false;
  double first = cli_figure_x(d, 0), last = cli_figure_x(d, last_x(d));
  return first > 0 && last > first &&
         (d->log_x_asked || last > LOG_SPAN * first);
}

double cli_figure_x_position(const struct figure_data *d, size_t i)
{
  double x = cli_figure_x(d, i);
  return cli_figure_is_numeric(d)
             ? x / cli_figure_axis_unit(&d->axes[d->x]).scale
             : x;
}

/* -- range and tics
 * ------------------------------------------------------------ */

/* From 0 to 1 along the axis. */
static double along(const struct figure_data *d, size_t i)
{
  double first = cli_figure_x_position(d, 0);
  double last = cli_figure_x_position(d, last_x(d));
  double x = cli_figure_x_position(d, i);
  if (last <= first)
    return 0.5;
  if (cli_figure_is_log_x(d))
    return log(x / first) / log(last / first);
  return (x - first) / (last - first);
}

static void put_range(const struct figure_data *d, struct figure_script *s)
{
  double first = cli_figure_x_position(d, 0);
  double last = cli_figure_x_position(d, last_x(d));
  if (cli_figure_is_log_x(d)) {
    double pad = pow(last / first, 0.04);
    fprintf(s->script, "set logscale x 10\nset xrange [%.6g:%.6g]\n",
            first / pad, last * pad);
    return;
  }
  double pad = last > first ? 0.05 * (last - first) : 1;
  if (!cli_figure_is_numeric(d))
    pad = 0.5;
  fprintf(s->script, "unset logscale x\nset xrange [%.6g:%.6g]\n", first - pad,
          last + pad);
}

static void tic_text(const struct figure_data *d, size_t i, char *text,
                     size_t size)
{
  if (cli_figure_is_numeric(d))
    snprintf(text, size, "%.6g", cli_figure_x_position(d, i));
  else
    snprintf(text, size, "%s", cli_figure_x_text(d, i));
}

/* Which labels there is room for: the ends first, then in order. */
static void choose_tics(const struct figure_data *d, size_t n, double pixels,
                        bool *shown)
{
  double last_end = -1e9;
  char text[64];
  tic_text(d, n - 1, text, sizeof text);
  double final_begin = along(d, n - 1) * pixels -
                       (double)strlen(text) * CHARACTER_WIDTH / 2 - TIC_GAP;
  for (size_t i = 0; i < n; i++) {
    tic_text(d, i, text, sizeof text);
    double half = (double)strlen(text) * CHARACTER_WIDTH / 2;
    double at = along(d, i) * pixels;
    bool last = i + 1 == n;
    shown[i] =
        last || (at - half >= last_end + TIC_GAP && at + half <= final_begin);
    if (shown[i])
      last_end = at + half;
  }
}

/* Names that do not fit side by side take turns in two rows, smaller. */
static bool in_two_rows(const struct figure_data *d, const bool *shown,
                        size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!shown[i])
      return !cli_figure_is_numeric(d);
  return false;
}

static void put_tics(const struct figure_data *d, struct figure_script *s,
                     size_t columns)
{
  double pixels = (double)s->width / (double)columns - 145;
  size_t n = last_x(d) + 1;
  bool *shown = cli_allocate(n, sizeof *shown);
  if (n > EXPLICIT_TICS_MAX) {
    fputs("set xtics autofreq\n", s->script);
  } else {
    choose_tics(d, n, pixels, shown);
    bool rows = in_two_rows(d, shown, n);
    fputs(rows ? "set xtics font \",11\" offset 0,0.4 (" : "set xtics (",
          s->script);
    for (size_t i = 0; i < n; i++) {
      char text[64];
      tic_text(d, i, text, sizeof text);
      fputs(i > 0 ? ", " : "", s->script);
      if (rows && i % 2 == 1)
        fputs("\"\\n\" . ", s->script);
      cli_script_put_text(s, shown[i] || rows ? text : "");
      fprintf(s->script, " %.6g", cli_figure_x_position(d, i));
    }
    fputs(")\n", s->script);
  }
  free(shown);
}

/* -- notes
 * ------------------------------------------------------------------------ */

/* The first x that a curve has no result for although it was run, and the last
 * before it that it has one for; d->n_x: none. */
struct end {
  size_t last, first_bad;
  const char *status;
};

static struct end end_of(const struct figure_data *d, size_t panel,
                         size_t curve)
{
  struct end end = {.last = d->n_x, .first_bad = d->n_x};
  for (size_t i = 0; i < d->n_x; i++) {
    const struct summary_case *c = cli_figure_cell(d, panel, curve, i);
    if (c == NULL)
      continue;
    if (cli_figure_is_ok(c)) {
      end.last = i;
      continue;
    }
    end.first_bad = i;
    end.status = c->status;
    break;
  }
  return end;
}

/* "infeasible: virtual functions 256 < 512" to "virtual functions run out". */
static char *shortage_of(const char *status)
{
  const char *resource = strchr(status, ':');
  if (strncmp(status, "infeasible", 10) != 0 || resource == NULL)
    return cli_format("fails");
  resource += 2;
  if (strncmp(resource, "GiB of ", 7) == 0)
    resource += 7;
  size_t length = strcspn(resource, "0123456789");
  while (length > 0 && resource[length - 1] == ' ')
    length--;
  bool plural = length > 0 && resource[length - 1] == 's';
  return cli_format("%.*s %s out", (int)length, resource,
                    plural ? "run" : "runs");
}

/* NULL: nothing to say. */
static char *note_of(const struct figure_data *d, size_t panel, size_t curve)
{
  struct end end = end_of(d, panel, curve);
  char at[64];
  if (end.first_bad == d->n_x)
    return NULL;
  char *what = shortage_of(end.status);
  char *name = cli_figure_curve_name(d, curve);
  const char *gap = name[0] != '\0' ? ": " : "";
  bool runs_out = strcmp(what, "fails") != 0;
  bool beyond = runs_out && cli_figure_is_numeric(d) && end.last != d->n_x;
  tic_text(d, beyond ? end.last : end.first_bad, at, sizeof at);
  char *note =
      cli_format("%s%s%s %s %s", name, gap, what, beyond ? "beyond" : "at", at);
  free(what);
  free(name);
  return note;
}

size_t cli_figure_notes(const struct figure_data *d, size_t panel)
{
  size_t n = 0;
  for (size_t i = 0; i < d->n_curves; i++)
    n += end_of(d, panel, i).first_bad != d->n_x;
  return n;
}

static void put_title(const struct figure_data *d, struct figure_script *s,
                      size_t panel)
{
  char *title = d->x != FIGURE_NONE ? cli_figure_axis_title(d, d->x)
                                    : cli_format("%s", "");
  fputs("set xlabel ", s->script);
  cli_script_put_text(s, title);
  free(title);
  for (size_t i = 0; i < d->n_curves; i++) {
    char *note = note_of(d, panel, i);
    if (note == NULL)
      continue;
    fprintf(s->script, ".\"\\n{/*0.85 \".");
    cli_script_put_text(s, note);
    fputs(".\"}\"", s->script);
    free(note);
  }
  fputs("\n", s->script);
}

void cli_figure_put_x(const struct figure_data *d, struct figure_script *s,
                      size_t panel, size_t columns)
{
  put_range(d, s);
  put_tics(d, s, columns);
  put_title(d, s, panel);
}

void cli_figure_put_marks(const struct figure_data *d, struct figure_script *s,
                          size_t panel)
{
  fputs("unset arrow\n", s->script);
  for (size_t i = 0; i < d->n_curves; i++) {
    struct end end = end_of(d, panel, i);
    if (end.first_bad == d->n_x || end.last == d->n_x)
      continue;
    double x = cli_figure_x_position(d, end.last);
    fprintf(s->script,
            "set arrow from %.6g, graph 0 to %.6g, graph 1 nohead dt 3 lw 1.5 "
            "lc rgb \"%s\" back\n",
            x, x, cli_script_color(i));
  }
}
