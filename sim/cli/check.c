/* hdiov-sim check: is a scenario right, and where do its values come from? */
#include "models/server.h"
#include "sim/cli/cli.h"
#include "sim/scenario/published.h"

#include <string.h>

struct check {
  struct cli_options *common;
  const char *file;
  bool explain;
};

static const char doc[] =
    "Validates a scenario: syntax, names, units, ranges and the rules across "
    "parameters, at every point of its sweep. All errors are reported in one "
    "pass."
    "\v"
    "Examples:\n"
    "  hdiov-sim check my.yaml\n"
    "  hdiov-sim check my.yaml --set vms.count=64 --explain\n"
    "\n"
    "What --explain prints is a complete scenario without a sweep: it can be "
    "edited, and run.\n"
    "\n"
    "Exit status: 0 when the scenario is right, 2 when it is not.";

static const struct argp_option options[] = {
    {"explain", 'e', NULL, 0,
     "Print the resolved scenario (of a sweep: its first point), each value "
     "with where it comes from",
     0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct check *check = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = state->child_inputs[1] = check->common;
    return 0;
  case 'e':
    check->explain = true;
    return 0;
  default:
    return cli_parse_file(key, arg, state, &check->file);
  }
}

static const struct argp_child children[] = {
    {&cli_scenario_argp, 0, NULL, 0}, {&cli_axis_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

static size_t count_infeasible(const struct hd_scenario *s,
                               struct hd_errors *errors)
{
  size_t infeasible = 0;
  for (size_t i = 0; i < hd_scenario_points(s) && !hd_errors_full(errors);
       i++) {
    struct hd_point *point = hd_scenario_point(s, i, errors);
    struct server_shortage shortage;
    if (point != NULL && !server_feasible(hd_point_config(point), &shortage))
      infeasible++;
    hd_point_destroy(point);
  }
  return infeasible;
}

static void print_verdict(const char *file, const struct hd_scenario *s,
                          size_t infeasible)
{
  size_t points = hd_scenario_points(s);
  size_t published = hd_scenario_published_count(s);
  printf("%s: ok (%zu point%s", file, points, points == 1 ? "" : "s");
  if (infeasible > 0)
    printf(", %zu infeasible on this hardware", infeasible);
  if (published > 0)
    printf(", %zu published figure%s", published, published == 1 ? "" : "s");
  printf(")\n");
}

static void explain(const struct hd_scenario *s, struct hd_errors *errors)
{
  struct hd_point *point = hd_scenario_point(s, 0, errors);
  if (point != NULL)
    hd_scenario_explain(point, stdout);
  hd_point_destroy(point);
}

int cli_check(struct cli_options *o, int argc, char **argv)
{
  struct check check = {.common = o};
  cli_parse(&argp, argc, argv, &check);
  struct hd_scenario *s = cli_load(o, check.file);
  if (s == NULL)
    return CLI_USAGE;
  struct hd_errors *errors = hd_errors_create();
  size_t infeasible = count_infeasible(s, errors);
  bool good = hd_errors_count(errors) == 0;
  if (good && check.explain)
    explain(s, errors);
  else if (good)
    print_verdict(check.file, s, infeasible);
  hd_errors_sort(errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  hd_scenario_destroy(s);
  return good ? CLI_OK : CLI_USAGE;
}
