/* SOFTMAX of one row of int16 values, output scale 1/32768. Needs requantize.h and functions_s16.h before it. */
#ifndef ES_SOFTMAX_S16_H
#define ES_SOFTMAX_S16_H

#include <stdint.h>

/* n in [1, 65535]; multiplier and shift bring a difference to 1/6553.5; exp_lut is exp of [-10, 0], inverse_lut
 * 1 / (1 + x) of [0, 1], both in 15 bits; output may be input. */
static inline void es_softmax_s16(const int16_t *input, int32_t n, int32_t multiplier, int32_t shift,
                                  const int16_t *exp_lut, const int16_t *inverse_lut, int16_t *output) {
    int32_t max = input[0];
    for (int32_t i = 1; i < n; ++i) {
        max = input[i] > max ? input[i] : max;
    }

    int32_t sum = 0; /* Q16.15 */
    for (int32_t i = 0; i < n; ++i) {
        const int32_t steps = es_requantize(input[i] - max, multiplier, shift);
        output[i] = es_lookup_s16(es_clamp(steps, -65535, 0) + 32767, exp_lut);
        sum += output[i];
    }

    int32_t bits = 0; /* of the sum behind the first */
    while (sum >> bits > 1) {
        ++bits;
    }
    const int32_t fraction = (int32_t)((((int64_t)sum << (30 - bits)) + (1 << 13)) >> 14) - (1 << 16) - (1 << 15);
    const int32_t inverse = es_lookup_s16(es_clamp(fraction, -32768, 32767), inverse_lut);
    for (int32_t i = 0; i < n; ++i) {
        const int32_t quotient = (output[i] * inverse + ((1 << bits) >> 1)) >> bits;
        output[i] = (int16_t)es_clamp(quotient, 0, 32767);
    }
}

#endif
