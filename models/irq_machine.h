/*
 * irq_machine.h - the machine of a scenario with irq_bench.mode: devices that
 * raise interrupts and the cores that take them (irq_bench/irq_bench.h), in the
 * terms of a server. For models/server.c only.
 */
#ifndef HD_MODELS_IRQ_MACHINE_H
#define HD_MODELS_IRQ_MACHINE_H

#include "models/server.h"

struct irq_machine; /* opaque */

bool irq_machine_wanted(const struct server_config *c);
struct irq_machine *irq_machine_create(struct hd_engine *e,
                                       const struct server_config *c);
void irq_machine_run(struct irq_machine *m);
void irq_machine_results(const struct irq_machine *m, struct server_results *r);
/* After the engine has been destroyed. */
void irq_machine_destroy(struct irq_machine *m);

/* NULL, or what is wrong with the parameters together. */
const char *irq_machine_problem(const struct server_config *c);

#endif
