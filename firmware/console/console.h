/* Where text goes. Each kind of console is one file beside this one; a board names its kind. */
#ifndef EDGESHIFT_CONSOLE_H
#define EDGESHIFT_CONSOLE_H

/* Writes a zero-terminated text. */
void console_write(const char *text);

/* Ends the program; status 0 means success. */
void console_exit(int status) __attribute__((noreturn));

#endif
