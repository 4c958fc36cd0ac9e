/* SOFTMAX of one row of int8 values, output scale 1/256 and zero point -128. Needs requantize.h before it.
 * Qm.n is an int32 with m integer bits beside the sign. */
#ifndef ES_SOFTMAX_S8_H
#define ES_SOFTMAX_S8_H

#include <stdint.h>

/* multiplier and shift (in [0, 31]) bring a difference to Q5.26; smaller differences than diff_min count as 0. */
typedef struct {
    int32_t multiplier, shift, diff_min;
} es_softmax_s8_params;

/* As es_high_mul, for factors of either sign: nothing here reaches -2^31 twice. */
static inline int32_t es_fixed_mul(int32_t a, int32_t b) {
    return es_high_mul(a, b);
}

static inline int32_t es_saturating_left(int32_t x, int32_t exponent) {
    const int64_t wide = (int64_t)x * (INT64_C(1) << exponent);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* exp of a Q5.26 value <= 0 as Q0.31. */
static inline int32_t es_exp_on_negative(int32_t a) {
    /* exp(-2^i) in Q0.31, i = -2 .. 4 */
    static const int32_t factor[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = INT32_C(1) << 24;
    const int32_t low = (int32_t)((uint32_t)a & 0xffffffu) - quarter; /* in [-1/4, 0) */
    const uint32_t remainder = (uint32_t)(low - a);                   /* a multiple of 1/4 */
    /* fourth-order expansion about -1/8 */
    const int32_t x = low * 32 + (INT32_C(1) << 28);
    const int32_t x2 = es_fixed_mul(x, x);
    const int32_t x3 = es_fixed_mul(x2, x);
    const int32_t x4 = es_fixed_mul(x2, x2);
    const int32_t third = es_fixed_mul(es_rounding_shift(x4, 2) + x3, 715827883); /* / 3 */
    const int32_t tail = es_rounding_shift(third + x2, 1);
    int32_t result = 1895147668 + es_fixed_mul(1895147668, x + tail); /* exp(-1/8) */
    for (int i = 0; i < 7; ++i) {
        if (remainder & (UINT32_C(1) << (24 + i))) {
            result = es_fixed_mul(result, factor[i]);
        }
    }
    return a == 0 ? INT32_MAX : result;
}

/* 1 / (1 + a) of a Q0.31 value in [0, 1), as Q0.31: three Newton steps in Q2.29 from 48/17 - 32/17 d. */
static inline int32_t es_one_over_one_plus(int32_t a) {
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + es_fixed_mul(half_denominator, -1010580540);
    for (int i = 0; i < 3; ++i) {
        const int32_t error = (INT32_C(1) << 29) - es_fixed_mul(half_denominator, x);
        x += es_saturating_left(es_fixed_mul(x, error), 2);
    }
    return es_saturating_left(x, 1);
}

/* n in [1, 511] (the reference interpreter aborts when the exponentials sum to 512); output may be input. */
static inline void es_softmax_s8(const int8_t *input, int32_t n, const es_softmax_s8_params *p, int8_t *output) {
    int32_t max = input[0];
    for (int32_t i = 1; i < n; ++i) {
        max = input[i] > max ? input[i] : max;
    }

    uint32_t sum = 0; /* Q12.19 */
    for (int32_t i = 0; i < n; ++i) {
        const int32_t diff = input[i] - max;
        if (diff >= p->diff_min) {
            sum += (uint32_t)es_rounding_shift(es_exp_on_negative(es_requantize(diff, p->multiplier, p->shift)), 12);
        }
    }

    int32_t leading_zeros = 0;
    while (leading_zeros < 31 && (sum & (UINT32_C(0x80000000) >> leading_zeros)) == 0) {
        ++leading_zeros;
    }
    const int32_t reciprocal = es_one_over_one_plus(es_wrap((sum << leading_zeros) - UINT32_C(0x80000000)));
    const int32_t exponent = 12 - leading_zeros + 31 - 8;

    for (int32_t i = 0; i < n; ++i) {
        const int32_t diff = input[i] - max;
        int32_t probability = 0;
        if (diff >= p->diff_min && exponent <= 31) {
            const int32_t e = es_exp_on_negative(es_requantize(diff, p->multiplier, p->shift));
            probability = es_rounding_shift(es_fixed_mul(reciprocal, e), exponent);
        }
        output[i] = (int8_t)es_clamp(probability - 128, -128, 127);
    }
}

#endif
