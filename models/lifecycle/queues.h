/*
 * queues.h - what starts share beside cores: a lock, and servers that take one
 * request at a time. Both serve first come, first served.
 *
 * A request is a lifecycle_msg whose `reply` says where the answer goes; the
 * answer is the same message with kind LIFECYCLE_REPLY and `waited` set to the
 * time between the request's arrival and its being served.
 */
#ifndef HD_MODELS_LIFECYCLE_QUEUES_H
#define HD_MODELS_LIFECYCLE_QUEUES_H

#include "sim/engine/engine.h"

enum lifecycle_kind { /* apart from models/messages.h */
                      LIFECYCLE_REQUEST = 0x5b00,
                      LIFECYCLE_RELEASE, /* of a lock */
                      LIFECYCLE_SERVED,  /* a server's timer */
                      LIFECYCLE_REPLY,   /* to whoever asked */
                      LIFECYCLE_MAIL,    /* device's driver -> host's driver */
                      LIFECYCLE_WAS_RESET,  /* device -> host's driver: has been
                                             reset */
                      LIFECYCLE_RESET_DONE, /* host's driver -> device's driver
                                             */
                      LIFECYCLE_BEGIN,      /* conductor's timer */
                      LIFECYCLE_END /* starter -> conductor: its last start is
                                       complete */
};

struct lifecycle_msg {
  struct hd_msg msg;
  hd_time work;             /* server: how long it takes */
  hd_time since;            /* arrival */
  hd_time waited;           /* set by the answerer */
  struct hd_channel *reply; /* for the answer */
};
_Static_assert(sizeof(struct lifecycle_msg) <= HD_MSG_BYTES, "too large");

struct lifecycle_queue {
  struct hd_component base;
  struct hd_msg *first, *last; /* waiting */
  bool taken;
  hd_time taken_since;
  struct hd_channel *holder; /* lock: where its holder was answered */
  uint64_t arrived, served;
  hd_time busy, waited; /* sums */
};

/* A mutex: LIFECYCLE_REQUEST is answered when it is the asker's;
 * LIFECYCLE_RELEASE gives it to the next. */
void lifecycle_lock_initialize(struct lifecycle_queue *q, struct hd_engine *e,
                               const char *path, const char *host);
/* A server: LIFECYCLE_REQUEST is answered when its `work` is done. */
void lifecycle_server_initialize(struct lifecycle_queue *q, struct hd_engine *e,
                                 const char *path, const char *host);
/* NULL, or what does not balance when everybody is done. */
const char *lifecycle_queue_check(const struct lifecycle_queue *q);

#endif
