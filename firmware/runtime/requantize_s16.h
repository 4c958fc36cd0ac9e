/* Rescaling of 64-bit sums of int16 inputs. Needs requantize.h before it. */
#ifndef ES_REQUANTIZE_S16_H
#define ES_REQUANTIZE_S16_H

#include <stdint.h>

/* acc * multiplier * 2^-shift, rounded half up; |acc| < 2^47, multiplier in [0, 2^15), shift in [1, 46]. */
static inline int32_t es_rescale_s16(int64_t acc, int32_t multiplier, int32_t shift) {
    return es_wrap((uint32_t)((acc * multiplier + (INT64_C(1) << (shift - 1))) >> shift));
}

/* FULLY_CONNECTED alone: acc * multiplier * 2^-shift as doubles give it, at most 65535 in magnitude. The product is
 * rounded to 53 bits, ties to even, and then to an integer, ties away from zero.
 * |acc| < 2^47; multiplier 0 or in [2^52, 2^53), shift in [0, 120]. */
static inline int32_t es_dense_rescale_long(int64_t acc, uint64_t multiplier, int32_t shift) {
    const uint64_t magnitude = acc < 0 ? 0u - (uint64_t)acc : (uint64_t)acc;
    const uint64_t mask = 0xffffffffu;
    const uint64_t last = (magnitude & mask) * (multiplier & mask);
    const uint64_t inner = (magnitude & mask) * (multiplier >> 32) + (last >> 32);
    const uint64_t outer = (magnitude >> 32) * (multiplier & mask) + (inner & mask);
    const uint64_t high = (magnitude >> 32) * (multiplier >> 32) + (inner >> 32) + (outer >> 32); /* < 2^37 */
    const uint64_t low = outer << 32 | (last & mask);

    int32_t dropped = 0; /* bits beyond 53, at most 48 */
    for (uint64_t above = high << 11 | low >> 53; above != 0; above >>= 1) {
        ++dropped;
    }
    uint64_t kept = low;
    if (dropped > 0) {
        const uint64_t half = UINT64_C(1) << (dropped - 1), lost = low & (2 * half - 1);
        kept = high << (64 - dropped) | low >> dropped;
        kept += lost > half || (lost == half && (kept & 1u) != 0);
    }
    const int32_t right = shift - dropped;
    uint64_t steps = kept == 0 || right > 60 ? 0 : 65535;
    if (right > 0 && right <= 60) {
        steps = (kept + (UINT64_C(1) << (right - 1))) >> right;
    }
    const int32_t result = steps > 65535u ? 65535 : (int32_t)steps;
    return acc < 0 ? -result : result;
}

#endif
