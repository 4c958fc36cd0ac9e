/* The console of a program under an operating system. */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>

void console_write(const char *text) {
    fputs(text, stdout);
}

void console_exit(int status) {
    exit(status);
}
