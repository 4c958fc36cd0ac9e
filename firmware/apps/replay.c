/* Pushes the recording through the model and prints what comes out (replay.h says how). */
#include "replay.h"

int main(void) {
    return replay();
}
