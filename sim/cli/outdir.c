#include "sim/cli/outdir.h"

#include "sim/cli/cli.h"
#include "sim/measure/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_DIRECTORIES = 16 };

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *where)
{
  (void)st, (void)type, (void)where;
  return remove(path);
}

bool cli_outdir_remove(const char *path)
{
  return nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) == 0;
}

static bool make_one(const char *path)
{
  struct stat st;
  if (mkdir(path, 0777) == 0)
    return true;
  if (errno != EEXIST)
    return false;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
    return true;
  errno = ENOTDIR;
  return false;
}

bool cli_outdir_make(const char *path)
{
  char *copy = cli_format("%s", path);
  bool good = true;
  for (char *c = copy + 1; good && copy[0] != '\0' && *c != '\0'; c++) {
    if (*c != '/')
      continue;
    *c = '\0';
    good = make_one(copy);
    *c = '/';
  }
  good = good && make_one(copy);
  int error = errno;
  free(copy);
  errno = error;
  return good;
}

static bool is_empty(const char *path)
{
  DIR *dir = opendir(path);
  bool empty = true;
  if (dir == NULL)
    return true;
  for (struct dirent *e; (e = readdir(dir)) != NULL;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      empty = false;
  closedir(dir);
  return empty;
}

static bool has_results(const char *path)
{
  static const char *const ours[] = {"summary.csv", "points", "manifest.json"};
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
    char *name = cli_format("%s/%s", path, ours[i]);
    bool there = access(name, F_OK) == 0;
    free(name);
    if (there)
      return true;
  }
  return false;
}

/* False, and says why, when the directory's contents are not to be touched. */
static bool accept(const char *path, enum outdir_mode mode)
{
  if (is_empty(path))
    return true;
  bool results = has_results(path);
  if (results && mode == OUTDIR_RESUME)
    return true;
  if (results)
    cli_message("%s already has results; %sremove it, or choose another "
                "directory with --out",
                path,
                mode == OUTDIR_SWEEP ? "continue them with --resume, " : "");
  else
    cli_message("%s is not empty and has no results; choose another directory "
                "with --out",
                path);
  return false;
}

static bool try_writing(const char *path)
{
  char *name = cli_format("%s/summary.csv", path);
  struct hd_atomic_file probe;
  bool good = hd_atomic_open(&probe, name);
  if (good)
    hd_atomic_abandon(&probe);
  else
    cli_message("cannot write to %s: %s", path, strerror(errno));
  free(name);
  return good;
}

static bool lock(struct outdir *d)
{
  d->lock = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d->lock >= 0 && flock(d->lock, LOCK_EX | LOCK_NB) == 0)
    return true;
  if (errno == EWOULDBLOCK)
    cli_message("another %s is writing to %s", cli_program, d->path);
  else if (d->lock >= 0 && (errno == ENOLCK || errno == EOPNOTSUPP))
    return true; /* a file system without locks */
  else
    cli_message("cannot open %s: %s", d->path, strerror(errno));
  return false;
}

static bool make_points(const struct outdir *d)
{
  char *points = cli_format("%s/points", d->path);
  bool good = cli_outdir_make(points);
  if (!good)
    cli_message("cannot make %s: %s", points, strerror(errno));
  free(points);
  return good;
}

static char *without_slashes(const char *path)
{
  char *copy = cli_format("%s", path);
  for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
    copy[n - 1] = '\0';
  return copy;
}

bool cli_outdir_open(struct outdir *d, const char *path, enum outdir_mode mode)
{
  *d = (struct outdir){.path = without_slashes(path), .lock = -1};
  if (!cli_outdir_make(d->path)) {
    cli_message("cannot make directory %s: %s", d->path, strerror(errno));
    goto failed;
  }
  if (!lock(d) || !accept(d->path, mode) || !try_writing(d->path) ||
      !make_points(d))
    goto failed;
  cli_outdir_tidy(d);
  return true;
failed:
  cli_outdir_close(d);
  return false;
}

bool cli_outdir_open_temporary(struct outdir *d)
{
  const char *parent = getenv("TMPDIR");
  if (parent == NULL || parent[0] == '\0')
    parent = "/tmp";
  *d = (struct outdir){.lock = -1, .temporary = true};
  char *name = cli_format("%s/%s-XXXXXX", parent, cli_program);
  if (mkdtemp(name) == NULL) {
    cli_message("cannot make a directory in %s: %s", parent, strerror(errno));
    free(name);
    return false;
  }
  d->path = name;
  if (make_points(d))
    return true;
  cli_outdir_close(d);
  return false;
}

void cli_outdir_close(struct outdir *d)
{
  if (d->temporary && d->path != NULL)
    cli_outdir_remove(d->path);
  if (d->lock >= 0)
    close(d->lock);
  free(d->path);
  *d = (struct outdir){.lock = -1};
}

void cli_outdir_withdraw(const struct outdir *d)
{
  char *points = cli_format("%s/points", d->path);
  cli_outdir_remove(points);
  rmdir(d->path);
  free(points);
}

char *cli_outdir_point(const struct outdir *d, size_t point, size_t repetition)
{
  return cli_format("%s/points/%05zu-%03zu", d->path, point, repetition);
}

/* Half-written points begin with a dot. */
void cli_outdir_tidy(const struct outdir *d)
{
  char *points = cli_format("%s/points", d->path);
  DIR *dir = opendir(points);
  for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 ||
        strcmp(e->d_name, "..") == 0)
      continue;
    char *name = cli_format("%s/%s", points, e->d_name);
    cli_outdir_remove(name);
    free(name);
  }
  if (dir != NULL)
    closedir(dir);
  free(points);
}
