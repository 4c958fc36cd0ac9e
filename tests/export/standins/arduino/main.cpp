#include "Arduino.h"

#include <cstdio>

Console Serial;

void Console::begin(unsigned long) {
}

void Console::print(const char *text) {
    std::fputs(text, stdout);
}

void Console::print(char character) {
    std::putchar(character);
}

void Console::print(unsigned long value) {
    std::printf("%lu", value);
}

void Console::print(double value, int digits) {
    std::printf("%.*f", digits, value);
}

void Console::println() {
    std::putchar('\n');
}

unsigned long micros() {
    return 0;
}

int main() {
    setup();
    for (int i = 0; i < LOOPS; i++) {
        loop();
    }
    return 0;
}
