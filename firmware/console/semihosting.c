/* The console through the debugger or the emulator: Arm semihosting, as M-profile cores call it. It only sends. */
#include "console/console.h"

enum {
    SYS_WRITEC = 0x03,
    SYS_WRITE0 = 0x04,
    SYS_EXIT_EXTENDED = 0x20,
    APPLICATION_EXIT = 0x20026
};

static void semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void console_open(void) {
}

void console_write(const char *text) {
    semihosting(SYS_WRITE0, text);
}

void console_put(uint8_t byte) {
    semihosting(SYS_WRITEC, &byte);
}

void console_exit(int status) {
    const uint32_t reason[2] = {APPLICATION_EXIT, (uint32_t)status};

    for (;;) {
        semihosting(SYS_EXIT_EXTENDED, reason);
    }
}
