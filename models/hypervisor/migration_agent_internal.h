/* migration_agent_internal.h - for migration_agent*.c only. */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_AGENT_INTERNAL_H
#define HD_MODELS_HYPERVISOR_MIGRATION_AGENT_INTERNAL_H

#include "models/hypervisor/migration_agent.h"

enum { MSG_AGENT = 0x4d40 }; /* migration's thread -> agent */
enum agent_verb {
  AGENT_PAUSE,
  AGENT_RUN,
  AGENT_SUSPEND,
  AGENT_RESUME,
  AGENT_TRACK,
  AGENT_SWITCH,
  AGENT_UNPLUG,
  AGENT_PLUG,
  AGENT_LEAVE
};
struct agent_msg {
  struct hd_msg msg;
  enum agent_verb verb;
  uint32_t queue;
  bool on;
};
_Static_assert(sizeof(struct agent_msg) <= HD_MSG_BYTES, "too large");

struct migration_agent {
  struct hd_task task;
  struct migration_agent_config config;
  const struct migration_back_end_ops *ops;
  void *back_end;
  const struct migration_plug_ops *plug_ops; /* NULL: none */
  void *plug;
  struct migration_agent_hooks hooks;
  struct hd_channel *to_root, *root_reply;
  struct hd_channel *to_migration, *from_migration;
  struct hd_channel **to_vcpu, **from_vcpu; /* by vCPU */
  uint16_t observer;
  struct hd_msg *first, *last; /* asked for while it was busy */
};

#endif
