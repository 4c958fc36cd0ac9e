/* What the RP2350's ROM looks for in the first 4 KB of flash: a block that says that this is a program for its Arm
 * cores in the secure state, whose vectors are where flash begins. It is the only one, so that it is linked to itself.
 * Flash is readable already. RP2350 datasheet, 5.9.5.1. */
#include <stdint.h>

#define BLOCK_START 0xFFFFDED3u
#define BLOCK_END 0xAB123579u
#define ITEM(type, words, data) ((uint32_t)(type) | (uint32_t)(words) << 8 | (uint32_t)(data) << 16)
#define IMAGE_TYPE 0x42u
#define IMAGE_TYPE_EXE 0x0001u
#define IMAGE_TYPE_SECURE 0x0020u
#define IMAGE_TYPE_RP2350 0x1000u
#define LAST 0xFFu

extern const uint32_t boot_block[5];

__attribute__((section(".image_def"), used)) const uint32_t boot_block[5] = {
    BLOCK_START,
    ITEM(IMAGE_TYPE, 1u, IMAGE_TYPE_EXE | IMAGE_TYPE_SECURE | IMAGE_TYPE_RP2350),
    ITEM(LAST, 1u, 0u), /* the items before it take one word */
    0u,                 /* the next block, as seen from this one */
    BLOCK_END,
};
