/*
 * outdir.h - the directory results go to.
 *
 *   DIR/points/NNNNN-RRR/   what a finished job left; appears whole or not
 *   DIR/summary.csv ...     merged from those
 *
 * One process at a time writes to a directory; a lock that dies with its
 * holder sees to that.
 */
#ifndef HD_CLI_OUTDIR_H
#define HD_CLI_OUTDIR_H

#include <stdbool.h>
#include <stddef.h>

struct outdir {
  char *path;     /* NULL: not open; owned */
  bool temporary; /* removed on closing */
  int lock;       /* descriptor */
};

enum outdir_mode {
  OUTDIR_RUN,   /* earlier results are refused */
  OUTDIR_SWEEP, /* the same, with a hint at --resume */
  OUTDIR_RESUME /* earlier results are welcome */
};

/* Makes DIR with its parents, takes the lock and tries whether files can be
 * written. Anything else than an empty directory or results to resume is
 * refused. False: the reason was printed, nothing is held. */
bool cli_outdir_open(struct outdir *d, const char *path, enum outdir_mode mode);
/* A directory below $TMPDIR or /tmp that lives until closing. */
bool cli_outdir_open_temporary(struct outdir *d);
void cli_outdir_close(struct outdir *d);

/* Removes DIR/points, and DIR when it is empty then. */
void cli_outdir_withdraw(const struct outdir *d);

/* DIR/points/NNNNN-RRR. Owned by the caller. */
char *cli_outdir_point(const struct outdir *d, size_t point, size_t repetition);
/* Removes what killed processes left half-written in DIR/points. */
void cli_outdir_tidy(const struct outdir *d);

/* Removes a directory with all it holds, or a file. False: errno. */
bool cli_outdir_remove(const char *path);
/* mkdir -p. False: errno. */
bool cli_outdir_make(const char *path);

#endif
