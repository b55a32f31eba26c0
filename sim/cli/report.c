/* hdiov-sim report: the tables of earlier results. */
#include "sim/cli/claims.h"
#include "sim/cli/cli.h"
#include "sim/cli/merge.h"
#include "sim/cli/table.h"

enum { KEY_STRICT = 256, KEY_MARKDOWN };

struct report {
  const char *dir;
  bool strict, markdown;
};

static const char doc[] =
    "Prints the tables of a result directory again: the results, and published "
    "figures beside simulated ones when the scenario has a list 'published'. "
    "Nothing is simulated, and no scenario is read."
    "\v"
    "Examples:\n"
    "  hdiov-sim report out/my\n"
    "  hdiov-sim report out/my --strict >/dev/null && echo as published\n"
    "\n"
    "After a change of the list 'published', 'hdiov-sim sweep FILE --out DIR "
    "--resume' compares anew and simulates nothing.";

static const struct argp_option options[] = {
    {"strict", KEY_STRICT, NULL, 0,
     "Exit with status 3 when a published figure is not reproduced", 0},
    {"markdown", KEY_MARKDOWN, NULL, 0,
     "Print the published figures only, as a table in Markdown", 0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct report *report = state->input;
  switch (key) {
  case KEY_STRICT:
    report->strict = true;
    return 0;
  case KEY_MARKDOWN:
    report->markdown = true;
    return 0;
  case ARGP_KEY_ARG:
    if (report->dir != NULL)
      argp_error(state, "one DIR at a time, not also '%s'", arg);
    report->dir = arg;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_error(state, "which DIR?");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp argp = {
    .options = options, .parser = parse_option, .args_doc = "DIR", .doc = doc};

int cli_report(struct cli_options *o, int argc, char **argv)
{
  struct report report = {0};
  struct claims_count count;
  (void)o;
  cli_parse(&argp, argc, argv, &report);
  enum claims_style style = report.markdown ? CLAIMS_MARKDOWN : CLAIMS_ALL;
  double level = cli_manifest_confidence(report.dir);
  if ((!report.markdown && !cli_table_print(report.dir, level)) ||
      !cli_claims_print(report.dir, style, stdout, &count))
    return CLI_USAGE;
  return cli_claims_status(&count, report.strict);
}
