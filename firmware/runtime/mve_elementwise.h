/* ADD, SUB and MUL of four int8 values, bit for bit as elementwise_s8.h, which it needs before it, and mve.h. */
#ifndef ES_MVE_ELEMENTWISE_H
#define ES_MVE_ELEMENTWISE_H

/* es_add_operand of four; the shift is negative or 0. */
static inline int32x4_t es_mve_operand(int32x4_t value, int32_t offset, int32_t multiplier, int32_t shift) {
    return es_mve_requantize_down(vshlq_n_s32(vaddq_n_s32(value, offset), 20), vdupq_n_s32(multiplier),
                                  vdupq_n_s32(shift));
}

/* Four sums as outputs. */
static inline int32x4_t es_mve_output(int32x4_t sum, int32_t multiplier, int32_t shift, int32_t output_offset,
                                      int32_t activation_min, int32_t activation_max) {
    const int32x4_t scaled = es_mve_requantize_both(sum, vdupq_n_s32(multiplier), vdupq_n_s32(shift));
    return vminq_s32(vmaxq_s32(vaddq_n_s32(scaled, output_offset), vdupq_n_s32(activation_min)),
                     vdupq_n_s32(activation_max));
}

static inline int32x4_t es_mve_add_s8(int32x4_t a, int32x4_t b, const es_add_s8_params *p) {
    const int32x4_t sum = vaddq_s32(es_mve_operand(a, p->a_offset, p->a_multiplier, p->a_shift),
                                    es_mve_operand(b, p->b_offset, p->b_multiplier, p->b_shift));
    return es_mve_output(sum, p->output_multiplier, p->output_shift, p->output_offset, p->activation_min,
                         p->activation_max);
}

static inline int32x4_t es_mve_sub_s8(int32x4_t a, int32x4_t b, const es_add_s8_params *p) {
    const int32x4_t difference = vsubq_s32(es_mve_operand(a, p->a_offset, p->a_multiplier, p->a_shift),
                                           es_mve_operand(b, p->b_offset, p->b_multiplier, p->b_shift));
    return es_mve_output(difference, p->output_multiplier, p->output_shift, p->output_offset, p->activation_min,
                         p->activation_max);
}

static inline int32x4_t es_mve_mul_s8(int32x4_t a, int32x4_t b, const es_mul_s8_params *p) {
    const int32x4_t product = vmulq_s32(vaddq_n_s32(a, p->a_offset), vaddq_n_s32(b, p->b_offset));
    return es_mve_output(product, p->output_multiplier, p->output_shift, p->output_offset, p->activation_min,
                         p->activation_max);
}

#endif
