/* ADD, SUB, MUL and PRELU of two int16 values, whose zero points are 0. Needs requantize.h before it. */
#ifndef ES_ELEMENTWISE_S16_H
#define ES_ELEMENTWISE_S16_H

#include <stdint.h>

/* Shifts in [-31, 0]. */
typedef struct {
    int32_t a_multiplier, b_multiplier;
    int32_t a_shift, b_shift;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} es_int16_add_params;

/* Scales that are powers of two: shifts to the right, in [0, 15], one of them 0. */
typedef struct {
    int32_t a_shift, b_shift;
    int32_t activation_min, activation_max;
} es_int16_shifted_add_params;

/* The shift in [-31, 31]. */
typedef struct {
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} es_int16_mul_params;

/* The shifts in [-31, 31]. */
typedef struct {
    int32_t identity_multiplier, identity_shift;
    int32_t slope_multiplier, slope_shift;
} es_int16_prelu_params;

/* An operand in the scale that both share, at most 2^29 in magnitude. */
static inline int32_t es_int16_operand(int32_t value, int32_t multiplier, int32_t shift) {
    return es_rounding_shift(es_high_mul(value * (1 << 15), multiplier), -shift);
}

static inline int16_t es_int16_finish_sum(int32_t sum, const es_int16_add_params *p) {
    return (int16_t)es_clamp(es_requantize(sum, p->output_multiplier, p->output_shift), p->activation_min,
                             p->activation_max);
}

static inline int16_t es_int16_add(int16_t a, int16_t b, const es_int16_add_params *p) {
    return es_int16_finish_sum(es_int16_operand(a, p->a_multiplier, p->a_shift) +
                                 es_int16_operand(b, p->b_multiplier, p->b_shift),
                             p);
}

/* a - b */
static inline int16_t es_int16_sub(int16_t a, int16_t b, const es_int16_add_params *p) {
    return es_int16_finish_sum(es_int16_operand(a, p->a_multiplier, p->a_shift) -
                                 es_int16_operand(b, p->b_multiplier, p->b_shift),
                             p);
}

static inline int16_t es_int16_shifted_add(int16_t a, int16_t b, const es_int16_shifted_add_params *p) {
    return (int16_t)es_clamp(es_rounding_shift(a, p->a_shift) + es_rounding_shift(b, p->b_shift), p->activation_min,
                             p->activation_max);
}

/* a - b */
static inline int16_t es_int16_shifted_sub(int16_t a, int16_t b, const es_int16_shifted_add_params *p) {
    return (int16_t)es_clamp(es_rounding_shift(a, p->a_shift) - es_rounding_shift(b, p->b_shift), p->activation_min,
                             p->activation_max);
}

static inline int16_t es_int16_mul(int16_t a, int16_t b, const es_int16_mul_params *p) {
    return (int16_t)es_clamp(es_requantize(a * b, p->output_multiplier, p->output_shift), p->activation_min,
                             p->activation_max);
}

/* a where it is not negative, else a times b */
static inline int16_t es_int16_prelu(int16_t a, int8_t b, const es_int16_prelu_params *p) {
    const int32_t scaled = a >= 0 ? es_requantize(a, p->identity_multiplier, p->identity_shift)
                                  : es_requantize(a * b, p->slope_multiplier, p->slope_shift);
    return (int16_t)es_clamp(scaled, -32768, 32767);
}

#endif
