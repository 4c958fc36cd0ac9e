/* Where text and bytes go, and come from. Each kind of console is one file beside this one; a board names its kind. */
#ifndef EDGESHIFT_CONSOLE_H
#define EDGESHIFT_CONSOLE_H

#include <stdint.h>

/* Makes the console ready, once, before all others; the board's registers are set up. */
void console_open(void);

/* Writes a zero-terminated text. */
void console_write(const char *text);

/* Writes a byte, whatever it is. */
void console_put(uint8_t byte);

/* Waits for the next byte; -1 when none can come any more. Semihosting has none. */
int console_get(void);

/* Ends the program; status 0 means success. */
void console_exit(int status) __attribute__((noreturn));

#endif
