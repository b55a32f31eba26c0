#include "sim/cli/plan.h"

#include "sim/cli/captures.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct server_config *config_of(const struct hd_point *point)
{
  return hd_point_config(point);
}

/* Did the user name the scenario? */
static bool is_named(const struct hd_point *point)
{
  for (size_t i = 0; i < hd_point_values(point); i++) {
    struct hd_point_value v = hd_point_value(point, i);
    if (strcmp(v.path, "name") == 0)
      return v.kind != HD_ORIGIN_DEFAULT && v.text[0] != '\0';
  }
  return false;
}

static char *stem_of(const char *file)
{
  const char *slash = strrchr(file, '/');
  char *text = cli_format("%s", slash != NULL ? slash + 1 : file);
  char *dot = strrchr(text, '.');
  if (dot != NULL && dot > text)
    *dot = '\0';
  return text;
}

/* The scenario's name, or the file's, without what a path cannot have. */
static char *name_of(const struct hd_point *point, const char *file)
{
  char *text = is_named(point)
                   ? cli_format("%s", config_of(point)->scenario.name)
                   : stem_of(file);
  for (char *c = text; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && strchr("._+-", *c) == NULL)
      *c = '-';
  if (text[0] == '.')
    text[0] = '-';
  return text;
}

static void add_jobs(struct plan *p, size_t point, size_t repetitions)
{
  p->points[point].first_job = p->n_jobs;
  p->jobs = cli_resize(p->jobs, p->n_jobs + repetitions, sizeof *p->jobs);
  for (size_t i = 0; i < repetitions; i++)
    p->jobs[p->n_jobs++] = (struct plan_job){.point = point, .repetition = i};
}

static void add_point(struct plan *p, size_t index,
                      const struct hd_point *point)
{
  const struct run_params *run = &config_of(point)->run;
  size_t repetitions = run->repetitions > 0 ? (size_t)run->repetitions : 1;
  p->points[index] = (struct plan_point){
      .hash = cli_captures_hash(config_of(point), hd_scenario_hash(point)),
      .seed = (uint64_t)run->seed,
      .repetitions = repetitions};
  if (index == 0) {
    p->confidence = run->confidence;
    p->name = name_of(point, p->file);
  }
  add_jobs(p, index, repetitions);
}

bool cli_plan_initialize(struct plan *p, const struct cli_options *options,
                         const struct hd_scenario *scenario, const char *file,
                         size_t n_points)
{
  *p = (struct plan){.scenario = scenario,
                     .options = options,
                     .file = file,
                     .points = cli_allocate(n_points, sizeof *p->points),
                     .n_points = n_points};
  struct hd_errors *errors = hd_errors_create();
  for (size_t i = 0; i < n_points && !hd_errors_full(errors); i++) {
    struct hd_point *point = hd_scenario_point(scenario, i, errors);
    if (point != NULL)
      add_point(p, i, point);
    hd_point_destroy(point);
  }
  bool good = hd_errors_count(errors) == 0;
  hd_errors_sort(errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  if (!good)
    cli_plan_terminate(p);
  return good;
}

void cli_plan_terminate(struct plan *p)
{
  for (size_t i = 0; i < p->n_jobs; i++)
    free(p->jobs[i].failure);
  free(p->jobs);
  free(p->points);
  free(p->name);
  *p = (struct plan){0};
}

uint64_t cli_plan_seed(const struct plan *p, const struct plan_job *job)
{
  return p->points[job->point].seed + job->repetition;
}

struct hd_point *cli_plan_resolve(const struct plan *p,
                                  const struct plan_job *job)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(p->scenario, job->point, errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  if (point == NULL)
    exit(CLI_FAILED);
  return point;
}

char *cli_plan_axes_text(const struct hd_scenario *scenario,
                         const struct hd_point *point)
{
  char *text = cli_format("%s", "");
  for (size_t i = 0; i < hd_scenario_axes(scenario); i++) {
    char *longer = cli_format("%s%s%s=%s", text, i > 0 ? ", " : "",
                              hd_scenario_axis_path(scenario, i),
                              hd_point_axis_text(point, i));
    free(text);
    text = longer;
  }
  return text;
}

void cli_plan_put_word(FILE *out, const char *word)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./=,:@%";
  if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word != '\0'; word++)
    fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, out);
  fputc('\'', out);
}

static void put_setting(FILE *out, const char *option, const char *text)
{
  fprintf(out, " %s ", option);
  cli_plan_put_word(out, text);
}

static void put_settings(FILE *out, const struct plan *p,
                         const struct hd_point *point)
{
  const struct cli_options *o = p->options;
  for (size_t i = 0; i < o->n_sets; i++)
    if (strncmp(o->sets[i], "run.seed=", 9) != 0)
      put_setting(out, "--set", o->sets[i]);
  for (size_t i = 0; i < hd_scenario_axes(p->scenario); i++) {
    char *text = cli_format("%s=%s", hd_scenario_axis_path(p->scenario, i),
                            hd_point_axis_text(point, i));
    put_setting(out, "--set", text);
    free(text);
  }
}

char *cli_plan_reproduce(const struct plan *p, const struct plan_job *job,
                         const struct hd_point *point)
{
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (out == NULL)
    return cli_format("%s run %s", cli_program, p->file);
  fprintf(out, "%s run ", cli_program);
  cli_plan_put_word(out, p->file);
  put_settings(out, p, point);
  if (p->points[job->point].repetitions > 1)
    fputs(" --set run.repetitions=1", out);
  fprintf(out, " --seed %" PRIu64, cli_plan_seed(p, job));
  fclose(out);
  return text;
}
