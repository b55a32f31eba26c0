#include "sim/measure/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_ATTEMPTS 1000u

static bool fail(struct hd_atomic_file *f, const char *path, int error)
{
  snprintf(f->error, sizeof f->error, "%s: %s", path, strerror(error));
  errno = error;
  return false;
}

static void release(struct hd_atomic_file *f)
{
  free(f->path);
  free(f->temporary);
  f->path = f->temporary = NULL;
  f->stream = NULL;
}

/* The name to replace: `path` itself or what the link names. NULL: errno. */
static char *final_name(const char *path)
{
  struct stat st;
  if (stat(path, &st) != 0)
    return errno == ENOENT ? strdup(path) : NULL;
  if (S_ISREG(st.st_mode))
    return realpath(path, NULL);
  errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
  return NULL;
}

/* Creates a file beside `path` under a name nobody has; the umask applies,
 * which it would not with mkstemp(). Returns the descriptor or -1. */
static int create_beside(const char *path, char **name)
{
  int fd = -1;
  for (unsigned i = 0; i < NAME_ATTEMPTS; i++) {
    if (asprintf(name, "%s.%ld-%u.tmp", path, (long)getpid(), i) < 0) {
      *name = NULL;
      errno = ENOMEM;
      return -1;
    }
    fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
      return fd;
    int error = errno;
    free(*name);
    *name = NULL;
    errno = error;
    if (error != EEXIST)
      break;
  }
  return -1;
}

bool hd_atomic_open(struct hd_atomic_file *f, const char *path)
{
  *f = (struct hd_atomic_file){0};
  f->path = final_name(path);
  if (f->path == NULL)
    return fail(f, path, errno);

  int fd = create_beside(f->path, &f->temporary);
  if (fd < 0)
    goto no_file;
  f->stream = fdopen(fd, "w");
  if (f->stream == NULL)
    goto no_stream;
  return true;

  int error;
no_stream:
  error = errno;
  close(fd);
  unlink(f->temporary);
  errno = error;
no_file:
  error = errno;
  release(f);
  return fail(f, path, error);
}

bool hd_atomic_commit(struct hd_atomic_file *f)
{
  if (f->stream == NULL)
    return false;
  errno = 0;
  bool written = fflush(f->stream) == 0 && !ferror(f->stream);
  int error = written ? 0 : errno != 0 ? errno : EIO;
  if (fclose(f->stream) != 0 && error == 0)
    error = errno;
  if (error == 0 && rename(f->temporary, f->path) != 0)
    error = errno;
  if (error != 0) {
    unlink(f->temporary);
    fail(f, f->path, error);
  }
  release(f);
  errno = error;
  return error == 0;
}

void hd_atomic_abandon(struct hd_atomic_file *f)
{
  if (f->stream == NULL)
    return;
  fclose(f->stream);
  unlink(f->temporary);
  release(f);
}
