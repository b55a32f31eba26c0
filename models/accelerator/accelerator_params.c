/*
 * accelerator_params.c - section "accelerator"; defaults: one QAT 4xxx endpoint
 * of a Sapphire Rapids socket with all engines given to one service.
 *
 * Slice and engine counts are those of Linux' driver; makers publish rates of
 * whole devices, so a slice's rate is "derived" from those. They come out as
 * results, no figure is used as such.
 */
#include "models/accelerator/accelerator_params.h"

#define FIELD(f) offsetof(struct accelerator_params, f)

#define GAP "not public; "
#define LINUX "Linux, drivers/crypto/intel/qat: "
#define SLICES LINUX "qat_4xxx/adf_4xxx_hw_data.h, parity masks of slices"
#define CYCLE "derived: one round in a cycle of 1 GHz, "

#define COUNT(f, standard, largest, meaning, source)                           \
  {                                                                            \
#f, HD_PARAM_INT, FIELD(f), standard, "0", largest, NULL, meaning, source  \
  }
#define CYCLES(f, standard, meaning, source)                                   \
  {                                                                            \
#f, HD_PARAM_CYCLES, FIELD(f), standard, "0", "1000000", NULL, meaning,    \
        source                                                                 \
  }
#define SLICE_RATE(f, standard, what, source)                                  \
  {                                                                            \
#f, HD_PARAM_RATE, FIELD(f), standard, "1 Mb/s", "10 Tb/s", NULL,          \
        what ", source data through one slice", source                         \
  }
#define KEY_TIME(f, standard, what, source)                                    \
  {                                                                            \
#f, HD_PARAM_TIME, FIELD(f), standard, "0 ns", "1 s", NULL,                \
        what " in a key slice", source                                         \
  }
#define COMPRESSION(f, standard, what)                                         \
  {                                                                            \
#f, HD_PARAM_RATIO, FIELD(f), standard, NULL, NULL, NULL,                  \
        what ": compressed size over source size",                             \
        "text of the Calgary corpus; from memory, it is a matter of the data"  \
  }

