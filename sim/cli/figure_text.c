#include "sim/cli/figure_text.h"

#include "sim/cli/cli.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct word {
  const char *from, *to;
};

static const struct word axis_names[] = {
    {"count", "Virtual machines"},
    {"vcpus", "vCPUs per virtual machine"},
    {"memory", "Memory per virtual machine"},
    {"queue_pairs", "Queue pairs per virtual machine"},
    {"design", "Design"},
    {"payload", "Payload"},
    {"peer", "Sent to"},
    {"streams", "Streams per virtual machine"},
    {"threads", "Threads"},
    {"numa", "Socket"},
    {"rogue", "Broken device"},
    {"rate", "Offered rate"},
    {"interval", "Interval"},
    {"rw", "Requests"},
    {"algorithm", "Algorithm"},
    {"size", "Size of a request"},
    {"file", "File"},
    {"concurrency", "Concurrent requests"},
    {"lifecycle.network", "Network"},
    {"iommu.page_size", "IOMMU page size"},
    {"iommu.iotlb_entries", "IOTLB entries"},
    {"iommu.mode", "IOMMU mode"},
    {"iommu.walkers", "Page walkers"},
    {"iommu.units", "IOMMU units"},
    {"ats.enabled", "ATS"},
    {"ats.entries", "Device-TLB entries"},
    {"interrupt.posted", "Posted interrupts"},
    {"nic.itr", "Interrupt throttling"},
    {"network.rate", "Port rate"},
    {"network.latency", "One-way wire latency"},
    {"cpu.cores", "Cores"},
    {"cpu.threads", "Threads per core"},
    {"cpu.timeslice", "Scheduler timeslice"},
    {"pcie.bit_error_rate", "Link bit error rate"},
    {"pcie.generation", "PCIe generation"},
    {"pcie.lanes", "PCIe lanes"},
    {"pcie.tags", "PCIe tags"},
    {"bench.op", "Operation"},
    {"bench.window", "Window"},
    {"bench.transfer", "Transfer"},
    {"bench.cache", "Cache"},
    {"bench.pattern", "Pattern"},
    {"bench.numa", "Memory"},
    {"bench.engine", "Engine"},
    {"host.preset", "Host"},
    {"run.seed", "Seed"},
    {NULL, NULL}};

static const struct word design_names[] = {{"sriov", "SR-IOV"},
                                           {"hdiov", "HD-IOV"},
                                           {"un-iov", "Un-IOV"},
                                           {"passthrough", "Pass-through"},
                                           {"spdk-vhost", "SPDK vhost"},
                                           {"qemu-blk", "QEMU virtio-blk"},
                                           {NULL, NULL}};

static const struct word stage_names[] = {
    {"guest_send_path", "Guest send path"},
    {"doorbell", "Doorbell"},
    {"device_queue", "Device queue"},
    {"descriptor_fetch", "Descriptor fetch"},
    {"iommu", "Address translation"},
    {"payload_read", "Payload read"},
    {"remote", "Remote side"},
    {"receive_path", "Receive path"},
    {"interrupt", "Interrupt"},
    {"guest_receive_path", "Guest receive path"},
    {NULL, NULL}};

static const char *look_up(const struct word *words, const char *text)
{
  for (; words->from != NULL; words++)
    if (strcmp(words->from, text) == 0)
      return words->to;
  return NULL;
}

static const char *last_part(const char *path)
{
  const char *dot = strrchr(path, '.');
  return dot != NULL ? dot + 1 : path;
}

/* -- units -------------------------------------------------------------------
 */

static const struct figure_unit times[] = {
    {"ps", 1}, {"ns", 1e3}, {"us", 1e6}, {"ms", 1e9}, {"s", 1e12}, {NULL, 0}};
static const struct figure_unit rates[] = {
    {"b/s", 1}, {"kb/s", 1e3}, {"Mb/s", 1e6}, {"Gb/s", 1e9}, {NULL, 0}};
