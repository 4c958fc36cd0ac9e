/* Numbers and bytes as text, gathered into lines for the console. */
#ifndef EDGESHIFT_PRINT_H
#define EDGESHIFT_PRINT_H

#include <stdint.h>

void print_text(const char *text);                          /* a newline sends the line off */
void print_decimal(uint32_t value);
void print_word(uint32_t value);                            /* 8 hexadecimal digits */
void print_bytes(const uint8_t *bytes, uint32_t count);     /* 2 hexadecimal digits each */

#endif
