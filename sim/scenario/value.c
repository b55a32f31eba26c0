#include "sim/scenario/value.h"

#include "sim/scenario/text.h"
#include "sim/scenario/unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(struct hd_problem *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct hd_problem *why, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  return false;
}

static bool is_real(const struct hd_param *p)
{
  return p->type == HD_PARAM_REAL || p->type == HD_PARAM_RATIO;
}

static void list_units(enum hd_param_type type, char *out, size_t size)
{
  size_t length = 0;
  out[0] = '\0';
  for (const struct hd_unit *u = hd_units(type); u->name && length < size; u++)
    length += (size_t)snprintf(out + length, size - length, "%s%s",
                               u[1].name && length ? ", "
                               : length            ? " or "
                                                   : "",
                               u->name);
}

struct hd_problem hd_value_expected(const struct hd_param *p)
{
  struct hd_problem out;
  struct hd_list list = {.length = 0};
  char units[80];
  switch (p->type) {
  case HD_PARAM_BOOL:
    fail(&out, "true or false");
    break;
  case HD_PARAM_INT:
    fail(&out, "an integer");
    break;
  case HD_PARAM_REAL:
    fail(&out, "a number");
    break;
  case HD_PARAM_RATIO:
    fail(&out, "a ratio from 0 to 1, or 0 %% to 100 %%");
    break;
  case HD_PARAM_CYCLES:
    fail(&out, "a number of cycles");
    break;
  case HD_PARAM_STRING:
    fail(&out, "a text");
    break;
  case HD_PARAM_FILE:
    fail(&out, "the path of a file");
    break;
  case HD_PARAM_ENUM:
    for (const char *const *c = p->choices; *c != NULL; c++)
      hd_list_add(&list, *c);
    fail(&out, "one of: %s", list.text);
    break;
  default:
    list_units(p->type, units, sizeof units);
    fail(&out, "%s in %s", hd_unit_noun(p->type), units);
  }
  return out;
}

struct hd_problem hd_value_range(const struct hd_param *p)
{
  struct hd_problem out = {.text = ""};
  bool floored = !is_real(p) && p->type != HD_PARAM_INT && hd_units(p->type);
  const char *min = p->min ? p->min : floored ? "0" : NULL;
  if (p->type == HD_PARAM_RATIO && !p->min)
    min = "0";
  const char *max = p->type == HD_PARAM_RATIO && !p->max ? "1" : p->max;
  if (p->type == HD_PARAM_ENUM || hd_param_is_text(p) ||
      p->type == HD_PARAM_BOOL)
    return out;
  if (min && max)
    fail(&out, "%s to %s", min, max);
  else if (min)
    fail(&out, "at least %s", min);
  else if (max)
    fail(&out, "at most %s", max);
  return out;
}

static bool parse_bool(const char *path, const char *text, struct hd_value *v,
                       struct hd_problem *why)
{
  static const char *const words[] = {"false", "true", "no",
                                      "yes",   "off",  "on"};
  for (int i = 0; i < 6; i++) {
    if (strcmp(text, words[i]) != 0)
      continue;
    v->integer = i % 2;
    return true;
  }
  return fail(why, "'%s' is not a boolean; '%s' takes true or false",
              hd_clip(text).text, path);
}

static bool parse_enum(const struct hd_param *p, const char *path,
                       const char *text, struct hd_value *v,
                       struct hd_problem *why)
{
  struct hd_nearest nearest = hd_nearest_to(text);
  struct hd_list none = {.length = 0};
  for (int i = 0; p->choices[i] != NULL; i++) {
    v->integer = i;
    if (strcmp(text, p->choices[i]) == 0)
      return true;
    hd_nearest_try(&nearest, p->choices[i]);
  }
  const char *joint = nearest.best ? " '" : "; '";
  return fail(why, "unknown choice '%s'%s%s%s' takes %s", hd_clip(text).text,
              hd_hint(&nearest, "", &none).text, joint, path,
              hd_value_expected(p).text);
}

static bool parse_string(const char *path, const char *text, int room,
                         struct hd_value *v, struct hd_problem *why)
{
  size_t length = strlen(text);
  if (length >= (size_t)room)
    return fail(why, "the text is %zu bytes long; '%s' takes at most %d",
                length, path, room - 1);
  if (!hd_is_utf8(text))
    return fail(why, "the text for '%s' is not valid UTF-8", path);
  v->text = text;
  return true;
}

/* What follows the digits, if that is a unit of some other type. */
static const char *stray_unit(const char *text)
{
  while (*text != '\0' && strchr("+-.0123456789", *text))
    text++;
  while (*text == ' ')
    text++;
  return hd_unit_known(text) ? text : NULL;
}

