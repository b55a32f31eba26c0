/*
 * vhost_share.c - what a guest's part of the back ends' cores is.
 *
 * A worker serves one guest. A NAPI or poll-mode thread serves many: its cores
 * are shared out by the packets that it has handled for each, and equally when
 * it has handled none.
 */
#include "models/vhost/vhost_share.h"

#include <math.h>

#include "models/vhost/internal.h"

/* What a thread that serves many has done for one, and for all. */
struct share {
  double mine, all;
  size_t pairs_mine, pairs;
};

static double part(const struct share *s)
{
  if (s->all > 0)
    return s->mine / s->all;
  return s->pairs > 0 ? (double)s->pairs_mine / (double)s->pairs : 0;
}

/* NAPI threads handle what their guests receive; all of a port share them. */
static struct share of_napis(const struct vhost *v, uint16_t vm)
{
  struct share s = {0};
  for (size_t i = 0; i < v->n_workers; i++) {
    const struct vhost_pair *p = v->workers[i].pair;
    double n = (double)(p->stats.rx_packets + p->stats.drop_tun);
    s.all += n;
    s.mine += p->vm == vm ? n : 0;
    s.pairs++;
    s.pairs_mine += p->vm == vm;
  }
  return s;
}

static struct share of_pmd(const struct vhost *v, const struct vhost_pmd *d,
                           uint16_t vm)
{
  struct share s = {0};
  for (size_t i = 0; i < v->n_pairs; i++) {
    const struct vhost_pair *p = &v->pairs[i];
    if (p->thread != &d->thread)
      continue;
    double n = (double)(p->stats.tx_packets + p->stats.rx_packets);
    s.all += n;
    s.mine += p->vm == vm ? n : 0;
    s.pairs++;
    s.pairs_mine += p->vm == vm;
  }
  return s;
}

double vhost_cores_for(const struct vhost *v, uint16_t vm, hd_time end)
{
  double cores = 0, napis = 0;
  for (size_t i = 0; i < v->n_workers; i++)
    if (v->workers[i].pair->vm == vm)
      cores += host_thread_cores(&v->workers[i].thread, end);
  for (size_t i = 0; i < v->n_napis; i++)
    napis += host_thread_cores(&v->napis[i].thread, end);
  struct share s = of_napis(v, vm);
  cores += napis * part(&s);
  for (size_t i = 0; i < v->n_pmds; i++) {
    s = of_pmd(v, &v->pmds[i], vm);
    cores += host_thread_cores(&v->pmds[i].thread, end) * part(&s);
  }
  return cores;
}

double vhost_utilization(const struct vhost *v, hd_time end)
{
  double most = 0;
  for (size_t i = 0; i < vhost_n_threads(v); i++)
    most = fmax(most, host_thread_utilization(vhost_thread(v, i), end));
  return most;
}
