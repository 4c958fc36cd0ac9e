/* What surrounds a push: in an image that measures (EDGESHIFT_MEASURE) paint and marks, in any other nothing. */
#ifndef EDGESHIFT_MEASURE_H
#define EDGESHIFT_MEASURE_H

#ifdef EDGESHIFT_MEASURE

#include <stdint.h>

#include "startup/startup.h"
#include "startup/ticks.h"

/* Inlined, so that nothing but the push is called between the paint and the scan. */
#define MEASURE_INLINE __attribute__((always_inline)) static inline

/* The most that a push was seen to need: bytes of stack, and ticks; the ticks of all pushes that gave an output, and
 * how many those were. Where the counter takes stack, nothing is counted. */
extern uint32_t measure_stack, measure_ticks, measure_pushes;
extern uint64_t measure_all_ticks;

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
#ifdef TICKS_WITHOUT_STACK
    ticks_start();
#endif
}

MEASURE_INLINE void measure_after(int status) {
    measure_returned(status);
#ifdef TICKS_WITHOUT_STACK
    const uint32_t ticks = ticks_since_start();
#else
    const uint32_t ticks = 0;
#endif
    volatile uint32_t *const top = measure_stack_pointer();
    volatile uint32_t *p = stack_bottom();

    while (p < top && *p == STACK_PAINT) {
        p++;
    }
    const uint32_t used = (uint32_t)((uintptr_t)top - (uintptr_t)p);
    measure_stack = used > measure_stack ? used : measure_stack;
    if (status != 0) {
        measure_ticks = ticks > measure_ticks ? ticks : measure_ticks;
        measure_all_ticks += ticks;
        measure_pushes++;
    }
}

#else

static inline void measure_before(void) {
}

static inline void measure_after(int status) {
    (void)status;
}

#endif

#endif
