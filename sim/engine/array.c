#include <stdlib.h>

#include "sim/engine/engine.h"

void *hd_array(const struct hd_component *c, size_t n, size_t size,
               const char *what)
{
  void *a = calloc(n > 0 ? n : 1, size);
  HD_REQUIRE(c, a != NULL, "out of memory for %s", what);
  return a;
}
