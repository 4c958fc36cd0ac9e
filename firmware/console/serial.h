/* What every serial port does alike, for the one file that drives it: texts go byte by byte, and the end of the program
 * is EOT (4) and the status, for whoever listens. */
#ifndef EDGESHIFT_SERIAL_H
#define EDGESHIFT_SERIAL_H

#include "console/console.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define END_OF_TEXT 4u

void console_write(const char *text) {
    while (*text != '\0') {
        console_put((uint8_t)*text++);
    }
}

void console_exit(int status) {
    console_put(END_OF_TEXT);
    console_put((uint8_t)status);
    for (;;) {
    }
}

#endif
