/* The second stage of the RP2040's start, before the vectors in flash. The ROM copies the first 256 bytes of flash to
 * RAM, checks that the last four are the checksum of the others (the host puts it there, edgeshift/device/boot.py),
 * and calls them at their start. From there on flash must be readable as memory: here by the plain serial read, 03h,
 * that every flash chip knows, at a quarter of the core's clock: 33 MHz for the most that it can have, 133; many chips
 * allow 50. Then the core is sent to the vectors behind, as after a reset. It runs wherever it lies: nothing of it is
 * named by its address.
 *
 * Registers: RP2040 datasheet, 2.8.1 (boot sequence), 4.10.13 (SSI), 2.4.8 (VTOR). */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SSI_CTRLR0 REGISTER(0x18000000u)
#define SSI_CTRLR1 REGISTER(0x18000004u)
#define SSI_SSIENR REGISTER(0x18000008u)
#define SSI_BAUDR REGISTER(0x18000014u)
#define SSI_SPI_CTRLR0 REGISTER(0x180000F4u)
#define VTOR REGISTER(0xE000ED08u)

#define VECTORS 0x10000100u

#define CLOCK_DIVISOR 4u
#define CTRLR0_FRAME_BITS(bits) (((bits) - 1u) << 16)
#define CTRLR0_EEPROM_READ (3u << 8) /* send the command and the address, then receive; one data line each way */
#define SPI_CTRLR0_COMMAND(byte) ((uint32_t)(byte) << 24)
#define SPI_CTRLR0_8_BIT_COMMAND (2u << 8)
#define SPI_CTRLR0_ADDRESS_BITS(bits) ((bits) / 4u << 2)
#define SERIAL_READ 0x03u

void boot(void);

__attribute__((section(".boot"), used, noreturn)) void boot(void) {
    SSI_SSIENR = 0;
    SSI_BAUDR = CLOCK_DIVISOR;
    SSI_CTRLR0 = CTRLR0_FRAME_BITS(32u) | CTRLR0_EEPROM_READ;
    SSI_CTRLR1 = 0; /* one word a time */
    SSI_SPI_CTRLR0 = SPI_CTRLR0_COMMAND(SERIAL_READ) | SPI_CTRLR0_8_BIT_COMMAND | SPI_CTRLR0_ADDRESS_BITS(24u);
    SSI_SSIENR = 1;

    VTOR = VECTORS;
    __asm__ volatile(
        "ldr r1, [%0]\n\t"
        "ldr r2, [%0, #4]\n\t"
        "msr msp, r1\n\t"
        "bx r2"
        :
        : "l"(VECTORS)
        : "r1", "r2", "memory");
    __builtin_unreachable();
}