static bool not_a_number(const struct hd_param *p, const char *path,
                         const char *text, struct hd_problem *why)
{
  const char *unit = stray_unit(text);
  if (unit != NULL)
    return fail(why, "'%s' takes no unit; remove '%s'", path, unit);
  return fail(why, "'%s' is not %s; '%s' takes %s", hd_clip(text).text,
              p->type == HD_PARAM_INT ? "an integer" : "a number", path,
              hd_value_expected(p).text);
}

static bool parse_int(const struct hd_param *p, const char *path,
                      const char *text, struct hd_value *v,
                      struct hd_problem *why)
{
  const char *digits = text + (*text == '-' || *text == '+');
  size_t length = strspn(digits, "0123456789");
  if (length == 0 || digits[length] != '\0')
    return not_a_number(p, path, text, why);
  errno = 0;
  v->integer = strtoll(text, NULL, 10);
  if (errno == ERANGE)
    return fail(why, "'%s' does not fit in 64 bits; '%s' takes %s",
                hd_clip(text).text, path, hd_value_expected(p).text);
  return true;
}

/* The end of a decimal number with optional fraction and exponent, or NULL. */
static const char *real_end(const char *c)
{
  if (*c == '-' || *c == '+')
    c++;
  size_t whole = strspn(c, "0123456789");
  if (whole == 0)
    return NULL;
  c += whole;
  if (*c == '.') {
    size_t fraction = strspn(c + 1, "0123456789");
    if (fraction == 0)
      return NULL;
    c += 1 + fraction;
  }
  if (*c != 'e' && *c != 'E')
    return c;
  c++;
  if (*c == '-' || *c == '+')
    c++;
  size_t exponent = strspn(c, "0123456789");
  return exponent > 0 ? c + exponent : NULL;
}

static bool parse_real(const struct hd_param *p, const char *path,
                       const char *text, struct hd_value *v,
                       struct hd_problem *why)
{
  const char *end = real_end(text);
  if (end == NULL)
    return not_a_number(p, path, text, why);
  const char *rest = end + strspn(end, " ");
  bool percent = p->type == HD_PARAM_RATIO && strcmp(rest, "%") == 0;
  if (*rest != '\0' && !percent)
    return not_a_number(p, path, text, why);
  v->real = strtod(text, NULL) / (percent ? 100.0 : 1.0);
  if (v->real == 0)
    v->real = 0; /* no negative zero */
  if (!isfinite(v->real))
    return fail(why, "'%s' is too large; '%s' takes %s", hd_clip(text).text,
                path, hd_value_expected(p).text);
  return true;
}

static bool refuse_quantity(const struct hd_param *p, const char *path,
                            const char *text, const char *unit,
                            enum hd_quantity_status status,
                            struct hd_problem *why)
{
  struct hd_clip cited = hd_clip(text);
  struct hd_problem want = hd_value_expected(p);
  struct hd_list none = {.length = 0};
  switch (status) {
  case HD_QUANTITY_NO_UNIT:
    return fail(why, "'%s' has no unit; '%s' takes %s", cited.text, path,
                want.text);
  case HD_QUANTITY_UNKNOWN_UNIT: {
    struct hd_nearest nearest = hd_nearest_to(unit);
    for (const struct hd_unit *u = hd_units(p->type); u->name != NULL; u++)
      hd_nearest_try(&nearest, u->name);
    return fail(why, "unknown unit '%s'%s%s'%s' takes %s", hd_clip(unit).text,
                hd_hint(&nearest, "", &none).text, nearest.best ? " " : "; ",
                path, want.text);
  }
  case HD_QUANTITY_INEXACT:
    return fail(why, "'%s' is not a whole number of %s, as '%s' must be",
                cited.text, hd_unit_base(p->type), path);
  case HD_QUANTITY_OVERFLOW:
    return fail(why, "'%s' does not fit in 64 bits of %s", cited.text,
                hd_unit_base(p->type));
  default:
    return fail(why, "'%s' is not %s; '%s' takes %s", cited.text,
                hd_unit_noun(p->type), path, want.text);
  }
}

static bool parse_quantity(const struct hd_param *p, const char *path,
                           const char *text, struct hd_value *v,
                           struct hd_problem *why)
{
  const char *unit = "";
  enum hd_quantity_status status =
      hd_quantity_parse(p->type, text, &v->integer, &unit);
  return status == HD_QUANTITY_OK ||
         refuse_quantity(p, path, text, unit, status, why);
}

