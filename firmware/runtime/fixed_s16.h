/* Logistic and tanh of int16 values, bit for bit as LiteRT's integer LSTM (gemmlowp's fixed point).
 * Qm.n is an int16 with m integer bits beside the sign, n = 15 - m. Needs requantize.h before it. */
#ifndef ES_FIXED_S16_H
#define ES_FIXED_S16_H

#include <stdint.h>

/* (a * b + 2^14) >> 15; nothing here reaches -2^15 twice. */
static inline int32_t es_mul_s16(int32_t a, int32_t b) {
    return (a * b + (1 << 14)) >> 15;
}

static inline int32_t es_left_s16(int32_t x, int32_t exponent) {
    return es_clamp(x * (1 << exponent), INT16_MIN, INT16_MAX);
}

/* exp of a value <= 0 with the given integer bits, in [1, 7], as Q0.15. */
static inline int32_t es_exp_s16(int32_t a, int32_t integer_bits) {
    /* exp(-2^i) in Q0.15, i = -2 .. 3; exp(-16) is 0 */
    static const int16_t factor[7] = {25520, 19875, 12055, 4435, 600, 11, 0};
    const int32_t fraction_bits = 15 - integer_bits;
    const int32_t quarter = 1 << (fraction_bits - 2);
    const int32_t low = (int32_t)((uint32_t)a & (uint32_t)(quarter - 1)) - quarter; /* in [-1/4, 0) */
    const int32_t remainder = low - a;                                              /* a multiple of 1/4 */
    if (a == 0) {
        return INT16_MAX;
    }
    if (a < -(32 * (1 << fraction_bits))) {
        return 0;
    }
    /* fourth-order expansion about -1/8 */
    const int32_t x = es_left_s16(low, integer_bits) + (1 << 12);
    const int32_t x2 = es_mul_s16(x, x);
    const int32_t third = es_mul_s16(es_rounding_shift(es_mul_s16(x2, x2), 2) + es_mul_s16(x2, x), 10923); /* / 3 */
    int32_t result = 28918 + es_mul_s16(28918, x + es_rounding_shift(third + x2, 1));                      /* exp(-1/8) */
    for (int32_t i = 0; i < integer_bits + 2; ++i) {
        if (remainder & (quarter << i)) {
            result = es_mul_s16(result, factor[i]);
        }
    }
    return result;
}

/* 2 / (1 + a) of a Q0.15 value in [0, 1], as Q2.13: three Newton steps from 48/17 - 32/17 d. */
static inline int32_t es_reciprocal_s16(int32_t a) {
    const int32_t half_denominator = (a + INT16_MAX + 1) >> 1;
    int32_t x = 23130 + es_mul_s16(half_denominator, -15420);
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t error = (1 << 13) - es_mul_s16(half_denominator, x);
        x += es_left_s16(es_mul_s16(x, error), 2);
    }
    return x;
}

/* LOGISTIC of a Q3.12 value as Q0.15. */
static inline int32_t es_logistic_s16(int32_t x) {
    const int32_t positive = es_left_s16(es_reciprocal_s16(es_exp_s16(x < 0 ? x : -x, 3)), 1);
    return x == 0 ? 1 << 14 : x > 0 ? positive : INT16_MAX - positive;
}

/* TANH of a value with the given integer bits, in [0, 6], as Q0.15. */
static inline int32_t es_tanh_s16(int32_t x, int32_t integer_bits) {
    const int32_t y = es_left_s16(es_reciprocal_s16(es_exp_s16(x < 0 ? x : -x, integer_bits + 1)) - (1 << 13), 2);
    return x == 0 ? 0 : x < 0 ? -y : y;
}

#endif
