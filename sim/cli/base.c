/* Messages, strings, memory, and what the program is called. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "sim/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

const char cli_program[] = "hdiov-sim";
const char cli_version[] = PACKAGE_VERSION;

void cli_message(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", cli_program);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

static void *checked(void *memory)
{
  if (memory != NULL)
    return memory;
  cli_message("out of memory");
  exit(CLI_FAILED);
}

char *cli_format(const char *format, ...)
{
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int length = vasprintf(&text, format, args);
  va_end(args);
  return checked(length >= 0 ? text : NULL);
}

void *cli_allocate(size_t count, size_t size)
{
  return checked(calloc(count > 0 ? count : 1, size));
}

void *cli_resize(void *memory, size_t count, size_t size)
{
  return checked(reallocarray(memory, count > 0 ? count : 1, size));
}
