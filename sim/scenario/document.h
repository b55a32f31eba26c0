/*
 * document.h - one YAML file as a tree of nodes that know their place.
 *
 * Refused with an error: more than HD_SOURCE_MAX bytes, nesting deeper than
 * HD_DEPTH_MAX, anchors and aliases, tags, a second document, duplicate keys,
 * keys that are not plain text, NUL characters, an empty file, and a top level
 * that is no mapping.
 */
#ifndef HD_SCENARIO_DOCUMENT_H
#define HD_SCENARIO_DOCUMENT_H

#include "sim/scenario/arena.h"
#include "sim/scenario/errors.h"

#define HD_SOURCE_MAX ((size_t)1 << 20)
#define HD_DEPTH_MAX 32

enum hd_node_kind {
  HD_NODE_SCALAR,
  HD_NODE_SEQUENCE,
  HD_NODE_MAPPING,
  HD_NODE_BAD /* already reported: to be passed over in silence */
};

struct hd_node {
  enum hd_node_kind kind;
  struct hd_mark mark;
  const char *text;       /* scalar, NUL-terminated */
  bool quoted;            /* scalar in quotes or a block */
  struct hd_node **items; /* sequence items, mapping values */
  struct hd_node **keys;  /* mapping: scalars */
  size_t count;
};

/* The top-level mapping, or NULL after a reported error. Nodes live in the
 * arena; `file` is kept by reference. */
struct hd_node *hd_document_parse(struct hd_arena *arena, const char *file,
                                  const char *text, size_t length,
                                  struct hd_errors *errors);

struct hd_node *hd_node_find(const struct hd_node *mapping, const char *key);
/* A scalar with a value, i.e. not `key:` and not `key: ~`. */
bool hd_node_has_text(const struct hd_node *node);
/* "a list", "a mapping", ... */
const char *hd_node_noun(const struct hd_node *node);

/* Scalars with the text of an earlier one: `first[i]` is the index of the
 * first scalar that equals items[i] (i itself when there is none). */
size_t *hd_node_repeats(struct hd_arena *arena, struct hd_node *const *items,
                        size_t count);

/* Reads a regular file; NULL: *problem says why. */
char *hd_source_read(struct hd_arena *arena, const char *path, size_t *length,
                     const char **problem);

#endif
