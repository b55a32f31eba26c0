/* replay_params.h - the workload pcap_replay: packets of a capture file. */
#ifndef HD_MODELS_WORKLOAD_REPLAY_PARAMS_H
#define HD_MODELS_WORKLOAD_REPLAY_PARAMS_H

#include "sim/engine/param.h"
#include "sim/engine/time.h"

enum replay_direction { REPLAY_TX, REPLAY_RX };
enum replay_spread { REPLAY_COPIES, REPLAY_FLOWS };
enum replay_wait { REPLAY_SLEEP, REPLAY_SPIN };
enum replay_oversize { REPLAY_REFUSE, REPLAY_SEGMENT };

struct pcap_replay_params {
  const char *file; /* for whoever reads it (capture.h) */
  int direction;    /* enum replay_direction */
  double speed;     /* 0: as fast as possible */
  int64_t loops;    /* 0: without end */
  int spread;       /* enum replay_spread */
  int64_t stagger;  /* ps */
  int wait;         /* enum replay_wait, of a sending guest */
  int64_t late;     /* ps */
  int64_t disorder; /* ps */
  int oversize;     /* enum replay_oversize */
};
extern const struct hd_param_table pcap_replay_param_table;

#endif
