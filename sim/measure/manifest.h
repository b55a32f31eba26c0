/*
 * manifest.h - manifest.json: what ran, with what, and what it cost.
 *
 * Keys appear in the order in which they were first set; setting one again
 * replaces its value. The first error sticks, so only the write must be
 * checked. Nodes (objects and arrays) belong to the manifest and live until it
 * is terminated; NULL as a parent means the top level.
 *
 * Texts that are not UTF-8 (arguments may be anything) have their bytes above
 * 127 replaced by '?'. NULL texts, NaN and infinity become null.
 */
#ifndef HD_MEASURE_MANIFEST_H
#define HD_MEASURE_MANIFEST_H

#include "sim/engine/time.h"
#include "sim/measure/atomic_file.h"

#include <stdbool.h>
#include <stdint.h>

struct json_t; /* jansson's */

struct hd_manifest {
  struct json_t *root;
  bool failed;
  char error[HD_ATOMIC_ERROR_MAX]; /* first error; "" if none */
};

/* What is known when a run is over. */
struct hd_manifest_outcome {
  uint64_t scenario_hash; /* of the resolved scenario */
  double wall_s;
  hd_time simulated;
  uint64_t events, wakeups;
  uint64_t fingerprint;
  uint64_t peak_memory_bytes; /* hd_manifest_peak_memory() */
};

void hd_manifest_initialize(struct hd_manifest *m);
void hd_manifest_terminate(struct hd_manifest *m);

/* Keys version, command (array) and seed. */
void hd_manifest_head(struct hd_manifest *m, const char *version, int argc,
                      char *const *argv, uint64_t seed);

/* Appends {path, value, origin} to the array scenario. */
void hd_manifest_setting(struct hd_manifest *m, const char *path,
                         const char *value, const char *origin);

/* Keys scenario_hash, wall_s, simulated_s, events, wakeups, fingerprint,
 * peak_memory_bytes. */
void hd_manifest_outcome(struct hd_manifest *m,
                         const struct hd_manifest_outcome *outcome);

/* Appends an object to the array points and returns it, to be filled. */
struct json_t *hd_manifest_point(struct hd_manifest *m);

/* Anything else. Hashes are written as 16 hexadecimal digits in a text;
 * unsigned numbers that JSON libraries cannot hold (2^63 and up) as decimal
 * text. A parent of the wrong kind is an error. */
void hd_manifest_set_text(struct hd_manifest *m, struct json_t *parent,
                          const char *key, const char *value);
void hd_manifest_set_int(struct hd_manifest *m, struct json_t *parent,
                         const char *key, int64_t value);
void hd_manifest_set_uint(struct hd_manifest *m, struct json_t *parent,
                          const char *key, uint64_t value);
void hd_manifest_set_real(struct hd_manifest *m, struct json_t *parent,
                          const char *key, double value);
void hd_manifest_set_bool(struct hd_manifest *m, struct json_t *parent,
                          const char *key, bool value);
void hd_manifest_set_hex(struct hd_manifest *m, struct json_t *parent,
                         const char *key, uint64_t value);

/* The object or array under `key`, made if it is not there. NULL on error;
 * nothing is added any more after an error, so it need not be checked. */
struct json_t *hd_manifest_object(struct hd_manifest *m, struct json_t *parent,
                                  const char *key);
struct json_t *hd_manifest_array(struct hd_manifest *m, struct json_t *parent,
                                 const char *key);

/* Appends to an array. */
void hd_manifest_append_text(struct hd_manifest *m, struct json_t *array,
                             const char *value);
struct json_t *hd_manifest_append_object(struct hd_manifest *m,
                                         struct json_t *array);

/* Writes the file atomically. False: see error; no trace. */
bool hd_manifest_write(struct hd_manifest *m, const char *path);

/* Largest resident size of this process so far, in bytes. */
uint64_t hd_manifest_peak_memory(void);

#endif
