/* The USART of the older STM32: F1, F2, F4, L1. CONSOLE_CLOCK_HZ is what clocks it. */
#include "console/serial.h"

#define SR REGISTER(CONSOLE_BASE + 0x00u)
#define DR REGISTER(CONSOLE_BASE + 0x04u)
#define BRR REGISTER(CONSOLE_BASE + 0x08u)
#define CR1 REGISTER(CONSOLE_BASE + 0x0Cu)

#define SR_RXNE (1u << 5)
#define SR_TXE (1u << 7)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_UE (1u << 13)

void console_open(void) {
    BRR = (CONSOLE_CLOCK_HZ + CONSOLE_BAUD / 2u) / CONSOLE_BAUD;
    CR1 = CR1_UE | CR1_TE | CR1_RE;
    (void)DR; /* what came before; QEMU looks for more only then */
}

void console_put(uint8_t byte) {
    while ((SR & SR_TXE) == 0u) {
    }
    DR = byte;
}

/* Reading SR and then DR clears an overrun too. */
int console_get(void) {
    while ((SR & SR_RXNE) == 0u) {
    }
    return (int)(DR & 255u);
}
