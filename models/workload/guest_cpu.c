/* guest_cpu.c - a vCPU's thread, its messages, and waiting. */
#include "models/workload/accel.h"
#include "models/workload/blockdev.h"
#include "models/workload/failover.h"
#include "models/workload/web_server.h"

/* ---- interrupts --------------------------------------------------------- */

bool guest_irq_save(struct guest_cpu *cpu)
{
  bool enabled = cpu->vcpu.irq_enabled;
  if (enabled)
    vcpu_irq_disable(&cpu->vcpu);
  return enabled;
}

void guest_irq_restore(struct guest_cpu *cpu, bool enabled)
{
  if (enabled)
    vcpu_irq_enable(&cpu->vcpu);
}

/* ---- messages ----------------------------------------------------------- */

void guest_send(struct guest_cpu *from, struct guest_cpu *to,
                enum guest_message what, uint32_t value, uint64_t bytes,
                void *object)
{
  struct guest_msg *m = hd_msg_new(&from->vcpu.task.base, MSG_GUEST);
  m->what = what;
  m->value = value;
  m->bytes = bytes;
  m->object = object;
  hd_send(from->peers[to->number], GUEST_LATENCY, m);
}

static bool take_packet(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct packet *p = m->object;
  struct guest_txq *q = &cpu->guest->txq[m->value];
  cpu->taken++;
  cpu->guest->streams[p->stream].socket.arrived +=
      guest_packet_truesize(cpu->guest, p);
  qdisc_enqueue(cpu, netdev_tx_queue(cpu, q), p);
  cpu->work = true;
  return true;
}

static bool freed(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct guest_txq *q = &cpu->guest->txq[m->value];
  bool woken = q->dev->ops->freed(cpu, q, (uint32_t)m->bytes);
  return woken || cpu->work;
}

static bool waits(struct guest_cpu *cpu, const struct guest_msg *m)
{
  const struct guest_txq *q = m->object;
  struct guest_socket *s = &cpu->guest->streams[m->value].socket;
  s->wanted[q->dev->number] = (int64_t)m->bytes;
  return false;
}

static bool from_peer(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct guest *g = cpu->guest;
  switch ((enum guest_message)m->what) {
  case GUEST_TX_FREED:
    return freed(cpu, m);
  case GUEST_SOCKET_FREED:
    return socket_release(&g->streams[m->value], m->bytes);
  case GUEST_PACKET:
    return take_packet(cpu, m);
  case GUEST_WAITING:
    return waits(cpu, m);
  case GUEST_DRIVER:
    return g->device->message(cpu, m);
  case GUEST_REQUESTS:
    return block_requests(cpu, m);
  case GUEST_REQUESTS_DONE:
    return block_requests_done(cpu, m);
  }
  hd_fail(&cpu->vcpu.task.base, __FILE__, __LINE__, "unknown message %u",
          m->what);
}

/* A device's write to a ring has become visible. */
static bool from_device(struct guest_cpu *cpu, const struct guest_memory_msg *m)
{
  cpu->activity = true;
  return cpu->guest->device->memory_written(cpu, m);
}

static bool from_hypervisor(struct guest_cpu *cpu, const struct hd_msg *m)
{
  if (m->kind == MSG_VM_BOOT) {
    cpu->booted = true;
  } else if (m->kind == MSG_VM_TRAPPED) {
    cpu->trapped = true;
  } else if (m->kind == MSG_VM_GO) {
    cpu->go = true;
    cpu->start = ((const struct control_msg *)m)->start;
  } else {
    hd_fail(&cpu->vcpu.task.base, __FILE__, __LINE__,
            "unexpected message of kind %u", m->kind);
  }
  return true;
}

static bool on_message(struct vcpu *v, struct hd_msg *m)
{
  struct guest_cpu *cpu = guest_cpu_of(v);
  bool wake;
  if (m->kind == MSG_GUEST_MEMORY)
    wake = from_device(cpu, (const struct guest_memory_msg *)m);
  else if (m->kind == MSG_GUEST)
    wake = from_peer(cpu, (const struct guest_msg *)m);
  else if (m->kind == MSG_GUEST_PLUG)
    wake = failover_asked(cpu, (const struct guest_plug_msg *)m);
  else
    wake = from_hypervisor(cpu, m);
  hd_msg_free(&v->task.base, m);
  return wake;
}

/* ---- thread ------------------------------------------------------------- */

void guest_soft_interrupts(struct guest_cpu *cpu)
{
  if (cpu->put_off > 0 && vcpu_now(&cpu->vcpu) >= cpu->threads_until)
    napi_ksoftirqd(cpu);
  if (cpu->scheduled)
    cpu->guest->device->deferred(cpu);
  if (!cpu->work)
    return;
  if (cpu->guest->block)
    block_run_all(cpu);
  else
    qdisc_run_all(cpu);
}

void guest_wait(struct guest_cpu *cpu, hd_time until)
{
  if (cpu->put_off > 0) {
    napi_ksoftirqd(cpu);
    return;
  }
  if (cpu->scheduled || cpu->work) {
    guest_soft_interrupts(cpu);
    return;
  }
  if (cpu->guest->device->before_idle)
    cpu->guest->device->before_idle(cpu);
  vcpu_idle(&cpu->vcpu, until);
}

static void wait_for_go(struct guest_cpu *cpu)
{
  while (!cpu->go)
    guest_wait(cpu, HD_TIME_NEVER);
  hd_time start = cpu->start + cpu->guest->jitter;
  while (vcpu_now(&cpu->vcpu) < start)
    guest_wait(cpu, start);
}

static void run_workload(struct guest_cpu *cpu)
{
  switch (cpu->guest->config.workload) {
  case WORKLOAD_UDP_STREAM:
    if (cpu->sender.count > 0)
      udp_stream_run(cpu);
    break;
  case WORKLOAD_PING:
    if (cpu->number == 0)
      ping_run(cpu);
    break;
  case WORKLOAD_DPDK_FORWARD:
    dpdk_forward_run(cpu);
    break;
  case WORKLOAD_BLOCK_JOBS:
    block_jobs_run(cpu);
    break;
  case WORKLOAD_ACCELERATOR_JOBS:
    accel_jobs_run(cpu);
    break;
  case WORKLOAD_WEB_SERVER:
    web_server_run(cpu);
    break;
  case WORKLOAD_PCAP_REPLAY:
    pcap_replay_run(cpu);
    break;
  case WORKLOAD_IDLE:
    if (guest_is_peer(&cpu->guest->config))
      udp_receive_run(cpu);
    break;
  default:
    break;
  }
}

static void main_of_cpu(struct vcpu *v)
{
  struct guest_cpu *cpu = guest_cpu_of(v);
  vcpu_irq_enable(v);
  if (cpu->number == 0)
    guest_boot(cpu);
  wait_for_go(cpu);
  run_workload(cpu);
  for (;;)
    guest_wait(cpu, HD_TIME_NEVER);
}

static void interrupt(struct vcpu *v, unsigned vector)
{
  struct guest_cpu *cpu = guest_cpu_of(v);
  unsigned i = vector >= GUEST_VECTOR(0) ? vector - GUEST_VECTOR(0) : vector;
  if (cpu->guest->accel)
    accel_interrupt(cpu, i);
  else if (cpu->guest->block)
    block_interrupt(cpu, i);
  else
    napi_interrupt(cpu, i);
}

const struct vcpu_ops guest_cpu_ops = {
    .main = main_of_cpu, .interrupt = interrupt, .message = on_message};
