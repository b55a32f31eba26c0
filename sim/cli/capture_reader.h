/*
 * capture_reader.h - reads a capture file, pcap or pcapng, through libpcap.
 */
#ifndef HD_CLI_CAPTURE_READER_H
#define HD_CLI_CAPTURE_READER_H

#include "models/network/capture.h"

#include <stdbool.h>

struct capture_rules {
  hd_time disorder; /* ps: how far time stamps may go back */
  bool segment;     /* cut frames above the MTU; else they are an error */
};

/* What a file holds, and what had to be done to it. */
struct capture_file {
  struct capture capture; /* owned */
  uint64_t read;          /* packets in the file */
  uint64_t shortened;     /* of these: not kept whole; their length counts */
  uint64_t reordered;     /* earlier than one before them */
  uint64_t cut;           /* into segments */
  uint64_t size;          /* bytes of the file */
  uint32_t checksum;      /* of these: what cksum(1) prints */
};

enum { CAPTURE_ERROR_MAX = 1600, CAPTURE_PACKETS_MAX = 1 << 26 };

/* False: `error` (CAPTURE_ERROR_MAX bytes) says what is wrong with the file,
 * and nothing is held. */
bool cli_capture_read(const char *path, const struct capture_rules *rules,
                      struct capture_file *file, char *error);
void cli_capture_free(struct capture_file *file);

#endif
