/* What the start-up code offers to applications. */
#ifndef EDGESHIFT_STARTUP_H
#define EDGESHIFT_STARTUP_H

#include <stdint.h>

/* What is written into the free stack before it is used. */
#define STACK_PAINT 0xA5A5A5A5u

/* Where the stack may grow down to. */
uint32_t *stack_bottom(void);

/* The deepest that the stack has been since it was last painted, in bytes. */
uint32_t stack_used(void);

#endif
