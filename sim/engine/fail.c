/* fail.c - what a broken invariant says. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "sim/engine/internal.h"

void hd_fail(const struct hd_component *c, const char *file, int line,
             const char *format, ...)
{
  va_list args;
  va_start(args, format);
  fflush(stdout);
  fprintf(stderr, "hdiov-sim: internal check failed: ");
  vfprintf(stderr, format, args);
  va_end(args);
  const struct hd_engine *e = c ? c->engine : hd_the_engine;
  if (c && c->exec)
    fprintf(stderr, "\n  at simulated time %lld ps", (long long)hd_now(c));
  if (c)
    fprintf(stderr, "\n  in component %s (%s)", c->path, c->ops->kind);
  if (e)
    fprintf(stderr, "\n  seed %llu", (unsigned long long)e->options.seed);
  fprintf(stderr, "\n  checked at %s:%d\n", file, line);
  if (e && e->options.reproduce)
    fprintf(stderr, "  reproduce with: %s\n", e->options.reproduce);
  fflush(stderr);
  _exit(HD_EXIT_INTERNAL);
}
