/*
 * generator.c - the client's packet generator: traffic for guests to forward.
 *
 * Constant spacing carries its remainder, so the rate is exact; the first
 * packet comes at a random point of the first interval, so that guests are not
 * served in step. Like a hardware generator it waits for no one: when the
 * client's transmit queue is full, a packet is not made.
 */
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/network/client_internal.h"

void generator_initialize(struct client *c, uint16_t vm)
{
  struct client_guest *g = &c->guests[vm];
  const struct client_vm *v = &g->config;
  if (v->forward_rate <= 0)
    return;
  HD_REQUIRE(NULL,
             v->forward_payload > 0 && v->forward_streams > 0 &&
                 v->queue_pairs > 0,
             "generator for guest %u needs payload, streams and queues", vm);
  char purpose[32];
  snprintf(purpose, sizeof purpose, "forward %u", vm);
  g->generator = (struct generator){
      .bits = hd_clock_at(v->forward_rate),
      .rng = hd_rng_new(hd_engine_seed(c->base.engine), c->base.path, purpose),
      .mean = (double)v->forward_payload * 8e12 / (double)v->forward_rate,
      .sequences = calloc(v->forward_streams, sizeof(uint64_t))};
  HD_REQUIRE(NULL, g->generator.sequences != NULL, "out of memory");
}

void generator_terminate(struct generator *g)
{
  if (g->rng != NULL)
    gsl_rng_free(g->rng);
  free(g->sequences);
}

static hd_time spacing(struct client_guest *g)
{
  if (g->config.forward_poisson)
    return llround(gsl_ran_exponential(g->generator.rng, g->generator.mean));
  return hd_clock_take(&g->generator.bits,
                       (int64_t)g->config.forward_payload * 8);
}

void generator_start(struct client *c, uint16_t vm, hd_time start)
{
  struct client_guest *g = &c->guests[vm];
  if (g->generator.rng == NULL)
    return;
  struct hd_msg *m = hd_msg_new(&c->base, MSG_TIMER);
  m->tag = vm;
  hd_time wait = hd_time_max(start - hd_now(&c->base), 0);
  hd_time phase =
      (hd_time)(gsl_rng_uniform(g->generator.rng) * g->generator.mean);
  hd_schedule(&c->base, wait + phase, m);
}

static struct packet *make(struct client *c, uint16_t vm)
{
  struct client_guest *g = &c->guests[vm];
  const struct client_vm *v = &g->config;
  uint16_t stream = (uint16_t)(g->generator.packets++ % v->forward_streams);
  struct packet *p = packet_new(c->packets);
  *p = (struct packet){.kind = PACKET_FORWARD,
                       .vm = vm,
                       .queue = (uint16_t)(stream % v->queue_pairs),
                       .stream = stream,
                       .payload = v->forward_payload,
                       .frame = packet_frame_bytes(v->forward_payload),
                       .sequence = g->generator.sequences[stream]++};
  hd_stamps_begin(&p->stamps, hd_now(&c->base));
  return p;
}

void generator_fire(struct client *c, struct hd_msg *timer)
{
  uint16_t vm = (uint16_t)timer->tag;
  struct client_guest *g = &c->guests[vm];
  if (c->waiting < CLIENT_TRANSMIT_QUEUE) {
    struct packet_msg *m = hd_msg_new(&c->base, MSG_FRAME);
    m->packet = make(c, vm);
    m->bytes = m->packet->frame;
    c->created++;
    hd_counter_add(&g->generated, c->window, hd_now(&c->base), 1);
    client_send(c, m, 0);
  }
  hd_schedule(&c->base, spacing(g), timer);
}
