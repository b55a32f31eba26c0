#include "models/metrics.h"

const char *const metric_names[METRIC_COUNT] = {
#define X(name, meaning) #name,
    METRICS(X)
#undef X
};

const char *const metric_meanings[METRIC_COUNT] = {
#define X(name, meaning) meaning,
    METRICS(X)
#undef X
};
