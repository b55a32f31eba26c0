/*
 * round.h - who is next: a round robin weighted by bytes.
 *
 * A member is served while its deficit is positive, and may overdraw it by one
 * packet; when it is used up the member goes to the end of the round with a
 * quantum more. (Surplus round robin: deficit round robin, Shreedhar and
 * Varghese 1995, that needs not know the next packet's length.) So over any
 * time in which all have work, two members differ by less than a quantum and a
 * packet each. Rounds of rounds share between groups first.
 */
#ifndef HD_MODELS_ROUND_H
#define HD_MODELS_ROUND_H

#include <stddef.h>
#include <stdint.h>

/* A member, part of the caller's struct; zero bytes: in no round. Who serves it
 * takes the bytes off. */
struct turn {
  struct turn *next, *prev; /* NULL: not in a round */
  int64_t deficit;          /* bytes it may still have; < 0: owes */
};

struct round {
  struct turn *front; /* NULL: empty */
};

/* At the end of the round, with a quantum less what it owes from before. */
static inline void round_join(struct round *turns, struct turn *t,
                              int64_t quantum)
{
  t->deficit = quantum + (t->deficit < 0 ? t->deficit : 0);
  if (turns->front == NULL) {
    t->next = t->prev = t;
    turns->front = t;
    return;
  }
  t->next = turns->front;
  t->prev = turns->front->prev;
  t->prev->next = t;
  t->next->prev = t;
}

static inline void round_leave(struct round *turns, struct turn *t)
{
  if (t->next == t)
    turns->front = NULL;
  else if (turns->front == t)
    turns->front = t->next;
  t->prev->next = t->next;
  t->next->prev = t->prev;
  t->next = t->prev = NULL;
}

/* The member whose turn it is; the round must not be empty. */
static inline struct turn *round_front(struct round *turns, int64_t quantum)
{
  while (turns->front->deficit <= 0) {
    turns->front->deficit += quantum;
    turns->front = turns->front->next;
  }
  return turns->front;
}

#endif
