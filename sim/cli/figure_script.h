/*
 * figure_script.h - a gnuplot script with its data, being written.
 *
 * A figure is a grid of panels under one title and one legend. The script
 * draws it twice, as PNG and as SVG. Texts given to the put functions are
 * plain; they are quoted and escaped here.
 */
#ifndef HD_CLI_FIGURE_SCRIPT_H
#define HD_CLI_FIGURE_SCRIPT_H

#include "sim/measure/atomic_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct figure_script {
  struct hd_atomic_file script_file, data_file;
  FILE *script, *data;
  char *dir, *name; /* owned */
  size_t blocks;    /* of data begun so far */
  int width, height;
};

/* What the page must have room for. */
struct figure_page {
  const char *title;
  size_t panels;
  bool panel_titles;
  size_t legend_entries, legend_length; /* longest text; 0 entries: none */
  bool legend_right;                    /* a column instead of rows */
  size_t notes;                         /* most lines below a panel */
};

/* Most panels of a page. */
enum { FIGURE_PANELS_MAX = 6 };

/* Begins DIR/NAME.gp and .dat. False: the reason was printed. */
bool cli_script_open(struct figure_script *s, const char *dir,
                     const char *name);
/* Writes both files and has gnuplot draw. False: the reason was printed. */
bool cli_script_close(struct figure_script *s);

/* Everything up to the first panel. */
void cli_script_begin(struct figure_script *s, const struct figure_page *page);

/* "text" for gnuplot's enhanced text mode. */
void cli_script_put_text(struct figure_script *s, const char *text);
/* A new block of data; returns its index. Rows are then written to s->data. */
size_t cli_script_block(struct figure_script *s, const char *comment);
/* The colour of a curve, distinct also to the colour-blind: "#rrggbb". */
const char *cli_script_color(size_t curve);
/* The colour of a part of a stack. */
const char *cli_script_part_color(size_t part);

#endif
