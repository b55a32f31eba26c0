#include "sim/cli/measured_simulate.h"

#include "sim/cli/captures.h"
#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct known {
  uint64_t key;
  double outcome[OUTCOMES];
};

struct simulator {
  struct simulator_options o;
  struct known **known; /* sorted by key */
  size_t n_known;
  /* What is being run: one scenario and point for each new key. */
  struct task {
    struct hd_scenario *scenario;
    struct hd_point *point;
    struct known *known; /* not yet among the known */
    const struct simulation *what;
  } * tasks;
  size_t n_tasks;
};

struct simulator *cli_simulator_create(const struct simulator_options *o)
{
  struct simulator *s = cli_allocate(1, sizeof *s);
  s->o = *o;
  return s;
}

void cli_simulator_destroy(struct simulator *s)
{
  for (size_t i = 0; s != NULL && i < s->n_known; i++)
    free(s->known[i]);
  if (s != NULL)
    free(s->known);
  free(s);
}

size_t cli_simulator_runs(const struct simulator *s)
{
  return s->n_known;
}

/* -- settings to a configuration ------------------------------------------ */

/* "FILE: error: MESSAGE" or "FILE:LINE:COL: error: MESSAGE". */
static char *without_place(const char *text)
{
  const char *mark = strstr(text, ": error: ");
  return cli_format("%s", mark != NULL ? mark + 9 : text);
}

struct hd_scenario *cli_simulator_load(const char *file,
                                       const char *const *sets, size_t n_sets,
                                       char **problem)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_overrides ov = {.sets = sets, .set_count = n_sets};
  struct hd_scenario *s =
      hd_scenario_load(cli_environment(), file, &ov, errors);
  if (s == NULL)
    *problem = without_place(hd_errors_text(errors, 0));
  hd_errors_destroy(errors);
  return s;
}

/* What neither a model sees nor a result shows, or belongs to a unit that is
 * off. */
static bool is_idle(const struct server_config *c, const char *path)
{
  static const char *const words[] = {"name", "description", "run.repetitions",
                                      "run.confidence"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(path, words[i]) == 0)
      return true;
  return c->iommu.mode == IOMMU_OFF && strncmp(path, "iommu.", 6) == 0 &&
         strcmp(path, "iommu.mode") != 0;
}

/* 64-bit FNV-1a over what matters. */
static uint64_t key_of(const struct hd_point *point)
{
  const struct server_config *config = hd_point_config(point);
  uint64_t key = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < hd_point_values(point); i++) {
    struct hd_point_value v = hd_point_value(point, i);
    if (is_idle(config, v.path))
      continue;
    const char *const texts[] = {v.path, "=", v.text, "\n"};
    for (size_t j = 0; j < 4; j++)
      for (const char *c = texts[j]; *c != '\0'; c++)
        key = (key ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
  }
  return key;
}

static char *shortage_of(const struct hd_point *point)
{
  struct server_shortage shortage = {0};
  if (server_feasible(hd_point_config(point), &shortage))
    return NULL;
  return cli_format("infeasible: %s %lld < %lld", shortage.resource,
                    (long long)shortage.have, (long long)shortage.need);
}

/* -- what is known -------------------------------------------------------- */

