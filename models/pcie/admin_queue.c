/* admin_queue.c - commands in order, see admin_queue.h. */
#include "models/pcie/admin_queue.h"

void admin_queue_initialize(struct admin_queue *q, struct hd_component *device,
                            const struct admin_queue_kind *kind)
{
  *q = (struct admin_queue){.kind = kind, .device = device};
  hd_pool_initialize(&q->jobs, sizeof(struct admin_job));
}

void admin_queue_terminate(struct admin_queue *q)
{
  hd_pool_terminate(&q->jobs);
}

void admin_queue_attach(struct admin_queue *q, struct pcie_requester *r)
{
  q->requester = r;
}

static void command_fetched(struct hd_component *device, struct pcie_dma *d)
{
  const struct admin_queue *q = d->context;
  q->kind->work(device);
}

static void fetch(struct admin_queue *q)
{
  if (q->first != NULL)
    pcie_requester_read(q->requester, &q->first->dma);
}

void admin_queue_arrived(struct admin_queue *q, void *command,
                         struct admin_place place)
{
  struct admin_job *job = hd_pool_get(&q->jobs);
  *job = (struct admin_job){.command = command,
                            .observer = place.observer,
                            .dma = {.address = place.address,
                                    .length = q->kind->command + place.bytes,
                                    .requester = place.requester,
                                    .observer = PCIE_NO_OBSERVER,
                                    .context = q,
                                    .done = command_fetched}};
  bool idle = q->first == NULL;
  if (idle)
    q->first = job;
  else
    q->last->next = job;
  q->last = job;
  if (idle)
    fetch(q);
}

void admin_queue_executed(struct admin_queue *q)
{
  struct admin_job *job = q->first;
  q->first = job->next;
  job->next = NULL;
  if (q->kind->execute(q->device, job))
    admin_queue_answer(q, job);
  fetch(q);
}

void admin_queue_answer(struct admin_queue *q, struct admin_job *job)
{
  struct pcie_dma d = {.address = job->dma.address,
                       .length = q->kind->answer,
                       .requester = job->dma.requester,
                       .observer = job->observer,
                       .object = job->command};
  pcie_requester_write(q->requester, &d);
  hd_pool_put(&q->jobs, job);
}