static bool parse_raw(const struct hd_param *p, const char *path,
                      const char *text, struct hd_value *v,
                      struct hd_problem *why)
{
  *v = (struct hd_value){.text = ""};
  switch (p->type) {
  case HD_PARAM_BOOL:
    return parse_bool(path, text, v, why);
  case HD_PARAM_INT:
    return parse_int(p, path, text, v, why);
  case HD_PARAM_REAL:
  case HD_PARAM_RATIO:
    return parse_real(p, path, text, v, why);
  case HD_PARAM_ENUM:
    return parse_enum(p, path, text, v, why);
  case HD_PARAM_STRING:
    return parse_string(path, text, HD_PARAM_STRING_MAX, v, why);
  case HD_PARAM_FILE:
    return (text[0] != '\0' ||
            fail(why, "'%s' takes the path of a file, but is empty", path)) &&
           parse_string(path, text, HD_PARAM_FILE_MAX, v, why);
  default:
    return parse_quantity(p, path, text, v, why);
  }
}

/* -1, 0, 1 as `value` is below, at or above the limit written in `text`. */
static int against(const struct hd_param *p, const struct hd_value *value,
                   const char *text)
{
  struct hd_value limit;
  struct hd_problem ignored;
  if (!parse_raw(p, "", text, &limit, &ignored))
    return 0;
  if (is_real(p))
    return (value->real > limit.real) - (value->real < limit.real);
  return (value->integer > limit.integer) - (value->integer < limit.integer);
}

static bool in_range(const struct hd_param *p, const struct hd_value *v)
{
  bool floored = !is_real(p) && hd_units(p->type) != NULL;
  if (p->type == HD_PARAM_RATIO && (v->real < 0 || v->real > 1))
    return false;
  if (p->min == NULL && floored && v->integer < 0)
    return false;
  if (p->min != NULL && against(p, v, p->min) < 0)
    return false;
  return p->max == NULL || against(p, v, p->max) <= 0;
}

bool hd_value_parse(const struct hd_param *p, const char *path,
                    const char *text, struct hd_value *v,
                    struct hd_problem *why)
{
  if (!parse_raw(p, path, text, v, why))
    return false;
  if (hd_param_is_text(p) || p->type == HD_PARAM_ENUM ||
      p->type == HD_PARAM_BOOL || in_range(p, v))
    return true;
  return fail(why, "'%s' is out of range; '%s' takes %s", hd_clip(text).text,
              path, hd_value_range(p).text);
}

void hd_value_store(const struct hd_param *p, const struct hd_value *v,
                    void *field)
{
  bool truth = v->integer != 0;
  int choice = (int)v->integer;
  switch (p->type) {
  case HD_PARAM_BOOL:
    memcpy(field, &truth, sizeof truth);
    break;
  case HD_PARAM_REAL:
  case HD_PARAM_RATIO:
    memcpy(field, &v->real, sizeof v->real);
    break;
  case HD_PARAM_ENUM:
    memcpy(field, &choice, sizeof choice);
    break;
  case HD_PARAM_STRING:
    memset(field, 0, HD_PARAM_STRING_MAX);
    memcpy(field, v->text, strnlen(v->text, HD_PARAM_STRING_MAX - 1));
    break;
  case HD_PARAM_FILE:
    memcpy(field, &v->text, sizeof v->text);
    break;
  default:
    memcpy(field, &v->integer, sizeof v->integer);
  }
}

static const char *format_real(struct hd_arena *arena, double value)
{
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value)
      break;
  }
  return hd_arena_copy(arena, text, strlen(text));
}

const char *hd_value_format(struct hd_arena *arena, const struct hd_param *p,
                            const struct hd_value *v)
{
  switch (p->type) {
  case HD_PARAM_BOOL:
    return v->integer ? "true" : "false";
  case HD_PARAM_INT:
    return hd_arena_printf(arena, "%" PRId64, v->integer);
  case HD_PARAM_REAL:
  case HD_PARAM_RATIO:
    return format_real(arena, v->real);
  case HD_PARAM_ENUM:
    return p->choices[v->integer];
  case HD_PARAM_STRING:
  case HD_PARAM_FILE:
    return v->text;
  default: {
    struct hd_quantity_text text = hd_quantity_format(p->type, v->integer);
    return hd_arena_copy(arena, text.text, strlen(text.text));
  }
  }
}

bool hd_value_number(const struct hd_param *p, const struct hd_value *v,
                     double *number)
{
  if (p->type == HD_PARAM_ENUM || hd_param_is_text(p))
    return false;
  *number = is_real(p) ? v->real : (double)v->integer;
  return true;
}
