/* Start-up of a Cortex-M: vectors, FPU, stack paint, .data and .bss, the board's registers, main; and what happens on a
 * fault.
 *
 * The stack lies at the bottom of RAM: an overflow leaves RAM and faults, it does not overwrite data. */
#include "startup.h"

#include "console/console.h"
#include "print.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#if __ARM_ARCH >= 7 /* Armv6-M cannot tell why it faults */
#define VTOR REGISTER(0xE000ED08u)
#define CFSR REGISTER(0xE000ED28u)
#define HFSR REGISTER(0xE000ED2Cu)
#endif
#define CPACR REGISTER(0xE000ED88u)
#define CPACR_CP10_CP11 (0xFu << 20)

#define FAULT_STATUS 70

/* From the link script. */
extern uint32_t __stack_limit[], __stack_top[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[];

int main(void);
void reset(void);
void fault(void);

/* The initial stack pointer, then the handlers of exceptions 1 to 15. No interrupt is ever enabled. */
typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector_t;

extern const vector_t vectors[16];

__attribute__((section(".vectors"), used)) const vector_t vectors[16] = {
    {.stack = __stack_top},
    {.handler = reset},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
};

/* Only a step that keeps less than everything, or sets something, writes. */
static void set_up(void) {
    for (uint32_t i = 0; i < board_setup_steps; i++) {
        const setup_step_t *const step = &board_setup[i];
        if (step->keep != 0xFFFFFFFFu || step->set != 0u) {
            REGISTER(step->address) = (REGISTER(step->address) & step->keep) | step->set;
        }
        while ((REGISTER(step->address) & step->wait) != step->wait) {
        }
    }
}

/* Apart from reset(), so that no instruction that needs the FPU can come before it is enabled. */
__attribute__((noinline, noreturn)) static void start(void) {
    uint32_t *here = __builtin_frame_address(0);
    uint32_t *to;
    const uint32_t *from;

    for (to = __stack_limit; to < here - 16; to++) {
        *(volatile uint32_t *)to = STACK_PAINT;
    }
    for (to = __data_start, from = __data_load; to < __data_end;) {
        *to++ = *from++;
    }
    for (to = __bss_start; to < __bss_end;) {
        *to++ = 0;
    }
    set_up();
    console_open();
    console_exit(main());
}

void reset(void) {
#if __ARM_ARCH >= 7
    VTOR = (uint32_t)vectors; /* whatever started us may have had its own */
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= CPACR_CP10_CP11;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    start();
}

uint32_t *stack_bottom(void) {
    return __stack_limit;
}

uint32_t stack_used(void) {
    const uint32_t *deepest = __stack_limit;

    while (deepest < __stack_top && *deepest == STACK_PAINT) {
        deepest++;
    }
    return (uint32_t)(__stack_top - deepest) * (uint32_t)sizeof *deepest;
}

/* The stack may be what went wrong: report on a fresh one. */
__attribute__((naked)) void fault(void) {
    __asm__ volatile(
        "mov r0, sp\n\t"
        "ldr r1, =__stack_top\n\t"
        "mov sp, r1\n\t"
        "b report_fault\n\t"
        ".ltorg");
}

void report_fault(const uint32_t *frame);

/* frame: the registers that the core saved, r0-r3, r12, lr, pc, psr; not in the stack after an overflow. */
__attribute__((used, noreturn)) void report_fault(const uint32_t *frame) {
    const uint32_t saved_pc = 6;

    print_text("\nFAULT");
    if (frame >= __stack_limit && frame + saved_pc < __stack_top) {
        print_text(" pc=");
        print_word(frame[saved_pc]);
    } else {
        print_text(" stack overflow");
    }
#if __ARM_ARCH >= 7
    print_text(" cfsr=");
    print_word(CFSR);
    print_text(" hfsr=");
    print_word(HFSR);
#endif
    print_text("\n");
    console_exit(FAULT_STATUS);
}
