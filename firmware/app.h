/* What an application knows of the model and of its recording.
 *
 * The generated adapter.c defines the model's side, the generated recording.c the recording's. */
#ifndef EDGESHIFT_APP_H
#define EDGESHIFT_APP_H

#include <stdint.h>

/* The model: how many inputs and outputs it has, and how many bytes of each one push takes or gives. */
extern const uint32_t app_input_count;
extern const uint32_t app_output_count;
extern const uint32_t app_input_bytes[];
extern const uint32_t app_output_bytes[];

/* One buffer per output, app_output_bytes[i] bytes each, aligned for the output's type. */
extern uint8_t *const app_outputs[];

/* The SHA-256 of the file that the model was made from, 64 hexadecimal digits. */
extern const char app_model_sha256[65];

/* Room for the longest request of the app stream: a push. Behind its header, 4 bytes, it is 8-byte aligned. */
extern uint8_t *const app_request;
extern const uint32_t app_request_bytes;

/* The recording: app_hops pushes. Input i has app_hops * app_input_bytes[i] bytes, 8-byte aligned. */
extern const uint32_t app_hops;
extern const uint8_t *const app_recording[];

/* Forgets all that was pushed. */
void app_init(void);

/* Pushes one hop. Returns 1 when the outputs were written, 0 while the model is still warming up. */
int app_push(const uint8_t *const *inputs, uint8_t *const *outputs);

#endif
