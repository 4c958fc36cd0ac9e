/* Depthwise convolutions for Armv7E-M, four channels at a time. Needs armv7em.h before it.
 *
 * Taps in pairs: of two words of four channels each (bytes c0 c1 c2 c3), PKHBT and PKHTB make (c0 c1 | c0 c1) and
 * (c2 c3 | c2 c3), whose SXTB16 are the halves of both taps for one channel, ready for SMLAD. The weights lie in flash in
 * that order. A layer is one table of words, for each four channels:
 *     4 biases, for each pair of taps 2 words of weights, then for es_finish_s8
 *     multiplier0, centre0, the four shifts, multiplier1, centre1, multiplier2, centre2, multiplier3, centre3 */
#ifndef ES_ARMV7EM_DEPTHWISE_H
#define ES_ARMV7EM_DEPTHWISE_H

/* A pair of taps, 18 instructions for 8 multiplications, 23 cycles: r7 where the taps are, r8 the channel. */
#define ES_TAP_PAIR                                                          \
    "ldrd r9, r10, [r7], #8\n\t"                                             \
    "ldr r9, [r9, r8]\n\t"                                                   \
    "ldr r10, [r10, r8]\n\t"                                                 \
    "pkhbt r11, r9, r10, lsl #16\n\t"                                        \
    "pkhtb r9, r10, r9, asr #16\n\t"                                         \
    "ldmia r6!, {r10, r12}\n\t"                                              \
    ES_(sxtb16 lr, r11) ES_(sxtb16 r4, r10) ES_MAC(r0, lr, r4)               \
    ES_ODD_HALVES(r11, r11) ES_ODD_HALVES(r10, r10) ES_MAC(r1, r11, r10)     \
    ES_(sxtb16 lr, r9) ES_(sxtb16 r4, r12) ES_MAC(r2, lr, r4)                \
    ES_ODD_HALVES(r9, r9) ES_ODD_HALVES(r12, r12) ES_MAC(r3, r9, r12)

/* r0 to r3 to four bytes in r0; the table in r6: 26 instructions */
#define ES_FINISH_4                                                          \
    "ldmia r6!, {r4, r5, r7, r9, r10}\n\t"                                   \
    ES_TWICE(r0) ES_FINISH(r0, r4, r5) ES_NEXT_SHIFT                         \
    ES_TWICE(r1) ES_FINISH(r1, r9, r10) ES_NEXT_SHIFT                        \
    "ldmia r6!, {r4, r5, r9, r10}\n\t"                                       \
    ES_TWICE(r2) ES_FINISH(r2, r4, r5) ES_NEXT_SHIFT                         \
    ES_TWICE(r3) ES_FINISH(r3, r9, r10)                                      \
    "bfi r0, r1, #8, #8\n\tbfi r0, r2, #16, #8\n\tbfi r0, r3, #24, #8\n\t"

/* One output position: `taps` point to the first channel of each tap, an even number of them. 38 instructions for 4
 * outputs beside the taps. */
ES_ASSEMBLY void es_depthwise(ES_IN const uint32_t *table, ES_IN const int8_t *const *taps, ES_IN int32_t pairs,
                              ES_IN int8_t *output, ES_IN const uint32_t *end) {
    __asm__ volatile(ES_ENTER(4, 2, 72)
                     "strd r1, r4, [sp, #12]\n\t"
                     "str r3, [sp]\n\t"
                     "movs r0, #0\n\t"
                     "mov r8, r0\n\t"
                     "1:\n\t"
                     "ldmia r6!, {r0, r1, r2, r3}\n\t"
                     "ldrd r7, r5, [sp, #12]\n\t"
                     "ldr pc, [sp, #20]\n\t"
                     ".balign 4\n2:\n\t.rept 4\n\t" ES_TAP_PAIR ".endr\n\t"
                     "subs r5, r5, #1\n\t"
                     "bne.w 2b\n\t"
                     ES_FINISH_4
                     "ldr r4, [sp]\n\t"
                     "str r0, [r4, r8]\n\t"
                     "add r8, r8, #4\n\t"
                     ES_AGAIN);
}

#endif
