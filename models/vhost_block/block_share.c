/* block_share.c - see block_share.h. */
#include "models/vhost_block/block_share.h"

#include <math.h>

#include "models/vhost_block/internal.h"

double vhost_block_cores_for(const struct vhost_block *v, uint16_t vm,
                             hd_time end)
{
  double requests = 0, served = 0, mine = -1;
  const struct host_thread *t = NULL;
  for (size_t i = 0; i < v->n_guests; i++)
    if (v->guests[i].vm == vm) {
      t = v->guests[i].thread;
      mine = (double)v->guests[i].stats.requests;
    }
  if (!t)
    return 0;
  for (size_t i = 0; i < v->n_guests; i++)
    if (v->guests[i].thread == t) {
      requests += (double)v->guests[i].stats.requests;
      served++;
    }
  double part = requests > 0 ? mine / requests : 1 / served;
  return host_thread_cores(t, end) * part;
}

double vhost_block_utilization(const struct vhost_block *v, hd_time end)
{
  double most = 0;
  for (size_t i = 0; i < vhost_block_n_threads(v); i++)
    most = fmax(most, host_thread_utilization(vhost_block_thread(v, i), end));
  return most;
}