static const struct figure_unit sizes[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0}};
static const struct figure_unit frequencies[] = {
    {"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}, {NULL, 0}};

static const struct figure_unit *units_of(const char *type)
{
  if (strcmp(type, "time") == 0)
    return times;
  if (strcmp(type, "rate") == 0)
    return rates;
  if (strcmp(type, "size") == 0)
    return sizes;
  return strcmp(type, "frequency") == 0 ? frequencies : NULL;
}

/* The largest unit that leaves `value` at 1 or more. */
static struct figure_unit unit_for(const struct figure_unit *units,
                                   double value)
{
  size_t best = 0;
  for (size_t i = 1; units[i].name != NULL; i++)
    if (value >= units[i].scale)
      best = i;
  return units[best];
}

struct figure_unit cli_figure_axis_unit(const struct figure_axis *a)
{
  const struct figure_unit *units = units_of(a->type);
  double max = 0, min = INFINITY;
  if (!a->numeric || units == NULL)
    return (struct figure_unit){strcmp(a->type, "cycles") == 0 ? "cycles" : "",
                                1};
  for (size_t i = 0; i < a->n; i++) {
    max = fmax(max, a->numbers[i]);
    if (a->numbers[i] > 0)
      min = fmin(min, a->numbers[i]);
  }
  /* 64 B to 1470 B stay bytes; 1 us to 100 us stay microseconds. */
  return unit_for(units, max >= 1e4 * min ? sqrt(max * min) : fmin(min, max));
}

struct figure_unit cli_figure_time_unit(double max_ns)
{
  if (max_ns < 2e3)
    return (struct figure_unit){"ns", 1};
  if (max_ns < 2e6)
    return (struct figure_unit){"us", 1e3};
  return (struct figure_unit){"ms", 1e6};
}

/* -- axes
 * ---------------------------------------------------------------------- */

/* What the guests run, when all run the same. */
static const char *workload_of(const struct figure_data *d)
{
  json_t *settings = json_object_get(d->manifest, "scenario"), *setting;
  const char *found = "";
  size_t i;
  json_array_foreach(settings, i, setting)
  {
    const char *path = json_string_value(json_object_get(setting, "path"));
    const char *value = json_string_value(json_object_get(setting, "value"));
    size_t length = path != NULL ? strlen(path) : 0;
    if (value == NULL || length < 14 ||
        strcmp(path + length - 14, ".workload.type") != 0)
      continue;
    if (found[0] != '\0' && strcmp(found, value) != 0)
      return "";
    found = value;
  }
  return found;
}

/* Requests to a disk or an accelerator spend the stage "wire" inside it. */
static const char *wire_name(const struct figure_data *d)
{
  const char *workload = workload_of(d);
  if (strcmp(workload, "block_jobs") == 0)
    return "Media";
  return strcmp(workload, "accelerator_jobs") == 0 ? "Engine" : "Wire";
}

const char *cli_figure_stage_name(const struct figure_data *d,
                                  const char *stage)
{
  if (strcmp(stage, "wire") == 0)
    return wire_name(d);
  const char *name = look_up(stage_names, stage);
  return name != NULL ? name : stage;
}

static const char *payload_name(const struct figure_data *d)
{
  const char *workload = workload_of(d);
  if (strcmp(workload, "udp_stream") == 0)
    return "Datagram payload";
  return strcmp(workload, "ping") == 0 ? "Ping payload" : "Payload";
}

/* A parameter's meaning as a title: up to the first aside. */
static char *title_from(const char *meaning, const char *path)
{
  size_t length = strcspn(meaning, ":;,(");
  while (length > 0 && meaning[length - 1] == ' ')
    length--;
  if (length == 0 || length > 48)
    return cli_format("%s", path);
  char *text = cli_format("%.*s", (int)length, meaning);
  text[0] = (char)toupper((unsigned char)text[0]);
  return text;
}

char *cli_figure_axis_name(const struct figure_data *d, size_t axis)
{
  const struct figure_axis *a = &d->axes[axis];
  const char *part = last_part(a->path);
  const char *known = look_up(axis_names, a->path);
  bool group = strncmp(a->path, "vms.", 4) == 0;
  if (known == NULL && (group || part == a->path))
    known = look_up(axis_names, part);
  if (strcmp(part, "payload") == 0)
    known = payload_name(d);
  if (group && strcmp(part, "rate") == 0)
    known = "Offered rate per stream";
  if (known == NULL && strcmp(part, "preset") == 0)
    return cli_format("%.*s", (int)strcspn(a->path, "."), a->path);
  return known != NULL ? cli_format("%s", known)
                       : title_from(a->meaning, a->path);
}

char *cli_figure_axis_title(const struct figure_data *d, size_t axis)
{
  char *name = cli_figure_axis_name(d, axis);
  struct figure_unit unit = cli_figure_axis_unit(&d->axes[axis]);
  if (unit.name[0] == '\0')
    return name;
  char *title = cli_format("%s (%s)", name, unit.name);
  free(name);
  return title;
}

static const char *value_name(const struct figure_axis *a, size_t value)
{
  const char *text = a->texts[value];
  const char *design = strcmp(last_part(a->path), "design") == 0
                           ? look_up(design_names, text)
                           : NULL;
  return design != NULL ? design : text;
}

char *cli_figure_curve_value(const struct figure_data *d, size_t curve)
{
  if (d->groups != NULL)
    return cli_format("%s", d->groups[curve]);
  if (d->curves == FIGURE_NONE)
    return cli_format("%s", "");
  return cli_format("%s", value_name(&d->axes[d->curves], curve));
}

char *cli_figure_curve_name(const struct figure_data *d, size_t curve)
{
  char *value = cli_figure_curve_value(d, curve);
  if (d->curves == FIGURE_NONE ||
      strcmp(last_part(d->axes[d->curves].path), "design") == 0)
    return value;
  char *axis = cli_figure_axis_name(d, d->curves);
  char *name = cli_format("%s: %s", axis, value);
  free(axis);
  free(value);
  return name;
}

/* Joins what `make` says of each panel axis. */
static char *join(const struct figure_data *d, size_t panel, const char *gap,
                  char *(*make)(const struct figure_data *, size_t, size_t))
{
  char *text = cli_format("%s", "");
  for (size_t i = 0; i < d->n_axes; i++) {
    if (i == d->x || i == d->curves)
      continue;
    char *part = make(d, i, cli_figure_panel_value(d, panel, i));
    char *longer = cli_format("%s%s%s", text, text[0] != '\0' ? gap : "", part);
    free(text);
    free(part);
    text = longer;
  }
  return text;
}

/* An axis in the title of a panel: a group's by its name; the key alone if its
 * meaning is a whole sentence. */
static char *short_axis_name(const struct figure_data *d, size_t axis)
{
  enum { MAX_LENGTH = 32 };
  const char *path = d->axes[axis].path;
  if (strncmp(path, "vms.", 4) == 0 &&
      strncmp(path, "vms.workload.", 13) != 0 && strchr(path + 4, '.') != NULL)
    return cli_format("%.*s %s", (int)strcspn(path + 4, "."), path + 4,
                      last_part(path));
  char *name = cli_figure_axis_name(d, axis);
  if (strlen(name) <= MAX_LENGTH)
    return name;
  free(name);
  return cli_format("%s", last_part(path));
}

static char *titled_value(const struct figure_data *d, size_t axis,
                          size_t value)
{
  char *name = short_axis_name(d, axis);
  char *text = cli_format("%s: %s", name, value_name(&d->axes[axis], value));
  free(name);
  return text;
}

static char *slug_value(const struct figure_data *d, size_t axis, size_t value)
{
  const struct figure_axis *a = &d->axes[axis];
  char *text = cli_format("%s-%s", last_part(a->path), a->texts[value]);
  for (char *c = text; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
      *c = '-';
  return text;
}

char *cli_figure_panel_name(const struct figure_data *d, size_t panel)
{
  return join(d, panel, ", ", titled_value);
}

char *cli_figure_panel_slug(const struct figure_data *d, size_t panel)
{
  return join(d, panel, "-", slug_value);
}

const char *cli_figure_x_text(const struct figure_data *d, size_t i)
{
  return d->x == FIGURE_NONE ? "" : value_name(&d->axes[d->x], d->order[i]);
}

char *cli_figure_x_name(const struct figure_data *d, size_t i)
{
  if (d->x == FIGURE_NONE)
    return cli_format("%s", "");
  return titled_value(d, d->x, d->order[i]);
}
