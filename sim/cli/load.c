/* Loading a scenario with the overrides of the command line. */
#include "sim/cli/cli.h"

struct hd_scenario *cli_load(const struct cli_options *o, const char *file)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_overrides ov = {.sets = (const char *const *)o->sets,
                            .set_count = o->n_sets,
                            .axes = (const char *const *)o->axes,
                            .axis_count = o->n_axes};
  struct hd_scenario *s =
      hd_scenario_load(cli_environment(), file, &ov, errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  return s;
}
