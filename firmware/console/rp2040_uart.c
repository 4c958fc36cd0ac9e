/* The console of an RP2040: UART0, at the speed that the clocks happen to give it. The end is EOT (4) and the status. */
#include "console.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RESETS_RESET REGISTER(0x4000C000u)
#define RESETS_DONE REGISTER(0x4000C008u)
#define CLK_PERI_CTRL REGISTER(0x40008048u)
#define GPIO0_CTRL REGISTER(0x40014004u)
#define UART0_DR REGISTER(0x40034000u)
#define UART0_FR REGISTER(0x40034018u)
#define UART0_IBRD REGISTER(0x40034024u)
#define UART0_LCR_H REGISTER(0x4003402Cu)
#define UART0_CR REGISTER(0x40034030u)

enum {
    RESET_IO_BANK0 = 1 << 5,
    RESET_PADS_BANK0 = 1 << 8,
    RESET_UART0 = 1 << 22,
    CLK_PERI_ENABLE = 1 << 11, /* from clk_sys */
    GPIO_UART = 2,
    UART_FULL = 1 << 5,
    UART_8_BITS_FIFO = 7 << 4,
    UART_ENABLE = 1 << 9 | 1 << 8 | 1,
    END_OF_TEXT = 4
};

static void open(void) {
    const uint32_t used = RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_UART0;

    RESETS_RESET &= ~used;
    while ((RESETS_DONE & used) != used) {
    }
    CLK_PERI_CTRL = CLK_PERI_ENABLE;
    UART0_IBRD = 4;
    UART0_LCR_H = UART_8_BITS_FIFO;
    UART0_CR = UART_ENABLE;
    GPIO0_CTRL = GPIO_UART;
}

static void put(uint32_t byte) {
    while ((UART0_FR & UART_FULL) != 0u) {
    }
    UART0_DR = byte;
}

void console_write(const char *text) {
    if ((UART0_CR & UART_ENABLE) != UART_ENABLE) {
        open();
    }
    while (*text != '\0') {
        put((uint8_t)*text++);
    }
}

void console_exit(int status) {
    console_write("");
    put(END_OF_TEXT);
    put((uint32_t)status & 255u);
    for (;;) {
    }
}
