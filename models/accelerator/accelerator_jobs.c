#include "models/accelerator/accelerator_jobs.h"

#define FIELD(f) offsetof(struct accelerator_jobs_params, f)
#define SAMPLE "Intel's cpa_sample_code; "

static const char *const mixes[] = {"none", "equal", "imix", NULL};
static const char *const completions[] = {"poll", "interrupt", NULL};

static const struct hd_param params[] = {
    {"algorithm", HD_PARAM_ENUM, FIELD(algorithm), "aes-cbc-hmac-sha512", NULL,
     NULL, accelerator_algorithm_names, "What is asked for",
     "HD-IOV's figure 16"},
    {"size", HD_PARAM_SIZE, FIELD(size), "4 KiB", "1 B", "16 MiB", NULL,
     "Source of a request; public-key algorithms have sizes of their own",
     "HD-IOV's figure 16: 64 B to 4 KiB"},
    {"mix", HD_PARAM_ENUM, FIELD(mix), "none", NULL, NULL, mixes,
     "Sizes instead: equal (64, 256, 1024, 4096 B), or imix (40 % 64, 20 % "
     "752, 35 % 1504, 5 % 8892 B)",
     SAMPLE "its packet mix, from memory"},
    {"threads", HD_PARAM_INT, FIELD(threads), "1", "1", "1024", NULL,
     "Threads, each with a ring bank", "HD-IOV: a bank per device"},
    {"window", HD_PARAM_INT, FIELD(window), "128", "1", "65535", NULL,
     "Requests a thread keeps outstanding",
     SAMPLE "it fills rings of 512; 128 keep a device busy"},
    {"batch", HD_PARAM_INT, FIELD(batch), "16", "1", "65535", NULL,
     "Requests announced together",
     SAMPLE "data-plane API, operations enqueued before they are performed; "
            "from memory"},
    {"ring", HD_PARAM_INT, FIELD(ring), "512", "2", "65536", NULL,
     "Entries of request and response ring",
     "driver's default: 512 concurrent requests (sym, dc), 64 (asym)"},
    {"pieces", HD_PARAM_INT, FIELD(pieces), "0", "0", "256", NULL,
     "Pieces of each buffer's scatter list; 0: flat buffers",
     SAMPLE "flat buffers in the data-plane tests; from memory"},
    {"completion", HD_PARAM_ENUM, FIELD(completion), "poll", NULL, NULL,
     completions, "How a thread learns of responses",
     SAMPLE "the data-plane API polls; from memory"},
    {"submit_cycles", HD_PARAM_CYCLES, FIELD(submit_cycles), "300", "0",
     "10000000", NULL, "Core's work to build and put a request",
     "estimated from memory: DPDK's driver takes 100 to 300"},
    {"complete_cycles", HD_PARAM_CYCLES, FIELD(complete_cycles), "150", "0",
     "10000000", NULL, "Core's work on a response", "estimated from memory"},
    {"poll_cycles", HD_PARAM_CYCLES, FIELD(poll_cycles), "50", "1", "10000000",
     NULL, "A look at the response ring", "estimated from memory"},
    {"wake_cycles", HD_PARAM_CYCLES, FIELD(wake_cycles), "10000", "0",
     "100000000", NULL, "An interrupt: handler, tasklet, wake-up of the thread",
     "estimated from memory"},
    {"head_batch", HD_PARAM_INT, FIELD(head_batch), "32", "1", "65535", NULL,
     "Responses a head write", "DPDK: QAT_CSR_HEAD_WRITE_THRESH = 32"},
    {0}};

const struct hd_param_table accelerator_jobs_param_table = {
    "accelerator_jobs", "Requests to an accelerator, like cpa_sample_code",
    params};

const char *accelerator_jobs_problem(const struct accelerator_jobs_params *p)
{
  if (p->window >= p->ring)
    return "accelerator_jobs.window must be less than accelerator_jobs.ring";
  if (p->head_batch >= p->ring)
    return "accelerator_jobs.head_batch must be less than "
           "accelerator_jobs.ring";
  if (p->batch > p->window)
    return "accelerator_jobs.batch must not exceed accelerator_jobs.window";
  return NULL;
}

uint32_t accelerator_jobs_size(const struct accelerator_jobs_params *p,
                               uint64_t draw)
{
  static const uint32_t equal[] = {64, 256, 1024, 4096};
  uint64_t percent = draw % 100;
  switch (p->mix) {
  case ACCELERATOR_EQUAL:
    return equal[draw % 4];
  case ACCELERATOR_IMIX:
    return percent < 40 ? 64 : percent < 60 ? 752 : percent < 95 ? 1504 : 8892;
  default:
    return (uint32_t)p->size;
  }
}

uint32_t accelerator_jobs_largest(const struct accelerator_jobs_params *p)
{
  return p->mix == ACCELERATOR_EQUAL  ? 4096
         : p->mix == ACCELERATOR_IMIX ? 8892
                                      : (uint32_t)p->size;
}
