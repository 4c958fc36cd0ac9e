/* Helium (Armv8.1-M MVE, integer): copying, requantisation of four accumulators at once. Needs requantize.h before it. */
#ifndef ES_MVE_H
#define ES_MVE_H

#include <arm_mve.h>
#include <stdint.h>

static inline void es_mve_copy(int8_t *to, const int8_t *from, int32_t count) {
    for (; count >= 16; count -= 16, to += 16, from += 16) {
        vstrbq_s8(to, vldrbq_s8(from));
    }
    if (count > 0) {
        const mve_pred16_t some = vctp8q((uint32_t)count);
        vstrbq_p_s8(to, vldrbq_z_s8(from, some), some);
    }
}

static inline void es_mve_fill(int8_t *to, int8_t value, int32_t count) {
    for (; count > 0; count -= 16, to += 16) {
        vstrbq_p_s8(to, vdupq_n_s8(value), vctp8q((uint32_t)count));
    }
}

/* Add to acc[0..3] the products of 16 * count inputs with the weights of four channels, weights[count][4][16]; returns
 * the weights behind them. In assembly because gcc 12 keeps two copies of each pointer: 18.5 instructions for 128. */
static inline const int8_t *es_mve_dot4(const int8_t *x, const int8_t *weights, int32_t count, int32_t *acc) {
    int32_t acc0 = acc[0];
    int32_t acc1 = acc[1];
    int32_t acc2 = acc[2];
    int32_t acc3 = acc[3];
#define ES_MVE_CHUNK                        \
    "vldrb.8 q0, [%[x]], #16\n\t"           \
    "vldrb.8 q1, [%[w]], #16\n\t"           \
    "vmladava.s8 %[a0], q0, q1\n\t"         \
    "vldrb.8 q2, [%[w]], #16\n\t"           \
    "vmladava.s8 %[a1], q0, q2\n\t"         \
    "vldrb.8 q1, [%[w]], #16\n\t"           \
    "vmladava.s8 %[a2], q0, q1\n\t"         \
    "vldrb.8 q2, [%[w]], #16\n\t"           \
    "vmladava.s8 %[a3], q0, q2\n\t"
#define ES_MVE_OPERANDS                                                                                           \
    [x] "+r"(x), [w] "+r"(weights), [a0] "+Te"(acc0), [a1] "+Te"(acc1), [a2] "+Te"(acc2), [a3] "+Te"(acc3)
    if (count / 2 > 1) {
        __asm__("dls lr, %[n]\n"
                "1:\n\t" ES_MVE_CHUNK ES_MVE_CHUNK "le lr, 1b"
                : ES_MVE_OPERANDS
                : [n] "r"(count / 2)
                : "lr", "q0", "q1", "q2", "memory");
    } else if (count > 1) {
        __asm__(ES_MVE_CHUNK ES_MVE_CHUNK : ES_MVE_OPERANDS : : "q0", "q1", "q2", "memory");
    }
    if (count % 2 != 0) {
        __asm__(ES_MVE_CHUNK : ES_MVE_OPERANDS : : "q0", "q1", "q2", "memory");
    }
#undef ES_MVE_CHUNK
#undef ES_MVE_OPERANDS
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
    return weights;
}

/* The same with `count` < 16 inputs; the weights behind them are zeros. */
static inline const int8_t *es_mve_dot4_rest(const int8_t *x, const int8_t *weights, int32_t count, int32_t *acc) {
    const int8x16_t values = vldrbq_z_s8(x, vctp8q((uint32_t)count));
    acc[0] = vmladavaq_s8(acc[0], values, vldrbq_s8(weights));
    acc[1] = vmladavaq_s8(acc[1], values, vldrbq_s8(weights + 16));
    acc[2] = vmladavaq_s8(acc[2], values, vldrbq_s8(weights + 32));
    acc[3] = vmladavaq_s8(acc[3], values, vldrbq_s8(weights + 48));
    return weights + 64;
}

/* es_requantize of four where every shift is negative. */
static inline int32x4_t es_mve_requantize_right(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(vqaddq_s32(product, vshrq_n_s32(product, 31)), shift);
}

/* The same where every shift is negative or 0: what is not shifted has nothing to round. */
static inline int32x4_t es_mve_requantize_down(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(vqaddq_s32(product, vshrq_n_s32(vandq_s32(product, shift), 31)), shift);
}

/* The same for any shifts. */
static inline int32x4_t es_mve_requantize_both(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t none = vdupq_n_s32(0);
    return es_mve_requantize_down(vshlq_s32(acc, vmaxq_s32(shift, none)), multiplier, vminq_s32(shift, none));
}

/* Add the output's zero point to four and clamp them. */
static inline int32x4_t es_mve_clamp(int32x4_t scaled, int32_t output_offset, int32x4_t low, int32x4_t high) {
    return vminq_s32(vmaxq_s32(vaddq_n_s32(scaled, output_offset), low), high);
}

/* Eight values of which four are even and four odd. */
static inline int16x8_t es_mve_join(int32x4_t even, int32x4_t odd) {
    return vmovntq_s32(vmovnbq_s32(vdupq_n_s16(0), even), odd);
}

/* es_mean_s8 of eight sums. */
static inline int16x8_t es_mve_mean_s8(int16x8_t sums, int32_t sum_offset, int32_t multiplier, int32_t shift,
                                       int32_t output_offset) {
    const int32x4_t low = vdupq_n_s32(-128);
    const int32x4_t high = vdupq_n_s32(127);
    const int32x4_t multipliers = vdupq_n_s32(multiplier);
    const int32x4_t shifts = vdupq_n_s32(shift);
    const int32x4_t even = es_mve_requantize_both(vaddq_n_s32(vmovlbq_s16(sums), sum_offset), multipliers, shifts);
    const int32x4_t odd = es_mve_requantize_both(vaddq_n_s32(vmovltq_s16(sums), sum_offset), multipliers, shifts);
    return es_mve_join(es_mve_clamp(even, output_offset, low, high), es_mve_clamp(odd, output_offset, low, high));
}

#endif