static const struct hd_param params[] = {
    {"endpoints", HD_PARAM_INT, FIELD(endpoints), "1", "1", "8", NULL,
     "Accelerators, each with a link of its own; guests take turns at them",
     "Intel's programming guide: one to four a socket"},

    /* what there is to share */
    {"banks", HD_PARAM_INT, FIELD(banks), "64", "1", "4096", NULL,
     "Ring banks: a request and a response ring each",
     LINUX "ADF_4XXX_ETR_MAX_BANKS"},
    COUNT(pf_banks, "4", "4096",
          "Ring banks the host keeps, unless virtual functions have them all",
          "HD-IOV's artifact: at most 60 virtual devices of 64 banks"),
    COUNT(virtual_functions, "16", "1023", "SR-IOV virtual functions",
          "from memory; 64 banks in groups of 4"),
    {"banks_per_function", HD_PARAM_INT, FIELD(banks_per_function), "4", "1",
     "64", NULL, "Ring banks of a virtual function",
     LINUX "ADF_4XXX_NUM_BANKS_PER_VF"},
    {"vectors", HD_PARAM_INT, FIELD(vectors), "65", "1", "65536", NULL,
     "MSI-X vectors of the physical function",
     LINUX "one per bank and one for all else"},
    COUNT(pf_vectors, "5", "65536", "MSI-X vectors the host's own driver takes",
          "derived: one per bank it keeps, and one for all else"),
    {"max_request", HD_PARAM_SIZE, FIELD(max_request), "1 MiB", "64 B",
     "16 MiB", NULL, "Largest source of a request",
     "derived: more than any benchmark asks for"},

    /* rings */
    {"clock", HD_PARAM_FREQUENCY, FIELD(clock), "1 GHz", "1 MHz", "10 GHz",
     NULL, "Clock of arbiter, engines and slices", LINUX "ADF_4XXX_AE_FREQ"},
    {"register_latency", HD_PARAM_TIME, FIELD(register_latency), "50 ns",
     "0 ns", "100 us", NULL, "From a register write's arrival to its effect",
     GAP "some 50 cycles; from memory"},
    {"arbitration_burst", HD_PARAM_INT, FIELD(arbitration_burst), "4", "1",
     "1024", NULL, "Requests a bank may have fetched per turn",
     GAP "from memory"},
    {"fetches", HD_PARAM_INT, FIELD(fetches), "16", "1", "4096", NULL,
     "Reads of request entries under way", GAP "from memory"},
    CYCLES(fetch_cycles, "10", "Arbiter's time between two fetches",
           GAP "from memory"),
    {"dma_window", HD_PARAM_SIZE, FIELD(dma_window), "64 KiB", "4 KiB",
     "64 MiB", NULL, "Data under way between device and host, a direction",
     GAP "five times what 12 GB/s move in a DMA read of 1 us"},
    {"coalesce_time", HD_PARAM_TIME, FIELD(coalesce_time), "1 us", "0 ns",
     "131 us", NULL,
     "A bank's interrupt waits so long after the first response",
     "Intel's driver: 1000 ns (0x1f4 steps of 2 ns); at most 0xffff steps"},
    COUNT(coalesce_count, "0", "65535",
          "Responses after which the interrupt waits no longer; 0: not counted",
          "Intel's driver: InterruptCoalescingNumResponses = 0; from memory"),
    {"admin_cost", HD_PARAM_TIME, FIELD(admin_cost), "50 us", "0 ns", "10 s",
     NULL, "Execution of an administration command", GAP "from memory"},

    /* engines */
    COUNT(sym_engines, "8", "64", "Engines for symmetric cryptography",
          LINUX "8 engines for services; all sym (HD-IOV: one service at a "
                "time)"),
    COUNT(asym_engines, "8", "64", "Engines for public-key cryptography",
          "as sym_engines; use of one service at a time"),
    COUNT(dc_engines, "8", "64", "Engines for compression",
          "as sym_engines; use of one service at a time"),
    COUNT(sym_threads, "7", "64", "Threads of an engine: symmetric requests",
          LINUX "ENA_THD_MASK_SYM has 7 bits"),
    COUNT(asym_threads, "2", "64", "Threads of an engine: public-key requests",
          LINUX "ENA_THD_MASK_ASYM has 2 bits"),
    COUNT(dc_threads, "2", "64", "Threads of an engine: compression requests",
          LINUX "ENA_THD_MASK_DC has 2 bits"),
    CYCLES(sym_cycles, "500", "Firmware's time for a symmetric request",
           GAP
           "estimated from memory: some 16 million small requests a second"),
    CYCLES(asym_cycles, "1000", "Firmware's time for a public-key request",
           GAP "estimated from memory"),
    CYCLES(dc_cycles, "1000", "Firmware's time for a compression request",
           GAP "estimated from memory"),

    /* slices */
    COUNT(wide_cipher_slices, "2", "64", "Slices for AES-XTS (UCS)",
          SLICES "; LKML, June 2025: two engines per device can do AES-XTS"),
    COUNT(cipher_slices, "4", "64", "Slices for AES-CBC (CPH)", SLICES),
    COUNT(hash_slices, "4", "64", "Slices for hashes (ATH)", SLICES),
    COUNT(key_slices, "6", "64", "Slices for public-key arithmetic (PKE)",
          SLICES),
    COUNT(compress_slices, "1", "64", "Slices that search for matches (CPR)",
          SLICES),
    COUNT(translate_slices, "1", "64", "Slices that make Huffman codes (XLT)",
          SLICES),
    COUNT(verify_slices, "3", "64",
          "Slices that decompress again to verify (DCPR)", SLICES),
    CYCLES(slice_cycles, "50", "Set-up of a slice for a request",
           GAP "estimated from memory"),

    /* rates */
    SLICE_RATE(aes_xts_rate, "52 Gb/s", "AES-128-XTS",
               "derived: 12 GB/s at 4 KiB per device (LKML, June 2025), two "
               "slices, less the set-up"),
    SLICE_RATE(aes_cbc_rate, "8533 Mb/s", "AES-256-CBC",
               CYCLE "14 rounds and one for the load per 16 B"),
    SLICE_RATE(sha512_rate, "12640 Mb/s", "HMAC-SHA2-512",
               CYCLE "80 rounds and one for the load per 128 B"),
    SLICE_RATE(
        deflate_1_rate, "48 Gb/s", "Match search of DEFLATE level 1",
        GAP "estimated: a little more than the device's 45 Gb/s, which dynamic "
            "codes bound"),
    SLICE_RATE(deflate_2_rate, "24 Gb/s", "Match search of DEFLATE level 2",
               GAP "estimated from memory: half of level 1"),
    SLICE_RATE(lz4_1_rate, "48 Gb/s", "Match search of LZ4 level 1",
               GAP "estimated from memory: that of DEFLATE level 1"),
    SLICE_RATE(lz4_9_rate, "12 Gb/s", "Match search of LZ4 level 9",
               GAP "estimated from memory: a quarter of level 1"),
    SLICE_RATE(translate_rate, "45200 Mb/s", "Dynamic Huffman codes",
               "derived: 45 Gb/s per device, dynamic, level 1, 64 KiB (" LINUX
               "ADF_4XXX_RL_MAX_TP_DC, and Intel's guide on rate limiting)"),
    SLICE_RATE(verify_rate, "16 Gb/s", "Decompression to verify",
               "derived: three slices keep up with 45 Gb/s"),

    /* public keys */
    KEY_TIME(rsa_2k_time, "60 us", "RSA-2048 decryption with CRT key",
             "derived: 100,000 a second per device, from memory, with six "
             "slices; 101,000 measured on a card of the generation before "
             "(intel/QAT_Engine issue 93)"),
    KEY_TIME(rsa_1k_time, "9 us", "RSA-1024 decryption with CRT key",
             "derived: between a fourth and an eighth of RSA-2048"),
    KEY_TIME(rsa_4k_time, "420 us", "RSA-4096 decryption with CRT key",
             "derived: seven times RSA-2048; eight for long operands"),
    KEY_TIME(dh_2k_time, "240 us", "Diffie-Hellman 2048 phase 2",
             "derived: one exponentiation of twice the length of RSA's two"),
    KEY_TIME(dh_4k_time, "1680 us", "Diffie-Hellman 4096 phase 2",
             "derived: four times RSA-4096, as above"),
    KEY_TIME(dsa_1k_time, "12 us", "DSA verification, 1024 bits",
             "derived: two exponentiations of 160 of 1024 bits, an inverse"),
    KEY_TIME(ecdsa_384_time, "120 us", "ECDSA P-384 verification",
             GAP "estimated from memory"),

    /* data */
    COMPRESSION(deflate_static_ratio, "48 %", "DEFLATE, static codes"),
    COMPRESSION(deflate_dynamic_ratio, "40 %", "DEFLATE, dynamic codes"),
    COMPRESSION(lz4_ratio, "55 %", "LZ4"),
    {0}};

const struct hd_param_table accelerator_param_table = {
    "accelerator", "The accelerator: a QAT 4xxx-like device", params};

static bool starved(int64_t engines, int64_t threads)
{
  return engines > 0 && threads == 0;
}

const char *accelerator_params_problem(const struct accelerator_params *p)
{
  if (starved(p->sym_engines, p->sym_threads) ||
      starved(p->asym_engines, p->asym_threads) ||
      starved(p->dc_engines, p->dc_threads))
    return "accelerator: engines need threads";
  if (p->sym_engines > 0 && (p->wide_cipher_slices == 0 ||
                             p->cipher_slices == 0 || p->hash_slices == 0))
    return "accelerator: sym_engines need slices of each kind they use";
  if (p->asym_engines > 0 && p->key_slices == 0)
    return "accelerator: asym_engines need key_slices";
  if (p->dc_engines > 0 && (p->compress_slices == 0 ||
                            p->translate_slices == 0 || p->verify_slices == 0))
    return "accelerator: dc_engines need slices of each kind they use";
  return NULL;
}
