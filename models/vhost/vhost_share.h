/* vhost_share.h - a guest's part of the cores of the software back ends. */
#ifndef HD_MODELS_VHOST_SHARE_H
#define HD_MODELS_VHOST_SHARE_H

#include "models/vhost/vhost.h"

/* Host cores occupied for one guest within the window, which `end` ends: its
 * workers, and its share of the threads that serve several. */
double vhost_cores_for(const struct vhost *v, uint16_t vm, hd_time end);

/* How busy the busiest thread is with work, polling in vain not counted. */
double vhost_utilization(const struct vhost *v, hd_time end);

#endif
