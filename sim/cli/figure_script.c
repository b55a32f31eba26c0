#include "sim/cli/figure_script.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WIDTH = 1200, HEIGHT = 750, TALL = 950 };

/* Okabe and Ito's, the most different first. */
static const char *const colors[] = {"#D55E00", "#0072B2", "#009E73", "#CC79A7",
                                     "#E69F00", "#56B4E9", "#000000"};
/* Stacked: neighbours differ in lightness, too. */
static const char *const part_colors[] = {
    "#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677", "#AA4499",
    "#999933", "#882255", "#44AA99", "#DDDDDD", "#6699CC"};

const char *cli_script_color(size_t curve)
{
  return colors[curve % (sizeof colors / sizeof colors[0])];
}

const char *cli_script_part_color(size_t part)
{
  return part_colors[part % (sizeof part_colors / sizeof part_colors[0])];
}

/* -- files --------------------------------------------------------------------
 */

static bool open_one(struct hd_atomic_file *f, const char *dir,
                     const char *name, const char *ending)
{
  char *path = cli_format("%s/%s.%s", dir, name, ending);
  bool good = hd_atomic_open(f, path);
  if (!good)
    cli_message("%s", f->error);
  free(path);
  return good;
}

bool cli_script_open(struct figure_script *s, const char *dir, const char *name)
{
  *s = (struct figure_script){.width = WIDTH, .height = HEIGHT};
  if (!open_one(&s->script_file, dir, name, "gp"))
    return false;
  if (!open_one(&s->data_file, dir, name, "dat")) {
    hd_atomic_abandon(&s->script_file);
    return false;
  }
  s->script = s->script_file.stream;
  s->data = s->data_file.stream;
  s->dir = cli_format("%s", dir);
  s->name = cli_format("%s", name);
  fprintf(s->data,
          "# %s.dat: the numbers of %s.png; blocks are separated by "
          "two empty lines\n",
          name, name);
  return true;
}

