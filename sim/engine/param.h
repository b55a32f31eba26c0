/*
 * param.h - how a model describes its parameters.
 *
 * A model publishes one static table per section. The table alone drives YAML
 * decoding, --set, sweep axes, `hdiov-sim params`, the JSON Schema, the
 * resolved dump and the manual; the model itself only ever sees the decoded C
 * struct. Nothing here parses or prints: that is the scenario layer's work.
 */
#ifndef HD_ENGINE_PARAM_H
#define HD_ENGINE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The C type a parameter decodes to is given beside each kind. */
enum hd_param_type {
  HD_PARAM_BOOL,      /* bool */
  HD_PARAM_INT,       /* int64_t, no unit */
  HD_PARAM_REAL,      /* double, no unit */
  HD_PARAM_RATIO,     /* double in [0, 1]; accepts "3 %" */
  HD_PARAM_TIME,      /* int64_t picoseconds; ps ns us ms s */
  HD_PARAM_RATE,      /* int64_t bits per second; b/s kb/s Mb/s Gb/s Tb/s */
  HD_PARAM_SIZE,      /* int64_t bytes; B KiB MiB GiB TiB (and kB MB GB) */
  HD_PARAM_FREQUENCY, /* int64_t hertz; Hz kHz MHz GHz */
  HD_PARAM_CYCLES,    /* int64_t; "cycles" or bare number */
  HD_PARAM_ENUM,      /* int, index into choices[] */
  HD_PARAM_STRING,    /* char[HD_PARAM_STRING_MAX], NUL-terminated */
  HD_PARAM_FILE       /* const char *: path of a file that is read; lives as
                         long as the configuration */
};

#define HD_PARAM_STRING_MAX 128
#define HD_PARAM_FILE_MAX 1024 /* bytes of a path as it is written */

/* One parameter. Texts are in the same syntax a user would write in YAML. */
struct hd_param {
  const char *name;
  enum hd_param_type type;
  size_t offset;              /* of the field in the section's struct */
  const char *fallback;       /* default; NULL: required */
  const char *min, *max;      /* inclusive; NULL: the type's own limit */
  const char *const *choices; /* HD_PARAM_ENUM: NULL-terminated */
  const char *meaning;        /* one line, no full stop */
  const char *source;         /* where the default comes from */
};

/* One section's parameters. `params` ends with a NULL name. */
struct hd_param_table {
  const char *section; /* "" for the top level of a scenario */
  const char *meaning;
  const struct hd_param *params;
};

/* A section that occurs once. */
struct hd_param_section {
  const struct hd_param_table *table;
  size_t offset; /* of the section's struct in the configuration */
};

/* Alternatives chosen by an enum parameter of the enclosing table: the value
 * `choices[i]` of parameter `selector` selects tables[i]. All alternatives'
 * structs live side by side (no union), so that defaults are always valid. */
struct hd_param_variant {
  const char *key;        /* the sub-mapping's key, e.g. "workload" */
  const char *selector;   /* the enum's name inside that mapping, e.g. "type" */
  size_t selector_offset; /* of the int, in the group element's struct */
  const char *const *choices; /* NULL-terminated */
  const char *fallback;       /* default choice */
  const char *meaning;
  const struct hd_param_section *alternatives; /* one per choice; offset in
                                                  the group element */
};

/* A mapping NAME -> element, e.g. vms: { web: {...}, db: {...} }. Elements
 * are an array in the configuration, in the order of the file. */
struct hd_param_group {
  const char *section; /* "vms" */
  const char *meaning;
  const struct hd_param_table *table;
  const struct hd_param_variant *variant; /* NULL: none */
  size_t array_offset, stride, capacity;  /* where elements go */
  size_t count_offset;                    /* size_t number of elements */
  size_t name_offset; /* in the element: char[HD_PARAM_STRING_MAX] */
};

/* Everything a scenario may say. */
struct hd_param_registry {
  size_t config_size;
  const struct hd_param_section *sections; /* ends with table == NULL */
  const struct hd_param_group *groups;     /* ends with section == NULL */
};

#endif
