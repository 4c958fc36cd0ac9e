/* exp, tanh, logistic and SOFTMAX on float: single precision, no libm, the same bits on every IEEE target.
 * Within 1 ulp (exp) or 2 ulp (tanh, logistic) of the exact value.
 * Needs no other header of this folder. */
#ifndef ES_FLOAT_MATH_H
#define ES_FLOAT_MATH_H

#include <stdint.h>
#include <string.h>

/* A fused activation: NaN stays NaN. */
static inline float es_clamp_f32(float x, float low, float high) {
    const float bounded = x < low ? low : x;
    return high < bounded ? high : bounded;
}

/* 2^n, n in [-126, 127]. */
static inline float es_pow2f(int32_t n) {
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* x = n ln 2 + r; exp(x) = 2^n (1 + r + r^2 P(r)), ln 2 and the sum 1 + r carried in two parts. */
static inline float es_expf(float x) {
    if (x != x) {
        return x;
    }
    x = es_clamp_f32(x, -104.0f, 89.0f); /* 0 and infinity from there on */
    const float octaves = x * 1.44269504f;
    const int32_t n = (int32_t)(octaves < 0.0f ? octaves - 0.5f : octaves + 0.5f);
    const float high = x - (float)n * 0.693145752f; /* exact */
    const float low = (float)n * 1.42860677e-06f;
    const float r = high - low;

    float p = 0.000197403191f;
    p = p * r + 0.00139350875f;
    p = p * r + 0.00833357032f;
    p = p * r + 0.041666463f;
    p = p * r + 0.166666657f;
    p = p * r + 0.5f;

    const float sum = 1.0f + high;
    const float lost = high - (sum - 1.0f);
    const float y = sum + (lost + (r * r * p - low));
    return y * es_pow2f(n / 2) * es_pow2f(n - n / 2);
}

static inline float es_tanhf(float x) {
    const float magnitude = x < 0.0f ? -x : x;
    if (magnitude < 0.55f) {
        const float square = x * x;
        float q = 0.002152120f;
        q = q * square - 0.0081981821f;
        q = q * square + 0.0217120871f;
        q = q * square - 0.0539491884f;
        q = q * square + 0.133332267f;
        q = q * square - 0.333333313f;
        return x + x * (square * q);
    }
    if (x != x) {
        return x;
    }
    const float result = 1.0f - 2.0f / (es_expf(magnitude + magnitude) + 1.0f);
    return x < 0.0f ? -result : result;
}

/* With the cut-offs of the reference kernel. */
static inline float es_logisticf(float x) {
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    return x < -9.0f ? es_expf(x) : 1.0f / (1.0f + es_expf(-x));
}

/* SOFTMAX of one row of n >= 1 floats, summed in order; output may be input. */
static inline void es_softmax_f32(const float *input, int32_t n, float beta, float *output) {
    float max = input[0];
    for (int32_t i = 1; i < n; ++i) {
        max = max < input[i] ? input[i] : max;
    }
    float sum = 0.0f;
    for (int32_t i = 0; i < n; ++i) {
        output[i] = es_expf((input[i] - max) * beta);
        sum += output[i];
    }
    for (int32_t i = 0; i < n; ++i) {
        output[i] = output[i] / sum;
    }
}

#endif
