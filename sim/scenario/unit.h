/*
 * unit.h - numbers with units, exactly.
 *
 * A quantity is a 64-bit count of the type's base unit (ps, b/s, B, Hz,
 * cycles). "1.5 ns" is 1500 ps; what is no whole number of base units is
 * refused, never rounded.
 */
#ifndef HD_SCENARIO_UNIT_H
#define HD_SCENARIO_UNIT_H

#include "sim/engine/param.h"

struct hd_unit {
  const char *name;
  int64_t scale; /* base units in one of it */
  bool shown;    /* used when formatting */
};

enum hd_quantity_status {
  HD_QUANTITY_OK,
  HD_QUANTITY_MALFORMED,
  HD_QUANTITY_NO_UNIT,
  HD_QUANTITY_UNKNOWN_UNIT,
  HD_QUANTITY_INEXACT, /* a fraction of the base unit */
  HD_QUANTITY_OVERFLOW
};

/* The type's units, smallest first, ended by a NULL name; NULL: none. */
const struct hd_unit *hd_units(enum hd_param_type type);
/* "a time", "a rate", ...; the name of the base unit in plural. */
const char *hd_unit_noun(enum hd_param_type type);
const char *hd_unit_base(enum hd_param_type type);
/* Is it a unit of any type? */
bool hd_unit_known(const char *name);

/* `type` must have units. *unit is set to the unit's text inside `text`. */
enum hd_quantity_status hd_quantity_parse(enum hd_param_type type,
                                          const char *text, int64_t *value,
                                          const char **unit);

/* The exact canonical text, e.g. "150 ns", "2 MiB", "1.5 us". */
struct hd_quantity_text {
  char text[40];
};

struct hd_quantity_text hd_quantity_format(enum hd_param_type type,
                                           int64_t value);

#endif
