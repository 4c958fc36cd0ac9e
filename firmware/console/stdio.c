/* The console of a program under an operating system. */
#include "console/console.h"

#include <stdio.h>
#include <stdlib.h>

void console_open(void) {
}

void console_write(const char *text) {
    fputs(text, stdout);
}

void console_put(uint8_t byte) {
    putchar(byte);
}

/* Whoever sends waits for our answer first. */
int console_get(void) {
    fflush(stdout);
    return getchar();
}

void console_exit(int status) {
    exit(status);
}
