/* log, sqrt, 1 / sqrt, exp - 1, erfc and the activations made of them, on float: single precision, no libm, the same
 * bits on every IEEE target. sqrt is correctly rounded, log within 1 ulp of the exact
 * value, the others within a few. Needs float_math.h before it. */
#ifndef ES_FLOAT_FUNCTIONS_H
#define ES_FLOAT_FUNCTIONS_H

#include <stdint.h>
#include <string.h>

static inline float es_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t es_to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* x > 0 and finite as mantissa * 2^exponent, mantissa in [2^23, 2^24). */
static inline uint32_t es_split(float x, int32_t *exponent) {
    const uint32_t bits = es_to_bits(x);
    uint32_t mantissa = bits & 0x7fffffu;
    *exponent = (int32_t)(bits >> 23) - 150;
    if (bits >> 23 != 0) {
        return mantissa | 0x800000u;
    }
    *exponent += 1;
    while (mantissa < 0x800000u) {
        mantissa <<= 1;
        *exponent -= 1;
    }
    return mantissa;
}

/* Correctly rounded: 25 bits of the root, one by one; a root of 25 bits that is not exact is never a tie. */
static inline float es_sqrtf(float x) {
    if (x == 0.0f || x != x) {
        return x;
    }
    if (x < 0.0f) {
        return es_from_bits(0x7fc00000u);
    }
    if (x > 3.40282347e+38f) {
        return x;
    }
    int32_t exponent;
    uint32_t mantissa = es_split(x, &exponent) << 1; /* x = mantissa * 2^(exponent - 1) */
    exponent -= 1;
    if (exponent & 1) {
        mantissa <<= 1;
        exponent -= 1;
    }
    uint32_t root = 0, rest = 0;
    for (int32_t i = 0; i < 25; ++i) {
        rest = rest << 2 | (mantissa >> 24 & 3u);
        mantissa <<= 2;
        root <<= 1;
        if (rest > root << 1) {
            rest -= (root << 1) + 1u;
            root += 1u;
        }
    }
    root = (root + 1u) >> 1; /* in [2^23, 2^24], times 2^(exponent / 2 - 11) */
    return es_from_bits(((uint32_t)(exponent / 2 - 11 + 149) << 23) + root);
}

static inline float es_rsqrtf(float x) {
    return 1.0f / es_sqrtf(x);
}

/* x = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + s^2 R(s^2))), s = f / (2 + f). */
static inline float es_logf(float x) {
    if (x != x || x > 3.40282347e+38f) {
        return x;
    }
    if (x <= 0.0f) {
        return es_from_bits(x < 0.0f ? 0x7fc00000u : 0xff800000u);
    }
    int32_t k;
    const uint32_t mantissa = es_split(x, &k);
    const int32_t above = mantissa >= 0xb504f4u;
    const float f = es_from_bits((mantissa & 0x7fffffu) | (above ? 0x3f000000u : 0x3f800000u)) - 1.0f;
    k += 23 + above;
    const float s = f / (2.0f + f);
    const float z = s * s;
    float r = 0.233327657f;
    r = r * z + 0.285507232f;
    r = r * z + 0.400001228f;
    r = r * z + 0.666666687f;
    const float half = 0.5f * f * f;
    const float octaves = (float)k;
    return octaves * 0.693145752f - ((half - (s * (half + z * r) + octaves * 1.42860677e-06f)) - f);
}

/* exp(x) - 1, x <= 0. */
static inline float es_expm1f(float x) {
    if (x < -0.5f) {
        return es_expf(x) - 1.0f;
    }
    float p = 0.00116492645f;
    p = p * x + 0.00823886134f;
    p = p * x + 0.0416501313f;
    p = p * x + 0.166665643f;
    p = p * x + 0.5f;
    return x + x * x * p;
}

static inline float es_eluf(float x) {
    return x < 0.0f ? es_expm1f(x) : x;
}

/* E(x^2): erf(x) = x E(x^2) up to 0.85. */
static inline float es_erf_near(float square) {
    float e = -0.000633261167f;
    e = e * square + 0.00505427038f;
    e = e * square - 0.0268045701f;
    e = e * square + 0.112827703f;
    e = e * square - 0.376125753f;
    return e * square + 1.12837911f;
}

/* Up to 0.85 as 1 - x E(x^2), beyond as exp(-x^2) t Q(t), t = 1 / (x + 1.5), x^2 carried in two parts. */
static inline float es_erfcf(float x) {
    if (x != x) {
        return x;
    }
    const float z = x < 0.0f ? -x : x;
    if (z < 0.85f) {
        return 1.0f - x * es_erf_near(x * x);
    }
    float tail = 0.0f;
    if (z < 10.2f) {
        const float t = 1.0f / (z + 1.5f);
        float q = -4.98212385f;
        q = q * t + 11.1762848f;
        q = q * t - 8.38638496f;
        q = q * t + 1.1508683f;
        q = q * t + 0.367641896f;
        q = q * t + 1.01264215f;
        q = q * t + 0.844969511f;
        q = q * t + 0.564218283f;
        const float high = es_from_bits(es_to_bits(z) & 0xfffff000u);
        tail = es_expf(-(high * high)) * es_expf((high - z) * (high + z)) * (t * q);
    }
    return x < 0.0f ? 2.0f - tail : tail;
}

static inline float es_erff(float x) {
    return x > -0.85f && x < 0.85f ? x * es_erf_near(x * x) : 1.0f - es_erfcf(x);
}

static inline float es_geluf(float x) {
    return 0.5f * x * es_erfcf(x * -0.707106769f);
}

static inline float es_gelu_tanhf(float x) {
    return 0.5f * x * (1.0f + es_tanhf(0.797884583f * (x + 0.0447149985f * (x * x * x))));
}

static inline float es_hard_swishf(float x) {
    return x * es_clamp_f32(x + 3.0f, 0.0f, 6.0f) / 6.0f;
}

#endif
