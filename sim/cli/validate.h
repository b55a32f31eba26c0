/*
 * validate.h - the parts of `hdiov-sim validate`: kinds of measurements,
 * points, scores, tables and figures.
 *
 * The table of kinds is a CSV file: which rows of which data are a kind, how
 * well they must be met, and on which figure they are. Lines that follow each
 * other with the same `kind` are one kind. Its columns:
 *
 *   kind, title   for tables; words
 *   data          CSV file of measurements, relative to the table
 *   where         its rows, as in calibrate's --where; NA: all
 *   set           further settings, PATH=VALUE;PATH=VALUE; or NA
 *   metric        what is compared; one or more
 *   tolerance     "3 %"; NA: only the floor counts
 *   floor         how far off a value may be whatever it is, in its unit; NA
 *   rig           host: the scenario; link: a PCIe link alone
 *   figure        its file's name, a blank, its title; NA: on none
 *   x             column of the data, or percentile
 *   curve         columns of the data that tell curves apart
 *
 * With neither tolerance nor floor a kind is shown and not scored.
 */
#ifndef HD_CLI_VALIDATE_H
#define HD_CLI_VALIDATE_H

#include "sim/cli/cli.h"
#include "sim/cli/measured.h"
#include "sim/cli/measured_simulate.h"
#include "sim/cli/validate_link.h"

/* A line of the table of kinds. Texts are the table's. */
struct validate_line {
  const char *kind, *title, *where, *set, *metric, *figure, *x, *curve;
  char *data;       /* path; owned */
  double tolerance; /* relative; 0: none */
  double floor;     /* in the metric's unit; 0: none */
  bool link;        /* the link alone */
  struct measured measured;
};

/* One measured value. */
struct validate_point {
  const struct validate_line *line;
  const struct hd_csv_table *table; /* of the data, and the row in it */
  size_t row;
  size_t outcome;   /* OUTCOMES: the link's payload rate */
  char *conditions; /* "bench.op=rd bench.transfer=64 B"; owned */
  double measured, simulated, analytic; /* NaN: none */
  struct link_case link;                /* of line->link */
};

struct validation {
  const struct cli_options *options;
  const char *file; /* scenario */
  const char *only; /* kinds, separated by commas; NULL: all */
  size_t processes;
  bool terminal;             /* show progress */
  struct hd_csv_table table; /* of kinds */
  struct validate_line *lines;
  size_t n_lines;
  struct validate_point *points; /* line by line */
  size_t n_points;
  size_t n_simulations;
};

/* Reads the table of kinds and the data. False: the reason was printed. */
bool cli_validate_read(struct validation *v, const char *path);
void cli_validate_terminate(struct validation *v);
/* Adds the points of a line whose rig is the link: the columns of the public
 * model's results. False: the reason was printed. */
bool cli_validate_read_link(struct validation *v, struct validate_line *line);
/* A new point at the end; valid until the next one. */
struct validate_point *cli_validate_add_point(struct validation *v);

/* Fills simulated and analytic of all points. CLI_OK, or why not (printed). */
int cli_validate_simulate(struct validation *v);
int cli_validate_simulate_links(struct validation *v);

/* What the points of one kind say together. */
struct validate_score {
  size_t n;
  double mean, worst; /* relative errors, without sign */
  /* The same in units of what is allowed; a kind passes with a mean of at most
   * 1 and a worst of at most 2. */
  double mean_allowed, worst_allowed;
  double analytic_mean, analytic_worst; /* NaN: it has nothing to say */
  bool scored, passed;
};

/* Of the points[first .. first + n - 1], which are of one kind. */
struct validate_score cli_validate_score(const struct validate_point *points,
                                         size_t n);
/* How many points from `first` on are of its kind. */
size_t cli_validate_kind_size(const struct validation *v, size_t first);

/* The table for people; returns whether all kinds passed. */
bool cli_validate_print(const struct validation *v, FILE *out);
/* DIR/points.csv, DIR/kinds.csv, DIR/table.md. False: the reason was printed.
 */
bool cli_validate_write(const struct validation *v, const char *dir);
/* DIR/FIGURE.{gp,dat,png,svg}. False: the reason was printed. */
bool cli_validate_draw(const struct validation *v, const char *dir);

/* "3 %", "13.3 ns", "3 % or 13.3 ns", "-"; owned by the caller. */
char *cli_validate_tolerance_text(const struct validate_line *line);

#endif
