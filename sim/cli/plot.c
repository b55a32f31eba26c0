/* hdiov-sim plot: figures of earlier results. */
#include "sim/cli/cli.h"
#include "sim/cli/figures.h"

struct plot {
  struct cli_options *common;
  const char *dir;
  struct figure_options figures;
};

static const char doc[] =
    "Draws the figures of a result directory with gnuplot, as PNG and SVG: "
    "throughput and latency percentiles over an axis of the sweep, one curve a "
    "design; throughput against time; the distribution of latency; where the "
    "time goes."
    "\v"
    "Examples:\n"
    "  hdiov-sim plot out/quickstart\n"
    "  hdiov-sim plot out/my --x vms.queue_pairs --curves design\n"
    "\n"
    "The figures are in DIR/figures, each with the gnuplot script that made it "
    "(.gp) and its data (.dat): edit the script and run gnuplot on it. Axes "
    "that are neither x nor curves become panels.";

static const struct argp_option options[] = {
    {"x", 'x', "PATH", 0,
     "Axis along the bottom; default: the scenario's plot.x, or the first axis "
     "of numbers",
     0},
    {"curves", 'c', "PATH", 0,
     "Axis with a curve for each value; default: the scenario's plot.curves, "
     "or design",
     0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct plot *plot = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = plot->common;
    return 0;
  case 'x':
    plot->figures.x = arg;
    return 0;
  case 'c':
    plot->figures.curves = arg;
    return 0;
  case ARGP_KEY_ARG:
    if (plot->dir != NULL)
      argp_error(state, "one DIR at a time, not also '%s'", arg);
    plot->dir = arg;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_error(state, "which DIR?");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_child children[] = {{&cli_quiet_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "DIR",
                                 .doc = doc,
                                 .children = children};

int cli_plot(struct cli_options *o, int argc, char **argv)
{
  struct plot plot = {.common = o};
  cli_parse(&argp, argc, argv, &plot);
  plot.figures.quiet = o->quiet;
  if (cli_figures_possible())
    return cli_figures(plot.dir, &plot.figures);
  cli_message("gnuplot is not there; on Debian: apt-get install gnuplot-nox");
  return CLI_FAILED;
}
