/* Arm's PrimeCell UART, PL011, with its FIFOs: RP2040, RP2350. CONSOLE_CLOCK_HZ is what clocks it. */
#include "console/serial.h"

#define DR REGISTER(CONSOLE_BASE + 0x00u)
#define FR REGISTER(CONSOLE_BASE + 0x18u)
#define IBRD REGISTER(CONSOLE_BASE + 0x24u)
#define FBRD REGISTER(CONSOLE_BASE + 0x28u)
#define LCR_H REGISTER(CONSOLE_BASE + 0x2Cu)
#define CR REGISTER(CONSOLE_BASE + 0x30u)

#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define LCR_H_FEN (1u << 4)
#define LCR_H_8_BITS (3u << 5)
#define CR_UARTEN (1u << 0)
#define CR_TXE (1u << 8)
#define CR_RXE (1u << 9)

/* In 64ths; a bit takes 16 clocks. */
#define DIVISOR ((CONSOLE_CLOCK_HZ * 4u + CONSOLE_BAUD / 2u) / CONSOLE_BAUD)

void console_open(void) {
    IBRD = DIVISOR / 64u;
    FBRD = DIVISOR % 64u;
    LCR_H = LCR_H_8_BITS | LCR_H_FEN; /* takes the divisor over */
    CR = CR_UARTEN | CR_TXE | CR_RXE;
}

void console_put(uint8_t byte) {
    while ((FR & FR_TXFF) != 0u) {
    }
    DR = byte;
}

int console_get(void) {
    while ((FR & FR_RXFE) != 0u) {
    }
    return (int)(DR & 255u);
}
