/* Functions of one int16 value. Needs requantize.h before it. */
#ifndef ES_FUNCTIONS_S16_H
#define ES_FUNCTIONS_S16_H

#include <stdint.h>

/* The int16 whose bits are the last 16 of x. */
static inline int32_t es_low_half(int32_t x) {
    return (int32_t)(((uint32_t)x & 0xffffu) ^ 0x8000u) - 0x8000;
}

/* A table of 513 entries, one for every 128th value, with straight lines between them. */
static inline int16_t es_lookup_s16(int32_t x, const int16_t *table) {
    const int32_t index = 256 + (x >> 7);
    const int32_t base = table[index], slope = es_low_half(table[index + 1] - base);
    return (int16_t)es_low_half(base + ((slope * (x & 0x7f) + 64) >> 7));
}

/* x in steps of 1/3072, or 1/12288 of a table entry's distance; multiplier in [0, 2^16), shift in [0, 31]. */
static inline int32_t es_sigmoid_steps(int32_t x, int32_t multiplier, int32_t shift) {
    return (x * multiplier + (int32_t)((UINT32_C(1) << shift) >> 1)) >> shift;
}

/* Between two of the 256 entries of a sigmoid, in 16 bits and `bits` more; the entry is the magnitude without these. */
static inline int32_t es_sigmoid_line(int32_t magnitude, const uint16_t *sigmoid, int32_t bits) {
    const int32_t index = magnitude >> bits;
    const int32_t base = sigmoid[index];
    return (base << bits) + (magnitude & ((1 << bits) - 1)) * (sigmoid[index + 1] - base);
}

/* LOGISTIC to scale 1/32768. */
static inline int16_t es_logistic_lut(int32_t x, int32_t multiplier, int32_t shift, const uint16_t *sigmoid) {
    const int32_t steps = es_sigmoid_steps(x, multiplier, shift), magnitude = steps < 0 ? -steps : steps;
    const int32_t half = magnitude >> 9 >= 255 ? 0x7fff << 10 : es_sigmoid_line(magnitude, sigmoid, 9);
    return (int16_t)((steps >= 0 ? half + 512 : (1 << 25) - half + 511) >> 10);
}

/* TANH to scale 1/32768. */
static inline int16_t es_tanh_lut(int32_t x, int32_t multiplier, int32_t shift, const uint16_t *sigmoid) {
    const int32_t steps = es_sigmoid_steps(x, multiplier, shift), magnitude = steps < 0 ? -steps : steps;
    const int32_t half = magnitude >> 8 >= 255 ? 0xffff << 8 : es_sigmoid_line(magnitude, sigmoid, 8);
    return (int16_t)((steps >= 0 ? half - (1 << 23) + 128 : -half + (1 << 23) + 127) >> 8);
}

#endif
