/* What the ROM of an i.MX RT1062 reads before it starts an image: how to talk to the flash chip, and, 4 KB behind,
 * where the vectors are. The flash is read by EBh, four lines for the address and the data, at 100 MHz: Winbond's W25Q64JV.
 *
 * i.MX RT1060 reference manual: 9.6.3.1 (FlexSPI NOR configuration block), 9.7.1 (image vector table), 27.5.8 (LUT). */
#include <stdint.h>

#define FLASH 0x60000000u
#define FLASH_BYTES 0x00800000u

/* One instruction of FlexSPI's lookup table; `lines` is the logarithm of their number. */
#define STEP(operation, lines, operand) ((uint32_t)(operation) << 10 | (uint32_t)(lines) << 8 | (uint32_t)(operand))
#define PAIR(first, second) ((first) | (second) << 16)
#define COMMAND 0x01u
#define ADDRESS 0x02u
#define MODE_8_BITS 0x07u
#define READ 0x09u
#define DUMMY 0x0Cu

typedef struct {
    uint32_t tag, version, reserved0;
    uint8_t sample_clock, hold, setup, column_bits;
    uint8_t reserved1[0x44 - 0x10];
    uint8_t device, lines, frequency, custom;
    uint8_t reserved2[0x50 - 0x48];
    uint32_t bytes[4];
    uint8_t reserved3[0x80 - 0x60];
    uint32_t lookup[64];
    uint8_t reserved4[0x1C0 - 0x180];
    uint32_t page_bytes, sector_bytes;
    uint8_t reserved5[0x1000 - 0x1C8];
    uint32_t header;
    const void *entry;
    uint32_t reserved6, device_data;
    const void *data, *self;
    uint32_t signature, reserved7;
    uint32_t data_start, data_bytes, plugin;
    uint8_t reserved8[0x2000 - 0x102C];
} boot_t;

_Static_assert(sizeof(boot_t) == 0x2000, "the vectors come right behind");

extern const uint32_t vectors[16];
extern const boot_t boot_block;

__attribute__((section(".boot"), used)) const boot_t boot_block = {
    .tag = 0x42464346u,
    .version = 0x56010000u,
    .sample_clock = 1, /* looped back at the DQS pad */
    .hold = 3,
    .setup = 3,
    .device = 1, /* serial NOR */
    .lines = 4,
    .frequency = 6, /* 100 MHz */
    .bytes = {FLASH_BYTES},
    .lookup =
        {
            PAIR(STEP(COMMAND, 0, 0xEB), STEP(ADDRESS, 2, 24)),
            PAIR(STEP(MODE_8_BITS, 2, 0), STEP(DUMMY, 2, 4)),
            STEP(READ, 2, 4),
        },
    .page_bytes = 256,
    .sector_bytes = 4096,
    .header = 0x432000D1u, /* a table of 32 bytes, version 4.3 */
    .entry = vectors,
    .data = &boot_block.data_start,
    .self = &boot_block.header,
    .data_start = FLASH,
    .data_bytes = FLASH_BYTES,
};
