/* The start-up of a program on Linux, where little is left to do: STACK_BYTES of the stack are painted. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "startup.h"

#include <time.h>

#include "startup/ticks.h"

#ifndef STACK_BYTES
#define STACK_BYTES 65536u
#endif

static uint32_t *top;

/* Before main, in a frame that lies no deeper. */
__attribute__((constructor)) static void paint(void) {
    top = __builtin_frame_address(0);
    for (volatile uint32_t *to = stack_bottom(); to < top - 64; to++) {
        *to = STACK_PAINT;
    }
}

uint32_t *stack_bottom(void) {
    return top - STACK_BYTES / sizeof *top;
}

uint32_t stack_used(void) {
    const volatile uint32_t *deepest = stack_bottom();

    while (deepest < top && *deepest == STACK_PAINT) {
        deepest++;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)deepest);
}

static struct timespec began;

void ticks_start(void) {
    clock_gettime(CLOCK_MONOTONIC, &began);
}

uint32_t ticks_since_start(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t ticks = (int64_t)(now.tv_sec - began.tv_sec) * 1000000000 + (now.tv_nsec - began.tv_nsec);
    return ticks > (int64_t)UINT32_MAX ? 0u : (uint32_t)ticks;
}
