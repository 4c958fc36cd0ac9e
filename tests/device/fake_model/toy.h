/* The API of a generated model, by hand: the sum over a window of 3 frames of 4 channels, saturated to int8. */
#ifndef TOY_H
#define TOY_H

#include <stdint.h>

#define TOY_MODEL_SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define TOY_WINDOW_FRAMES 3
#define TOY_HOP_FRAMES 1
#define TOY_WARMUP_HOPS 2
#define TOY_INPUT_SIZE 4
#define TOY_OUTPUT_SIZE 4

typedef int8_t toy_input_t;
typedef int8_t toy_output_t;
typedef enum { TOY_WARMUP = 0, TOY_READY = 1 } toy_status_t;
typedef struct {
    int8_t ring[TOY_WINDOW_FRAMES][TOY_INPUT_SIZE];
    uint32_t pushed;
} toy_t;

void toy_init(toy_t *state);
toy_status_t toy_push(toy_t *state, const toy_input_t *frames, toy_output_t *output);

#endif
