#include "models/workload/replay_params.h"

static const char *const directions[] = {"tx", "rx", NULL};
static const char *const spreads[] = {"copies", "flows", NULL};
static const char *const waits[] = {"sleep", "spin", NULL};
static const char *const oversizes[] = {"refuse", "segment", NULL};

#define R(f) offsetof(struct pcap_replay_params, f)
static const struct hd_param pcap_replay_params[] = {
    {"file", HD_PARAM_FILE, R(file), NULL, NULL, NULL, NULL,
     "capture with Ethernet frames, pcap or pcapng, time stamps of micro- or "
     "nanoseconds; a packet has its length on the wire, also when less of it "
     "was kept, and at least 60 B without FCS; payload is the whole frame",
     NULL},
    {"direction", HD_PARAM_ENUM, R(direction), "tx", NULL, NULL, directions,
     "tx: the guest sends the packets, rx: the client sends them to the guest",
     "free choice: as the other workloads that send"},
    {"speed", HD_PARAM_REAL, R(speed), "1", "0", "1000000", NULL,
     "speed of replay, 1 is that of the file; 0: as fast as possible",
     "tcpreplay --multiplier, default 1; --topspeed; from memory"},
    {"loops", HD_PARAM_INT, R(loops), "1", "0", NULL, NULL,
     "how often the file is replayed; 0: until the run ends; a pass follows "
     "the one before after the mean distance of the packets",
     "tcpreplay --loop, default 1, from memory"},
    {"spread", HD_PARAM_ENUM, R(spread), "copies", NULL, NULL, spreads,
     "copies: every machine of the group replays the whole file, flows: "
     "machine i of n replays the flows whose hash of addresses, protocol and "
     "ports modulo n is i; the same hash chooses the queue pair",
     "free choice; steering by such a hash is receive side scaling's"},
    {"stagger", HD_PARAM_TIME, R(stagger), "0 us", "0 ns", "1000 s", NULL,
     "machine i of the group begins i times this later", "free choice"},
    {"wait", HD_PARAM_ENUM, R(wait), "sleep", NULL, NULL, waits,
     "a sending guest waits for the next packet's time asleep, and is as late "
     "as its wake-up, or awake, looking at the clock",
     "free choice: as applications do; tcpreplay --timer has both, from "
     "memory"},
    {"late", HD_PARAM_TIME, R(late), "20 us", "0 ns", "1000 s", NULL,
     "a packet that is handed to the device or the wire so much behind its "
     "time counts as late in replay.csv",
     "free choice: several times a wake-up and a send call"},
    {"disorder", HD_PARAM_TIME, R(disorder), "1 ms", "0 ns", "1000 s", NULL,
     "time stamps may go back by this much, and packets are sorted by them; "
     "a greater step back is an error",
     "free choice: above what buffers of a multi-queue capture mix up"},
    {"oversize", HD_PARAM_ENUM, R(oversize), "refuse", NULL, NULL, oversizes,
     "frames longer than an MTU of 1500 B, which a capture before the card's "
     "segmentation holds: an error, or TCP and UDP are cut into segments, "
     "each with the headers, due together",
     "free choice: the capture is not what was on the wire"},
    {0}};

const struct hd_param_table pcap_replay_param_table = {
    "pcap_replay", "Replays the packets of a capture file", pcap_replay_params};
