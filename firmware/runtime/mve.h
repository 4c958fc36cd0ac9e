/* Helium (Armv8.1-M MVE, integers): copying, dot products, requantisation of four accumulators at once.
 * Needs no other header of this folder. */
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

/* Accumulators of four output channels. */
typedef struct {
    int32_t a, b, c, d;
} es_mve_sums;

static inline int32x4_t es_mve_vector(es_mve_sums sums) {
    int32x4_t vector;
    __asm__("vmov %q0[2], %q0[0], %1, %3\n\tvmov %q0[3], %q0[1], %2, %4"
            : "=&w"(vector)
            : "r"(sums.a), "r"(sums.b), "r"(sums.c), "r"(sums.d));
    return vector;
}

/* Add to the sums the products of 16 * count inputs with the weights of four channels, weights[count][4][16]; returns
 * the weights behind them. In assembly because gcc 12 keeps two copies of each pointer: 9.5 instructions for 64. */
static inline const int8_t *es_mve_dot4(const int8_t *x, const int8_t *weights, int32_t count, es_mve_sums *sums) {
    es_mve_sums s = *sums;
#define ES_MVE_CHUNK                        \
    "vldrb.8 q0, [%[x]], #16\n\t"           \
    "vldrb.8 q1, [%[w]], #16\n\t"           \
    "vmladava.s8 %[a], q0, q1\n\t"          \
    "vldrb.8 q2, [%[w]], #16\n\t"           \
    "vmladava.s8 %[b], q0, q2\n\t"          \
    "vldrb.8 q1, [%[w]], #16\n\t"           \
    "vmladava.s8 %[c], q0, q1\n\t"          \
    "vldrb.8 q2, [%[w]], #16\n\t"           \
    "vmladava.s8 %[d], q0, q2\n\t"
#define ES_MVE_OPERANDS \
    [x] "+r"(x), [w] "+r"(weights), [a] "+Te"(s.a), [b] "+Te"(s.b), [c] "+Te"(s.c), [d] "+Te"(s.d)
    if (count / 2 > 2) {
        __asm__("dls lr, %[n]\n"
                "1:\n\t" ES_MVE_CHUNK ES_MVE_CHUNK "le lr, 1b"
                : ES_MVE_OPERANDS
                : [n] "r"(count / 2)
                : "lr", "q0", "q1", "q2", "memory");
    } else if (count / 2 == 2) {
        __asm__(ES_MVE_CHUNK ES_MVE_CHUNK ES_MVE_CHUNK ES_MVE_CHUNK
                : ES_MVE_OPERANDS
                :
                : "q0", "q1", "q2", "memory");
    } else if (count / 2 == 1) {
        __asm__(ES_MVE_CHUNK ES_MVE_CHUNK : ES_MVE_OPERANDS : : "q0", "q1", "q2", "memory");
    }
    if (count % 2 != 0) {
        __asm__(ES_MVE_CHUNK : ES_MVE_OPERANDS : : "q0", "q1", "q2", "memory");
    }
#undef ES_MVE_CHUNK
#undef ES_MVE_OPERANDS
    *sums = s;
    return weights;
}

/* The same with `count` < 16 inputs; the weights behind them are zeros. */
static inline const int8_t *es_mve_dot4_rest(const int8_t *x, const int8_t *weights, int32_t count,
                                             es_mve_sums *sums) {
    const int8x16_t values = vldrbq_z_s8(x, vctp8q((uint32_t)count));
    sums->a = vmladavaq_s8(sums->a, values, vldrbq_s8(weights));
    sums->b = vmladavaq_s8(sums->b, values, vldrbq_s8(weights + 16));
    sums->c = vmladavaq_s8(sums->c, values, vldrbq_s8(weights + 32));
    sums->d = vmladavaq_s8(sums->d, values, vldrbq_s8(weights + 48));
    return weights + 64;
}

/* Add to 16 accumulators, of the channels from `first` on, the products of `pairs` * 2 taps: x[tap] and weights[tap][16],
 * two products of which fit in 16 bits. `a` are the channels 0, 4, 8 and 12, `b` 2, 6, ..., `c` 1, 5, ..., `d` 3, 7, ...
 * Returns the weights behind. In assembly because gcc 12 spills: 23 instructions for 32. */
