#include "toy.h"

#include <string.h>

void toy_init(toy_t *state) {
    memset(state, 0, sizeof *state);
}

toy_status_t toy_push(toy_t *state, const toy_input_t *frames, toy_output_t *output) {
    memcpy(state->ring[state->pushed % TOY_WINDOW_FRAMES], frames, sizeof state->ring[0]);
    state->pushed++;
    if (state->pushed < TOY_WINDOW_FRAMES) {
        return TOY_WARMUP;
    }
    for (int channel = 0; channel < TOY_OUTPUT_SIZE; channel++) {
        int sum = 0;
        for (int frame = 0; frame < TOY_WINDOW_FRAMES; frame++) {
            sum += state->ring[frame][channel];
        }
        output[channel] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }
    return TOY_READY;
}
