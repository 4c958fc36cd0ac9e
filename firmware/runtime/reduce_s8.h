/* Finishing of sums of int8 values: MEAN, SUM, AVERAGE_POOL_2D. Needs requantize.h before it. */
#ifndef ES_REDUCE_S8_H
#define ES_REDUCE_S8_H

#include <stdint.h>

/* MEAN from the sum of the raw values; sum_offset is minus the zero point, times their count.
 * The division by the count is in the multiplier; multiplier in [0, 2^31), shift in [-31, 31]. */
static inline int8_t es_mean_s8(int32_t sum, int32_t sum_offset, int32_t multiplier, int32_t shift,
                                int32_t output_offset) {
    const int32_t shifted = es_wrap((uint32_t)sum + (uint32_t)sum_offset);
    return es_requantize_s8(shifted, multiplier, shift, output_offset, -128, 127);
}

/* MEAN as ONNX Runtime has it; multiplier and shift are those of es_even_rescale. */
static inline int8_t es_mean_even_s8(int32_t sum, int32_t sum_offset, uint32_t multiplier, int32_t shift,
                                     int32_t output_offset) {
    return (int8_t)es_clamp(es_even_rescale(sum + sum_offset, multiplier, shift) + output_offset, -128, 127);
}

/* SUM of LiteRT's reference kernel, which takes the tensor for uint8: from the sum of the values' bytes. */
static inline int8_t es_sum_reference_s8(int32_t byte_sum, int32_t sum_offset, int32_t multiplier, int32_t shift,
                                         int32_t output_offset) {
    const int32_t scaled = es_requantize(es_wrap((uint32_t)byte_sum + (uint32_t)sum_offset), multiplier, shift);
    const int32_t byte = es_clamp(es_wrap((uint32_t)scaled + (uint32_t)output_offset), 0, 255);
    return (int8_t)(byte < 128 ? byte : byte - 256);
}

/* SUM of LiteRT's optimised kernel, in float: sum * scale + bias to nearest, ties away from zero. */
static inline int8_t es_sum_builtin_s8(int32_t sum, float scale, float bias, int32_t output_offset) {
    const float product = (float)sum * scale;
    const float steps = product + bias;
    const float bounded = steps < -131072.0f ? -131072.0f : steps > 131072.0f ? 131072.0f : steps;
    const int32_t whole = (int32_t)bounded;
    const float rest = bounded - (float)whole;
    return (int8_t)es_clamp(whole + (rest >= 0.5f) - (rest <= -0.5f) + output_offset, -128, 127);
}

/* sum / count to nearest, ties away from zero; count >= 1 elements, none of them padding. */
static inline int8_t es_average_pool_s8(int32_t sum, int32_t count, int32_t activation_min,
                                        int32_t activation_max) {
    const int32_t half = count / 2;
    const int32_t average = sum > 0 ? (sum + half) / count : (sum - half) / count;
    return (int8_t)es_clamp(average, activation_min, activation_max);
}

#endif
