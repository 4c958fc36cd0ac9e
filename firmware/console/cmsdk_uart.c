/* The APB UART of Arm's Cortex-M System Design Kit, on the MPS2 and MPS3 boards. CONSOLE_CLOCK_HZ is what clocks it. */
#include "console/serial.h"

#define DATA REGISTER(CONSOLE_BASE + 0x00u)
#define STATE REGISTER(CONSOLE_BASE + 0x04u)
#define CTRL REGISTER(CONSOLE_BASE + 0x08u)
#define BAUDDIV REGISTER(CONSOLE_BASE + 0x10u)

#define STATE_TX_FULL (1u << 0)
#define STATE_RX_FULL (1u << 1)
#define CTRL_TX_ENABLE (1u << 0)
#define CTRL_RX_ENABLE (1u << 1)

void console_open(void) {
    BAUDDIV = (CONSOLE_CLOCK_HZ + CONSOLE_BAUD / 2u) / CONSOLE_BAUD;
    CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE;
    (void)DATA; /* what came before; QEMU looks for more only then */
}

void console_put(uint8_t byte) {
    while ((STATE & STATE_TX_FULL) != 0u) {
    }
    DATA = byte;
}

int console_get(void) {
    while ((STATE & STATE_RX_FULL) == 0u) {
    }
    return (int)(DATA & 255u);
}
