/* Fixed-point rescaling, bit for bit as LiteRT's reference kernels (gemmlowp's two roundings).
 * Needs no other header of this folder. Right shifts of negative values are arithmetic, as on every target. */
#ifndef ES_REQUANTIZE_H
#define ES_REQUANTIZE_H

#include <stdint.h>

/* The int32 whose bits are x: the way back from arithmetic modulo 2^32. */
static inline int32_t es_wrap(uint32_t x) {
    return x <= 0x7fffffffu ? (int32_t)x : (int32_t)(x - 0x80000000u) - 0x7fffffff - 1;
}

static inline int32_t es_clamp(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}

/* (a * b + 2^30) >> 31; only b >= 0 (every multiplier is), so that nothing can saturate. */
static inline int32_t es_high_mul(int32_t a, int32_t b) {
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1 /* Cortex-M0 has no long product: four short ones */
    const int32_t left = (a >> 16) * (b & 0xffff), right = (a & 0xffff) * (b >> 16);
    const uint32_t last = ((uint32_t)a & 0xffffu) * ((uint32_t)b & 0xffffu);
    const uint32_t low = ((uint32_t)left & 0xffffu) + ((uint32_t)right & 0xffffu) + (last >> 16) + (1u << 14);
    const int32_t high = (a >> 16) * (b >> 16) + (left >> 16) + (right >> 16) + (int32_t)(low >> 16);
    return es_wrap((uint32_t)high * 2u + (low >> 15 & 1u));
#else
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
#endif
}

/* x / 2^exponent to nearest, ties away from zero; exponent in [0, 31]. */
static inline int32_t es_rounding_shift(int32_t x, int32_t exponent) {
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + ((x & mask) > threshold);
}

/* acc * multiplier * 2^(shift - 31); multiplier in [0, 2^31), shift in [-31, 31], positive to the left. */
static inline int32_t es_requantize(int32_t acc, int32_t multiplier, int32_t shift) {
    if (shift > 0) {
        return es_high_mul(es_wrap((uint32_t)acc << shift), multiplier);
    }
    return es_rounding_shift(es_high_mul(acc, multiplier), -shift);
}

/* The rescaled accumulator plus the output's zero point, clamped to an int8 activation range. */
static inline int8_t es_requantize_s8(int32_t acc, int32_t multiplier, int32_t shift, int32_t output_offset,
                                      int32_t activation_min, int32_t activation_max) {
    const int32_t scaled = es_requantize(acc, multiplier, shift);
    return (int8_t)es_clamp(es_wrap((uint32_t)scaled + (uint32_t)output_offset), activation_min, activation_max);
}

/* FULLY_CONNECTED alone: sign(acc) * ((|acc| * multiplier + 2^(shift - 1)) >> shift), at most 65535 in magnitude.
 * With multipliers and shifts found for a scale this is the reference's rounding in double precision.
 * multiplier in [0, 2^31), shift in [1, 62]. */
static inline int32_t es_dense_rescale(int32_t acc, uint32_t multiplier, int32_t shift) {
    const uint32_t magnitude = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
    const uint64_t steps = ((uint64_t)magnitude * multiplier + (UINT64_C(1) << (shift - 1))) >> shift;
    const int32_t result = steps > 65535u ? 65535 : (int32_t)steps;
    return acc < 0 ? -result : result;
}

/* The same with multiplier in [0, 2^62), shift in [33, 94]. */
static inline int32_t es_dense_rescale_wide(int32_t acc, uint64_t multiplier, int32_t shift) {
    const uint32_t magnitude = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
    const uint64_t low = (uint64_t)magnitude * (uint32_t)multiplier;
    const uint64_t high = (uint64_t)magnitude * (uint32_t)(multiplier >> 32) + (low >> 32);
    const uint64_t steps = (high + (UINT64_C(1) << (shift - 33))) >> (shift - 32);
    const int32_t result = steps > 65535u ? 65535 : (int32_t)steps;
    return acc < 0 ? -result : result;
}

/* x / 2^shift to nearest, ties to even; shift in [0, 63]. */
static inline uint64_t es_even_shift(uint64_t x, int32_t shift) {
    const uint64_t whole = x >> shift;
    const uint64_t rest = x - (whole << shift), half = (UINT64_C(1) << shift) >> 1;
    return whole + (shift > 0 && (rest > half || (rest == half && (whole & 1u))));
}

/* The same with a sign; right shifts are arithmetic. */
static inline int32_t es_even_shift_signed(int64_t x, int32_t shift) {
    const int64_t whole = x >> shift;
    const int64_t twice = (x & (((int64_t)1 << shift) - 1)) * 2, one = (int64_t)1 << shift;
    return (int32_t)(whole + (twice > one || (twice == one && (whole & 1))));
}

/* x rounded to the 24 significant bits of a float. */
static inline uint64_t es_even_significand(uint64_t x) {
    int32_t excess = 0;
    while ((x >> excess) >> 24) {
        ++excess;
    }
    return es_even_shift(x, excess) << excess;
}

/* es_even_rescale of a magnitude by float's roundings, one by one; at most 65535. */
#if defined(__GNUC__)
__attribute__((noinline, cold, unused)) static /* rarely called */
#else
static inline
#endif
int32_t es_even_rounded(uint32_t magnitude, uint32_t multiplier, int32_t shift) {
    const uint64_t product = es_even_significand(es_even_significand(magnitude) * multiplier);
    const uint64_t steps = es_even_shift(product, shift);
    return steps > 65535u ? 65535 : (int32_t)steps;
}

/* ONNX Runtime's rescale: (float)acc * scale to nearest, ties to even, where scale = multiplier * 2^-shift is a float:
 * multiplier 0 or in [2^23, 2^24), shift in [14, 56]. Right where the result is at most 255 in magnitude; beyond, some
 * result of its sign beyond 255.
 *
 * First the product with 16 bits behind the point, right but for 1.5 in the last. The three roundings of floats move a
 * product below 256 by up to 2 of these: only as close as that to a tie do they matter, and are made one by one. */
static inline int32_t es_even_rescale(int32_t acc, uint32_t multiplier, int32_t shift) {
    const uint32_t magnitude = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
    const int32_t left = shift < 40 ? 40 - shift : 0;
    const uint32_t limit = 0x7fffffffu >> left; /* what is larger gives more than 255 */
    const uint32_t raised = (magnitude < limit ? magnitude : limit) << left;
    const uint32_t product = (uint32_t)es_high_mul((int32_t)raised, (int32_t)(multiplier << 7)) >> (shift + left - 40);
    int32_t steps = (int32_t)((product + 0x8000u) >> 16);
    if (((product + 0x8004u) & 0xffffu) <= 8u) {
        steps = es_even_rounded(magnitude, multiplier, shift);
    }
    return acc < 0 ? -steps : steps;
}

#endif
