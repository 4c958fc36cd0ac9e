#include "print.h"

#include "console/console.h"

/* Static, so that printing hardly counts in the measured stack. */
static char line[256];
static uint32_t used;

static void put(char character) {
    line[used++] = character;
    if (character == '\n' || used == sizeof line - 1u) {
        line[used] = '\0';
        used = 0;
        console_write(line);
    }
}

static void put_digit(uint32_t value) {
    put("0123456789abcdef"[value & 15u]);
}

void print_text(const char *text) {
    while (*text != '\0') {
        put(*text++);
    }
}

void print_decimal(uint32_t value) {
    uint32_t power = 1;

    while (value / power >= 10u) {
        power *= 10u;
    }
    for (; power > 0u; power /= 10u) {
        put_digit(value / power % 10u);
    }
}

void print_word(uint32_t value) {
    for (uint32_t shift = 32; shift > 0u; shift -= 4u) {
        put_digit(value >> (shift - 4u));
    }
}

void print_bytes(const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        put_digit((uint32_t)bytes[i] >> 4);
        put_digit(bytes[i]);
    }
}
