#include "models/accelerator/request.h"

/* Sizes: RSA decryption with a CRT key of n bits reads the cipher text (n / 8)
 * and five values of half that size, and writes n / 8; Diffie-Hellman reads
 * base, exponent and modulus; DSA verification of 1024 bits reads r, s, z (20 B
 * each), p, g, y (128 B each) and q; ECDSA P-384 has nine values of 48 B. Both
 * verifications answer in the response alone. Session data: AES-256 key, block
 * and the two inner hash states of SHA2-512 with their headers; two AES-128
 * keys. */
#define RSA(bits)                                                              \
  .service = ACCELERATOR_ASYM, .input = (bits) / 8 + 5 * (bits) / 16,          \
  .output = (bits) / 8
#define DH(bits)                                                               \
  .service = ACCELERATOR_ASYM, .input = 3 * (bits) / 8, .output = (bits) / 8
#define DC .service = ACCELERATOR_DC

const struct accelerator_kind accelerator_kinds[ACCELERATOR_ALGORITHMS] = {
    [ACCELERATOR_AES_CBC_HMAC_SHA512] = {.name = "aes-cbc-hmac-sha512",
                                         .service = ACCELERATOR_SYM,
                                         .appended = 64,
                                         .content = 192},
    [ACCELERATOR_AES_XTS] = {.name = "aes-xts",
                             .service = ACCELERATOR_SYM,
                             .content = 64},
    [ACCELERATOR_RSA_1K] = {.name = "rsa-1k", RSA(1024)},
    [ACCELERATOR_RSA_2K] = {.name = "rsa-2k", RSA(2048)},
    [ACCELERATOR_RSA_4K] = {.name = "rsa-4k", RSA(4096)},
    [ACCELERATOR_DH_2K] = {.name = "dh-2k", DH(2048)},
    [ACCELERATOR_DH_4K] = {.name = "dh-4k", DH(4096)},
    [ACCELERATOR_DSA_1K] = {.name = "dsa-1k",
                            .service = ACCELERATOR_ASYM,
                            .input = 4 * 20 + 3 * 128},
    [ACCELERATOR_ECDSA_384] = {.name = "ecdsa-384",
                               .service = ACCELERATOR_ASYM,
                               .input = 9 * 48},
    [ACCELERATOR_DEFLATE_1S] = {.name = "deflate-1-static", DC},
    [ACCELERATOR_DEFLATE_1D] = {.name = "deflate-1-dynamic", DC},
    [ACCELERATOR_DEFLATE_2S] = {.name = "deflate-2-static", DC},
    [ACCELERATOR_DEFLATE_2D] = {.name = "deflate-2-dynamic", DC},
    [ACCELERATOR_LZ4_1] = {.name = "lz4-1", DC},
    [ACCELERATOR_LZ4_9] = {.name = "lz4-9", DC}};

/* The same names: a test compares them. */
const char *const accelerator_algorithm_names[] = {"aes-cbc-hmac-sha512",
                                                   "aes-xts",
                                                   "rsa-1k",
                                                   "rsa-2k",
                                                   "rsa-4k",
                                                   "dh-2k",
                                                   "dh-4k",
                                                   "dsa-1k",
                                                   "ecdsa-384",
                                                   "deflate-1-static",
                                                   "deflate-1-dynamic",
                                                   "deflate-2-static",
                                                   "deflate-2-dynamic",
                                                   "lz4-1",
                                                   "lz4-9",
                                                   NULL};

void accelerator_pool_initialize(struct accelerator_pool *p)
{
  hd_pool_initialize(&p->pool, sizeof(struct accelerator_request));
  p->created = p->destroyed = 0;
}

void accelerator_pool_terminate(struct accelerator_pool *p)
{
  hd_pool_terminate(&p->pool);
}
