/* Raw frames from standard input, raw outputs to standard output: the inputs of a push one after the other, and, as
 * soon as a window is full, its outputs. Ends with its input; status 1 when that stops within a push. */
#include "app.h"
#include "console/console.h"

#define MAX_INPUTS 16u

/* The next push, each input 8-byte aligned; returns how many bytes there were. */
static uint32_t take(const uint8_t **inputs) {
    uint8_t *to = app_request + 4;
    uint32_t taken = 0;

    for (uint32_t i = 0; i < app_input_count; i++) {
        inputs[i] = to;
        for (uint32_t at = 0; at < app_input_bytes[i]; at++) {
            const int byte = console_get();
            if (byte < 0) {
                return taken;
            }
            to[at] = (uint8_t)byte;
            taken++;
        }
        to += (app_input_bytes[i] + 7u) / 8u * 8u;
    }
    return taken;
}

int main(void) {
    static const uint8_t *inputs[MAX_INPUTS];
    uint32_t whole = 0, taken;

    if (app_input_count > MAX_INPUTS) {
        return 1;
    }
    for (uint32_t i = 0; i < app_input_count; i++) {
        whole += app_input_bytes[i];
    }
    app_init();
    while ((taken = take(inputs)) == whole) {
        if (app_push(inputs, app_outputs) != 0) {
            for (uint32_t i = 0; i < app_output_count; i++) {
                for (uint32_t at = 0; at < app_output_bytes[i]; at++) {
                    console_put(app_outputs[i][at]);
                }
            }
        }
    }
    return taken > 0u;
}
