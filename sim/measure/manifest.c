#include "sim/measure/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#define REAL_DIGITS 15

static void fail(struct hd_manifest *m, const char *key, const char *message)
{
  if (m->failed)
    return;
  m->failed = true;
  snprintf(m->error, sizeof m->error, "manifest: %s: %s", key, message);
}

void hd_manifest_initialize(struct hd_manifest *m)
{
  *m = (struct hd_manifest){.root = json_object()};
  if (m->root == NULL)
    fail(m, "top level", "out of memory");
}

void hd_manifest_terminate(struct hd_manifest *m)
{
  json_decref(m->root);
  m->root = NULL;
}

/* Takes `value` over in any case. */
static json_t *put(struct hd_manifest *m, json_t *parent, const char *key,
                   json_t *value)
{
  if (m->failed) {
    json_decref(value);
    return NULL;
  }
  if (json_object_set_new(parent != NULL ? parent : m->root, key, value) == 0)
    return value;
  fail(m, key, "parent is no object, key is not UTF-8, or out of memory");
  return NULL;
}

static json_t *append(struct hd_manifest *m, json_t *array, json_t *value)
{
  if (m->failed) {
    json_decref(value);
    return NULL;
  }
  if (json_array_append_new(array, value) == 0)
    return value;
  fail(m, "append", "parent is no array, or out of memory");
  return NULL;
}

static json_t *ascii_of(const char *text)
{
  char *copy = strdup(text);
  if (copy == NULL)
    return NULL;
  for (char *c = copy; *c != '\0'; c++)
    if ((unsigned char)*c > 127)
      *c = '?';
  json_t *value = json_string(copy);
  free(copy);
  return value;
}

static json_t *text_value(const char *text)
{
  if (text == NULL)
    return json_null();
  json_t *value = json_string(text);
  return value != NULL ? value : ascii_of(text);
}

void hd_manifest_set_text(struct hd_manifest *m, struct json_t *parent,
                          const char *key, const char *value)
{
  put(m, parent, key, text_value(value));
}

void hd_manifest_set_int(struct hd_manifest *m, struct json_t *parent,
                         const char *key, int64_t value)
{
  put(m, parent, key, json_integer(value));
}

void hd_manifest_set_uint(struct hd_manifest *m, struct json_t *parent,
                          const char *key, uint64_t value)
{
  json_t *json = value <= INT64_MAX ? json_integer((json_int_t)value)
                                    : json_sprintf("%" PRIu64, value);
  put(m, parent, key, json);
}

void hd_manifest_set_real(struct hd_manifest *m, struct json_t *parent,
                          const char *key, double value)
{
  put(m, parent, key, isfinite(value) ? json_real(value) : json_null());
}

void hd_manifest_set_bool(struct hd_manifest *m, struct json_t *parent,
                          const char *key, bool value)
{
  put(m, parent, key, json_boolean(value));
}

void hd_manifest_set_hex(struct hd_manifest *m, struct json_t *parent,
                         const char *key, uint64_t value)
{
  put(m, parent, key, json_sprintf("%016" PRIx64, value));
}

/* What is under `key`, or NULL. */
static json_t *present(const struct hd_manifest *m, const json_t *parent,
                       const char *key)
{
  return json_object_get(parent != NULL ? parent : m->root, key);
}

struct json_t *hd_manifest_object(struct hd_manifest *m, struct json_t *parent,
                                  const char *key)
{
  json_t *old = present(m, parent, key);
  return json_is_object(old) ? old : put(m, parent, key, json_object());
}

struct json_t *hd_manifest_array(struct hd_manifest *m, struct json_t *parent,
                                 const char *key)
{
  json_t *old = present(m, parent, key);
  return json_is_array(old) ? old : put(m, parent, key, json_array());
}

void hd_manifest_append_text(struct hd_manifest *m, struct json_t *array,
                             const char *value)
{
  append(m, array, text_value(value));
}

struct json_t *hd_manifest_append_object(struct hd_manifest *m,
                                         struct json_t *array)
{
  return append(m, array, json_object());
}

void hd_manifest_head(struct hd_manifest *m, const char *version, int argc,
                      char *const *argv, uint64_t seed)
{
  hd_manifest_set_text(m, NULL, "version", version);
  json_t *command = put(m, NULL, "command", json_array());
  for (int i = 0; i < argc; i++)
    hd_manifest_append_text(m, command, argv[i]);
  hd_manifest_set_uint(m, NULL, "seed", seed);
}

void hd_manifest_setting(struct hd_manifest *m, const char *path,
                         const char *value, const char *origin)
{
  json_t *scenario = hd_manifest_array(m, NULL, "scenario");
  json_t *setting = hd_manifest_append_object(m, scenario);
  hd_manifest_set_text(m, setting, "path", path);
  hd_manifest_set_text(m, setting, "value", value);
  hd_manifest_set_text(m, setting, "origin", origin);
}

void hd_manifest_outcome(struct hd_manifest *m,
                         const struct hd_manifest_outcome *outcome)
{
  hd_manifest_set_hex(m, NULL, "scenario_hash", outcome->scenario_hash);
  hd_manifest_set_real(m, NULL, "wall_s", outcome->wall_s);
  hd_manifest_set_real(m, NULL, "simulated_s",
                       (double)outcome->simulated / (double)HD_S);
  hd_manifest_set_uint(m, NULL, "events", outcome->events);
  hd_manifest_set_uint(m, NULL, "wakeups", outcome->wakeups);
  hd_manifest_set_hex(m, NULL, "fingerprint", outcome->fingerprint);
  hd_manifest_set_uint(m, NULL, "peak_memory_bytes",
                       outcome->peak_memory_bytes);
}

struct json_t *hd_manifest_point(struct hd_manifest *m)
{
  return hd_manifest_append_object(m, hd_manifest_array(m, NULL, "points"));
}

bool hd_manifest_write(struct hd_manifest *m, const char *path)
{
  if (m->failed)
    return false;
  struct hd_atomic_file file;
  if (hd_atomic_open(&file, path)) {
    json_dumpf(m->root, file.stream,
               JSON_INDENT(2) | JSON_PRESERVE_ORDER |
                   JSON_REAL_PRECISION(REAL_DIGITS));
    fputc('\n', file.stream);
    if (hd_atomic_commit(&file))
      return true;
  }
  m->failed = true;
  memcpy(m->error, file.error, sizeof m->error);
  return false;
}

uint64_t hd_manifest_peak_memory(void)
{
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0)
    return 0;
  return (uint64_t)usage.ru_maxrss * 1024u; /* Linux counts KiB */
}
