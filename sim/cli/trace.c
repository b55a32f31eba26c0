/* hdiov-sim trace: a stream of I/O virtual addresses into an IOMMU. */
#include "sim/cli/trace.h"

#include <stdlib.h>
#include <string.h>

static const char doc[] =
    "Feeds a stream of I/O virtual addresses to an IOMMU, without a device or "
    "a link, and prints what its caches, walkers and memory did."
    "\v"
    "FILE is CSV ('-': standard input), an access a line:\n"
    "  domain,iova,page_bytes\n"
    "  0,0x7f0012345678,4096\n"
    "domain: whose address space, 0 to 1048575. iova: decimal or 0x "
    "hexadecimal. page_bytes: the size of the page that maps it, 4096, "
    "2097152 or 1073741824. A column packet, with numbers that never decrease, "
    "makes packets: the accesses of a packet are issued together, and it is "
    "done when all of them are.\n"
    "\n"
    "The IOMMU is that of the scenario's sections iommu, memory and host, or "
    "the default one.\n"
    "\n"
    "Examples:\n"
    "  hdiov-sim trace log.csv\n"
    "  hdiov-sim trace log.csv --depth 32 --set iommu.iotlb_entries=1024 --set "
    "iommu.iotlb_ways=4\n"
    "  hdiov-sim trace log.csv --scenario my.yaml --out out/log\n"
    "\n"
    "With --out the directory gets trace.csv (one row), latency.hgrm and "
    "manifest.json.\n"
    "\n"
    "Exit status: 0 when the stream was simulated, 1 when a file could not be "
    "written, 2 when the stream, the scenario or the command line is wrong.";

static const struct argp_option own_options[] = {
    {"depth", 'd', "N", 0,
     "Accesses (packets, if there are any) under way at a time; 1 by default",
     0},
    {"scenario", 'y', "YAML", 0, "Scenario with the IOMMU's parameters", 0},
    {0}};

static int64_t parse_depth(const char *text, struct argp_state *state)
{
  char *end;
  unsigned long long value = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < 1 ||
      value > IOMMU_TRACE_DEPTH_MAX)
    argp_error(state, "--depth takes a whole number from 1 to %d, not '%.40s'",
               IOMMU_TRACE_DEPTH_MAX, text);
  return (int64_t)value;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct trace *t = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    for (int i = 0; i < 3; i++)
      state->child_inputs[i] = t->options;
    return 0;
  case 'd':
    t->depth = parse_depth(arg, state);
    return 0;
  case 'y':
    t->scenario_file = arg;
    return 0;
  default:
    return cli_parse_file(key, arg, state, &t->file);
  }
}

static const struct argp_child children[] = {{&cli_scenario_argp, 0, NULL, 0},
                                             {&cli_out_argp, 0, NULL, 0},
                                             {&cli_quiet_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.options = own_options,
                                 .parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

/* ---- the scenario --------------------------------------------------- */

/* The server's rules do not count: there is no server, only a unit. */
static struct hd_scenario *load_scenario(const struct trace *t,
                                         struct hd_errors *errors)
{
  static struct hd_scenario_env env;
  static const char none[] = "name: trace\n";
  struct hd_overrides ov = {.sets = (const char *const *)t->options->sets,
                            .set_count = t->options->n_sets};
  env = *cli_environment();
  env.check = NULL;
  if (t->scenario_file != NULL)
    return hd_scenario_load(&env, t->scenario_file, &ov, errors);
  return hd_scenario_load_text(&env, "defaults", none, sizeof none - 1, &ov,
                               errors);
}

static bool check_scenario(const struct trace *t)
{
  const struct server_config *c = t->config;
  if (hd_scenario_points(t->scenario) > 1 && !t->options->quiet)
    cli_message("%s is a sweep; this is the first of its points",
                t->scenario_file);
  if (c->iommu.mode != IOMMU_OFF)
    return true;
  cli_message("iommu.mode is off: nothing is looked up; choose legacy or "
              "scalable");
  return false;
}

static bool load(struct trace *t)
{
  struct hd_errors *errors = hd_errors_create();
  t->scenario = load_scenario(t, errors);
  if (t->scenario != NULL)
    t->point = hd_scenario_point(t->scenario, 0, errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  if (t->point == NULL)
    return false;
  t->config = hd_point_config(t->point);
  return check_scenario(t);
}

/* ---- the whole ------------------------------------------------------ */

/* Can results be written there? Looked at first, since a long run may follow;
 * until that is over nothing stays. */
static bool try_out(const char *out)
{
  struct outdir d;
  if (!cli_outdir_open(&d, out, OUTDIR_RUN))
    return false;
  cli_outdir_withdraw(&d);
  cli_outdir_close(&d);
  return true;
}

static int write_results(const struct trace *t, const char *out)
{
  struct outdir d;
  if (!cli_outdir_open(&d, out, OUTDIR_RUN))
    return CLI_FAILED;
  bool good = cli_trace_write(t, &d);
  cli_outdir_withdraw(&d); /* a trace has no points */
  cli_outdir_close(&d);
  return good ? CLI_OK : CLI_FAILED;
}

static int trace_file(struct trace *t)
{
  const char *out = t->options->out;
  if (out != NULL && !try_out(out))
    return CLI_USAGE;
  int status = cli_trace_run(t);
  if (status == CLI_OK)
    cli_trace_print(t);
  if (status == CLI_OK && out != NULL)
    status = write_results(t, out);
  iommu_trace_results_terminate(&t->results);
  return status;
}

int cli_trace(struct cli_options *o, int argc, char **argv)
{
  struct trace t = {.options = o, .depth = 1};
  cli_parse(&argp, argc, argv, &t);
  int status = load(&t) ? trace_file(&t) : CLI_USAGE;
  hd_point_destroy(t.point);
  if (t.scenario != NULL)
    hd_scenario_destroy(t.scenario);
  return status;
}
