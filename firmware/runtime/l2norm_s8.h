/* L2_NORMALIZATION of int8 values. Needs requantize.h before it. */
#ifndef ES_L2NORM_S8_H
#define ES_L2NORM_S8_H

#include <stdint.h>

/* 1 / sqrt(value) as multiplier and right shift; value >= 0, 0 as 1. Five Newton steps in Q3.28. */
static inline int32_t es_inverse_sqrt(int32_t value, int32_t *shift) {
    *shift = 0;
    if (value <= 1) {
        return 0x7fffffff;
    }
    *shift = 11;
    while (value >= 1 << 29) {
        value /= 4;
        *shift += 1;
    }
    while (value < 1 << 27) {
        value *= 4;
        *shift -= 1;
    }
    const int32_t half = es_rounding_shift(value >> 1, 1);
    int32_t x = 1 << 28;
    for (int32_t i = 0; i < 5; ++i) {
        const int32_t cube = es_high_mul(es_high_mul(x, x), x) * 64;
        x = (es_high_mul(3 << 27, x) - es_high_mul(half, cube)) * 8;
    }
    x = es_high_mul(x, 1518500250);
    while (*shift < 0) {
        x *= 2;
        *shift += 1;
    }
    return x;
}

/* One row; the output's scale is 1/128, its zero point 0. */
static inline void es_l2norm_s8(const int8_t *input, int32_t n, int32_t zero_point, int8_t *output) {
    int32_t sum = 0, shift;
    for (int32_t i = 0; i < n; ++i) {
        sum += (input[i] - zero_point) * (input[i] - zero_point);
    }
    const int32_t multiplier = es_inverse_sqrt(sum, &shift);
    for (int32_t i = 0; i < n; ++i) {
        output[i] = es_requantize_s8(input[i] - zero_point, multiplier, 7 - shift, 0, -128, 127);
    }
}

#endif
