/* Columns that lie side by side in memory. Needs no other header of this folder. */
#ifndef ES_RUNS_H
#define ES_RUNS_H

#include <stdint.h>

/* At most two blocks of scratch and a ring that wraps once. */
#define ES_MAX_RUNS 4

typedef struct {
    const int8_t *data;
    int32_t columns;
} es_run_s8;

typedef struct {
    const int16_t *data;
    int32_t columns;
} es_run_s16;

typedef struct {
    const float *data;
    int32_t columns;
} es_run_f32;

#endif
