/*
 * fuzz_scenario.c - deterministic mutations of scenarios.
 *
 *   fuzz_scenario N SEED FILE...
 *
 * Loads N mutants of the files from memory, through the code that files take,
 * each under the name of its seed file so that includes and presets are found,
 * some with overrides. Started in the project's root.
 * What loads is resolved, explained and loaded again, and must hash the same;
 * what does not load must have said why. Run it under sanitizers.
 */
#include "sim/scenario/scenario.h"
#include "tests/test_scenario_registry.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_LENGTH 8192
#define MAX_SEEDS 64

struct text {
  const char *name;
  char data[MAX_LENGTH];
  size_t length;
};

static uint64_t state;

/* SplitMix64. */
static uint64_t draw(void) {
  uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t below(size_t limit) {
  return limit == 0 ? 0 : (size_t)(draw() % limit);
}

/* Replaces `cut` bytes at `at` by `length` bytes of `with`. */
static void splice(struct text *t, size_t at, size_t cut, const char *with,
                   size_t length) {
  char tail[MAX_LENGTH];
  if (at + cut > t->length || t->length - cut + length > MAX_LENGTH) return;
  size_t rest = t->length - at - cut;
  memcpy(tail, t->data + at + cut, rest);
  memmove(t->data + at, with, length);
  memcpy(t->data + at + length, tail, rest);
  t->length = at + length + rest;
}

/* A random line of the text, with its newline. */
static size_t pick_line(const struct text *t, size_t *length) {
  size_t start = below(t->length), end = start;
  while (start > 0 && t->data[start - 1] != '\n') start--;
  while (end < t->length && t->data[end] != '\n') end++;
  *length = (end < t->length ? end + 1 : end) - start;
  return start;
}

static bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

static size_t pick_word(const struct text *t, size_t *length) {
  size_t start = below(t->length), end = start;
  while (start > 0 && is_word(t->data[start - 1])) start--;
  while (end < t->length && is_word(t->data[end])) end++;
  *length = end - start;
  return start;
}

static void swap_words(struct text *t, const struct text *other) {
  char word[MAX_LENGTH];
  size_t length, cut;
  size_t from = pick_word(other, &length);
  memcpy(word, other->data + from, length);
  size_t at = pick_word(t, &cut);
  splice(t, at, cut, word, length);
}

static void copy_line(struct text *t, const struct text *other) {
  char line[MAX_LENGTH];
  size_t length, ignored;
  size_t from = pick_line(other, &length);
  memcpy(line, other->data + from, length);
  splice(t, pick_line(t, &ignored), 0, line, length);
}

static const char *const special[] = {
    ":",
    ": ",
    "-",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a ",
    "*a",
    "!!int ",
    "|\n",
    ">\n",
    "'",
    "\"",
    "%",
    "@",
    "`",
    "\t",
    "\n",
    "\r\n",
    "---\n",
    "...\n",
    "? ",
    "~",
    "\xff",
    "\xc3",
    "\xc2\x85",
    "\xef\xbb\xbf",
    "\\0",
    "99999999999999999999",
    "-1",
    "1e999",
    "0x10",
    " ns",
    " %",
    "{{{{{{{{",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "vms.count",
    "include: t.yaml\n",
    "preset: small\n",
    "server: large\n",
    "<<: ",
    ".",
    "/"};

static void insert_special(struct text *t) {
  const char *s = special[below(sizeof special / sizeof special[0])];
  splice(t, below(t->length + 1), 0, s, strlen(s));
}

static void mutate(struct text *t, const struct text *other) {
  size_t length, at;
  switch (below(9)) {
  case 0:
    if (t->length > 0) t->data[below(t->length)] ^= (char)(1 << below(8));
    break;
  case 1: copy_line(t, t); break;
  case 2:
    at = pick_line(t, &length);
    splice(t, at, length, "", 0);
    break;
  case 3: copy_line(t, other); break;
  case 4: swap_words(t, t); break;
  case 5: swap_words(t, other); break;
  case 6: insert_special(t); break;
  case 7:
    at = below(t->length + 1);
    splice(t, at, below(t->length - at + 1) / 4, "", 0);
    break;
  default:
    if (below(4) == 0) t->length = below(t->length + 1);
  }
}

static const char *const dirs[] = {"tests/data/scenario", NULL};
static const struct hd_scenario_env env = {&t_registry, dirs, t_aliases,
                                           t_check};

static bool same_again(const struct hd_point *point) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  hd_scenario_explain(point, out);
  fclose(out);
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s =
      hd_scenario_load_text(&env, "again.yaml", text, size, NULL, errors);
  struct hd_point *again = s ? hd_scenario_point(s, 0, errors) : NULL;
  bool same =
      again != NULL && hd_scenario_hash(again) == hd_scenario_hash(point);
  if (!same) fprintf(stderr, "%.*s", (int)size, text);
  hd_errors_print(errors, stderr);
  hd_point_destroy(again);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  free(text);
  return same;
}

