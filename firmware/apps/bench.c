/* The app replay, and behind its lines
 *
 *   TICKS <mean> <most> <per second>    what the pushes took that gave an output; 0 where the core has no counter
 *   PUSH <bytes>                        the deepest that the stack has been below a call of the model's push
 *
 * An emulator counts instructions at marked functions.
 * The marks: es_mark(0) twice at the start, whose distance is what a mark itself costs; then for every push the
 * entry of <name>_push and of measure_returned (measure.h), which cut out the push and its call; and es_mark(n) before
 * layer n where the model was built with marks in it. */
#include "marks.h"
#include "measure.h"
#include "print.h"
#include "replay.h"

uint32_t measure_stack, measure_ticks, measure_pushes;
uint64_t measure_all_ticks;

__attribute__((noinline)) void measure_returned(int status) {
    __asm__ volatile("" ::"r"(status));
}

int main(void) {
    es_mark_0();
    es_mark_0();
    const int status = replay();
    print_text("TICKS ");
    print_decimal(measure_pushes > 0u ? (uint32_t)(measure_all_ticks / measure_pushes) : 0u);
    print_text(" ");
    print_decimal(measure_ticks);
    print_text(" ");
    print_decimal(TICKS_HZ);
    print_text("\nPUSH ");
    print_decimal(measure_stack);
    print_text("\n");
    return status;
}
