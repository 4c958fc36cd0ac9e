/* The API of a generated model with two inputs and two outputs, by hand: a leaky float accumulator fed by
 * float * int16, and a count of the pushes. Ready from the first push. */
#ifndef DUO_H
#define DUO_H

#include <stdint.h>

#define DUO_MODEL_SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define DUO_INPUT0_SIZE 5
#define DUO_INPUT1_SIZE 5
#define DUO_OUTPUT0_SIZE 5
#define DUO_OUTPUT1_SIZE 1

typedef float duo_input0_t;
typedef int16_t duo_input1_t;
typedef float duo_output0_t;
typedef int32_t duo_output1_t;
typedef enum { DUO_WARMUP = 0, DUO_READY = 1 } duo_status_t;
typedef struct {
    float level[DUO_OUTPUT0_SIZE];
    int32_t pushed;
} duo_t;

void duo_init(duo_t *state);
duo_status_t duo_push(duo_t *state, const duo_input0_t *frames0, const duo_input1_t *frames1,
                      duo_output0_t *output0, duo_output1_t *output1);

#endif
