/* nic_params.c - section "nic"; defaults: an Intel E810-like device. */
#include "models/nic/nic_params.h"

#define FIELD(f) offsetof(struct nic_params, f)

#define GAP "not public; "

static const char *const stores[] = {"table", "device-memory", NULL};

static const struct hd_param params[] = {
    {"ports", HD_PARAM_INT, FIELD(ports), "1", "1", "2", NULL,
     "Ports, each a physical function with a wire of its own",
     "HD-IOV artifact: one PF (16:00.0) is used"},
    {"clock", HD_PARAM_FREQUENCY, FIELD(clock), "1 GHz", "1 MHz", "10 GHz",
     NULL, "Clock of the packet pipeline",
     GAP "order of magnitude from memory"},

    /* what there is to share */
    {"interfaces", HD_PARAM_INT, FIELD(interfaces), "768", "1", "65535", NULL,
     "Interfaces (VSIs) of the device", "ice driver: ice_adminq_cmd.h"},
    {"pf_interfaces", HD_PARAM_INT, FIELD(pf_interfaces), "10", "0", "65535",
     NULL, "Interfaces the host keeps",
     "derived from the ice driver: 768 - 758"},
    {"virtual_functions", HD_PARAM_INT, FIELD(virtual_functions), "256", "0",
     "65535", NULL, "SR-IOV virtual functions, all ports",
     "ice driver: ice README"},
    {"vectors", HD_PARAM_INT, FIELD(vectors), "2048", "1", "65536", NULL,
     "MSI-X vectors", "ice driver: ice README"},
    {"pf_vectors", HD_PARAM_INT, FIELD(pf_vectors), "64", "0", "65536", NULL,
     "MSI-X vectors the host's network driver takes",
     "ice driver: ice README, PF default <= 64"},
    {"rdma_vectors", HD_PARAM_INT, FIELD(rdma_vectors), "9", "0", "65536", NULL,
     "MSI-X vectors the host's RDMA driver takes",
     "ice driver: ice README, RDMA 9 to 65"},
    {"interrupt_store", HD_PARAM_ENUM, FIELD(interrupt_store), "table", NULL,
     NULL, stores,
     "Where assignable interfaces have their interrupt messages: entries of "
     "the "
     "MSI-X table, or device memory (IMS)",
     "HD-IOV's prototypes used the MSI-X table; device-memory: Intel Scalable "
     "IOV specification, interrupt message storage"},
    {"interrupt_messages", HD_PARAM_INT, FIELD(interrupt_messages), "16384",
     "1", "65536", NULL, "Messages that the store in device memory holds",
     "derived: as many as transmit doorbells; the size is up to the device"},
    {"tx_queues", HD_PARAM_INT, FIELD(tx_queues), "16384", "1", "16384", NULL,
     "Transmit queues (doorbell pages)", "ice driver: ice_hw_autogen.h"},
    {"rx_queues", HD_PARAM_INT, FIELD(rx_queues), "2048", "1", "16384", NULL,
     "Receive queues (tail pages)", "ice driver: ice_hw_autogen.h"},
    {"pf_queues", HD_PARAM_INT, FIELD(pf_queues), "64", "0", "2048", NULL,
     "Queue pairs the host's own driver takes",
     "derived from the ice driver: one per vector of the PF"},

    /* rings */
    {"tx_ring", HD_PARAM_INT, FIELD(tx_ring), "256", "8", "8160", NULL,
     "Descriptors of a guest's transmit ring", "ice driver: ice.h"},
    {"rx_ring", HD_PARAM_INT, FIELD(rx_ring), "512", "8", "8160", NULL,
     "Descriptors of a guest's receive ring",
     "ice driver: ice.h, 2048 or on some builds 512"},
    {"descriptor_fetch", HD_PARAM_INT, FIELD(descriptor_fetch), "32", "1",
     "256", NULL, "Descriptors one fetch reads at most",
     "pcie-model: a Niantic prefetches 40; 32 x 16 B is one read of 512 B"},
    {"descriptor_cache", HD_PARAM_INT, FIELD(descriptor_cache), "64", "1",
     "8160", NULL, "Fetched and unused descriptors a queue holds",
     GAP "two fetches, so that one can be under way"},

    /* transmit and receive engines */
    {"tx_buffer", HD_PARAM_SIZE, FIELD(tx_buffer), "64 KiB", "2 KiB", "64 MiB",
     NULL, "Packet data of a port being read, waiting or being sent",
     GAP "twice what 200 Gb/s move in a DMA read of 1.2 us"},
    {"rx_buffer", HD_PARAM_SIZE, FIELD(rx_buffer), "1 MiB", "2 KiB", "256 MiB",
     NULL, "Received frames waiting for DMA, all ports",
     GAP "order of magnitude from memory"},
    {"quantum", HD_PARAM_SIZE, FIELD(quantum), "1024 B", "64 B", "1 MiB", NULL,
     "Bytes an interface, and a queue in it, may send per scheduler turn",
     GAP "below one full frame, so turns are short; from memory"},
    {"schedule_cycles", HD_PARAM_CYCLES, FIELD(schedule_cycles), "5", "0",
     "100000", NULL, "Scheduler's time between two decisions",
     GAP "as packet_cycles"},
    {"packet_cycles", HD_PARAM_CYCLES, FIELD(packet_cycles), "5", "0", "100000",
     NULL, "Pipeline's time per packet, sent or received",
     "about 200 Mpps, the class of a 100 Gb/s device; from memory, unverified"},
    {"pipeline_latency", HD_PARAM_TIME, FIELD(pipeline_latency), "300 ns",
     "0 ns", "1 ms", NULL, "Parse, edit and checksum; latency only",
     GAP "from memory"},
    {"bridge_rate", HD_PARAM_RATE, FIELD(bridge_rate), "200 Gb/s", "1 Mb/s",
     "10 Tb/s", NULL,
     "Embedded bridge (VEB): loopback path for frames between interfaces of "
     "one port, all ports together; bytes from destination address to FCS",
     GAP "twice a port's rate, estimated from memory; Intel's support: two "
         "functions of a port talk at the speed of PCIe (82599: above 20 "
         "Gb/s)"},
    {"bridge_latency", HD_PARAM_TIME, FIELD(bridge_latency), "100 ns", "0 ns",
     "1 ms", NULL,
     "Embedded bridge: last bit off the transmit buffer to the receive side",
     GAP "look-up and packet buffer, some 100 cycles; estimated from memory"},
    {"write_back_batch", HD_PARAM_INT, FIELD(write_back_batch), "8", "1",
     "8160", NULL, "Completed descriptors written back together",
     "pcie-model: Niantic, transmit write-back and receive batches of 8"},
    {"write_back_timer", HD_PARAM_TIME, FIELD(write_back_timer), "4 us", "0 ns",
     "10 ms", NULL, "A completion waits at most this long for its batch",
     GAP "from memory"},
    {"itr", HD_PARAM_TIME, FIELD(itr), "50 us", "0 ns", "8160 us", NULL,
     "Initial interrupt throttling interval of a vector, in steps of 2 us; 0: "
     "off",
     "ice_txrx.h, default 50 us, granularity 2 us, at most 8160 us"},
    {"doorbell_latency", HD_PARAM_TIME, FIELD(doorbell_latency), "20 ns",
     "0 ns", "100 us", NULL, "From a register write's arrival to its effect",
     "derived: some 20 cycles at 1 GHz"},
    {"admin_cost", HD_PARAM_TIME, FIELD(admin_cost), "40 us", "0 ns", "1 s",
     NULL, "Execution of an administration command",
     "derived from the ice driver: drivers poll in steps of 5 to 20 us; 20 to "
     "100 us"},
    {0}};

const struct hd_param_table nic_param_table = {
    "nic", "The network device: an E810-like NIC", params};
