/* What the start-up code offers to applications. */
#ifndef EDGESHIFT_STARTUP_H
#define EDGESHIFT_STARTUP_H

#include <stdint.h>

/* A register that the board wants set before all else: what of it stays, what is set, and the bits to wait for. */
typedef struct {
    uint32_t address, keep, set, wait;
} setup_step_t;

/* The board's, in order; generated from its data. */
extern const setup_step_t board_setup[];
extern const uint32_t board_setup_steps;

/* What is written into the free stack before it is used. */
#define STACK_PAINT 0xA5A5A5A5u

/* Where the stack may grow down to. */
uint32_t *stack_bottom(void);

/* The deepest that the stack has been since it was last painted, in bytes. */
uint32_t stack_used(void);

#endif
