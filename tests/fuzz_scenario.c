/*
 * fuzz_scenario.c - deterministic mutations of scenarios.
 *
 *   fuzz_scenario [--check] N SEED FILE...
 *
 * Makes N mutants of the files, some with overrides (--set, --axis).
 *
 * Without --check they are read against the tests' small registry, from memory,
 * each under the name of its seed file so that includes and presets are found.
 * Started in the project's root.
 *
 * With --check they are files that go through cli_check(), the function behind
 * `hdiov-sim check`, with the real registry, its rules and the server's plan.
 * The explained scenario of the first file is a seed, too.
 *
 * What is accepted is explained and loaded again, and must hash the same; what
 * is refused must have said why, in one line an error. A crash, a broken
 * assertion or more than SECONDS_MAX seconds for one input end the program with
 * that input on stderr. Run it under sanitizers. What a green run does not
 * prove: that what was accepted can be simulated.
 */
#include "models/server.h"
#include "sim/cli/cli.h"
#include "sim/scenario/scenario.h"
#include "tests/test_scenario_registry.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define MAX_LENGTH 32768
#define MAX_SEEDS 64
#define SECONDS_MAX 20
#define EXPLAINED 1 /* that seed's index: long, so taken more rarely */

struct text {
  const char *name;
  char data[MAX_LENGTH];
  size_t length;
};

static uint64_t state;

/* SplitMix64. */
static uint64_t draw(void)
{
  uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
  return limit == 0 ? 0 : (size_t)(draw() % limit);
}

/* Replaces `cut` bytes at `at` by `length` bytes of `with`. */
static void splice(struct text *t, size_t at, size_t cut, const char *with,
                   size_t length)
{
  char tail[MAX_LENGTH];
  if (at + cut > t->length || t->length - cut + length > MAX_LENGTH)
    return;
  size_t rest = t->length - at - cut;
  memcpy(tail, t->data + at + cut, rest);
  memmove(t->data + at, with, length);
  memcpy(t->data + at + length, tail, rest);
  t->length = at + length + rest;
}

/* A random line of the text, with its newline. */
static size_t pick_line(const struct text *t, size_t *length)
{
  size_t start = below(t->length), end = start;
  while (start > 0 && t->data[start - 1] != '\n')
    start--;
  while (end < t->length && t->data[end] != '\n')
    end++;
  *length = (end < t->length ? end + 1 : end) - start;
  return start;
}

