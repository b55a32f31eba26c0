#include "sim/scenario/unit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KILO INT64_C(1000)
#define KIBI INT64_C(1024)
#define MAX_FRACTION_DIGITS 18

static const struct hd_unit time_units[] = {{"ps", 1, true},
                                            {"ns", KILO, true},
                                            {"us", KILO *KILO, true},
                                            {"ms", KILO *KILO *KILO, true},
                                            {"s", KILO *KILO *KILO *KILO, true},
                                            {NULL, 0, false}};

static const struct hd_unit rate_units[] = {
    {"b/s", 1, true},
    {"kb/s", KILO, true},
    {"Mb/s", KILO *KILO, true},
    {"Gb/s", KILO *KILO *KILO, true},
    {"Tb/s", KILO *KILO *KILO *KILO, true},
    {NULL, 0, false}};

static const struct hd_unit size_units[] = {
    {"B", 1, true},
    {"kB", KILO, false},
    {"KiB", KIBI, true},
    {"MB", KILO *KILO, false},
    {"MiB", KIBI *KIBI, true},
    {"GB", KILO *KILO *KILO, false},
    {"GiB", KIBI *KIBI *KIBI, true},
    {"TiB", KIBI *KIBI *KIBI *KIBI, true},
    {NULL, 0, false}};

static const struct hd_unit frequency_units[] = {
    {"Hz", 1, true},
    {"kHz", KILO, true},
    {"MHz", KILO *KILO, true},
    {"GHz", KILO *KILO *KILO, true},
    {NULL, 0, false}};

static const struct hd_unit cycle_units[] = {
    {"cycles", 1, true}, {"cycle", 1, false}, {NULL, 0, false}};

static const struct {
  const struct hd_unit *units;
  const char *noun, *base;
} kinds[] = {
    [HD_PARAM_TIME] = {time_units, "a time", "picoseconds"},
    [HD_PARAM_RATE] = {rate_units, "a rate", "bits per second"},
    [HD_PARAM_SIZE] = {size_units, "a size", "bytes"},
    [HD_PARAM_FREQUENCY] = {frequency_units, "a frequency", "hertz"},
    [HD_PARAM_CYCLES] = {cycle_units, "a number of cycles", "cycles"},
    [HD_PARAM_STRING] = {NULL, "a text", ""},
    [HD_PARAM_FILE] = {NULL, "a path", ""},
};

const struct hd_unit *hd_units(enum hd_param_type type)
{
  return kinds[type].units;
}

const char *hd_unit_noun(enum hd_param_type type)
{
  return kinds[type].noun;
}

const char *hd_unit_base(enum hd_param_type type)
{
  return kinds[type].base;
}

static const struct hd_unit *find(enum hd_param_type type, const char *name)
{
  for (const struct hd_unit *u = kinds[type].units; u && u->name; u++)
    if (strcmp(u->name, name) == 0)
      return u;
  return NULL;
}

bool hd_unit_known(const char *name)
{
  for (size_t type = 0; type < sizeof kinds / sizeof kinds[0]; type++)
    if (find((enum hd_param_type)type, name) != NULL)
      return true;
  return strcmp(name, "%") == 0;
}

/* A decimal number: whole.fraction, the fraction with `digits` digits. */
struct decimal {
  bool negative, overflow;
  int64_t whole, fraction, power; /* power: 10^digits */
  int digits;
};

static const char *read_fraction(const char *c, struct decimal *d)
{
  const char *end = c;
  while (isdigit((unsigned char)*end))
    end++;
  const char *next = end;
  while (end > c && end[-1] == '0')
    end--;
  for (; c < end; c++, d->digits++) {
    if (d->digits >= MAX_FRACTION_DIGITS)
      continue;
    d->fraction = d->fraction * 10 + (*c - '0');
    d->power *= 10;
  }
  return next;
}

/* Returns what follows the number, NULL if there is none. */
static const char *read_decimal(const char *c, struct decimal *d)
{
  *d = (struct decimal){.power = 1};
  if (*c == '-' || *c == '+')
    d->negative = *c++ == '-';
  if (!isdigit((unsigned char)*c))
    return NULL;
  for (; isdigit((unsigned char)*c); c++) {
    if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
        __builtin_add_overflow(d->whole, *c - '0', &d->whole)) {
      d->overflow = true;
      d->whole = 0;
    }
  }
  if (*c != '.')
    return c;
  if (!isdigit((unsigned char)c[1]))
    return NULL;
  return read_fraction(c + 1, d);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static enum hd_quantity_status scale(const struct decimal *d, int64_t scale,
                                     int64_t *value)
{
  if (d->overflow)
    return HD_QUANTITY_OVERFLOW;
  if (d->digits > MAX_FRACTION_DIGITS)
    return HD_QUANTITY_INEXACT;
  int64_t common = common_divisor(scale, d->power);
  if (d->fraction % (d->power / common) != 0)
    return HD_QUANTITY_INEXACT;
  int64_t part = d->fraction / (d->power / common) * (scale / common);
  int64_t total;
  if (__builtin_mul_overflow(d->whole, scale, &total) ||
      __builtin_add_overflow(total, part, &total))
    return HD_QUANTITY_OVERFLOW;
  *value = d->negative ? -total : total;
  return HD_QUANTITY_OK;
}

static bool unit_shaped(const char *unit)
{
  for (const char *c = unit; *c != '\0'; c++)
    if (!isalpha((unsigned char)*c) && *c != '/' && *c != '%')
      return false;
  return true;
}

enum hd_quantity_status hd_quantity_parse(enum hd_param_type type,
                                          const char *text, int64_t *value,
                                          const char **unit)
{
  struct decimal d;
  const char *rest = read_decimal(text, &d);
  if (rest == NULL)
    return HD_QUANTITY_MALFORMED;
  while (*rest == ' ')
    rest++;
  *unit = rest;
  if (!unit_shaped(rest))
    return HD_QUANTITY_MALFORMED;
  if (*rest == '\0') {
    bool zero = d.whole == 0 && d.fraction == 0 && !d.overflow;
    if (type != HD_PARAM_CYCLES && !zero)
      return HD_QUANTITY_NO_UNIT;
    return scale(&d, 1, value);
  }
  const struct hd_unit *found = find(type, rest);
  if (found == NULL)
    return HD_QUANTITY_UNKNOWN_UNIT;
  return scale(&d, found->scale, value);
}

struct hd_quantity_text hd_quantity_format(enum hd_param_type type,
                                           int64_t value)
{
  struct hd_quantity_text out;
  const struct hd_unit *best = kinds[type].units;
  bool tenths = type != HD_PARAM_SIZE;
  for (const struct hd_unit *u = best; u->name != NULL; u++) {
    int64_t step = tenths && u->scale >= 10 ? u->scale / 10 : u->scale;
    bool reached = value >= u->scale || value <= -u->scale;
    if (u->shown && reached && value % step == 0)
      best = u;
  }
  int64_t rest = value % best->scale;
  if (rest == 0)
    snprintf(out.text, sizeof out.text, "%" PRId64 " %s", value / best->scale,
             best->name);
  else
    snprintf(out.text, sizeof out.text, "%" PRId64 ".%d %s",
             value / best->scale,
             (int)((rest < 0 ? -rest : rest) / (best->scale / 10)), best->name);
  return out;
}
