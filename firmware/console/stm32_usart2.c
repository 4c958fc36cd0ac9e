/* The second generation of the STM32's USART, and its LPUART: F0, F3, F7, G0, G4, H5, H7, L0, L4, L5, U5, WB, WL.
 * CONSOLE_CLOCK_HZ is what clocks it; CONSOLE_BRR_SCALE is 256 for an LPUART, 1 for a USART. */
#include "console/serial.h"

#define CR1 REGISTER(CONSOLE_BASE + 0x00u)
#define BRR REGISTER(CONSOLE_BASE + 0x0Cu)
#define ISR REGISTER(CONSOLE_BASE + 0x1Cu)
#define ICR REGISTER(CONSOLE_BASE + 0x20u)
#define RDR REGISTER(CONSOLE_BASE + 0x24u)
#define TDR REGISTER(CONSOLE_BASE + 0x28u)

#define CR1_UE (1u << 0)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define ISR_ORE (1u << 3)
#define ISR_RXNE (1u << 5)
#define ISR_TXE (1u << 7)

#define SCALED(hz) ((uint32_t)((uint64_t)(hz) * CONSOLE_BRR_SCALE))

void console_open(void) {
    BRR = (SCALED(CONSOLE_CLOCK_HZ) + CONSOLE_BAUD / 2u) / CONSOLE_BAUD;
    CR1 = CR1_UE | CR1_TE | CR1_RE;
}

void console_put(uint8_t byte) {
    while ((ISR & ISR_TXE) == 0u) {
    }
    TDR = byte;
}

int console_get(void) {
    while ((ISR & ISR_RXNE) == 0u) {
        ICR = ISR_ORE; /* after an overrun nothing would come */
    }
    return (int)(RDR & 255u);
}
