/* server_migration_results.c - what a live migration did, as metrics. */
#include "models/server_migration_internal.h"
#include "models/vhost/vhost_share.h"
#include "models/vhost_block/block_share.h"

const struct migration_report *
server_migration_report(const struct server_migration *m)
{
  return migration_get_report(m->migration);
}

static double ms(hd_time t)
{
  return (double)t / (double)HD_MS;
}

static void set_downtime(const struct migration_downtime *d, double *metric)
{
  metric[METRIC_downtime_ms] = ms(d->total);
  metric[METRIC_downtime_stop_ms] = ms(d->stop);
  metric[METRIC_downtime_suspend_ms] = ms(d->suspend);
  metric[METRIC_downtime_state_ms] = ms(d->state);
  metric[METRIC_downtime_copy_ms] = ms(d->copy);
  metric[METRIC_downtime_create_ms] = ms(d->create);
  metric[METRIC_downtime_resume_ms] = ms(d->resume);
  metric[METRIC_downtime_destination_ms] = ms(d->create + d->resume);
}

const char *server_migration_status(const struct server_migration *m)
{
  const struct migration_report *r = migration_get_report(m->migration);
  return r->status[0] ? r->status : "not over when the measurement ended";
}

const char *server_migration_note(const struct server_migration *m)
{
  const struct migration_report *r = migration_get_report(m->migration);
  return r->outcome == MIGRATION_COMPLETED ? NULL : r->status;
}

/* What the destination's back end has dropped before the guest came are copies
 * of what went to the source. */
static void set_drops(const struct server_migration *m, double *metric)
{
  struct vhost_pair_stats home = {0}, away = {0};
  uint16_t vm = server_migration_mover(m->server)->vm;
  if (!m->vhost)
    return;
  (void)vhost_get_guest_stats(server_software_vhost(m->server->software), vm,
                              &home);
  (void)vhost_get_guest_stats(m->vhost, vm, &away);
  metric[METRIC_migration_drops] = (double)home.drop_stopped;
  metric[METRIC_drops] +=
      (double)(vhost_transmit_drops(m->vhost) + vhost_receive_drops(m->vhost) -
               away.drop_stopped);
}

void server_migration_metrics(const struct server_migration *m, double *metric)
{
  const struct migration_report *r = migration_get_report(m->migration);
  double window = (double)m->server->config->run.duration;
  metric[METRIC_migration_completed] = r->at_destination;
  set_drops(m, metric);
  if (r->outcome == MIGRATION_IMPOSSIBLE)
    return;
  metric[METRIC_migration_total_ms] = ms(r->end - r->begin);
  metric[METRIC_migration_rounds] = (double)r->rounds;
  metric[METRIC_migration_gib] = (double)r->bytes / (1 << 30);
  metric[METRIC_migration_dirty_gbps] =
      r->dirty_rate * (double)MIGRATION_PAGE * 8 / 1e9;
  metric[METRIC_migration_thread_cores] = (double)r->thread_cpu / window;
  metric[METRIC_migration_relay_cores] = (double)r->relay_cpu / window;
  set_downtime(&r->downtime, metric);
}

double server_migration_busy_for(const struct server_migration *m, uint16_t vm,
                                 hd_time end)
{
  double cores = m->vhost ? vhost_cores_for(m->vhost, vm, end) : 0;
  return cores + (m->block ? vhost_block_cores_for(m->block, vm, end) : 0);
}
