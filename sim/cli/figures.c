#include "sim/cli/figures.h"

#include "sim/cli/cli.h"
#include "sim/cli/figure_kinds.h"
#include "sim/cli/outdir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_figures_possible(void)
{
  const char *path = getenv("PATH");
  char *copy = cli_format("%s", path != NULL ? path : "/usr/bin:/bin");
  char *rest = copy;
  bool found = false;
  for (char *dir; !found && (dir = strsep(&rest, ":")) != NULL;) {
    char *name = cli_format("%s/gnuplot", dir[0] != '\0' ? dir : ".");
    found = access(name, X_OK) == 0;
    free(name);
  }
  free(copy);
  return found;
}

void cli_figure_list_add(struct figure_list *list, char *name, bool drawn)
{
  list->names = cli_resize(list->names, list->count + 1, sizeof *list->names);
  list->names[list->count++] = name;
  list->failed = list->failed || !drawn;
}

static void print_list(const struct figure_list *list)
{
  if (list->count == 0) {
    printf("There is nothing to draw: no point has a result.\n");
    return;
  }
  printf("Figures in %s, each as .png and .svg, with script (.gp) and data "
         "(.dat):\n",
         list->dir);
  for (size_t i = 0; i < list->count; i++)
    printf("  %s\n", list->names[i]);
}

static int draw(const struct figure_data *d, const char *dir, bool quiet)
{
  struct figure_list list = {.dir = dir};
  if (!cli_outdir_make(dir)) {
    cli_message("cannot make %s: %s", dir, strerror(errno));
    return CLI_USAGE;
  }
  cli_figure_lines(d, &list);
  cli_figure_series(d, &list);
  cli_figure_cdf(d, &list);
  cli_figure_stages(d, &list);
  if (!quiet)
    print_list(&list);
  for (size_t i = 0; i < list.count; i++)
    free(list.names[i]);
  free(list.names);
  return list.failed ? CLI_FAILED : CLI_OK;
}

int cli_figures(const char *dir, const struct figure_options *options)
{
  struct figure_data d;
  int status = cli_figure_data_read(&d, dir, options->x, options->curves);
  if (status != CLI_OK)
    return status;
  char *figures = cli_format("%s/figures", dir);
  status = draw(&d, figures, options->quiet);
  free(figures);
  cli_figure_data_terminate(&d);
  return status;
}
