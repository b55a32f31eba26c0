/* Options that several subcommands take, and unknown ones. */
#include "sim/cli/cli.h"
#include "sim/scenario/text.h"

#include <stdlib.h>
#include <string.h>

static void append(char ***list, size_t *count, char *text)
{
  *list = cli_resize(*list, *count + 1, sizeof **list);
  (*list)[(*count)++] = text;
}

static void add_seed(struct cli_options *o, const char *text,
                     struct argp_state *state)
{
  if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
    argp_error(state, "--seed takes a whole number, not '%s'",
               hd_clip(text).text);
  append(&o->sets, &o->n_sets, cli_format("run.seed=%s", text));
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct cli_options *o = state->input;
  switch (key) {
  case 's':
    append(&o->sets, &o->n_sets, cli_format("%s", arg));
    return 0;
  case 'r':
    add_seed(o, arg, state);
    return 0;
  case 'a':
    append(&o->axes, &o->n_axes, cli_format("%s", arg));
    return 0;
  case 'o':
    if (arg[0] == '\0')
      argp_error(state, "--out takes the name of a directory");
    o->out = arg;
    return 0;
  case 'q':
    o->quiet = true;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option scenario_options[] = {
    {"set", 's', "PATH=VALUE", 0,
     "Set a parameter, e.g. nic.itr='20 us'; may be repeated. A parameter "
     "that the sweep varies is fixed to this value",
     1},
    {"seed", 'r', "N", 0,
     "Seed of all random streams; same as --set run.seed=N", 1},
    {0}};

static const struct argp_option axis_options[] = {
    {"axis", 'a', "PATH=V1,V2,...", 0,
     "Sweep a parameter over these values; replaces the file's axis of the "
     "same "
     "path or adds one; may be repeated",
     1},
    {0}};

static const struct argp_option out_options[] = {
    {"out", 'o', "DIR", 0, "Directory for result files; created when missing",
     2},
    {0}};

static const struct argp_option quiet_options[] = {
    {"quiet", 'q', NULL, 0, "No progress on standard error", 2}, {0}};

const struct argp cli_scenario_argp = {.options = scenario_options,
                                       .parser = parse_option};
const struct argp cli_axis_argp = {.options = axis_options,
                                   .parser = parse_option};
const struct argp cli_out_argp = {.options = out_options,
                                  .parser = parse_option};
const struct argp cli_quiet_argp = {.options = quiet_options,
                                    .parser = parse_option};

static void free_list(char **list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free(list[i]);
  free(list);
}

void cli_options_terminate(struct cli_options *o)
{
  free_list(o->sets, o->n_sets);
  free_list(o->axes, o->n_axes);
}

/* -- unknown options ---------------------------------------------------- */

static const struct argp_option argp_own[] = {
    {"help", '?', NULL, 0, NULL, 0},
    {"usage", 0, NULL, 0, NULL, 0},
    {"version", 'V', NULL, 0, NULL, 0},
    {0}};

struct lookup {
  const char *name; /* without the dashes, not terminated at '=' */
  size_t length;
  bool known, takes_value;
  struct hd_nearest nearest;
};

static void look_in(struct lookup *l, const struct argp_option *o)
{
  for (; o != NULL && (o->name != NULL || o->key != 0 || o->doc != NULL); o++) {
    if (o->name == NULL)
      continue;
    hd_nearest_try(&l->nearest, o->name);
    if (strncmp(o->name, l->name, l->length) != 0)
      continue; /* a prefix will do: argp knows whether it is unique */
    l->known = true;
    l->takes_value = o->arg != NULL && !(o->flags & OPTION_ARG_OPTIONAL);
  }
}

static void look_below(struct lookup *l, const struct argp *argp)
{
  look_in(l, argp->options);
  const struct argp_child *child = argp->children;
  for (; child != NULL && child->argp != NULL; child++)
    look_below(l, child->argp);
}

static void refuse(const struct lookup *l, const char *name, const char *word)
{
  fprintf(stderr, "%s: unknown option '--%s'", name, word);
  if (l->nearest.best != NULL)
    fprintf(stderr, "; did you mean '--%s'?", l->nearest.best);
  fprintf(stderr, "\nTry '%s --help' for the options.\n", name);
  exit(CLI_USAGE);
}

/* Returns whether the next word is this option's value. */
static bool check_word(const struct argp *argp, const char *name,
                       const char *text)
{
  size_t length = strcspn(text, "=");
  char *word = strndup(text, length);
  struct lookup l = {.name = text,
                     .length = length,
                     .nearest = hd_nearest_to(word != NULL ? word : text)};
  look_below(&l, argp);
  look_in(&l, argp_own);
  if (!l.known)
    refuse(&l, name, word != NULL ? word : text);
  free(word);
  return l.takes_value && text[length] == '\0';
}

void cli_check_long_options(const struct argp *argp, const char *name, int argc,
                            char **argv, bool leading)
{
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--", 2) != 0) {
      if (leading)
        return;
      size_t length = strlen(argv[i]);
      if (length == 2 && argv[i][0] == '-' && strchr("sraojx", argv[i][1]))
        i++; /* its value */
      continue;
    }
    if (argv[i][2] == '\0')
      return;
    if (check_word(argp, name, argv[i] + 2))
      i++;
  }
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
  char *name = cli_format("%s %s", cli_program, argv[0]);
  cli_check_long_options(argp, name, argc, argv, false);
  char *old = argv[0];
  argv[0] = name;
  argp_parse(argp, argc, argv, 0, NULL, input);
  argv[0] = old;
  free(name);
}

error_t cli_parse_file(int key, char *arg, struct argp_state *state,
                       const char **file)
{
  switch (key) {
  case ARGP_KEY_ARG:
    if (*file != NULL)
      argp_error(state, "one FILE at a time, not also '%s'", arg);
    *file = arg;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_error(state, "which FILE?");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

size_t cli_parse_count(const char *text, const char *option, long most,
                       struct argp_state *state)
{
  char *end;
  long n = strtol(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 || n > most)
    argp_error(state, "%s takes a number from 1 to %ld, not '%s'", option, most,
               text);
  return (size_t)n;
}
