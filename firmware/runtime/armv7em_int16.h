/* Products of int16 inputs and int8 weights in pairs. Needs armv7em.h before it.
 *
 * Weights of four inputs are a word of bytes 0, 2, 1, 3: SXTB16 makes of it the pairs (0, 1) and (2, 3), in the order in
 * which the inputs lie in memory. */
#ifndef ES_ARMV7EM_INT16_H
#define ES_ARMV7EM_INT16_H

#include <stdint.h>
#include <string.h>

/* sum + x0 * y0 + x1 * y1 of signed halves */
static inline int32_t es_smlad(uint32_t x, uint32_t y, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
    return sum;
}

/* sum + x0 * y0 */
static inline int32_t es_smlabb(uint32_t x, uint32_t y, int32_t sum) {
    __asm__("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
    return sum;
}

/* sum + x1 * y1 */
static inline int32_t es_smlatt(uint32_t x, uint32_t y, int32_t sum) {
    __asm__("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
    return sum;
}

/* (x * y + 2^31) >> 32 */
static inline int32_t es_smmulr(int32_t x, int32_t y) {
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(x), "r"(y));
    return high;
}

static inline void es_copy_s16(int16_t *to, const int16_t *from, uint32_t count) {
    memcpy(to, from, count * sizeof(*to));
}

static inline void es_fill_s16(int16_t *to, int16_t value, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        to[i] = value;
    }
}

/* Adds to two sums the products of a patch with the weights of two channels, of whose words each four inputs have one and
 * one; the weights behind them. */
ES_OUTLINE const uint32_t *es_dots_s16(const int16_t *a, const uint32_t *weights, int32_t groups, int32_t *sums) {
    int32_t a0 = sums[0], a1 = sums[1];
    for (; groups > 0; --groups) {
        const uint32_t u = weights[0], v = weights[1];
        const uint32_t low = es_load4(a), high = es_load4(a + 2);
        a0 = es_smlad(high, es_sxtb16_odd(u), es_smlad(low, es_sxtb16(u), a0));
        a1 = es_smlad(high, es_sxtb16_odd(v), es_smlad(low, es_sxtb16(v), a1));
        weights += 2;
        a += 4;
    }
    sums[0] = a0;
    sums[1] = a1;
    return weights;
}

/* The same for two patches, which share a load of the weights; sums of the second are 2 and 3. */
ES_OUTLINE const uint32_t *es_dots_of_two_s16(const int16_t *a, const int16_t *b, const uint32_t *weights, int32_t groups,
                                              int32_t *sums) {
    int32_t a0 = sums[0], a1 = sums[1], b0 = sums[2], b1 = sums[3];
    for (; groups > 0; --groups) {
        const uint32_t u = weights[0], v = weights[1];
        const uint32_t u0 = es_sxtb16(u), u1 = es_sxtb16_odd(u), v0 = es_sxtb16(v), v1 = es_sxtb16_odd(v);
        const uint32_t low = es_load4(a), high = es_load4(a + 2);
        a0 = es_smlad(high, u1, es_smlad(low, u0, a0));
        a1 = es_smlad(high, v1, es_smlad(low, v0, a1));
        const uint32_t below = es_load4(b), above = es_load4(b + 2);
        b0 = es_smlad(above, u1, es_smlad(below, u0, b0));
        b1 = es_smlad(above, v1, es_smlad(below, v0, b1));
        weights += 2;
        a += 4;
        b += 4;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
    return weights;
}

#endif
