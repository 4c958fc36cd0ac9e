/* What the start-up code offers to applications. */
#ifndef EDGESHIFT_STARTUP_H
#define EDGESHIFT_STARTUP_H

#include <stdint.h>

/* The deepest that the stack has been since reset, in bytes. */
uint32_t stack_used(void);

#endif
