/* ADD, SUB and MUL of two int8 values. Needs requantize.h before it. */
#ifndef ES_ELEMENTWISE_S8_H
#define ES_ELEMENTWISE_S8_H

#include <stdint.h>

/* Offsets are minus the inputs' zero points and plus the output's, in [-128, 128]; shifts in [-31, 0]. */
typedef struct {
    int32_t a_offset, b_offset;
    int32_t a_multiplier, b_multiplier;
    int32_t a_shift, b_shift;
    int32_t output_offset, output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} es_add_s8_params;

/* The shift in [-31, 31]. */
typedef struct {
    int32_t a_offset, b_offset;
    int32_t output_offset, output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} es_mul_s8_params;

/* An operand in the scale that both share; |value| <= 255 before, < 2^28 after. */
static inline int32_t es_add_operand(int32_t value, int32_t multiplier, int32_t shift) {
    return es_rounding_shift(es_high_mul(value * (1 << 20), multiplier), -shift);
}

static inline int8_t es_add_s8(int8_t a, int8_t b, const es_add_s8_params *p) {
    const int32_t sum = es_add_operand(a + p->a_offset, p->a_multiplier, p->a_shift) +
                        es_add_operand(b + p->b_offset, p->b_multiplier, p->b_shift);
    return es_requantize_s8(sum, p->output_multiplier, p->output_shift, p->output_offset,
                            p->activation_min, p->activation_max);
}

/* a - b */
static inline int8_t es_sub_s8(int8_t a, int8_t b, const es_add_s8_params *p) {
    const int32_t difference = es_add_operand(a + p->a_offset, p->a_multiplier, p->a_shift) -
                               es_add_operand(b + p->b_offset, p->b_multiplier, p->b_shift);
    return es_requantize_s8(difference, p->output_multiplier, p->output_shift, p->output_offset,
                            p->activation_min, p->activation_max);
}

static inline int8_t es_mul_s8(int8_t a, int8_t b, const es_mul_s8_params *p) {
    return es_requantize_s8((a + p->a_offset) * (b + p->b_offset), p->output_multiplier, p->output_shift,
                            p->output_offset, p->activation_min, p->activation_max);
}

#endif