/* PATH=VALUE out of two words of the texts, sometimes of a known path. */
static void make_override(char *out, size_t size, const struct text *t) {
  static const char *const paths[] = {"design",
                                      "nic",
                                      "nic.rate",
                                      "iommu.window",
                                      "vms.count",
                                      "server.preset",
                                      "vms.guests.workload.type",
                                      "vms.workload.payload",
                                      "name"};
  size_t path_length, value_length;
  size_t path = pick_word(t, &path_length);
  size_t value = pick_word(t, &value_length);
  const char *known = paths[below(sizeof paths / sizeof paths[0])];
  if (below(4) == 0)
    snprintf(out, size, "%.*s=%.*s", (int)path_length, t->data + path,
             (int)value_length, t->data + value);
  else
    snprintf(out, size, "%s=%.*s%s", known, (int)value_length, t->data + value,
             below(4) == 0 ? ",1,2 ns" : "");
}

/* -1: wrong; 0: refused; 1: accepted. */
static int try_text(const struct text *t) {
  char set[256], axis[256];
  const char *sets[] = {set}, *axes[] = {axis};
  size_t set_count = below(4) == 0, axis_count = below(4) == 0;
  const struct hd_overrides ov = {sets, set_count, axes, axis_count};
  make_override(set, sizeof set, t);
  make_override(axis, sizeof axis, t);
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s =
      hd_scenario_load_text(&env, t->name, t->data, t->length, &ov, errors);
  int verdict = hd_errors_count(errors) > 0 ? 0 : -1;
  if (s != NULL) {
    size_t index = below(hd_scenario_points(s));
    struct hd_point *point = hd_scenario_point(s, index, errors);
    verdict = point == NULL ? verdict : same_again(point) ? 1 : -1;
    hd_point_destroy(point);
  }
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return verdict;
}

static bool read_seed(struct text *t, const char *name) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) return false;
  t->name = name;
  t->length = fread(t->data, 1, MAX_LENGTH, file);
  fclose(file);
  return t->length > 0;
}

static bool run(const struct text *seeds, size_t count, uint64_t runs) {
  uint64_t accepted = 0;
  for (uint64_t i = 0; i < runs; i++) {
    struct text t = seeds[below(count)];
    for (size_t steps = 1 + below(4); steps > 0; steps--)
      mutate(&t, &seeds[below(count)]);
    int verdict = try_text(&t);
    if (verdict < 0) {
      fprintf(stderr, "input %" PRIu64 " (%s):\n", i, t.name);
      fwrite(t.data, 1, t.length, stderr);
      return false;
    }
    accepted += (uint64_t)verdict;
  }
  printf("%" PRIu64 " inputs, %" PRIu64 " accepted, %" PRIu64 " refused\n",
         runs, accepted, runs - accepted);
  return true;
}

int main(int argc, char **argv) {
  static struct text seeds[MAX_SEEDS];
  size_t count = 0;
  if (argc < 4 || argc > MAX_SEEDS + 3) {
    fprintf(stderr, "usage: %s N SEED FILE...\n", argv[0]);
    return EXIT_FAILURE;
  }
  state = strtoull(argv[2], NULL, 10);
  for (int i = 3; i < argc; i++, count++) {
    if (read_seed(&seeds[count], argv[i])) continue;
    fprintf(stderr, "%s: cannot be read\n", argv[i]);
    return EXIT_FAILURE;
  }
  bool good = run(seeds, count, strtoull(argv[1], NULL, 10));
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
