/*
 * validate_rig.h - a PCIe link alone: the simulator's link, root complex and
 * requester between a device that always wants more and a memory that answers
 * at once.
 */
#ifndef HD_CLI_VALIDATE_RIG_H
#define HD_CLI_VALIDATE_RIG_H

#include "sim/cli/validate_link.h"

/* Simulates; once in a process's life. Gb/s of payload; of a mix the mean of
 * both directions. NaN: something did not balance. */
double cli_rig_payload_gbps(const struct link_case *c);

#endif