static inline const int8_t *es_mve_depthwise16(const int8_t *const *x, int32_t first, const int8_t *weights,
                                               int32_t pairs, int32x4_t *a, int32x4_t *b, int32x4_t *c,
                                               int32x4_t *d) {
    const int8_t *p;
    const int8_t *q;
    int32x4_t acc0 = *a;
    int32x4_t acc1 = *b;
    int32x4_t acc2 = *c;
    int32x4_t acc3 = *d;
    __asm__("dls lr, %[n]\n"
            "1:\n\t"
            "ldrd %[p], %[q], [%[x]], #8\n\t"
            "add %[p], %[p], %[first]\n\t"
            "vldrb.8 q0, [%[p]]\n\t"
            "vldrb.8 q1, [%[w]], #16\n\t"
            "vmullb.s8 q2, q0, q1\n\t"
            "vmullt.s8 q0, q0, q1\n\t"
            "add %[q], %[q], %[first]\n\t"
            "vldrb.8 q1, [%[q]]\n\t"
            "vldrb.8 q3, [%[w]], #16\n\t"
            "vmullb.s8 q1, q1, q3\n\t"
            "vadd.i16 q2, q2, q1\n\t"
            "vldrb.8 q1, [%[q]]\n\t" /* again: there is no ninth vector register */
            "vmullt.s8 q1, q1, q3\n\t"
            "vadd.i16 q0, q0, q1\n\t"
            "vmovlb.s16 q1, q2\n\t"
            "vadd.i32 %q[acc0], %q[acc0], q1\n\t"
            "vmovlt.s16 q2, q2\n\t"
            "vadd.i32 %q[acc1], %q[acc1], q2\n\t"
            "vmovlb.s16 q1, q0\n\t"
            "vadd.i32 %q[acc2], %q[acc2], q1\n\t"
            "vmovlt.s16 q0, q0\n\t"
            "vadd.i32 %q[acc3], %q[acc3], q0\n\t"
            "le lr, 1b"
            : [x] "+r"(x), [w] "+r"(weights), [p] "=&r"(p), [q] "=&r"(q), [acc0] "+w"(acc0), [acc1] "+w"(acc1),
              [acc2] "+w"(acc2), [acc3] "+w"(acc3)
            : [first] "r"(first), [n] "r"(pairs)
            : "lr", "q0", "q1", "q2", "q3", "memory");
    *a = acc0;
    *b = acc1;
    *c = acc2;
    *d = acc3;
    return weights;
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

/* es_even_rescale of four, one by one. */
static inline int32x4_t es_mve_requantize_even(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
    int32_t steps[4], multipliers[4], shifts[4];
    vstrwq_s32(steps, acc);
    vstrwq_s32(multipliers, multiplier);
    vstrwq_s32(shifts, shift);
    for (int32_t i = 0; i < 4; ++i) {
        steps[i] = es_even_rescale(steps[i], (uint32_t)multipliers[i], shifts[i]);
    }
    return vldrwq_s32(steps);
}

/* Eight rescaled accumulators, four even and four odd, plus the output's zero point and clamped. */
static inline int16x8_t es_mve_join(int32x4_t even, int32x4_t odd, int32_t output_offset, int32_t activation_min,
                                    int32_t activation_max) {
    const int16x8_t joined = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), vaddq_n_s32(even, output_offset)),
                                          vaddq_n_s32(odd, output_offset));
    return vminq_s16(vmaxq_s16(joined, vdupq_n_s16((int16_t)activation_min)), vdupq_n_s16((int16_t)activation_max));
}

/* es_mean_s8 of eight sums. */
static inline int16x8_t es_mve_mean_s8(int16x8_t sums, int32_t sum_offset, int32_t multiplier, int32_t shift,
                                       int32_t output_offset) {
    const int32x4_t multipliers = vdupq_n_s32(multiplier);
    const int32x4_t shifts = vdupq_n_s32(shift);
    const int32x4_t even = es_mve_requantize_both(vaddq_n_s32(vmovlbq_s16(sums), sum_offset), multipliers, shifts);
    const int32x4_t odd = es_mve_requantize_both(vaddq_n_s32(vmovltq_s16(sums), sum_offset), multipliers, shifts);
    return es_mve_join(even, odd, output_offset, -128, 127);
}

#endif
