/*
 * errors.h - the user's mistakes, collected.
 *
 * One line each, "FILE:LINE:COL: error: MESSAGE", or "FILE: error: MESSAGE"
 * where there is no line (a missing file, a command-line option). Control
 * characters are replaced, equal lines are kept once, and after
 * HD_ERRORS_MAX lines one last line says that there are more.
 */
#ifndef HD_SCENARIO_ERRORS_H
#define HD_SCENARIO_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define HD_ERRORS_MAX 100

struct hd_errors;

/* A place in a source; line and column count from 1, line 0: no line. The
 * file's name is copied when an error is added. */
struct hd_mark {
  const char *file;
  size_t line, column;
};

struct hd_errors *hd_errors_create(void);
void hd_errors_destroy(struct hd_errors *errors);

size_t hd_errors_count(const struct hd_errors *errors);
/* How many were added, with those that were not kept. */
size_t hd_errors_added(const struct hd_errors *errors);
/* The whole line without a newline; valid until the next add or destroy. */
const char *hd_errors_text(const struct hd_errors *errors, size_t index);
void hd_errors_print(const struct hd_errors *errors, FILE *out);

/* Fixes the file's place in the order; otherwise files come in the order of
 * their first error. */
void hd_errors_file(struct hd_errors *errors, const char *file);
void hd_errors_add(struct hd_errors *errors, struct hd_mark mark,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* No further error would be kept: a caller may stop looking. */
bool hd_errors_full(const struct hd_errors *errors);
/* By file, line and column; equal places stay in the order of adding. */
void hd_errors_sort(struct hd_errors *errors);

#endif
