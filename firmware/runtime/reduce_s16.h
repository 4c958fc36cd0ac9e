/* Finishing of sums of fewer than 65536 int16 values: MEAN, AVERAGE_POOL_2D. Needs requantize.h before it. */
#ifndef ES_REDUCE_S16_H
#define ES_REDUCE_S16_H

#include <stdint.h>

/* MEAN; as es_mean_s8 of reduce_s8.h, whose offsets are 0 here. */
static inline int16_t es_mean_s16(int32_t sum, int32_t sum_offset, int32_t multiplier, int32_t shift,
                                  int32_t output_offset) {
    return (int16_t)es_clamp(es_requantize(sum + sum_offset, multiplier, shift) + output_offset, -32768, 32767);
}

/* sum / count to nearest, ties away from zero; count >= 1 elements, none of them padding. */
static inline int16_t es_average_pool_s16(int32_t sum, int32_t count, int32_t activation_min,
                                          int32_t activation_max) {
    const int32_t half = count / 2;
    const int32_t average = sum > 0 ? (sum + half) / count : (sum - half) / count;
    return (int16_t)es_clamp(average, activation_min, activation_max);
}

#endif
