/*
 * admin_queue.h - the administration queue of a device: one command at a time,
 * in order.
 *
 * A command is fetched with its buffer from host memory, takes its time, is
 * executed and answered by a write. The next one is fetched when this one has
 * been executed, even if its answer comes later. A library embedded in a device
 * component; what commands are and do is the device's.
 */
#ifndef HD_MODELS_PCIE_ADMIN_QUEUE_H
#define HD_MODELS_PCIE_ADMIN_QUEUE_H

#include "models/pcie/requester.h"
#include "sim/engine/pool.h"

struct admin_job {
  struct pcie_dma dma;    /* first member: the fetch; its status counts */
  void *command;          /* the device's */
  uint16_t observer;      /* of the answer */
  struct admin_job *next; /* the holder's, while an answer is held back */
};

struct admin_queue_kind {
  uint32_t command, answer; /* bytes */
  /* A command has been fetched: admin_queue_executed() is due when the device
   * has worked on it. */
  void (*work)(struct hd_component *device);
  /* True: answer it. False: the device keeps the job and answers later. */
  bool (*execute)(struct hd_component *device, struct admin_job *job);
};

struct admin_queue {
  const struct admin_queue_kind *kind;
  struct hd_component *device;
  struct pcie_requester *requester;
  struct hd_pool jobs;
  struct admin_job *first, *last; /* the first one is being worked on */
};

void admin_queue_initialize(struct admin_queue *q, struct hd_component *device,
                            const struct admin_queue_kind *kind);
void admin_queue_terminate(struct admin_queue *q);
/* Before the first command. */
void admin_queue_attach(struct admin_queue *q, struct pcie_requester *r);

/* Where a command is: `bytes` of buffer come with it. */
struct admin_place {
  uint64_t address;
  uint32_t bytes;
  uint16_t requester, observer;
};
void admin_queue_arrived(struct admin_queue *q, void *command,
                         struct admin_place place);
void admin_queue_executed(struct admin_queue *q);
/* Writes the answer where the command was, object = the command; the job is
 * gone. */
void admin_queue_answer(struct admin_queue *q, struct admin_job *job);

#endif