static struct known *look_up(const struct simulator *s, uint64_t key)
{
  size_t low = 0, high = s->n_known;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (s->known[middle]->key < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low < s->n_known && s->known[low]->key == key ? s->known[low] : NULL;
}

static struct known *look_up_task(const struct simulator *s, uint64_t key)
{
  for (size_t i = 0; i < s->n_tasks; i++)
    if (s->tasks[i].known->key == key)
      return s->tasks[i].known;
  return NULL;
}

static void add_task(struct simulator *s, struct simulation *what,
                     struct hd_scenario *scenario, struct hd_point *point)
{
  uint64_t key = key_of(point);
  struct known *k = look_up(s, key);
  if (k == NULL)
    k = look_up_task(s, key);
  if (k != NULL) {
    what->outcome = k->outcome;
    hd_point_destroy(point);
    hd_scenario_destroy(scenario);
    return;
  }
  k = cli_allocate(1, sizeof *k);
  k->key = key;
  what->outcome = k->outcome;
  s->tasks = cli_resize(s->tasks, s->n_tasks + 1, sizeof *s->tasks);
  s->tasks[s->n_tasks++] = (struct task){scenario, point, k, what};
}

static void prepare(struct simulator *s, struct simulation *what)
{
  what->outcome = NULL;
  what->problem = NULL;
  struct hd_scenario *scenario =
      cli_simulator_load(s->o.file, what->sets, what->n_sets, &what->problem);
  if (scenario == NULL)
    return;
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(scenario, 0, errors);
  if (point == NULL)
    what->problem = without_place(hd_errors_text(errors, 0));
  hd_errors_destroy(errors);
  if (point != NULL)
    what->problem = shortage_of(point);
  if (what->problem == NULL) {
    add_task(s, what, scenario, point);
    return;
  }
  hd_point_destroy(point);
  hd_scenario_destroy(scenario);
}

/* -- running -------------------------------------------------------------- */

static char *reproduce(const struct simulator *s, const struct simulation *what)
{
  char *text = cli_format("%s run %s", cli_program, s->o.file);
  for (size_t i = 0; i < what->n_sets; i++) {
    char *longer = cli_format("%s --set '%s'", text, what->sets[i]);
    free(text);
    text = longer;
  }
  return text;
}

/* In the child, whose memory goes with it. */
static void run(void *ctx, size_t index, double *out)
{
  struct simulator *s = ctx;
  const struct task *t = &s->tasks[index];
  const struct server_config *config = hd_point_config(t->point);
  char *text = reproduce(s, t->what);
  const struct capture *captures[SERVER_MAX_GROUPS];
  cli_captures_of(config, captures);
  struct server_options options = {.seed = (uint64_t)config->run.seed,
                                   .reproduce = text,
                                   .captures = captures};
  struct server *server = server_create(config, &options);
  server_run(server);
  struct server_results results;
  server_get_results(server, &results);
  cli_outcome_fill(&results, out);
}

static void tick(void *ctx, size_t done, size_t total)
{
  struct simulator *s = ctx;
  if (s->o.tick != NULL)
    s->o.tick(s->o.ctx, done, total);
}

static int by_key(const void *left, const void *right)
{
  const struct known *const *a = left, *const *b = right;
  return ((*a)->key > (*b)->key) - ((*a)->key < (*b)->key);
}

static void remember(struct simulator *s, const double *results)
{
  s->known =
      cli_resize(s->known, s->n_known + s->n_tasks, sizeof(struct known *));
  for (size_t i = 0; i < s->n_tasks; i++) {
    memcpy(s->tasks[i].known->outcome, results + i * OUTCOMES,
           OUTCOMES * sizeof *results);
    s->known[s->n_known++] = s->tasks[i].known;
  }
  qsort(s->known, s->n_known, sizeof(struct known *), by_key);
}

/* Without results, nothing points into what the tasks would have filled. */
static void forget(struct simulator *s, struct simulation *list, size_t n)
{
  for (size_t i = 0; i < n; i++)
    list[i].outcome = NULL;
  for (size_t i = 0; i < s->n_tasks; i++)
    free(s->tasks[i].known);
}

enum pool_status cli_simulate(struct simulator *s, struct simulation *list,
                              size_t n)
{
  s->tasks = NULL;
  s->n_tasks = 0;
  for (size_t i = 0; i < n; i++)
    prepare(s, &list[i]);
  double *results = cli_allocate(s->n_tasks * OUTCOMES, sizeof *results);
  struct pool_options pool = {.processes = s->o.processes,
                              .width = OUTCOMES,
                              .run = run,
                              .tick = tick,
                              .ctx = s};
  enum pool_status status =
      s->n_tasks > 0 ? cli_pool_run(&pool, s->n_tasks, results) : POOL_OK;
  if (status == POOL_OK)
    remember(s, results);
  else
    forget(s, list, n);
  for (size_t i = 0; i < s->n_tasks; i++) {
    hd_point_destroy(s->tasks[i].point);
    hd_scenario_destroy(s->tasks[i].scenario);
  }
  free(s->tasks);
  free(results);
  return status;
}
