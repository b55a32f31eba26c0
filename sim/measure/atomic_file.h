/*
 * atomic_file.h - a file that appears whole or not at all.
 *
 * Text goes to a new file in the same directory, which takes the final name on
 * commit. Until then a file that already has that name stays as it is. A
 * process that is killed may leave the temporary file, never half a result.
 *
 * Ownership: open allocates; exactly one of commit or abandon frees. After a
 * failed open or commit nothing is held and nothing is left on disk.
 * Errors: false, with a one-line message in `error`.
 */
#ifndef HD_MEASURE_ATOMIC_FILE_H
#define HD_MEASURE_ATOMIC_FILE_H

#include <stdbool.h>
#include <stdio.h>

#define HD_ATOMIC_ERROR_MAX 512

struct hd_atomic_file {
  FILE *stream;    /* write here; NULL when not open */
  char *path;      /* final name */
  char *temporary; /* name until commit */
  char error[HD_ATOMIC_ERROR_MAX];
};

/* Refuses a `path` that exists and is no regular file (a device, a directory).
 * A symbolic link is followed, so that the file it names is replaced. */
bool hd_atomic_open(struct hd_atomic_file *f, const char *path);

/* Closes and renames. Fails, leaving no trace, if any write failed. */
bool hd_atomic_commit(struct hd_atomic_file *f);

/* Closes and removes the temporary file. Harmless when not open. */
void hd_atomic_abandon(struct hd_atomic_file *f);

#endif