static bool is_word(char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

static size_t pick_word(const struct text *t, size_t *length)
{
  size_t start = below(t->length), end = start;
  while (start > 0 && is_word(t->data[start - 1]))
    start--;
  while (end < t->length && is_word(t->data[end]))
    end++;
  *length = end - start;
  return start;
}

static void swap_words(struct text *t, const struct text *other)
{
  char word[MAX_LENGTH];
  size_t length, cut;
  size_t from = pick_word(other, &length);
  memcpy(word, other->data + from, length);
  size_t at = pick_word(t, &cut);
  splice(t, at, cut, word, length);
}

static void copy_line(struct text *t, const struct text *other)
{
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
    "include: seed.yaml\n",
    "include: [seed.yaml, /dev/null, .]\n",
    "preset: small\n",
    "preset: e810\n",
    "server: large\n",
    "server: sapphire-rapids\n",
    "9223372036854775807",
    "18446744073709551616",
    "0.",
    "1e-320",
    "1073741824 TiB",
    "4294967296",
    "65536",
    "inherit",
    "legacy",
    "vms: {}\n",
    "sweep: {axes: {vms.count: [1, 2]}}\n",
    "<<: ",
    ".",
    "/"};

static void insert_special(struct text *t)
{
  const char *s = special[below(sizeof special / sizeof special[0])];
  splice(t, below(t->length + 1), 0, s, strlen(s));
}

static void mutate(struct text *t, const struct text *other)
{
  size_t length, at;
  switch (below(9)) {
  case 0:
    if (t->length > 0)
      t->data[below(t->length)] ^= (char)(1 << below(8));
    break;
  case 1:
    copy_line(t, t);
    break;
  case 2:
    at = pick_line(t, &length);
    splice(t, at, length, "", 0);
    break;
  case 3:
    copy_line(t, other);
    break;
  case 4:
    swap_words(t, t);
    break;
  case 5:
    swap_words(t, other);
    break;
  case 6:
    insert_special(t);
    break;
  case 7:
    at = below(t->length + 1);
    splice(t, at, below(t->length - at + 1) / 4, "", 0);
    break;
  default:
    if (below(4) == 0)
      t->length = below(t->length + 1);
  }
}

/* -- the current input, for whoever has to say which one it was ------------ */

static struct text current;
static char set[256], axis[256];
static bool with_set, with_axis;
static uint64_t number;

/* Only what a signal handler may call. */
static void put(const char *text, size_t length)
{
  while (length > 0) {
    ssize_t done = write(STDERR_FILENO, text, length);
    if (done <= 0)
      return;
    text += done;
    length -= (size_t)done;
  }
}

static void tell_input(void)
{
  char digits[24];
  size_t at = sizeof digits;
  uint64_t n = number;
  do
    digits[--at] = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  put("---- input ", 11);
  put(digits + at, sizeof digits - at);
  put(" of ", 4);
  put(current.name, strlen(current.name));
  if (with_set)
    put("\n---- --set ", 12), put(set, strlen(set));
  if (with_axis)
    put("\n---- --axis ", 13), put(axis, strlen(axis));
  put("\n", 1);
  put(current.data, current.length);
  put("\n----\n", 6);
}

static void on_alarm(int signal)
{
  (void)signal;
  put("too slow:\n", 10);
  tell_input();
  _exit(3);
}

static void watch(void)
{
  signal(SIGALRM, on_alarm);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback(tell_input);
#endif
}

/* The engine's own needs SimGrid. */
_Noreturn void hd_fail(const struct hd_component *c, const char *file, int line,
                       const char *format, ...)
{
  va_list args;
  (void)c;
  fprintf(stderr, "%s:%d: ", file, line);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  tell_input();
  _exit(4);
}

static bool wrong(const char *what, const char *text)
{
  fprintf(stderr, "%s:\n%s\n", what, text);
  return false;
}

/* -- what must hold -----------------------------------------------------------
 */

static const char *const dirs[] = {"tests/data/scenario", NULL};
static const struct hd_scenario_env test_env = {&t_registry, dirs, t_aliases,
                                                t_check, t_metrics};
static const struct hd_scenario_env *env = &test_env;

/* Does the explained text resolve to the same values? */
static bool same_again(const char *text, size_t size, uint64_t hash)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s =
      hd_scenario_load_text(env, "again.yaml", text, size, NULL, errors);
  struct hd_point *again = s ? hd_scenario_point(s, 0, errors) : NULL;
  bool same = again != NULL && hd_scenario_hash(again) == hash;
  if (!same)
    wrong("explained and loaded again it is another", text);
  if (!same)
    hd_errors_print(errors, stderr);
  hd_point_destroy(again);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return same;
}

/* Lines "FILE[:LINE:COLUMN]: error: ...", at least one, in plain characters. */
static bool are_errors(const char *text)
{
  const char *line = text;
  for (const char *end; *line != '\0'; line = end + 1) {
    if ((end = strchr(line, '\n')) == NULL)
      return wrong("half a line", text);
    const char *word = strstr(line, "error: ");
    if (word == NULL || word > end)
      return wrong("not an error", text);
    for (const char *c = line; c < end; c++)
      if ((unsigned char)*c < 0x20)
        return wrong("a control character", text);
  }
  return line > text || wrong("refused without a word", text);
}

static char *printed(const struct hd_errors *errors)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  hd_errors_print(errors, out);
  fclose(out);
  return text;
}

static bool said_why(const struct hd_errors *errors)
{
  char *text = printed(errors);
  bool good = are_errors(text);
  free(text);
  return good;
}

static char *explained(const struct hd_point *point, size_t *size)
{
  char *text = NULL;
  FILE *out = open_memstream(&text, size);
  hd_scenario_explain(point, out);
  fclose(out);
  return text;
}

