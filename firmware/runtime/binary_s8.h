/* SQUARED_DIFFERENCE, PRELU and the arithmetic of ONNX of two int8 values. Needs requantize.h and convert.h before it. */
#ifndef ES_BINARY_S8_H
#define ES_BINARY_S8_H

#include <stdint.h>

/* Offsets are minus the inputs' zero points and plus the output's, in [-128, 128]; shifts in [-31, 0]. */
typedef struct {
    int32_t a_offset, b_offset;
    int32_t a_multiplier, b_multiplier;
    int32_t a_shift, b_shift;
    int32_t output_offset, output_multiplier, output_shift;
} es_squared_difference_s8_params;

/* The shifts in [-31, 31]. */
typedef struct {
    int32_t a_offset, b_offset;
    int32_t output_offset;
    int32_t identity_multiplier, identity_shift;
    int32_t slope_multiplier, slope_shift;
} es_prelu_s8_params;

/* Multipliers in (-2^31, 2^31), the shift in [11, 46]. */
typedef struct {
    int32_t a_offset, b_offset;
    int32_t a_multiplier, b_multiplier;
    int32_t shift, output_offset;
    int32_t activation_min, activation_max;
} es_even_sum_s8_params;

typedef struct {
    int32_t a_offset, b_offset;
    int32_t multiplier, shift, output_offset;
    int32_t activation_min, activation_max;
} es_even_product_s8_params;

typedef struct {
    float a_scale, b_scale, output_scale;
    int32_t a_zero_point, b_zero_point, output_offset;
    int32_t activation_min, activation_max;
} es_even_float_sum_s8_params;

typedef es_even_float_sum_s8_params es_even_float_product_s8_params;

/* A weighted sum to nearest, ties to even: ADD and SUB of ONNX, for pairs of scales where it is the same function. */
static inline int8_t es_even_sum_s8(int8_t a, int8_t b, const es_even_sum_s8_params *p) {
    const int64_t sum = (int64_t)(a + p->a_offset) * p->a_multiplier + (int64_t)(b + p->b_offset) * p->b_multiplier;
    const int32_t steps = es_even_shift_signed(sum, p->shift);
    return (int8_t)es_clamp(steps + p->output_offset, p->activation_min, p->activation_max);
}

/* A scaled product likewise: MUL of ONNX. */
static inline int8_t es_even_product_s8(int8_t a, int8_t b, const es_even_product_s8_params *p) {
    const int64_t product = (int64_t)((a + p->a_offset) * (b + p->b_offset)) * p->multiplier;
    const int32_t steps = es_even_shift_signed(product, p->shift);
    return (int8_t)es_clamp(steps + p->output_offset, p->activation_min, p->activation_max);
}

/* ADD (SUB with a negative scale) and MUL of ONNX in float, where no integers do it. */
static inline int8_t es_even_float_sum_s8(int8_t a, int8_t b, const es_even_float_sum_s8_params *p) {
    const float left = es_dequantize(a, p->a_scale, p->a_zero_point);
    const float right = es_dequantize(b, p->b_scale, p->b_zero_point);
    const int8_t sum = es_quantize_even(left + right, p->output_scale, p->output_offset);
    return (int8_t)es_clamp(sum, p->activation_min, p->activation_max);
}

static inline int8_t es_even_float_product_s8(int8_t a, int8_t b, const es_even_float_product_s8_params *p) {
    const float left = es_dequantize(a, p->a_scale, p->a_zero_point);
    const float right = es_dequantize(b, p->b_scale, p->b_zero_point);
    const int8_t product = es_quantize_even(left * right, p->output_scale, p->output_offset);
    return (int8_t)es_clamp(product, p->activation_min, p->activation_max);
}

/* (a - b)^2; each operand is below 2^14 in the scale that both share. */
static inline int8_t es_squared_difference_s8(int8_t a, int8_t b, const es_squared_difference_s8_params *p) {
    const int32_t left = es_requantize((a + p->a_offset) * 128, p->a_multiplier, p->a_shift);
    const int32_t right = es_requantize((b + p->b_offset) * 128, p->b_multiplier, p->b_shift);
    return es_requantize_s8((left - right) * (left - right), p->output_multiplier, p->output_shift, p->output_offset,
                            -128, 127);
}

/* a where it is not negative, else a times b */
static inline int8_t es_prelu_s8(int8_t a, int8_t b, const es_prelu_s8_params *p) {
    const int32_t x = a + p->a_offset;
    if (x >= 0) {
        return es_requantize_s8(x, p->identity_multiplier, p->identity_shift, p->output_offset, -128, 127);
    }
    return es_requantize_s8(x * (b + p->b_offset), p->slope_multiplier, p->slope_shift, p->output_offset, -128, 127);
}

#endif
