/*
 * cli.h - what the subcommands of hdiov-sim share.
 *
 * Results go to stdout and files, progress and messages to stderr.
 */
#ifndef HD_CLI_CLI_H
#define HD_CLI_CLI_H

#include "sim/scenario/scenario.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

enum cli_exit {
  CLI_OK = 0,
  CLI_FAILED = 1,           /* a point failed, a file could not be written */
  CLI_USAGE = 2,            /* the user's mistake; nothing was written */
  CLI_NOT_AS_PUBLISHED = 3, /* --strict: a published figure was not found */
  CLI_INTERRUPTED = 130     /* Ctrl-C or SIGTERM; finished points are kept */
};

extern const char cli_program[];
extern const char cli_version[];

/* Options that several subcommands take. Strings are argv's, except `sets`. */
struct cli_options {
  int argc; /* the whole command line, in its order */
  char *const *argv;
  char **sets; /* "PATH=VALUE", owned; --seed N is "run.seed=N" */
  size_t n_sets;
  char **axes; /* "PATH=V1,V2,...", owned */
  size_t n_axes;
  const char *out; /* NULL: not given */
  bool quiet;
};

void cli_options_terminate(struct cli_options *o);

/* argp children; their input is a struct cli_options. */
extern const struct argp cli_scenario_argp; /* --set, --seed */
extern const struct argp cli_axis_argp;     /* --axis */
extern const struct argp cli_out_argp;      /* --out */
extern const struct argp cli_quiet_argp;    /* --quiet */

/* A subcommand. `run` gets the command line from its name on. */
struct cli_command {
  const char *name;
  int (*run)(struct cli_options *o, int argc, char **argv);
};

int cli_run(struct cli_options *o, int argc, char **argv);
int cli_sweep(struct cli_options *o, int argc, char **argv);
int cli_report(struct cli_options *o, int argc, char **argv);
int cli_plot(struct cli_options *o, int argc, char **argv);
int cli_check(struct cli_options *o, int argc, char **argv);
int cli_limits(struct cli_options *o, int argc, char **argv);
int cli_trace(struct cli_options *o, int argc, char **argv);
int cli_params(struct cli_options *o, int argc, char **argv);
int cli_calibrate(struct cli_options *o, int argc, char **argv);
int cli_validate(struct cli_options *o, int argc, char **argv);

/* argp_parse() for a subcommand: usage errors end the program with CLI_USAGE,
 * an unknown long option with a suggestion. argv[0] is replaced. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);
/* Exits with CLI_USAGE if a long option in argv[1..] is none of argp's. With
 * `leading` only what stands before the first argument is looked at. */
void cli_check_long_options(const struct argp *argp, const char *name, int argc,
                            char **argv, bool leading);

/* For a command's parser: takes the one argument FILE, which must be there. */
error_t cli_parse_file(int key, char *arg, struct argp_state *state,
                       const char **file);

/* Processes at a time, at most: -j. */
enum { CLI_PROCESSES_MAX = 1024 };
/* For a command's parser: a number from 1 to `most`; anything else is a usage
 * error that names `option`. */
size_t cli_parse_count(const char *text, const char *option, long most,
                       struct argp_state *state);

/* What scenarios are read against: the server's registry, the directories
 * with presets, aliases, the rules across parameters. */
const struct hd_scenario_env *cli_environment(void);

/* Loads with the overrides of `o`. NULL: the errors have been printed. */
struct hd_scenario *cli_load(const struct cli_options *o, const char *file);

/* "hdiov-sim: ..." and a newline on stderr. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A new string; out of memory ends the program. */
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* calloc() that cannot fail; never NULL, also for no elements. */
void *cli_allocate(size_t count, size_t size);
/* realloc() to `count` elements of `size`; cannot fail. */
void *cli_resize(void *memory, size_t count, size_t size);

#endif
