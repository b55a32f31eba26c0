/* hdiov-sim: chooses the subcommand. */
#include "sim/cli/cli.h"
#include "sim/scenario/text.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_command commands[] = {
    {"run", cli_run},
    {"sweep", cli_sweep},
    {"report", cli_report},
    {"plot", cli_plot},
    {"check", cli_check},
    {"limits", cli_limits},
    {"trace", cli_trace},
    {"params", cli_params},
    {"calibrate", cli_calibrate},
    {"validate", cli_validate},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const char doc[] =
    "Simulates I/O virtualization on a cloud server cycle by cycle: virtual "
    "machines that share devices by SR-IOV or HD-IOV (Scalable IOV)."
    "\v"
    "Commands:\n"
    "  run FILE        simulate one point and print a table\n"
    "  sweep FILE      simulate all points of a sweep in parallel\n"
    "  report DIR      print the tables of a result directory\n"
    "  plot DIR        draw the figures of a result directory\n"
    "  check FILE      validate a scenario, explain where values come from\n"
    "  limits FILE     how many devices each design supports, and why\n"
    "  trace FILE      feed I/O virtual addresses to an IOMMU\n"
    "  params [MODEL]  list the parameters of the models\n"
    "  calibrate FILE  find parameter values that reproduce measurements\n"
    "  validate FILE   compare simulations with measurements\n"
    "\n"
    "Each command explains itself: hdiov-sim COMMAND --help.\n"
    "\n"
    "Examples:\n"
    "  hdiov-sim sweep scenarios/quickstart.yaml --out out/quick\n"
    "  hdiov-sim run scenarios/quickstart.yaml --set design=hdiov\n"
    "  hdiov-sim check scenarios/quickstart.yaml --explain\n"
    "  hdiov-sim params nic\n"
    "\n"
    "Exit status: 0 all is well; 1 a point failed or a file could not be "
    "written; 2 a mistake in the command line or the scenario, nothing was "
    "written; 3 with --strict, a published figure is not reproduced; 130 "
    "interrupted, finished points are kept.\n"
    "\n"
    "Environment: HDIOV_SIM_DATA names a directory whose presets/SECTION/"
    "NAME.yaml come before those that were installed.";

struct choice {
  int argc;
  char **argv; /* from the subcommand's name on; NULL: none */
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct choice *choice = state->input;
  (void)arg;
  switch (key) {
  case ARGP_KEY_ARG:
    choice->argc = state->argc - state->next + 1;
    choice->argv = state->argv + state->next - 1;
    state->next = state->argc;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_state_help(state, stderr, ARGP_HELP_SHORT_USAGE | ARGP_HELP_SEE);
    exit(CLI_USAGE);
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp top = {
    .parser = parse_option, .args_doc = "COMMAND [ARGUMENT...]", .doc = doc};

static int unknown_command(const char *name)
{
  struct hd_nearest nearest = hd_nearest_to(name);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < N_COMMANDS; i++) {
    hd_nearest_try(&nearest, commands[i].name);
    hd_list_add(&list, commands[i].name);
  }
  cli_message("unknown command '%s'%s", hd_clip(name).text,
              hd_hint(&nearest, "commands", &list).text);
  return CLI_USAGE;
}

static int dispatch(struct cli_options *o, struct choice *choice)
{
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (strcmp(choice->argv[0], commands[i].name) == 0)
      return commands[i].run(o, choice->argc, choice->argv);
  if (strcmp(choice->argv[0], "help") != 0)
    return unknown_command(choice->argv[0]);
  char *words[] = {choice->argc > 1 ? choice->argv[1] : NULL,
                   (char[]){"--help"}, NULL};
  struct choice help = {.argc = 2, .argv = words};
  if (words[0] != NULL && strcmp(words[0], "help") != 0)
    return dispatch(o, &help);
  argp_help(&top, stdout, ARGP_HELP_STD_HELP, (char *)(uintptr_t)cli_program);
  return CLI_OK;
}

static void print_version(FILE *out, struct argp_state *state)
{
  (void)state;
  fprintf(out, "%s %s\n", cli_program, cli_version);
}

/* Output that nobody could read is an error, too. */
static int finish(int status)
{
  bool bad = fflush(stdout) != 0 || ferror(stdout);
  if (!bad)
    return status;
  cli_message("cannot write to standard output");
  return status == CLI_OK ? CLI_FAILED : status;
}

int main(int argc, char **argv)
{
  struct choice choice = {0};
  argp_err_exit_status = CLI_USAGE;
  argp_program_version_hook = print_version;
  cli_check_long_options(&top, cli_program, argc, argv, true);
  /* argp reorders its arguments; the manifest shows them as they were. */
  char **copy = cli_allocate((size_t)argc + 1, sizeof *copy);
  memcpy(copy, argv, (size_t)argc * sizeof *copy);
  struct cli_options o = {.argc = argc, .argv = argv};
  argp_parse(&top, argc, copy, ARGP_IN_ORDER, NULL, &choice);
  int status = dispatch(&o, &choice);
  cli_options_terminate(&o);
  free(copy);
  return finish(status);
}
