/* QUANTIZE float -> int8 and DEQUANTIZE int8 -> float. Needs no other header of this folder. */
#ifndef ES_CONVERT_H
#define ES_CONVERT_H

#include <stdint.h>

/* round(x / scale) + zero_point, ties away from zero, clamped to [low, high] within int16.
 * Beyond every range it saturates; NaN gives low. */
static inline int32_t es_quantize(float x, float scale, int32_t zero_point, int32_t low, int32_t high) {
    const float steps = x / scale;
    if (!(steps > -131072.0f)) {
        return low;
    }
    if (steps >= 131072.0f) {
        return high;
    }
    const int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    const int32_t q = whole + (rest >= 0.5f) - (rest <= -0.5f) + zero_point;
    return q < low ? low : q > high ? high : q;
}

static inline int8_t es_quantize_s8(float x, float scale, int32_t zero_point) {
    return (int8_t)es_quantize(x, scale, zero_point, -128, 127);
}

/* ONNX's QuantizeLinear: the same with ties to even, to int8. */
static inline int8_t es_quantize_even(float x, float scale, int32_t zero_point) {
    const float steps = x / scale;
    if (!(steps > -131072.0f)) {
        return -128;
    }
    if (steps >= 131072.0f) {
        return 127;
    }
    const int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    const int32_t odd = whole & 1;
    const int32_t q = whole + (rest > 0.5f || (rest == 0.5f && odd)) - (rest < -0.5f || (rest == -0.5f && odd)) + zero_point;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

static inline float es_dequantize(int32_t q, float scale, int32_t zero_point) {
    return scale * (float)(q - zero_point);
}

#endif
