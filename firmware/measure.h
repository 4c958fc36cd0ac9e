/* What surrounds a push: in an image that measures (EDGESHIFT_MEASURE) paint and marks, in any other nothing. */
#ifndef EDGESHIFT_MEASURE_H
#define EDGESHIFT_MEASURE_H

#ifdef EDGESHIFT_MEASURE

#include <stdint.h>

#include "startup/startup.h"

/* Inlined, so that nothing but the push is called between the paint and the scan. */
#define MEASURE_INLINE __attribute__((always_inline)) static inline

/* The most that a push was seen to need, in bytes. */
extern uint32_t measure_stack;

/* Called with what push returned by the very next instruction, so that an emulator can tell its end. */
void measure_returned(int status);

MEASURE_INLINE volatile uint32_t *measure_stack_pointer(void) {
    volatile uint32_t *pointer;

    __asm__ volatile("mov %0, sp" : "=r"(pointer)::"memory");
    return pointer;
}

MEASURE_INLINE void measure_before(void) {
    volatile uint32_t *const top = measure_stack_pointer();

    for (volatile uint32_t *p = stack_bottom(); p < top; p++) {
        *p = STACK_PAINT;
    }
}

MEASURE_INLINE void measure_after(int status) {
    measure_returned(status);
    volatile uint32_t *const top = measure_stack_pointer();
    volatile uint32_t *p = stack_bottom();

    while (p < top && *p == STACK_PAINT) {
        p++;
    }
    const uint32_t used = (uint32_t)((uintptr_t)top - (uintptr_t)p);
    measure_stack = used > measure_stack ? used : measure_stack;
}

#else

static inline void measure_before(void) {
}

static inline void measure_after(int status) {
    (void)status;
}

#endif

#endif
