/* Sums, means and maxima of int8 rows for Armv7E-M, four channels at a time. Needs armv7em.h before it. */
#ifndef ES_ARMV7EM_POOL_H
#define ES_ARMV7EM_POOL_H

/* As many values as a 16-bit half can add up. */
#define ES_ROWS_AT_ONCE 256

/* Adds four channels of `rows` rows, `stride` bytes apart, to sums: 3 instructions for four values, and what `stride`
 * and the loop take. */
static inline void es_sum_rows4(const int8_t *x, int32_t rows, int32_t stride, int32_t sums[4]) {
    while (rows > 0) {
        int32_t some = rows < ES_ROWS_AT_ONCE ? rows : ES_ROWS_AT_ONCE;
        uint32_t even = 0, odd = 0;
        rows -= some;
        for (; some >= 4; some -= 4, x += 4 * stride) {
            const uint32_t x0 = es_load4(x), x1 = es_load4(x + stride);
            const uint32_t x2 = es_load4(x + 2 * stride), x3 = es_load4(x + 3 * stride);
            even = es_sxtab16(es_sxtab16(even, x0), x1);
            odd = es_sxtab16_odd(es_sxtab16_odd(odd, x0), x1);
            even = es_sxtab16(es_sxtab16(even, x2), x3);
            odd = es_sxtab16_odd(es_sxtab16_odd(odd, x2), x3);
        }
        for (; some > 0; --some, x += stride) {
            const uint32_t x0 = es_load4(x);
            even = es_sxtab16(even, x0);
            odd = es_sxtab16_odd(odd, x0);
        }
        sums[0] += (int16_t)even;
        sums[1] += (int16_t)odd;
        sums[2] += (int32_t)even >> 16;
        sums[3] += (int32_t)odd >> 16;
    }
}

/* The maxima so far, as bytes, and those of `rows` rows: 3 instructions for four values. */
static inline uint32_t es_max_rows4(const int8_t *x, int32_t rows, int32_t stride, uint32_t most) {
    for (; rows > 0; --rows, x += stride) {
        most = es_max4(es_load4(x), most);
    }
    return most;
}

#endif
