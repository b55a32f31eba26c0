/* block_share.h - a guest's part of the cores of the software block back ends.
 */
#ifndef HD_MODELS_VHOST_BLOCK_SHARE_H
#define HD_MODELS_VHOST_BLOCK_SHARE_H

#include "models/vhost_block/vhost_block.h"

/* Host cores occupied for one guest within the window, which `end` ends: its
 * iothread, or its share of a poll-mode thread. */
double vhost_block_cores_for(const struct vhost_block *v, uint16_t vm,
                             hd_time end);
/* How busy the busiest thread is with work, polling in vain not counted. */
double vhost_block_utilization(const struct vhost_block *v, hd_time end);

#endif