/* Runs gnuplot in the figure's directory; what it says is shown. */
static bool draw(const struct figure_script *s)
{
  char *file = cli_format("%s.gp", s->name);
  char *argv[] = {(char[]){"gnuplot"}, file, NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int status = -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, s->dir);
  int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    cli_message("cannot run gnuplot: %s", strerror(error));
  while (error == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  bool good = error == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (error == 0 && !good)
    cli_message("gnuplot failed on %s/%s", s->dir, file);
  free(file);
  return good;
}

bool cli_script_close(struct figure_script *s)
{
  fputs("unset multiplot\nunset output\n}\n", s->script);
  bool data = hd_atomic_commit(&s->data_file);
  bool script = hd_atomic_commit(&s->script_file);
  if (!data || !script)
    cli_message("%s", data ? s->script_file.error : s->data_file.error);
  bool good = data && script && draw(s);
  free(s->dir);
  free(s->name);
  return good;
}

/* -- pieces -------------------------------------------------------------------
 */

void cli_script_put_text(struct figure_script *s, const char *text)
{
  fputc('"', s->script);
  for (; *text != '\0'; text++) {
    if (strchr("_^{}@&~\\", *text) != NULL)
      fputs("\\\\", s->script);
    else if (*text == '"')
      fputc('\\', s->script);
    if ((unsigned char)*text >= ' ')
      fputc(*text, s->script);
  }
  fputc('"', s->script);
}

size_t cli_script_block(struct figure_script *s, const char *comment)
{
  fprintf(s->data, "%s# block %zu: %s\n", s->blocks > 0 ? "\n\n" : "",
          s->blocks, comment);
  return s->blocks++;
}

/* -- the page
 * ------------------------------------------------------------------ */

struct grid {
  size_t rows, columns;
};

static struct grid grid_of(size_t panels)
{
  size_t columns = panels <= 1 ? 1 : panels <= 4 ? 2 : 3;
  return (struct grid){(panels + columns - 1) / columns, columns};
}

/* Entries that fit in a row of the legend. */
static size_t legend_per_row(const struct figure_page *page)
{
  size_t width = page->legend_length * 9 + 75;
  /* gnuplot makes it no wider than a panel. */
  size_t fit = (WIDTH / grid_of(page->panels).columns - 110) / width;
  return fit > 0 ? fit : 1;
}

static size_t legend_rows(const struct figure_page *page)
{
  if (page->legend_right || page->legend_entries == 0)
    return 0;
  size_t per_row = legend_per_row(page);
  return (page->legend_entries + per_row - 1) / per_row;
}

static void put_terminals(struct figure_script *s)
{
  fprintf(s->script,
          "# %s.gp: draws %s.png and %s.svg from %s.dat.\n"
          "# Edit it and run: gnuplot %s.gp\n"
          "DATA = '%s.dat'\n"
          "set encoding utf8\n"
          "do for [format in \"png svg\"] {\n"
          "if (format eq \"png\") {\n"
          "  set terminal pngcairo size %d,%d font \"DejaVu Sans,13\" "
          "background \"white\"\n"
          "} else {\n"
          "  set terminal svg size %d,%d font \"DejaVu Sans,Verdana,sans-serif,"
          "15\" background \"white\"\n"
          "}\n"
          "set output '%s.'.format\n",
          s->name, s->name, s->name, s->name, s->name, s->name, s->width,
          s->height, s->width, s->height, s->name);
}

static void put_style(struct figure_script *s)
{
  fputs("set border 3 lw 1.2 lc rgb \"#444444\"\n"
        "set tics out nomirror\n"
        "set grid xtics ytics lt 1 lw 1 lc rgb \"#DDDDDD\"\n"
        "set bars small\n",
        s->script);
}

static void put_legend(struct figure_script *s, const struct figure_page *page,
                       double title_end)
{
  if (page->legend_entries == 0) {
    fputs("unset key\n", s->script);
    return;
  }
  if (page->legend_right) {
    fprintf(s->script,
            "set key at screen 0.985,%.4f right top vertical Left reverse "
            "invert samplen 1.5 spacing 1.35\n",
            title_end);
    return;
  }
  fprintf(s->script,
          "set key at screen 0.5,%.4f center top horizontal maxcols %zu "
          "Left reverse samplen 3 spacing 1.2\n",
          title_end, legend_per_row(page));
}

/* Fractions of the page for title, legend, axis titles and notes. */
static void put_layout(struct figure_script *s, const struct figure_page *page)
{
  double w = s->width, h = s->height;
  struct grid grid = grid_of(page->panels);
  double title = 52, panel_title = page->panel_titles ? 30 : 0;
  double legend = (double)legend_rows(page) * 26;
  double below = 78 + 21 * (double)page->notes;
  double right =
      page->legend_right ? 110 + (double)page->legend_length * 9.2 : 30;
  fprintf(s->script,
          "set multiplot layout %zu,%zu margins %.4f,%.4f,%.4f,%.4f spacing "
          "%.4f,%.4f\n",
          grid.rows, grid.columns, 112 / w, 1 - right / w, below / h,
          1 - (title + legend + panel_title + 12) / h, 112 / w,
          (below + panel_title + 12) / h);
  size_t length = strlen(page->title);
  double size = length > 80 ? fmax(10, 17.0 * 80 / (double)length) : 17;
  fputs("set label 1000 ", s->script);
  cli_script_put_text(s, page->title);
  fprintf(s->script,
          " at screen 0.5,%.4f center font \",%.1f\" tc rgb \"#222222\"\n",
          1 - 28 / h, size);
  put_legend(s, page, 1 - (title - 4) / h);
}

void cli_script_begin(struct figure_script *s, const struct figure_page *page)
{
  if (grid_of(page->panels).rows > 1)
    s->height = TALL;
  put_terminals(s);
  put_style(s);
  put_layout(s, page);
}
