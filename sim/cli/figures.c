#include "sim/cli/figures.h"
#include "sim/cli/cli.h"
bool cli_figures_possible(void){return false;}
int cli_figures(const char *dir, const struct figure_options *options){(void)dir;(void)options;return 0;}
int cli_plot(struct cli_options *o, int argc, char **argv){(void)o;(void)argc;(void)argv;return 0;}
