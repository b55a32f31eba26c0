/*
 * test_round.c - the round robin by bytes: who is next, shares, debts.
 *
 * A green run says that members of any packet sizes get the same bytes within a
 * quantum and two packets, at all times, and what leaving and joining keeps.
 */
#include <check.h>
#include <gsl/gsl_rng.h>

#include "models/round.h"
#include "sim/engine/rng.h"

enum { QUANTUM = 2000 };

struct member {
  struct turn turn; /* first */
  int64_t packet, served;
};

static struct member *serve(struct round *r)
{
  struct member *m = (struct member *)round_front(r, QUANTUM);
  m->turn.deficit -= m->packet;
  m->served += m->packet;
  return m;
}

START_TEST(members_take_turns_in_the_order_of_joining)
{
  struct round r = {NULL};
  struct member m[3] = {
      {.packet = QUANTUM}, {.packet = QUANTUM}, {.packet = 1}};
  for (int i = 0; i < 3; i++)
    round_join(&r, &m[i].turn, QUANTUM);
  ck_assert_ptr_eq(serve(&r), &m[0]);
  ck_assert_ptr_eq(serve(&r), &m[1]);
  for (int i = 0; i < QUANTUM; i++)
    ck_assert_ptr_eq(serve(&r), &m[2]);
  ck_assert_ptr_eq(serve(&r), &m[0]);
}
END_TEST

static int64_t spread(const struct member *m, int n)
{
  int64_t least = m[0].served, greatest = m[0].served;
  for (int i = 1; i < n; i++) {
    least = m[i].served < least ? m[i].served : least;
    greatest = m[i].served > greatest ? m[i].served : greatest;
  }
  return greatest - least;
}

/* Each may be ahead of its share by a packet, and behind by a quantum and a
 * packet. Half of the members send small packets only. */
START_TEST(shares_differ_by_less_than_a_quantum_and_two_packets)
{
  enum { MEMBERS = 7, MOST = 9000 };
  struct round r = {NULL};
  struct member m[MEMBERS] = {{.packet = 0}};
  gsl_rng *rng = hd_rng_new(1, "test", "sizes");
  for (int i = 0; i < MEMBERS; i++)
    round_join(&r, &m[i].turn, QUANTUM);
  for (int i = 0; i < 100000; i++) {
    for (unsigned k = 0; k < MEMBERS; k++)
      m[k].packet = 1 + (int64_t)gsl_rng_uniform_int(rng, k % 2 ? 64 : MOST);
    serve(&r);
    ck_assert_int_lt(spread(m, MEMBERS), QUANTUM + 2 * MOST);
  }
  ck_assert_int_gt(m[0].served, 100 * QUANTUM);
  gsl_rng_free(rng);
}
END_TEST

START_TEST(who_leaves_comes_back_with_its_debt_but_no_savings)
{
  struct round r = {NULL};
  struct member debtor = {.packet = 5 * QUANTUM}, saver = {.packet = 1};
  round_join(&r, &debtor.turn, QUANTUM);
  round_join(&r, &saver.turn, QUANTUM);
  ck_assert_ptr_eq(serve(&r), &debtor);
  ck_assert_ptr_eq(serve(&r), &saver);
  round_leave(&r, &debtor.turn);
  ck_assert_ptr_null(debtor.turn.next);
  ck_assert_ptr_eq(r.front, &saver);
  round_leave(&r, &saver.turn);
  ck_assert_ptr_null(r.front);

  round_join(&r, &saver.turn, QUANTUM);
  round_join(&r, &debtor.turn, QUANTUM);
  ck_assert_int_eq(saver.turn.deficit, QUANTUM);
  ck_assert_int_eq(debtor.turn.deficit, -2 * QUANTUM);
  while (serve(&r) != &debtor)
    ;
  ck_assert_int_eq(saver.served, 1 + 4 * QUANTUM);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("round");
  TCase *tc = tcase_create("round");
  tcase_add_test(tc, members_take_turns_in_the_order_of_joining);
  tcase_add_test(tc, shares_differ_by_less_than_a_quantum_and_two_packets);
  tcase_add_test(tc, who_leaves_comes_back_with_its_debt_but_no_savings);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
