/* What the sketches use of an Arduino core, on a computer or only to be compiled. */
#ifndef ARDUINO_H
#define ARDUINO_H

struct Console {
    void begin(unsigned long baud);
    void print(const char *text);
    void print(char character);
    void print(unsigned long value);
    void print(double value, int digits);
    void println();
};

extern Console Serial;

unsigned long micros();
void setup();
void loop();

#endif
