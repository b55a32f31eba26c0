/* hdiov-sim params: what a scenario may say. */
#include "sim/cli/cli.h"
#include "sim/scenario/params.h"
#include "sim/scenario/text.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_SCHEMA = 256, KEY_PATHS };

struct params {
  const char **models; /* owned */
  size_t n_models;
  bool schema, paths;
};

static const char doc[] =
    "Lists the parameters of the models: unit, default, range, meaning, and "
    "where the default comes from. MODEL is a section of a scenario such as "
    "nic or iommu, the group vms, or a workload; without it all are listed."
    "\v"
    "Examples:\n"
    "  hdiov-sim params\n"
    "  hdiov-sim params iommu udp_stream\n"
    "  hdiov-sim params --schema > hdiov-sim.schema.json\n"
    "\n"
    "With the schema an editor completes and checks scenarios while they are "
    "written; e.g. as the first line of a file:\n"
    "  # yaml-language-server: $schema=hdiov-sim.schema.json";

static const struct argp_option options[] = {
    {"schema", KEY_SCHEMA, NULL, 0, "Print a JSON Schema of scenario files", 0},
    {"paths", KEY_PATHS, NULL, 0,
     "Print the paths for --set and --axis, one a line", 0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct params *p = state->input;
  switch (key) {
  case KEY_SCHEMA:
    p->schema = true;
    return 0;
  case KEY_PATHS:
    p->paths = true;
    return 0;
  case ARGP_KEY_ARG:
    p->models = cli_resize(p->models, p->n_models + 1, sizeof *p->models);
    p->models[p->n_models++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (p->schema + p->paths + (p->n_models > 0) > 1)
      argp_error(state, "take one of MODEL, --schema and --paths");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "[MODEL...]",
                                 .doc = doc};

static void print_table_paths(const char *before,
                              const struct hd_param_table *table)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    printf("%s%s%s\n", before, before[0] != '\0' ? "." : "", p->name);
}

static bool is_in(const struct hd_param_table *table, const char *name)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    if (strcmp(p->name, name) == 0)
      return true;
  return false;
}

/* Of an alternative, what none before it has. */
static void print_new_paths(const char *before,
                            const struct hd_param_variant *v, size_t which)
{
  const struct hd_param *p = v->alternatives[which].table->params;
  for (; p->name != NULL; p++) {
    bool known = false;
    for (size_t i = 0; i < which; i++)
      known = known || is_in(v->alternatives[i].table, p->name);
    if (!known)
      printf("%s.%s\n", before, p->name);
  }
}

static void print_group_paths(const struct hd_param_group *g)
{
  const struct hd_param_variant *v = g->variant;
  print_table_paths(g->section, g->table);
  if (v == NULL)
    return;
  char *before = cli_format("%s.%s", g->section, v->key);
  printf("%s.%s\n", before, v->selector);
  for (size_t i = 0; v->choices[i] != NULL; i++)
    print_new_paths(before, v, i);
  free(before);
}

static void print_paths(const struct hd_param_registry *r)
{
  for (const struct hd_param_section *s = r->sections; s->table != NULL; s++) {
    print_table_paths(s->table->section, s->table);
    if (s->table->section[0] != '\0')
      printf("%s.preset\n", s->table->section);
  }
  const struct hd_param_group *g = r->groups;
  for (; g != NULL && g->section != NULL; g++)
    print_group_paths(g);
}

static void add_name(void *list, const char *name)
{
  hd_list_add(list, name);
}

/* All names are looked at before anything is printed. */
static bool know_models(const struct params *p,
                        const struct hd_param_registry *registry)
{
  FILE *nowhere = fopen("/dev/null", "w");
  bool known = true;
  for (size_t i = 0; nowhere != NULL && i < p->n_models; i++) {
    const char *name = p->models[i];
    if (hd_params_print(registry, name, nowhere))
      continue;
    struct hd_nearest nearest = hd_nearest_to(name);
    nearest.best = hd_params_suggest(registry, name);
    struct hd_list list = {.length = 0};
    hd_params_sections(registry, add_name, &list);
    cli_message("no model '%s'%s", hd_clip(name).text,
                hd_hint(&nearest, "there are", &list).text);
    known = false;
  }
  if (nowhere != NULL)
    fclose(nowhere);
  return known;
}

static int print_params(const struct params *p)
{
  const struct hd_scenario_env *env = cli_environment();
  if (p->schema)
    return hd_params_schema(env, stdout) ? CLI_OK : CLI_FAILED;
  if (p->paths) {
    print_paths(env->registry);
    return CLI_OK;
  }
  if (!know_models(p, env->registry))
    return CLI_USAGE;
  if (p->n_models == 0)
    hd_params_print(env->registry, NULL, stdout);
  for (size_t i = 0; i < p->n_models; i++)
    hd_params_print(env->registry, p->models[i], stdout);
  return CLI_OK;
}

int cli_params(struct cli_options *o, int argc, char **argv)
{
  struct params params = {0};
  (void)o;
  cli_parse(&argp, argc, argv, &params);
  int status = print_params(&params);
  free(params.models);
  return status;
}
