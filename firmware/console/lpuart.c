/* NXP's LPUART with 32-bit registers: i.MX RT, and Kinetis' later parts. CONSOLE_CLOCK_HZ is what clocks it. */
#include "console/serial.h"

#define BAUD REGISTER(CONSOLE_BASE + 0x10u)
#define STAT REGISTER(CONSOLE_BASE + 0x14u)
#define CTRL REGISTER(CONSOLE_BASE + 0x18u)
#define DATA REGISTER(CONSOLE_BASE + 0x1Cu)

#define OVERSAMPLING 16u
#define BAUD_OSR_SHIFT 24
#define STAT_OR (1u << 19)
#define STAT_RDRF (1u << 21)
#define STAT_TDRE (1u << 23)
#define CTRL_RE (1u << 18)
#define CTRL_TE (1u << 19)

#define BIT_CLOCKS (OVERSAMPLING * CONSOLE_BAUD)

void console_open(void) {
    BAUD = (OVERSAMPLING - 1u) << BAUD_OSR_SHIFT | (CONSOLE_CLOCK_HZ + BIT_CLOCKS / 2u) / BIT_CLOCKS;
    CTRL = CTRL_TE | CTRL_RE;
}

void console_put(uint8_t byte) {
    while ((STAT & STAT_TDRE) == 0u) {
    }
    DATA = byte;
}

int console_get(void) {
    uint32_t stat;

    while (((stat = STAT) & STAT_RDRF) == 0u) {
        STAT = stat & STAT_OR; /* written back it clears: after an overrun nothing would come */
    }
    return (int)(DATA & 255u);
}
