/* Nordic's UARTE, which takes and leaves its bytes in RAM: nRF52, nRF53, nRF91. Its clock is always 16 MHz.
 * CONSOLE_TX_PIN and CONSOLE_RX_PIN are the pin plus 32 times its port. */
#include "console/serial.h"

#define STARTRX REGISTER(CONSOLE_BASE + 0x000u)
#define STARTTX REGISTER(CONSOLE_BASE + 0x008u)
#define ENDRX REGISTER(CONSOLE_BASE + 0x110u)
#define ENDTX REGISTER(CONSOLE_BASE + 0x120u)
#define ENABLE REGISTER(CONSOLE_BASE + 0x500u)
#define PSEL_TXD REGISTER(CONSOLE_BASE + 0x50Cu)
#define PSEL_RXD REGISTER(CONSOLE_BASE + 0x514u)
#define BAUDRATE REGISTER(CONSOLE_BASE + 0x524u)
#define RXD_PTR REGISTER(CONSOLE_BASE + 0x534u)
#define RXD_MAXCNT REGISTER(CONSOLE_BASE + 0x538u)
#define TXD_PTR REGISTER(CONSOLE_BASE + 0x544u)
#define TXD_MAXCNT REGISTER(CONSOLE_BASE + 0x548u)

#define ENABLE_UARTE 8u

/* 2^32 baud / 16 MHz, of which the lowest 12 bits are not there. */
#define RATE ((uint32_t)((((uint64_t)CONSOLE_BAUD << 32) / 16000000u + 0x800u) & 0xFFFFF000u))

static volatile uint8_t received, sent;

void console_open(void) {
    PSEL_TXD = CONSOLE_TX_PIN;
    PSEL_RXD = CONSOLE_RX_PIN;
    BAUDRATE = RATE;
    ENABLE = ENABLE_UARTE;
    TXD_PTR = (uint32_t)&sent;
    TXD_MAXCNT = 1;
    RXD_PTR = (uint32_t)&received;
    RXD_MAXCNT = 1;
    STARTRX = 1;
}

void console_put(uint8_t byte) {
    sent = byte;
    ENDTX = 0;
    STARTTX = 1;
    while (ENDTX == 0u) {
    }
}

/* What comes before the next start waits in the UARTE's own FIFO. */
int console_get(void) {
    while (ENDRX == 0u) {
    }
    const int byte = received;
    ENDRX = 0;
    STARTRX = 1;
    return byte;
}
