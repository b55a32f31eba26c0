/*
 * slices.c - what the algorithms need of slices, and the slices: several of a
 * kind, each working on one request at a time, with one queue for all of them.
 */
#include "models/accelerator/internal.h"

const char *const accelerator_slice_names[] = {
    [ACCELERATOR_WIDE_CIPHER] = "wide_cipher",
    [ACCELERATOR_CIPHER] = "cipher",
    [ACCELERATOR_HASH] = "hash",
    [ACCELERATOR_KEY] = "key",
    [ACCELERATOR_COMPRESS] = "compress",
    [ACCELERATOR_TRANSLATE] = "translate",
    [ACCELERATOR_VERIFY] = "verify",
    [ACCELERATOR_SLICES] = NULL};

/* ---- plans --------------------------------------------------------------- */

static void add_stage(struct accelerator_plan *p, enum accelerator_slice s,
                      int64_t rate)
{
  p->stage[p->stages].slice = s;
  p->stage[p->stages++].bits = hd_clock_at(rate);
}

static void use_key(struct accelerator *n, enum accelerator_algorithm a,
                    hd_time time)
{
  struct accelerator_plan *p = &n->plans[a];
  p->stage[0].slice = ACCELERATOR_KEY;
  p->stage[0].time = time;
  p->stages = 1;
}

/* Match search, Huffman codes if they are made for the data, and a
 * decompression that verifies the result. */
static void use_compression(struct accelerator *n, enum accelerator_algorithm a,
                            int64_t rate, bool dynamic, double ratio)
{
  struct accelerator_plan *p = &n->plans[a];
  add_stage(p, ACCELERATOR_COMPRESS, rate);
  if (dynamic)
    add_stage(p, ACCELERATOR_TRANSLATE, n->params.translate_rate);
  add_stage(p, ACCELERATOR_VERIFY, n->params.verify_rate);
  p->ratio = ratio;
}

static void make_plans(struct accelerator *n)
{
  const struct accelerator_params *p = &n->params;
  add_stage(&n->plans[ACCELERATOR_AES_XTS], ACCELERATOR_WIDE_CIPHER,
            p->aes_xts_rate);
  struct accelerator_plan *chain = &n->plans[ACCELERATOR_AES_CBC_HMAC_SHA512];
  add_stage(chain, ACCELERATOR_CIPHER, p->aes_cbc_rate);
  add_stage(chain, ACCELERATOR_HASH, p->sha512_rate);
  use_key(n, ACCELERATOR_RSA_1K, p->rsa_1k_time);
  use_key(n, ACCELERATOR_RSA_2K, p->rsa_2k_time);
  use_key(n, ACCELERATOR_RSA_4K, p->rsa_4k_time);
  use_key(n, ACCELERATOR_DH_2K, p->dh_2k_time);
  use_key(n, ACCELERATOR_DH_4K, p->dh_4k_time);
  use_key(n, ACCELERATOR_DSA_1K, p->dsa_1k_time);
  use_key(n, ACCELERATOR_ECDSA_384, p->ecdsa_384_time);
  use_compression(n, ACCELERATOR_DEFLATE_1S, p->deflate_1_rate, false,
                  p->deflate_static_ratio);
  use_compression(n, ACCELERATOR_DEFLATE_1D, p->deflate_1_rate, true,
                  p->deflate_dynamic_ratio);
  use_compression(n, ACCELERATOR_DEFLATE_2S, p->deflate_2_rate, false,
                  p->deflate_static_ratio);
  use_compression(n, ACCELERATOR_DEFLATE_2D, p->deflate_2_rate, true,
                  p->deflate_dynamic_ratio);
  use_compression(n, ACCELERATOR_LZ4_1, p->lz4_1_rate, false, p->lz4_ratio);
  use_compression(n, ACCELERATOR_LZ4_9, p->lz4_9_rate, false, p->lz4_ratio);
}

void accelerator_slices_initialize(struct accelerator *n)
{
  const struct accelerator_params *p = &n->params;
  const int64_t counts[ACCELERATOR_SLICES] = {
      [ACCELERATOR_WIDE_CIPHER] = p->wide_cipher_slices,
      [ACCELERATOR_CIPHER] = p->cipher_slices,
      [ACCELERATOR_HASH] = p->hash_slices,
      [ACCELERATOR_KEY] = p->key_slices,
      [ACCELERATOR_COMPRESS] = p->compress_slices,
      [ACCELERATOR_TRANSLATE] = p->translate_slices,
      [ACCELERATOR_VERIFY] = p->verify_slices};
  struct hd_clock clock = hd_clock_at(p->clock);
  for (int i = 0; i < ACCELERATOR_SLICES; i++)
    n->slices[i].count = counts[i];
  n->slice_setup = hd_clock_span(&clock, p->slice_cycles);
  make_plans(n);
}

/* ---- service ------------------------------------------------------------- */

static struct accelerator_slices *slices_of(struct accelerator *n,
                                            const struct accelerator_work *w)
{
  return &n->slices[w->plan->stage[w->stage].slice];
}

static void start(struct accelerator *n, struct accelerator_slices *s,
                  struct accelerator_work *w)
{
  const hd_time now = hd_now(&n->base);
  const struct hd_clock *bits = &w->plan->stage[w->stage].bits;
  hd_time takes = n->slice_setup;
  takes += bits->hz > 0 ? hd_clock_span(bits, (int64_t)w->input * 8)
                        : w->plan->stage[w->stage].time;
  s->busy++;
  hd_busy_add(&s->used, n->window, now, now + takes);
  accelerator_mark(n, w, HD_STAGE_DEVICE_QUEUE);
  hd_schedule(&n->base, takes,
              accelerator_timer(n, ACCELERATOR_TIMER_SLICE, w));
}

void accelerator_slice_request(struct accelerator *n,
                               struct accelerator_work *w)
{
  struct accelerator_slices *s = slices_of(n, w);
  if (s->busy < s->count) {
    start(n, s, w);
    return;
  }
  w->waiting = NULL;
  if (s->first != NULL)
    s->last->waiting = w;
  else
    s->first = w;
  s->last = w;
  hd_gauge_add(&s->waiting, n->window, hd_now(&n->base), 1);
}

/* Those whose bank has been reset meanwhile need no slice any more. */
static void start_next(struct accelerator *n, struct accelerator_slices *s)
{
  while (s->first != NULL && s->busy < s->count) {
    struct accelerator_work *w = s->first;
    s->first = w->waiting;
    hd_gauge_add(&s->waiting, n->window, hd_now(&n->base), -1);
    if (w->request != NULL)
      start(n, s, w);
    else
      accelerator_respond(n, w);
  }
}

void accelerator_slice_due(struct accelerator *n, struct accelerator_work *w)
{
  struct accelerator_slices *s = slices_of(n, w);
  s->busy--;
  start_next(n, s);
  accelerator_mark(n, w, HD_STAGE_WIRE);
  accelerator_staged(n, w);
}
