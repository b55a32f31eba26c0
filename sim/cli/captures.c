#include "sim/cli/captures.h"

#include "sim/cli/capture_reader.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  struct entry *next;
  char *path;
  struct capture_rules rules;
  bool good;
  struct capture_file file;
  char error[CAPTURE_ERROR_MAX];
};

static struct entry *entries; /* in the order of their first use */

static bool replays(const struct vm_group *g)
{
  return g->workload == WORKLOAD_PCAP_REPLAY;
}

static struct entry *read_entry(const char *path,
                                const struct capture_rules *rules)
{
  struct entry *e = cli_allocate(1, sizeof *e);
  e->path = cli_format("%s", path);
  e->rules = *rules;
  e->good = cli_capture_read(path, rules, &e->file, e->error);
  return e;
}

static const struct entry *entry_of(const struct pcap_replay_params *p)
{
  struct capture_rules rules = {.disorder = p->disorder,
                                .segment = p->oversize == REPLAY_SEGMENT};
  struct entry **e = &entries;
  for (; *e; e = &(*e)->next)
    if (strcmp((*e)->path, p->file) == 0 &&
        (*e)->rules.disorder == rules.disorder &&
        (*e)->rules.segment == rules.segment)
      return *e;
  *e = read_entry(p->file, &rules);
  return *e;
}

static bool check_group(const struct vm_group *g, server_complain complain,
                        void *ctx)
{
  const struct pcap_replay_params *p = &g->pcap_replay;
  const struct entry *e = entry_of(p);
  bool good = e->good;
  char *path =
      cli_format("vms.%s.workload.%s", g->name, good ? "loops" : "file");
  if (!good)
    complain(ctx, path, "%s", e->error);
  else if (p->loops != 1 && p->speed > 0 && e->file.capture.period == 0) {
    complain(ctx, path,
             "all packets of the file have the same time, so passes have no "
             "length; choose loops: 1, or speed: 0");
    good = false;
  }
  free(path);
  return good;
}

bool cli_captures_check(const void *config, server_complain complain, void *ctx)
{
  const struct server_config *c = config;
  bool good = server_check_config(config, complain, ctx);
  for (size_t i = 0; i < c->n_groups; i++)
    if (replays(&c->groups[i]))
      good = check_group(&c->groups[i], complain, ctx) && good;
  return good;
}

void cli_captures_of(const struct server_config *config,
                     const struct capture *captures[SERVER_MAX_GROUPS])
{
  for (size_t i = 0; i < config->n_groups; i++)
    captures[i] = replays(&config->groups[i])
                      ? &entry_of(&config->groups[i].pcap_replay)->file.capture
                      : NULL;
}

uint64_t cli_captures_hash(const struct server_config *config, uint64_t hash)
{
  for (size_t i = 0; i < config->n_groups; i++) {
    if (!replays(&config->groups[i]))
      continue;
    const struct capture_file *f =
        &entry_of(&config->groups[i].pcap_replay)->file;
    hash = (hash ^ f->checksum) * UINT64_C(0x100000001b3);
    hash = (hash ^ f->size) * UINT64_C(0x100000001b3);
  }
  return hash;
}

static void put_entry(struct hd_manifest *m, struct json_t *list,
                      const struct entry *e)
{
  const struct capture_file *f = &e->file;
  const struct capture *c = &f->capture;
  struct json_t *o = hd_manifest_append_object(m, list);
  hd_manifest_set_text(m, o, "file", e->path);
  hd_manifest_set_uint(m, o, "size", f->size);
  hd_manifest_set_uint(m, o, "cksum", f->checksum);
  hd_manifest_set_uint(m, o, "packets_in_file", f->read);
  hd_manifest_set_uint(m, o, "packets", c->count);
  hd_manifest_set_uint(m, o, "bytes", c->bytes);
  hd_manifest_set_real(m, o, "span_s",
                       (double)c->packets[c->count - 1].time / (double)HD_S);
  hd_manifest_set_uint(m, o, "shortened", f->shortened);
  hd_manifest_set_uint(m, o, "reordered", f->reordered);
  hd_manifest_set_uint(m, o, "segmented", f->cut);
}

void cli_captures_put(struct hd_manifest *m)
{
  struct json_t *list = NULL;
  for (const struct entry *e = entries; e; e = e->next) {
    if (!e->good)
      continue;
    if (!list)
      list = hd_manifest_array(m, NULL, "captures");
    put_entry(m, list, e);
  }
}
