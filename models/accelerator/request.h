/*
 * request.h - requests to accelerators, as drivers and devices share them, and
 * the algorithms that can be asked for.
 *
 * The driver owns a request from accelerator_request_new() to
 * accelerator_request_free(); a device borrows it from the tail write that
 * announces it to the response that names it. In between only the device
 * touches `status`, `produced` and `stamps`.
 */
#ifndef HD_MODELS_ACCELERATOR_REQUEST_H
#define HD_MODELS_ACCELERATOR_REQUEST_H

#include <stddef.h>

#include "sim/engine/pool.h"
#include "sim/measure/breakdown.h"

enum accelerator_service {
  ACCELERATOR_SYM,  /* symmetric cryptography */
  ACCELERATOR_ASYM, /* public-key cryptography */
  ACCELERATOR_DC,   /* data compression */
  ACCELERATOR_SERVICES
};

enum accelerator_algorithm {
  ACCELERATOR_AES_CBC_HMAC_SHA512, /* AES-256-CBC, then HMAC-SHA2-512 */
  ACCELERATOR_AES_XTS,             /* AES-128-XTS */
  ACCELERATOR_RSA_1K,              /* decryption with CRT key */
  ACCELERATOR_RSA_2K,
  ACCELERATOR_RSA_4K,
  ACCELERATOR_DH_2K, /* phase 2: shared secret */
  ACCELERATOR_DH_4K,
  ACCELERATOR_DSA_1K,     /* verification */
  ACCELERATOR_ECDSA_384,  /* verification, NIST P-384 */
  ACCELERATOR_DEFLATE_1S, /* level 1, static Huffman codes */
  ACCELERATOR_DEFLATE_1D, /* level 1, dynamic Huffman codes */
  ACCELERATOR_DEFLATE_2S,
  ACCELERATOR_DEFLATE_2D,
  ACCELERATOR_LZ4_1,
  ACCELERATOR_LZ4_9,
  ACCELERATOR_ALGORITHMS
};

/* What is known of an algorithm without a device. */
struct accelerator_kind {
  const char *name; /* e.g. "aes-cbc-hmac-sha512" */
  enum accelerator_service service;
  uint32_t input;    /* bytes read; 0: as many as the request has */
  uint32_t output;   /* bytes written; 0: see below */
  uint32_t appended; /* output is input + this (digest) */
  uint32_t content;  /* bytes of session data (content descriptor) read */
};
/* Sizes that are not fixed: compression writes ratio * input. */
extern const struct accelerator_kind accelerator_kinds[ACCELERATOR_ALGORITHMS];
/* Names in the order of the enum, NULL-terminated; for parameter tables. */
extern const char *const accelerator_algorithm_names[];

enum accelerator_status {
  ACCELERATOR_OK,
  ACCELERATOR_INVALID,        /* algorithm, size or room */
  ACCELERATOR_TRANSFER_ERROR, /* data or a list could not be read */
  ACCELERATOR_OVERFLOW        /* compressed data does not fit */
};

/* An entry of a scatter list: a physically contiguous piece. */
struct accelerator_piece {
  uint64_t address; /* IOVA */
  uint32_t bytes;   /* > 0 */
};

/* A flat buffer at `address`; or, with pieces, a scatter list of 16 B + 16 B
 * per piece at `address`, which the device reads first. */
struct accelerator_buffer {
  uint64_t address; /* IOVA */
  const struct accelerator_piece *pieces;
  uint32_t count; /* of pieces; at most ACCELERATOR_PIECES */
};
enum { ACCELERATOR_PIECES = 256, ACCELERATOR_LIST_ENTRY = 16 /* bytes */ };

struct accelerator_request {
  struct accelerator_request *next; /* the holder's, for queues */
  uint8_t algorithm;                /* enum accelerator_algorithm */
  uint8_t status;                   /* enum accelerator_status; the device's */
  uint16_t vm;                      /* guest */
  uint16_t bank;                    /* guest's ring bank */
  uint16_t tag;                     /* the driver's */
  uint32_t bytes;    /* of source; ignored if the algorithm's is fixed */
  uint32_t room;     /* bytes at destination */
  uint32_t produced; /* bytes written there; the device's */
  uint64_t content;  /* IOVA of session data; 0: it is in the request */
  struct accelerator_buffer source, destination;
  struct hd_stamps stamps;
  void *owner; /* the driver's */
};

/* Bytes the request reads at its source. */
static inline uint32_t accelerator_input(const struct accelerator_request *r)
{
  uint32_t fixed = accelerator_kinds[r->algorithm].input;
  return fixed != 0 ? fixed : r->bytes;
}

/* One pool for a server; conservation is checked on it. */
struct accelerator_pool {
  struct hd_pool pool;
  uint64_t created, destroyed;
};
void accelerator_pool_initialize(struct accelerator_pool *p);
void accelerator_pool_terminate(struct accelerator_pool *p);

/* Fields are the last user's; set all of them. */
static inline struct accelerator_request *
accelerator_request_new(struct accelerator_pool *p)
{
  p->created++;
  return hd_pool_get(&p->pool);
}

static inline void accelerator_request_free(struct accelerator_pool *p,
                                            struct accelerator_request *r)
{
  p->destroyed++;
  hd_pool_put(&p->pool, r);
}

#endif
