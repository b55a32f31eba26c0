/* Where presets are, and what scenarios are read against. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "sim/cli/captures.h"
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct hd_section_alias aliases[] = {{"server", "host"},
                                                  {NULL, NULL}};

/* Is the running program the installed one? */
static bool is_installed(void)
{
#ifdef BINDIR
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  size_t dir = strlen(BINDIR);
  if (length < 0)
    return true;
  path[length] = '\0';
  return strncmp(path, BINDIR, dir) == 0 && path[dir] == '/';
#else
  return false;
#endif
}

/* $HDIOV_SIM_DATA, then the installed and the source tree's directory: first
 * the one that the program belongs to. */
static const char *const *data_dirs(void)
{
  static const char *dirs[4];
  size_t n = 0;
  const char *user = getenv("HDIOV_SIM_DATA");
  bool installed = is_installed();
  if (user != NULL && user[0] != '\0')
    dirs[n++] = user;
#ifdef PKGDATADIR
  if (installed)
    dirs[n++] = PKGDATADIR;
#endif
#ifdef SRCDATADIR
  dirs[n++] = SRCDATADIR;
#endif
#ifdef PKGDATADIR
  if (!installed)
    dirs[n++] = PKGDATADIR;
#endif
  (void)installed;
  dirs[n] = NULL;
  return dirs;
}

const struct hd_scenario_env *cli_environment(void)
{
  static struct hd_scenario_env env;
  static const char *metrics[METRIC_COUNT + 1];
  memcpy(metrics, metric_names, sizeof metric_names);
  env = (struct hd_scenario_env){.registry = &server_registry,
                                 .data_dirs = data_dirs(),
                                 .aliases = aliases,
                                 .check = cli_captures_check,
                                 .metrics = metrics};
  return &env;
}
