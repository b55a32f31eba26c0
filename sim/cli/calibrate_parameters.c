/* --fit PATH=LOW..HIGH */
#include "sim/cli/calibrate.h"

#include "sim/scenario/text.h"
#include "sim/scenario/unit.h"
#include "sim/scenario/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- finding the parameter ------------------------------------------------ */

/* "server.x" is "host.x". */
static char *canonical(const char *path, size_t length)
{
  const struct hd_section_alias *a = cli_environment()->aliases;
  for (; a != NULL && a->name != NULL; a++) {
    size_t n = strlen(a->name);
    if (length > n && strncmp(path, a->name, n) == 0 && path[n] == '.')
      return cli_format("%s%.*s", a->section, (int)(length - n), path + n);
  }
  return cli_format("%.*s", (int)length, path);
}

static bool find(const struct hd_point *point, const char *path,
                 struct hd_point_value *found)
{
  struct hd_nearest nearest = hd_nearest_to(path);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < hd_point_values(point); i++) {
    *found = hd_point_value(point, i);
    if (strcmp(found->path, path) == 0)
      return true;
    hd_nearest_try(&nearest, found->path);
  }
  hd_list_add(&list, "hdiov-sim params --paths");
  cli_message("--fit: there is no parameter '%s'%s", hd_clip(path).text,
              hd_hint(&nearest, "paths are listed by", &list).text);
  return false;
}

static bool can_be_fitted(const struct hd_param *p)
{
  return p->type != HD_PARAM_BOOL && p->type != HD_PARAM_ENUM &&
         p->type != HD_PARAM_STRING && p->type != HD_PARAM_FILE;
}

/* -- numbers -------------------------------------------------------------- */

static bool is_real(const struct hd_param *p)
{
  return p->type == HD_PARAM_REAL || p->type == HD_PARAM_RATIO;
}

/* In the largest unit that is not more than the value; decimal, so exact. */
static char *decimal_text(enum hd_param_type type, double value)
{
  const struct hd_unit *units = hd_units(type), *best = units;
  for (const struct hd_unit *u = units; u->name != NULL; u++)
    if (u->shown && fabs(value) >= (double)u->scale)
      best = u;
  return cli_format("%.12g %s", value / (double)best->scale, best->name);
}

char *cli_calibrate_text(const struct hd_param *param, double value)
{
  if (isnan(value))
    return cli_format("-");
  if (is_real(param))
    return cli_format("%.6g", value);
  if (param->type == HD_PARAM_TIME || param->type == HD_PARAM_RATE ||
      param->type == HD_PARAM_FREQUENCY)
    return decimal_text(param->type, value);
  struct hd_arena arena = {NULL};
  struct hd_value v = {.integer = (int64_t)llround(value)};
  char *text = cli_format("%s", hd_value_format(&arena, param, &v));
  hd_arena_free(&arena);
  return text;
}

static bool parse_bound(const struct hd_param *p, const char *path,
                        const char *text, double *number)
{
  struct hd_value value;
  struct hd_problem why;
  if (hd_value_parse(p, path, text, &value, &why))
    return hd_value_number(p, &value, number);
  cli_message("--fit %s: %s", path, why.text);
  return false;
}

/* Of the values tried, a round part of the range: about 1 in 20000. */
static double unit_of(const struct hd_param *p, double low, double high)
{
  double least = is_real(p) ? 0 : 1;
  if (p->type == HD_PARAM_INT || p->type == HD_PARAM_CYCLES)
    return 1;
  double span = low > 0 ? fmin(high - low, 20 * low) : high - low;
  return fmax(least, pow(10, floor(log10(span / 5000))));
}

/* Counts and sizes work by their ratio; times and rates add up, unless they may
 * be very different. */
static bool is_logarithmic(const struct hd_param *p, double low, double high)
{
  bool count = p->type == HD_PARAM_INT || p->type == HD_PARAM_SIZE;
  return low > 0 && high / low > (count ? 8 : 500);
}

/* -- the option ----------------------------------------------------------- */

/* "LOW..HIGH", trimmed and cut in two in place. */
static bool split_range(char *text, char **low, char **high)
{
  char *dots = strstr(text, "..");
  if (dots == NULL)
    return false;
  *dots = '\0';
  *low = text;
  *high = dots + 2;
  *low += strspn(*low, " ");
  *high += strspn(*high, " ");
  for (char *end = dots; end > *low && end[-1] == ' ';)
    *--end = '\0';
  return (*low)[0] != '\0' && (*high)[0] != '\0';
}

static bool add_range(struct calibration *c, const struct hd_point_value *v,
                      char *range)
{
  char *low_text, *high_text;
  double low, high, start = NAN;
  if (!split_range(range, &low_text, &high_text)) {
    cli_message("--fit %s: write LOW..HIGH, with units", v->path);
    return false;
  }
  if (!parse_bound(v->param, v->path, low_text, &low) ||
      !parse_bound(v->param, v->path, high_text, &high))
    return false;
  if (!(low < high)) {
    cli_message("--fit %s: %s is not below %s", v->path, low_text, high_text);
    return false;
  }
  struct hd_value now;
  struct hd_problem why;
  if (hd_value_parse(v->param, v->path, v->text, &now, &why))
    hd_value_number(v->param, &now, &start);
  char *path = cli_format("%s", v->path);
  c->parameters[c->n] = (struct calibrate_parameter){path, v->param};
  c->fit[c->n++] = (struct fit_parameter){
      .name = path,
      .low = low,
      .high = high,
      .start = start,
      .unit = unit_of(v->param, low, high),
      .integer =
          v->param->type == HD_PARAM_INT || v->param->type == HD_PARAM_CYCLES,
      .logarithmic = is_logarithmic(v->param, low, high)};
  return true;
}

static bool is_new(const struct calibration *c, const char *path)
{
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->parameters[i].path, path) == 0) {
      cli_message("--fit %s is given twice", path);
      return false;
    }
  return true;
}

bool cli_calibrate_add(struct calibration *c, const struct hd_point *point,
                       const char *text)
{
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text) {
    cli_message("--fit takes PATH=LOW..HIGH, not '%s'", hd_clip(text).text);
    return false;
  }
  if (c->n == FIT_PARAMETERS_MAX) {
    cli_message("--fit: %d parameters at most", FIT_PARAMETERS_MAX);
    return false;
  }
  char *path = canonical(text, (size_t)(equals - text));
  char *range = cli_format("%s", equals + 1);
  struct hd_point_value v;
  bool good = find(point, path, &v) && is_new(c, v.path);
  if (good && !can_be_fitted(v.param)) {
    cli_message("--fit %s: it is no number (%s)", v.path,
                hd_value_expected(v.param).text);
    good = false;
  }
  good = good && add_range(c, &v, range);
  free(range);
  free(path);
  return good;
}
