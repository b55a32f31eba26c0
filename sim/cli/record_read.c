/* What is known of a job from its point.json. */
#include "sim/cli/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const struct outdir *d, const struct plan_job *job)
{
  char *dir = cli_outdir_point(d, job->point, job->repetition);
  char *path = cli_format("%s/point.json", dir);
  json_t *root = json_load_file(path, 0, NULL);
  free(path);
  free(dir);
  return root;
}

static bool text_is(const json_t *root, const char *key, const char *expected)
{
  const char *text = json_string_value(json_object_get(root, key));
  return text != NULL && strcmp(text, expected) == 0;
}

static bool number_is(const json_t *root, const char *key, uint64_t expected)
{
  const json_t *value = json_object_get(root, key);
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, expected);
  if (json_is_string(value)) /* too large for a JSON integer */
    return strcmp(json_string_value(value), text) == 0;
  return json_is_integer(value) &&
         (uint64_t)json_integer_value(value) == expected;
}

bool cli_record_matches(const struct outdir *d,
                        const struct rows_subject *subject)
{
  const struct plan *p = subject->plan;
  json_t *root = load(d, subject->job);
  if (root == NULL)
    return false;
  char hash[24];
  char *axes = cli_plan_axes_text(p->scenario, subject->point);
  snprintf(hash, sizeof hash, "%016" PRIx64,
           p->points[subject->job->point].hash);
  bool same = text_is(root, "version", cli_version) &&
              text_is(root, "hash", hash) && text_is(root, "axes", axes) &&
              number_is(root, "seed", cli_plan_seed(p, subject->job));
  free(axes);
  json_decref(root);
  return same;
}

static double real_of(const json_t *root, const char *key)
{
  const json_t *value = json_object_get(root, key);
  return json_is_number(value) ? json_number_value(value) : 0;
}

static void copy_text(char *to, size_t size, const json_t *root,
                      const char *key)
{
  const char *text = json_string_value(json_object_get(root, key));
  snprintf(to, size, "%s", text != NULL ? text : "");
}

bool cli_record_cost(const struct outdir *d, const struct plan_job *job,
                     struct record_cost *cost)
{
  json_t *root = load(d, job);
  *cost = (struct record_cost){0};
  if (root == NULL)
    return false;
  copy_text(cost->status, sizeof cost->status, root, "status");
  copy_text(cost->fingerprint, sizeof cost->fingerprint, root, "fingerprint");
  cost->wall_s = real_of(root, "wall_s");
  cost->simulated_s = real_of(root, "simulated_s");
  cost->events = json_integer_value(json_object_get(root, "events"));
  cost->wakeups = json_integer_value(json_object_get(root, "wakeups"));
  cost->messages_peak =
      json_integer_value(json_object_get(root, "messages_peak"));
  cost->peak_memory =
      json_integer_value(json_object_get(root, "peak_memory_bytes"));
  json_decref(root);
  return true;
}
