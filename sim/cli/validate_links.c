/* The kind "link alone": rows of the public model's results. */
#include "sim/cli/validate.h"

#include "sim/cli/measured_outcome.h"
#include "sim/cli/measured_where.h"
#include "sim/cli/validate_rig.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *column, *name;
  enum link_op op;
} ops[] = {{"rd_gbps", "rd", LINK_READ},
           {"wr_gbps", "wr", LINK_WRITE},
           {"rdwr_each_dir_gbps", "rdwr", LINK_BOTH}};
enum { N_OPS = sizeof ops / sizeof ops[0] };

struct reading {
  const struct validate_line *line;
  const struct hd_csv_table *table;
  size_t row;
};

/* A whole number behind `prefix`. */
static bool integer(const struct reading *r, const char *column,
                    const char *prefix, int64_t *value)
{
  size_t index = hd_csv_column(r->table, column), skip = strlen(prefix);
  const char *text =
      index < r->table->columns ? hd_csv_cell(r->table, r->row, index) : NULL;
  char *end;
  if (text != NULL && strncmp(text, prefix, skip) == 0) {
    *value = strtoll(text + skip, &end, 10);
    if (end != text + skip && *end == '\0' && *value >= 0)
      return true;
  }
  cli_message("%s:%zu: column '%s': '%s' is not %sN", r->line->data, r->row + 2,
              column, text != NULL ? text : "NA", prefix);
  return false;
}

static bool read_case(const struct reading *r, struct link_case *c)
{
  int64_t chunks, bits;
  bool good =
      integer(r, "gen", "gen", &c->generation) &&
      integer(r, "lanes", "x", &c->lanes) && integer(r, "mps", "", &c->mps) &&
      integer(r, "mrrs", "", &c->mrrs) && integer(r, "rcb", "", &c->rcb) &&
      integer(r, "rcb_chunks", "", &chunks) &&
      integer(r, "addr_bits", "", &bits) &&
      integer(r, "transfer_bytes", "", &c->transfer);
  if (!good)
    return false;
  c->rcb_chunks = chunks != 0;
  c->wide = bits == 64;
  bool sane = c->generation >= 1 && c->generation <= 5 && c->lanes >= 1 &&
              c->lanes <= 16 && c->mps >= 128 && c->mrrs >= 128 &&
              c->rcb >= 64 && c->transfer >= 1 && c->transfer <= 4096;
  if (!sane)
    cli_message("%s:%zu: there is no such link", r->line->data, r->row + 2);
  return sane;
}

static char *conditions(const struct link_case *c, const char *op)
{
  return cli_format("gen=%" PRId64 "; lanes=%" PRId64 "; mps=%" PRId64
                    "; mrrs=%" PRId64 "; rcb_chunks=%d; addr_bits=%d; op=%s; "
                    "transfer=%" PRId64,
                    c->generation, c->lanes, c->mps, c->mrrs, c->rcb_chunks,
                    c->wide ? 64 : 32, op, c->transfer);
}

/* The public model counts payload to the byte; on the wire it takes whole
 * double words (PCIe 2.2.2). So what it says is corrected by that. */
static double padded(const struct link_case *c, double gbps)
{
  return gbps * cli_link_padded_gbps(c) / cli_link_payload_gbps(c);
}

static bool read_row(struct validation *v, const struct reading *r)
{
  struct link_case c;
  if (!read_case(r, &c))
    return false;
  for (size_t i = 0; i < N_OPS; i++) {
    size_t column = hd_csv_column(r->table, ops[i].column);
    double gbps = NAN;
    if (column == r->table->columns ||
        !hd_csv_number(r->table, r->row, column, &gbps) || !(gbps > 0)) {
      cli_message("%s:%zu: no number in column '%s'", r->line->data, r->row + 2,
                  ops[i].column);
      return false;
    }
    c.op = ops[i].op;
    *cli_validate_add_point(v) =
        (struct validate_point){.line = r->line,
                                .table = r->table,
                                .row = r->row,
                                .outcome = OUTCOMES,
                                .conditions = conditions(&c, ops[i].name),
                                .measured = padded(&c, gbps),
                                .simulated = NAN,
                                .analytic = NAN,
                                .link = c};
  }
  return true;
}

bool cli_validate_read_link(struct validation *v, struct validate_line *line)
{
  struct measured *m = &line->measured;
  struct measured_file *f = cli_allocate(1, sizeof *f);
  f->path = line->data;
  if (!hd_csv_read(&f->table, line->data)) {
    cli_message("%s", f->table.error);
    free(f);
    return false;
  }
  m->files = cli_allocate(1, sizeof(struct measured_file *));
  m->files[m->n_files++] = f;
  struct where where;
  if (!cli_where_parse(&where, &f->table, line->data, line->where))
    return false;
  struct reading r = {.line = line, .table = &f->table};
  bool good = true;
  for (r.row = 0; good && r.row < f->table.rows; r.row++)
    if (cli_where_matches(&where, &f->table, r.row))
      good = read_row(v, &r);
  cli_where_terminate(&where);
  return good;
}

/* -- simulation ----------------------------------------------------------- */

struct batch {
  struct validation *v;
  size_t *points; /* those with a link of their own */
};

static void run(void *ctx, size_t task, double *out)
{
  const struct batch *b = ctx;
  *out = cli_rig_payload_gbps(&b->v->points[b->points[task]].link);
}

int cli_validate_simulate_links(struct validation *v)
{
  struct batch b = {.v = v};
  size_t n = 0;
  b.points = cli_allocate(v->n_points, sizeof *b.points);
  for (size_t i = 0; i < v->n_points; i++)
    if (v->points[i].line->link)
      b.points[n++] = i;
  double *results = cli_allocate(n, sizeof *results);
  struct pool_options pool = {
      .processes = v->processes, .width = 1, .run = run, .ctx = &b};
  enum pool_status status = n > 0 ? cli_pool_run(&pool, n, results) : POOL_OK;
  for (size_t i = 0; status == POOL_OK && i < n; i++)
    v->points[b.points[i]].simulated = results[i];
  v->n_simulations += n;
  free(results);
  free(b.points);
  return status == POOL_OK            ? CLI_OK
         : status == POOL_INTERRUPTED ? CLI_INTERRUPTED
                                      : CLI_FAILED;
}
