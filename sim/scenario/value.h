/*
 * value.h - one parameter's value: text -> checked value -> C field, and back
 * to canonical text that reads as the same value.
 *
 * Types' own limits: quantities (time, rate, size, frequency, cycles) are not
 * negative unless the parameter's `min` is; a ratio is within 0 and 1.
 */
#ifndef HD_SCENARIO_VALUE_H
#define HD_SCENARIO_VALUE_H

#include "sim/engine/param.h"
#include "sim/scenario/arena.h"

struct hd_value {
  int64_t integer;  /* int, quantities, enum index, bool */
  double real;      /* real, ratio */
  const char *text; /* string, file: the text that was parsed */
};

static inline bool hd_param_is_text(const struct hd_param *p)
{
  return p->type == HD_PARAM_STRING || p->type == HD_PARAM_FILE;
}

struct hd_problem {
  char text[1024];
};

/* `path` names the parameter in the message. false: *why says what would be
 * right. */
bool hd_value_parse(const struct hd_param *param, const char *path,
                    const char *text, struct hd_value *value,
                    struct hd_problem *why);

/* Into the field at `field`, of the C type that param.h gives. */
void hd_value_store(const struct hd_param *param, const struct hd_value *value,
                    void *field);

/* Strings as they are (explain quotes them). */
const char *hd_value_format(struct hd_arena *arena,
                            const struct hd_param *param,
                            const struct hd_value *value);
/* As a number in base units; false: it is none. */
bool hd_value_number(const struct hd_param *param, const struct hd_value *value,
                     double *number);

/* "a time in ps, ns, us, ms or s", "one of: off, legacy", ... */
struct hd_problem hd_value_expected(const struct hd_param *param);
/* "1 to 64", "at least 1", ... or "" */
struct hd_problem hd_value_range(const struct hd_param *param);

#endif
