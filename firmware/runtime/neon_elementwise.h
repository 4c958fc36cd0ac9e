/* ADD, SUB and MUL of 16 int8 values, bit for bit as elementwise_s8.h, which it needs before it, and neon.h. */
#ifndef ES_NEON_ELEMENTWISE_H
#define ES_NEON_ELEMENTWISE_H

/* es_add_operand of 8 values with their offset; every shift is negative or 0. */
static inline int32x4x2_t es_neon_operand(int16x8_t value, int32_t multiplier, int32_t shift) {
    const int32x4_t multipliers = vdupq_n_s32(multiplier);
    const int32x4_t shifts = vdupq_n_s32(shift);
    const int32x4x2_t parts = {{
        es_neon_requantize_down(vshlq_n_s32(vmovl_s16(vget_low_s16(value)), 20), multipliers, shifts),
        es_neon_requantize_down(vshlq_n_s32(vmovl_high_s16(value), 20), multipliers, shifts),
    }};
    return parts;
}

/* A sum rescaled to the output. */
static inline int32x4_t es_neon_rescale(int32x4_t sum, int32_t multiplier, int32_t shift) {
    return es_neon_requantize_both(sum, vdupq_n_s32(multiplier), vdupq_n_s32(shift));
}

static inline int8x16_t es_neon_sum_s8(int8x16_t a, int8x16_t b, const es_add_s8_params *p, int subtract) {
    const int16x8_t a_offset = vdupq_n_s16((int16_t)p->a_offset);
    const int16x8_t b_offset = vdupq_n_s16((int16_t)p->b_offset);
    const int32x4x2_t a_low = es_neon_operand(vaddw_s8(a_offset, vget_low_s8(a)), p->a_multiplier, p->a_shift);
    const int32x4x2_t a_high = es_neon_operand(vaddw_high_s8(a_offset, a), p->a_multiplier, p->a_shift);
    const int32x4x2_t b_low = es_neon_operand(vaddw_s8(b_offset, vget_low_s8(b)), p->b_multiplier, p->b_shift);
    const int32x4x2_t b_high = es_neon_operand(vaddw_high_s8(b_offset, b), p->b_multiplier, p->b_shift);
    int32x4_t sums[4];
    for (int i = 0; i < 2; ++i) {
        sums[i] = subtract ? vsubq_s32(a_low.val[i], b_low.val[i]) : vaddq_s32(a_low.val[i], b_low.val[i]);
        sums[i + 2] = subtract ? vsubq_s32(a_high.val[i], b_high.val[i]) : vaddq_s32(a_high.val[i], b_high.val[i]);
    }
    return es_neon_narrow(es_neon_rescale(sums[0], p->output_multiplier, p->output_shift),
                          es_neon_rescale(sums[1], p->output_multiplier, p->output_shift),
                          es_neon_rescale(sums[2], p->output_multiplier, p->output_shift),
                          es_neon_rescale(sums[3], p->output_multiplier, p->output_shift), p->output_offset,
                          p->activation_min, p->activation_max);
}

static inline int8x16_t es_neon_add_s8(int8x16_t a, int8x16_t b, const es_add_s8_params *p) {
    return es_neon_sum_s8(a, b, p, 0);
}

static inline int8x16_t es_neon_sub_s8(int8x16_t a, int8x16_t b, const es_add_s8_params *p) {
    return es_neon_sum_s8(a, b, p, 1);
}

static inline int8x16_t es_neon_mul_s8(int8x16_t a, int8x16_t b, const es_mul_s8_params *p) {
    const int16x8_t a_offset = vdupq_n_s16((int16_t)p->a_offset);
    const int16x8_t b_offset = vdupq_n_s16((int16_t)p->b_offset);
    const int16x8_t a_low = vaddw_s8(a_offset, vget_low_s8(a));
    const int16x8_t a_high = vaddw_high_s8(a_offset, a);
    const int16x8_t b_low = vaddw_s8(b_offset, vget_low_s8(b));
    const int16x8_t b_high = vaddw_high_s8(b_offset, b);
    const int32_t multiplier = p->output_multiplier;
    const int32_t shift = p->output_shift;
    return es_neon_narrow(
        es_neon_rescale(vmull_s16(vget_low_s16(a_low), vget_low_s16(b_low)), multiplier, shift),
        es_neon_rescale(vmull_high_s16(a_low, b_low), multiplier, shift),
        es_neon_rescale(vmull_s16(vget_low_s16(a_high), vget_low_s16(b_high)), multiplier, shift),
        es_neon_rescale(vmull_high_s16(a_high, b_high), multiplier, shift), p->output_offset, p->activation_min,
        p->activation_max);
}

#endif
