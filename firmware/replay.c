#include "replay.h"

#include "app.h"
#include "print.h"
#include "startup/startup.h"

#define MAX_INPUTS 16u

static uint32_t fnv1a(uint32_t hash, const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

static uint32_t print_outputs(uint32_t hop, uint32_t hash) {
    print_decimal(hop);
    for (uint32_t i = 0; i < app_output_count; i++) {
        print_text(" ");
        print_bytes(app_outputs[i], app_output_bytes[i]);
        hash = fnv1a(hash, app_outputs[i], app_output_bytes[i]);
    }
    print_text("\n");
    return hash;
}

int replay(void) {
    static const uint8_t *inputs[MAX_INPUTS];
    uint32_t hash = 2166136261u;
    uint32_t lines = 0;

    if (app_input_count > MAX_INPUTS) {
        print_text("too many inputs\n");
        return 1;
    }
    app_init();
    for (uint32_t hop = 0; hop < app_hops; hop++) {
        for (uint32_t i = 0; i < app_input_count; i++) {
            inputs[i] = app_recording[i] + hop * app_input_bytes[i];
        }
        if (app_push(inputs, app_outputs) != 0) {
            hash = print_outputs(hop, hash);
            lines++;
        }
    }
    print_text("STACK ");
    print_decimal(stack_used());
    print_text("\nEND ");
    print_decimal(lines);
    print_text(" ");
    print_word(hash);
    print_text("\n");
    return 0;
}
