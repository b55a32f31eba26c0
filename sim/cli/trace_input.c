/* trace_input.c - opens a trace and reads its text, see trace_input.h. */
#include "sim/cli/trace_input.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct trace_reader *r, const char *what)
{
  cli_message("cannot %s %s: %s", what, r->name, strerror(errno));
  r->failed = true;
  return false;
}

/* read() that is not interrupted; -1: errno. */
static ssize_t take(int file, char *to, size_t room)
{
  ssize_t n;
  do
    n = read(file, to, room);
  while (n < 0 && errno == EINTR);
  return n;
}

/* A last line without a newline gets one; beyond the text there is always one,
 * which stops the parser. */
bool cli_trace_fill(struct trace_reader *r)
{
  size_t rest = (size_t)(r->end - r->next);
  memmove(r->buffer, r->next, rest);
  r->next = r->buffer;
  r->end = r->buffer + rest;
  while (!r->at_end && r->end < r->buffer + TRACE_BUFFER) {
    ssize_t n =
        take(r->file, r->end, (size_t)(r->buffer + TRACE_BUFFER - r->end));
    if (n < 0)
      return failed(r, "read");
    r->end += n;
    if (n == 0) {
      r->at_end = true;
      if (r->end > r->buffer && r->end[-1] != '\n')
        *r->end++ = '\n';
    }
  }
  *r->end = '\n';
  return true;
}

/* ---- opening -------------------------------------------------------- */

static bool write_all(int file, const char *data, size_t size)
{
  while (size > 0) {
    ssize_t n = write(file, data, size);
    if (n < 0 && errno != EINTR)
      return false;
    data += n > 0 ? n : 0;
    size -= n > 0 ? (size_t)n : 0;
  }
  return true;
}

/* A file without a name; -1: errno. */
static int temporary_file(void)
{
  const char *parent = getenv("TMPDIR");
  if (parent == NULL || parent[0] == '\0')
    parent = "/tmp";
  char *name = cli_format("%s/%s-XXXXXX", parent, cli_program);
  int file = mkostemp(name, O_CLOEXEC);
  if (file >= 0)
    unlink(name);
  free(name);
  return file;
}

/* Puts a copy in the place of what cannot be read twice. */
static bool make_seekable(struct trace_reader *r)
{
  struct stat st;
  if (fstat(r->file, &st) != 0)
    return failed(r, "read");
  if (S_ISREG(st.st_mode))
    return true;
  int copy = temporary_file();
  if (copy < 0)
    return failed(r, "make a temporary copy of");
  ssize_t n;
  while ((n = take(r->file, r->buffer, TRACE_BUFFER)) > 0)
    if (!write_all(copy, r->buffer, (size_t)n))
      break;
  int error = errno;
  close(r->file);
  r->file = copy;
  errno = error;
  return n == 0 || failed(r, n < 0 ? "read" : "make a temporary copy of");
}

bool cli_trace_rewind(struct trace_reader *r)
{
  if (lseek(r->file, 0, SEEK_SET) != 0)
    return failed(r, "read");
  r->next = r->end = r->buffer;
  r->at_end = false;
  r->rows = 0;
  return cli_trace_header(r);
}

bool cli_trace_open(struct trace_reader *r, const char *name,
                    const struct trace_limits *limits)
{
  bool standard = strcmp(name, "-") == 0;
  *r = (struct trace_reader){.name = standard ? "standard input" : name,
                             .limits = *limits};
  r->file = standard ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
  if (r->file < 0)
    return failed(r, "open");
  r->buffer = cli_allocate(TRACE_BUFFER + 2, 1);
  if (make_seekable(r) && cli_trace_rewind(r))
    return true;
  cli_trace_close(r);
  return false;
}

void cli_trace_close(struct trace_reader *r)
{
  close(r->file);
  free(r->buffer);
}
