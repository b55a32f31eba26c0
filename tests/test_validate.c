/*
 * test_validate.c - the link model against its public results, the link alone,
 * and scores.
 *
 * A green run says that the comparison is right, not that the simulator meets
 * the measurements: `make validate` does.
 */
#include "sim/cli/validate.h"
#include "sim/cli/validate_rig.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- the public model's results ------------------------------------------- */

static struct hd_csv_table model;

static double number(size_t row, const char *column)
{
  double value = NAN;
  size_t index = hd_csv_column(&model, column);
  ck_assert_uint_lt(index, model.columns);
  const char *text = hd_csv_cell(&model, row, index);
  /* "gen3", "x8" */
  ck_assert_ptr_nonnull(text);
  value = strtod(text + strcspn(text, "0123456789"), NULL);
  return value;
}

static struct link_case case_of(size_t row)
{
  return (struct link_case){.generation = (int64_t)number(row, "gen"),
                            .lanes = (int64_t)number(row, "lanes"),
                            .mps = (int64_t)number(row, "mps"),
                            .mrrs = (int64_t)number(row, "mrrs"),
                            .rcb = (int64_t)number(row, "rcb"),
                            .rcb_chunks = number(row, "rcb_chunks") > 0,
                            .wide = number(row, "addr_bits") > 32,
                            .transfer = (int64_t)number(row, "transfer_bytes")};
}

static void read_model(void)
{
  const char *source = getenv("SRCDIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/scenarios/validation/data/model_bw.csv",
           source != NULL ? source : ".");
  ck_assert_msg(hd_csv_read(&model, path), "%s", model.error);
  ck_assert_uint_gt(model.rows, 400);
}

static const char *const columns[] = {[LINK_READ] = "rd_gbps",
                                      [LINK_WRITE] = "wr_gbps",
                                      [LINK_BOTH] = "rdwr_each_dir_gbps"};

START_TEST(link_model_is_the_public_one)
{
  read_model();
  for (size_t row = 0; row < model.rows; row++) {
    struct link_case c = case_of(row);
    double tlp = number(row, "tlp_gbps");
    ck_assert_double_eq_tol(cli_link_tlp_gbps(&c), tlp, 1e-3);
    for (int op = LINK_READ; op <= LINK_BOTH; op++) {
      double expected = number(row, columns[op]);
      c.op = (enum link_op)op;
      ck_assert_double_eq_tol(cli_link_payload_gbps(&c), expected,
                              1e-4 + 1e-5 * expected);
    }
  }
  hd_csv_table_terminate(&model);
}
END_TEST

START_TEST(padding_takes_whole_double_words)
{
  struct link_case c = {3, 8, 256, 512, 64, false, true, 64, LINK_WRITE};
  ck_assert(cli_link_padded_gbps(&c) == cli_link_payload_gbps(&c));
  c.transfer = 63; /* as long on the wire as 64 */
  double of_63 = cli_link_padded_gbps(&c);
  c.transfer = 64;
  ck_assert_double_eq_tol(of_63 / cli_link_padded_gbps(&c), 63.0 / 64, 1e-9);
}
END_TEST

/* -- the link alone ------------------------------------------------------- */

/* In a child: a process can simulate once. */
static double simulated(const struct link_case *c)
{
  double *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(shared, MAP_FAILED);
  *shared = NAN;
  pid_t pid = fork();
  if (pid == 0) {
    *shared = cli_rig_payload_gbps(c);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
  double gbps = *shared;
  munmap(shared, sizeof *shared);
  return gbps;
}

/* Every 23rd case; `make validate` takes all. */
START_TEST(link_alone_meets_the_model)
{
  size_t n = 0;
  read_model();
  for (size_t row = 0; row < model.rows; row++)
    for (int op = LINK_READ; op <= LINK_BOTH; op++) {
      struct link_case c = case_of(row);
      c.op = (enum link_op)op;
      if (n++ % 23 != 0)
        continue;
      double ratio = simulated(&c) / cli_link_padded_gbps(&c);
      ck_assert_msg(fabs(ratio - 1) < 0.01, "row %zu, %s: %.3f", row,
                    columns[op], ratio);
    }
  hd_csv_table_terminate(&model);
}
END_TEST

/* -- scores --------------------------------------------------------------- */

static struct validate_point point(const struct validate_line *line,
                                   double measured, double got)
{
  return (struct validate_point){
      .line = line, .measured = measured, .simulated = got, .analytic = NAN};
}

START_TEST(mean_within_and_none_beyond_twice)
{
  const struct validate_line line = {.kind = "k", .tolerance = 0.03};
  struct validate_point p[] = {point(&line, 100, 103), point(&line, 100, 97),
                               point(&line, 100, 100)};
  struct validate_score s = cli_validate_score(p, 3);
  ck_assert(s.scored && s.passed);
  ck_assert_double_eq_tol(s.mean, 0.02, 1e-12);
  ck_assert_double_eq_tol(s.worst, 0.03, 1e-12);
  ck_assert(isnan(s.analytic_mean));
  p[2].simulated = 105.9; /* the mean is within, this one nearly twice off */
  ck_assert(!cli_validate_score(p, 3).passed);
  p[0].simulated = p[1].simulated = 100;
  ck_assert(cli_validate_score(p, 3).passed);
  p[2].simulated = 106.1;
  ck_assert(!cli_validate_score(p, 3).passed);
}
END_TEST

START_TEST(a_tick_is_allowed)
{
  const struct validate_line line = {
      .kind = "k", .tolerance = 0.01, .floor = 13.34};
  struct validate_point p = point(&line, 400, 413.3);
  ck_assert(cli_validate_score(&p, 1).passed);
  p.simulated = 426.8; /* twice, but the mean of one is itself */
  ck_assert(!cli_validate_score(&p, 1).passed);
  p = point(&line, 4000, 4039);
  ck_assert(cli_validate_score(&p, 1).passed);
}
END_TEST

START_TEST(no_value_fails)
{
  const struct validate_line line = {.kind = "k", .tolerance = 0.5};
  struct validate_point p[] = {point(&line, 100, 100), point(&line, 100, NAN)};
  ck_assert(cli_validate_score(p, 1).passed);
  ck_assert(!cli_validate_score(p, 2).passed);
}
END_TEST

START_TEST(without_tolerance_it_is_shown)
{
  const struct validate_line line = {.kind = "k"};
  struct validate_point p = point(&line, 100, 150);
  p.analytic = 120;
  struct validate_score s = cli_validate_score(&p, 1);
  ck_assert(!s.scored);
  ck_assert_double_eq_tol(s.mean, 0.5, 1e-12);
  ck_assert_double_eq_tol(s.analytic_worst, 0.2, 1e-12);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("validate");
  TCase *tc = tcase_create("validate");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, link_model_is_the_public_one);
  tcase_add_test(tc, padding_takes_whole_double_words);
  tcase_add_test(tc, link_alone_meets_the_model);
  tcase_add_test(tc, mean_within_and_none_beyond_twice);
  tcase_add_test(tc, a_tick_is_allowed);
  tcase_add_test(tc, no_value_fails);
  tcase_add_test(tc, without_tolerance_it_is_shown);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
