/* AArch64 Advanced SIMD: requantisation of four accumulators at once, float clamping, stores of parts of vectors.
 * Needs no other header of this folder. */
#ifndef ES_NEON_H
#define ES_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

/* The sums of the parts of each vector. */
static inline int32x4_t es_neon_sum4(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

/* es_requantize of four where every shift is negative. */
static inline int32x4_t es_neon_requantize_right(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(vqaddq_s32(product, vshrq_n_s32(product, 31)), shift);
}

/* The same where every shift is negative or 0: what is not shifted has nothing to round. */
static inline int32x4_t es_neon_requantize_down(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(vqaddq_s32(product, vshrq_n_s32(vandq_s32(product, shift), 31)), shift);
}

/* The same for any shifts. */
static inline int32x4_t es_neon_requantize_both(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t none = vdupq_n_s32(0);
    return es_neon_requantize_down(vshlq_s32(acc, vmaxq_s32(shift, none)), multiplier, vminq_s32(shift, none));
}

/* es_even_rescale of four: ONNX Runtime's own floats, whose bits `scale` holds. Beyond 16 bits it saturates. */
static inline int32x4_t es_neon_requantize_even(int32x4_t acc, int32x4_t scale, int32x4_t unused) {
    (void)unused;
    const float32x4_t steps = vmulq_f32(vcvtq_f32_s32(acc), vreinterpretq_f32_s32(scale));
    const float32x4_t limit = vdupq_n_f32(65535.0f);
    return vcvtnq_s32_f32(vminq_f32(vmaxq_f32(steps, vnegq_f32(limit)), limit));
}

/* 16 rescaled accumulators plus the output's zero point, clamped to an activation range. */
static inline int8x16_t es_neon_narrow(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int32_t output_offset,
                                       int32_t activation_min, int32_t activation_max) {
    const int32x4_t offset = vdupq_n_s32(output_offset);
    const int16x8_t low =
        vqmovn_high_s32(vqmovn_s32(vaddq_s32(a, offset)), vaddq_s32(b, offset));
    const int16x8_t high =
        vqmovn_high_s32(vqmovn_s32(vaddq_s32(c, offset)), vaddq_s32(d, offset));
    const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(low), high);
    return vminq_s8(vmaxq_s8(bytes, vdupq_n_s8((int8_t)activation_min)), vdupq_n_s8((int8_t)activation_max));
}

/* es_mean_s8 of 16 sums. */
static inline int8x16_t es_neon_mean_s8(int16x8_t low, int16x8_t high, int32_t sum_offset, int32_t multiplier,
                                        int32_t shift, int32_t output_offset) {
    const int32x4_t offset = vdupq_n_s32(sum_offset);
    const int32x4_t multipliers = vdupq_n_s32(multiplier);
    const int32x4_t shifts = vdupq_n_s32(shift);
    return es_neon_narrow(
        es_neon_requantize_both(vaddw_s16(offset, vget_low_s16(low)), multipliers, shifts),
        es_neon_requantize_both(vaddw_high_s16(offset, low), multipliers, shifts),
        es_neon_requantize_both(vaddw_s16(offset, vget_low_s16(high)), multipliers, shifts),
        es_neon_requantize_both(vaddw_high_s16(offset, high), multipliers, shifts), output_offset, -128, 127);
}

/* The first `count` <= 16 bytes. */
static inline void es_neon_store_s8(int8_t *to, int8x16_t values, size_t count) {
    int8_t bytes[16];
    vst1q_s8(bytes, values);
    memcpy(to, bytes, count);
}

/* The first `count` <= 4 floats. */
static inline void es_neon_store_f32(float *to, float32x4_t values, size_t count) {
    float parts[4];
    vst1q_f32(parts, values);
    memcpy(to, parts, count * sizeof(float));
}

static inline void es_neon_copy_f32(float *to, const float *from, size_t count) {
    memcpy(to, from, count * sizeof(float));
}

static inline void es_neon_fill_f32(float *to, float value, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        to[i] = value;
    }
}

/* es_clamp_f32 of four: NaN stays NaN, and -0 stays -0 where a bound is 0. */
static inline float32x4_t es_neon_clamp_f32(float32x4_t x, float32x4_t low, float32x4_t high) {
    const float32x4_t bounded = vbslq_f32(vcltq_f32(x, low), low, x);
    return vbslq_f32(vcltq_f32(high, bounded), high, bounded);
}

#endif
