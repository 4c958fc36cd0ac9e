/* How long something took: ticks_since_start() since ticks_start(); 0 stands for a core without a counter (an emulator's,
 * often) and for more than it can count.
 *
 * Armv7-M and Armv8-M count the core's cycles in the 32 bits of DWT, Armv6-M in the 24 of SysTick; Linux nanoseconds,
 * by calls that take stack. */
#ifndef EDGESHIFT_TICKS_H
#define EDGESHIFT_TICKS_H

#include <stdint.h>

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define TICKS_WITHOUT_STACK
#endif

#if defined(TICKS_WITHOUT_STACK) && __ARM_ARCH >= 7

#define TICKS_HZ CLOCK_HZ
#define TICKS_REGISTER(address) (*(volatile uint32_t *)(address))
#define DEMCR TICKS_REGISTER(0xE000EDFCu)
#define DWT_CTRL TICKS_REGISTER(0xE0001000u)
#define DWT_CYCCNT TICKS_REGISTER(0xE0001004u)
#define DWT_LAR TICKS_REGISTER(0xE0001FB0u)

static inline void ticks_start(void) {
    DEMCR |= 1u << 24;     /* TRCENA */
    DWT_LAR = 0xC5ACCE55u; /* the Cortex-M7 locks it */
    DWT_CTRL |= 1u;        /* CYCCNTENA */
    DWT_CYCCNT = 0;
}

static inline uint32_t ticks_since_start(void) {
    return DWT_CYCCNT;
}

#elif defined(TICKS_WITHOUT_STACK)

#define TICKS_HZ CLOCK_HZ
#define TICKS_REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR TICKS_REGISTER(0xE000E010u)
#define SYST_RVR TICKS_REGISTER(0xE000E014u)
#define SYST_CVR TICKS_REGISTER(0xE000E018u)
#define SYST_MAX 0xFFFFFFu

static inline void ticks_start(void) {
    SYST_RVR = SYST_MAX;
    SYST_CSR = 1u << 2 | 1u; /* the core's clock, enabled */
    SYST_CVR = 0;            /* any value starts it anew */
    (void)SYST_CSR;          /* and COUNTFLAG is clear once it was read */
}

static inline uint32_t ticks_since_start(void) {
    const uint32_t ticks = SYST_MAX - SYST_CVR;
    return (SYST_CSR & 1u << 16) != 0u ? 0u : ticks; /* COUNTFLAG: it went round */
}

#else

#define TICKS_HZ 1000000000u

void ticks_start(void);
uint32_t ticks_since_start(void);

#endif

#endif
