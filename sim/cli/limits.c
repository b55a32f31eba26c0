/* hdiov-sim limits: how many devices does each design support here? */
#include "models/server.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct limits {
  struct cli_options *common;
  const char *file;
};

static const char doc[] =
    "Prints how many virtual machines, with one device each, every design "
    "supports on a scenario's hardware, and the resource that the next one "
    "would lack. Nothing is simulated."
    "\v"
    "The first group of the scenario's virtual machines grows; the others stay "
    "as they are and keep what they use. Memory counts, too: make the guests "
    "small to see what the device can do.\n"
    "\n"
    "Examples:\n"
    "  hdiov-sim limits scenarios/quickstart.yaml\n"
    "  hdiov-sim limits my.yaml --set vms.queue_pairs=16 --set "
    "nic.vectors=4096\n"
    "\n"
    "Exit status: 0 when the limits were found, 2 when the scenario is wrong.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct limits *limits = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = limits->common;
    return 0;
  default:
    return cli_parse_file(key, arg, state, &limits->file);
  }
}

static const struct argp_child children[] = {{&cli_scenario_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

/* Counts beyond this are not searched. */
enum { COUNT_MAX = 1 << 16 };

static bool fits(struct server_config *c, int64_t count,
                 struct server_shortage *s)
{
  c->groups[0].count = count;
  return server_feasible(c, s);
}

/* The greatest feasible count, and in *s what one more would lack. What fits
 * with n devices fits with fewer. */
static int64_t find_limit(struct server_config *c, struct server_shortage *s)
{
  int64_t good = 0, bad = 1;
  while (bad <= COUNT_MAX && fits(c, bad, s)) {
    good = bad;
    bad *= 2;
  }
  if (bad > COUNT_MAX)
    return good;
  while (bad - good > 1) {
    int64_t middle = good + (bad - good) / 2;
    if (fits(c, middle, s))
      good = middle;
    else
      bad = middle;
  }
  (void)fits(c, good + 1, s);
  return good;
}

static void print_limit(const struct server_config *config, const char *name,
                        int design, int64_t queue_pairs)
{
  struct server_config *c = cli_allocate(1, sizeof *c);
  struct server_shortage s = {0};
  *c = *config;
  c->groups[0].design = design;
  c->groups[0].queue_pairs = queue_pairs;
  int64_t limit = find_limit(c, &s);
  printf("%-11s %11" PRId64 " %9" PRId64 "  ", name, queue_pairs, limit);
  if (s.resource != NULL)
    printf("%s: %" PRId64 " < %" PRId64 "\n", s.resource, s.have, s.need);
  else
    printf("none within %d\n", COUNT_MAX);
  free(c);
}

static void print_limits(const struct server_config *c)
{
  int64_t queue_pairs = c->groups[0].queue_pairs;
  printf("%-11s %11s %9s  %s\n", "design", "queue pairs", "devices",
         "what one more would lack");
  for (int d = 0; server_design_names[d] != NULL; d++) {
    if (!server_design_fits(&c->groups[0], d))
      continue;
    if (queue_pairs != 1)
      print_limit(c, server_design_names[d], d, 1);
    print_limit(c, server_design_names[d], d, queue_pairs);
  }
}

int cli_limits(struct cli_options *o, int argc, char **argv)
{
  struct limits limits = {.common = o};
  cli_parse(&argp, argc, argv, &limits);
  struct hd_scenario *s = cli_load(o, limits.file);
  if (s == NULL)
    return CLI_USAGE;
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(s, 0, errors);
  int status = CLI_USAGE;
  if (point != NULL) {
    const struct server_config *c = hd_point_config(point);
    if (c->n_groups > 0) {
      print_limits(c);
      status = CLI_OK;
    } else {
      cli_message("%s has no virtual machines to count", limits.file);
    }
  }
  hd_point_destroy(point);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  hd_scenario_destroy(s);
  return status;
}