static bool survives(const struct hd_point *point)
{
  size_t size = 0;
  char *text = explained(point, &size);
  bool same = same_again(text, size, hd_scenario_hash(point));
  free(text);
  return same;
}

/* -- against the tests' registry
 * ------------------------------------------------ */

/* PATH=VALUE out of two words of the texts, sometimes of a known path. */
static void make_override(char *out, size_t size, const struct text *t)
{
  static const char *const paths[] = {"design",
                                      "nic",
                                      "nic.rate",
                                      "nic.ports",
                                      "nic.itr",
                                      "iommu.window",
                                      "iommu.mode",
                                      "pcie.mps",
                                      "run.seed",
                                      "vms.count",
                                      "vms.memory",
                                      "vms.port",
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

static struct hd_overrides overrides(void)
{
  static const char *const sets[] = {set}, *const axes[] = {axis};
  return (struct hd_overrides){sets, with_set, axes, with_axis};
}

/* -1: wrong; 0: refused; 1: accepted. */
static int try_text(void)
{
  const struct hd_overrides ov = overrides();
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s = hd_scenario_load_text(env, current.name, current.data,
                                                current.length, &ov, errors);
  struct hd_point *point = NULL;
  if (s != NULL)
    point = hd_scenario_point(s, below(hd_scenario_points(s)), errors);
  int verdict =
      point != NULL ? (survives(point) ? 1 : -1) : (said_why(errors) ? 0 : -1);
  hd_point_destroy(point);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return verdict;
}

/* -- hdiov-sim check
 * -------------------------------------------------------------- */

static char file[4096]; /* the mutant's */

static bool write_text(const char *name, const struct text *t)
{
  FILE *out = fopen(name, "wb");
  if (out == NULL)
    return false;
  bool good = fwrite(t->data, 1, t->length, out) == t->length;
  return fclose(out) == 0 && good;
}

/* cli_check() with its output caught; the status. */
static int check(bool explain, char **out, size_t *size, char **err)
{
  struct cli_options o = {.argc = 0};
  char set_option[300], axis_option[300], explain_option[] = "--explain";
  char *argv[8] = {(char[]){"check"}, file};
  int argc = 2;
  size_t err_size = 0;
  snprintf(set_option, sizeof set_option, "--set=%s", set);
  snprintf(axis_option, sizeof axis_option, "--axis=%s", axis);
  if (with_set)
    argv[argc++] = set_option;
  if (with_axis)
    argv[argc++] = axis_option;
  if (explain)
    argv[argc++] = explain_option;
  FILE *old_out = stdout, *old_err = stderr;
  stdout = open_memstream(out, size);
  stderr = open_memstream(err, &err_size);
  int status = cli_check(&o, argc, argv);
  fclose(stdout);
  fclose(stderr);
  stdout = old_out;
  stderr = old_err;
  cli_options_terminate(&o);
  return status;
}

/* Does what was explained mean what the file does? */
static bool explains(const char *text, size_t size)
{
  const struct hd_overrides ov = overrides();
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s = hd_scenario_load(env, file, &ov, errors);
  struct hd_point *point = s ? hd_scenario_point(s, 0, errors) : NULL;
  bool good = point != NULL && same_again(text, size, hd_scenario_hash(point));
  hd_point_destroy(point);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return good;
}

/* -1: wrong; 0: refused; 1: accepted. */
static int judge(int status, const char *out, size_t size, const char *err,
                 bool explain)
{
  if (status == CLI_USAGE)
    return size == 0 && are_errors(err) ? 0 : -1;
  if (status != CLI_OK || err[0] != '\0')
    return wrong("a status", err) - 1;
  if (explain)
    return explains(out, size) ? 1 : -1;
  return strstr(out, ": ok (") != NULL ? 1 : wrong("no verdict", out) - 1;
}

static int try_check(void)
{
  char *out = NULL, *err = NULL;
  size_t size = 0;
  bool explain = below(2) == 0;
  if (!write_text(file, &current))
    return wrong("cannot write", file) - 1;
  int status = check(explain, &out, &size, &err);
  int verdict = judge(status, out, size, err, explain);
  free(out);
  free(err);
  return verdict;
}

/* -- the loop
 * ----------------------------------------------------------------------- */

static bool read_seed(struct text *t, const char *name)
{
  FILE *in = fopen(name, "rb");
  if (in == NULL)
    return false;
  t->name = name;
  t->length = fread(t->data, 1, MAX_LENGTH, in);
  fclose(in);
  return t->length > 0;
}

/* The explained text of a seed file that can be loaded. */
static bool explain_seed(struct text *t, const char *name)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s = hd_scenario_load(env, name, NULL, errors);
  struct hd_point *point = s ? hd_scenario_point(s, 0, errors) : NULL;
  size_t size = 0;
  char *text = point != NULL ? explained(point, &size) : NULL;
  bool good = text != NULL && size <= MAX_LENGTH;
  if (good)
    memcpy(t->data, text, size);
  t->name = name;
  t->length = size;
  free(text);
  hd_point_destroy(point);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return good;
}

static void copy_seed(struct text *t, const struct text *seed)
{
  t->name = seed->name;
  t->length = seed->length;
  memcpy(t->data, seed->data, seed->length);
}

static bool run(const struct text *seeds, size_t count, uint64_t runs,
                bool through_check)
{
  uint64_t accepted = 0;
  for (number = 0; number < runs; number++) {
    size_t which = below(count);
    if (through_check && which == EXPLAINED && below(4) != 0)
      which = 0;
    copy_seed(&current, &seeds[which]);
    for (size_t steps = 1 + below(4); steps > 0; steps--)
      mutate(&current, &seeds[below(count)]);
    with_set = below(4) == 0;
    with_axis = below(4) == 0;
    make_override(set, sizeof set, &current);
    make_override(axis, sizeof axis, &current);
    alarm(SECONDS_MAX);
    int verdict = through_check ? try_check() : try_text();
    if (verdict < 0) {
      tell_input();
      return false;
    }
    accepted += (uint64_t)verdict;
  }
  alarm(0);
  printf("%" PRIu64 " inputs, %" PRIu64 " accepted, %" PRIu64 " refused\n",
         runs, accepted, runs - accepted);
  return true;
}

/* A directory with the mutant, t.yaml, and what it may include, seed.yaml. */
static bool make_place(const struct text *seed)
{
  const char *parent = getenv("TMPDIR");
  static char dir[3000];
  char name[4096];
  snprintf(dir, sizeof dir, "%s/fuzz-XXXXXX", parent ? parent : "/tmp");
  if (mkdtemp(dir) == NULL)
    return false;
  snprintf(file, sizeof file, "%s/t.yaml", dir);
  snprintf(name, sizeof name, "%s/seed.yaml", dir);
  return write_text(name, seed);
}

static void remove_place(void)
{
  char *name = strrchr(file, '/') + 1;
  unlink(file);
  strcpy(name, "seed.yaml");
  unlink(file);
  name[-1] = '\0';
  rmdir(file);
}

static int usage(const char *program)
{
  fprintf(stderr, "usage: %s [--check] N SEED FILE...\n", program);
  return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
  static struct text seeds[MAX_SEEDS];
  size_t count = 0;
  bool through_check = argc > 1 && strcmp(argv[1], "--check") == 0;
  int first = through_check ? 4 : 3;
  if (argc <= first || argc - first >= MAX_SEEDS)
    return usage(argv[0]);
  if (through_check)
    env = cli_environment();
  state = strtoull(argv[first - 1], NULL, 10);
  for (int i = first; i < argc; i++, count++) {
    if (!read_seed(&seeds[count], argv[i])) {
      fprintf(stderr, "%s: cannot be read\n", argv[i]);
      return EXIT_FAILURE;
    }
    if (through_check && i == first && explain_seed(&seeds[count + 1], argv[i]))
      count++;
  }
  if (through_check && !make_place(&seeds[0])) {
    perror("fuzz_scenario");
    return EXIT_FAILURE;
  }
  watch();
  bool good =
      run(seeds, count, strtoull(argv[first - 2], NULL, 10), through_check);
  if (through_check)
    remove_place();
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
