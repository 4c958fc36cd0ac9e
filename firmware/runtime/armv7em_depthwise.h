/* Depthwise convolutions for Armv7E-M, four channels at a time. Needs armv7em.h before it.
 *
 * Taps in pairs: of two words of four channels each (bytes c0 c1 c2 c3), PKHBT and PKHTB make (c0 c1 | c0 c1) and
 * (c2 c3 | c2 c3), whose SXTB16 are the halves of both taps for one channel, ready for SMLAD. The weights lie in flash in
 * that order. A layer is one table of words, for each four channels:
 *     es_depthwise: 4 biases, for each pair of taps 2 words of weights, 12 words of constants for es_finish_s8
 *     es_depthwise_3x3: for each feature tap 3 words of weights, then 4 biases (bordered: 12) and the 12 words
 * where the 12 words are multiplier, centre, shift of each channel. */
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

/* r0 to r3 to four bytes in r0; the table in r6: 25 instructions */
#define ES_FINISH_4                                                          \
    "ldmia r6!, {r4, r5, r9, r10, r11, lr}\n\t"                              \
    ES_TWICE(r0) ES_FINISH(r0, r4, r5, r9)                                   \
    ES_TWICE(r1) ES_FINISH(r1, r10, r11, lr)                                 \
    "ldmia r6!, {r4, r5, r9, r10, r11, lr}\n\t"                              \
    ES_TWICE(r2) ES_FINISH(r2, r4, r5, r9)                                   \
    ES_TWICE(r3) ES_FINISH(r3, r10, r11, lr)                                 \
    "bfi r0, r1, #8, #8\n\tbfi r0, r2, #16, #8\n\tbfi r0, r3, #24, #8\n\t"

/* One output position: `taps` point to the first channel of each tap, an even number of them. 35 instructions for 4
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

/* ---- 3 x 3 taps over several positions ----
 *
 * For four channels first the weights are widened to the stage, then the inputs of every position: of the first two
 * columns a word for each channel as above, of the third (c0, c2) and (c1, c3), so 6 words each; then every output
 * position multiplies what lies side by side. The stage has 18 words of weights, then the positions, padding included. */

#define ES_WIDEN_WEIGHTS                                                     \
    "ldmia r6!, {r9, r10, r11}\n\t"                                          \
    ES_(sxtb16 r0, r9) ES_ODD_HALVES(r1, r9)                                 \
    ES_(sxtb16 r2, r10) ES_ODD_HALVES(r3, r10)                               \
    ES_(sxtb16 r4, r11) ES_ODD_HALVES(r5, r11)                               \
    "stmia.w r8!, {r0, r1, r2, r3, r4, r5}\n\t"

/* 13 instructions for 12 inputs: r0 to r2 the columns, r3 bytes from position to position, r8 the channel. */
#define ES_WIDEN_POSITION                                                    \
    "ldr.w r4, [r0, r8]\n\t"                                                 \
    "ldr.w r5, [r1, r8]\n\t"                                                 \
    "pkhbt r10, r4, r5, lsl #16\n\t"                                         \
    "pkhtb r11, r5, r4, asr #16\n\t"                                         \
    "sxtb16 r4, r10\n\t" ES_ODD_HALVES(r5, r10)                              \
    "sxtb16 r6, r11\n\t" ES_ODD_HALVES(r9, r11)                              \
    "ldr.w r11, [r2, r8]\n\t"                                                \
    "sxtb16 r10, r11\n\t" ES_ODD_HALVES(r11, r11)                            \
    "add.w r8, r8, r3\n\t"                                                   \
    "stmia.w r7!, {r4, r5, r6, r9, r10, r11}\n\t"

/* 12 instructions for 12 multiplications: r7 inputs, r8 weights. */
#define ES_FEATURE_TAP                                                       \
    "ldmia r8!, {r4, r5, r9}\n\t"                                            \
    "ldmia r7!, {r10, r11, r12, lr}\n\t"                                     \
    ES_MAC(r0, r4, r10) ES_MAC(r1, r5, r11) ES_MAC(r2, r9, r12)              \
    "ldmia r8!, {r4, r5, r9}\n\t"                                            \
    ES_MAC(r3, r4, lr)                                                       \
    "ldmia r7!, {r10, r11}\n\t"                                              \
    "smlabb r0, r5, r10, r0\n\tsmlatt r2, r5, r10, r2\n\t"                  \
    "smlabb r1, r9, r11, r1\n\tsmlatt r3, r9, r11, r3\n\t"

/* On the stack, the arguments in their order: 36 table, 40 its end, 44 the stage's first inside position, 48 how many there
 * are (then: turns), 52 columns, 64 channel, 68 output, 72 stage, 76 the end of the outputs' inputs (bordered: the last one's first), 80 where the
 * first turn starts, 84 stride, 88 the output's next position. `back`: from the end of an output's inputs to the first
 * of the next one's. 70 instructions for 4 outputs, and 13 for 4 inputs. */
#define ES_STAGE_3X3                                                         \
    "push {r0, r1, r2, r3}\n\t"                                              \
    "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"                        \
    "adds r4, r3, #7\n\t"                                                    \
    "lsrs r4, r4, #3\n\t"                                                    \
    "str r4, [sp, #48]\n\t"                                                  \
    "rsbs r3, r3, #0\n\t"                                                    \
    "and r3, r3, #7\n\t"                                                     \
    "movs r4, #52\n\t"                                                       \
    "adr.w r5, 2f + 1\n\t"                                                   \
    "mla r3, r3, r4, r5\n\t"                                                 \
    "str r3, [sp, #80]\n\t"                                                  \
    "1:\n\t"                                                                 \
    "ldr r6, [sp, #36]\n\t"                                                  \
    "ldr r8, [sp, #72]\n\t"                                                  \
    ES_WIDEN_WEIGHTS ES_WIDEN_WEIGHTS ES_WIDEN_WEIGHTS                       \
    "str r6, [sp, #36]\n\t"                                                  \
    "ldrd r7, r12, [sp, #44]\n\t"                                            \
    "add r0, sp, #52\n\t"                                                    \
    "ldmia.w r0, {r0, r1, r2, r8}\n\t"                                       \
    "ldr r3, [sp, #84]\n\t"                                                  \
    "ldr pc, [sp, #80]\n\t"                                                  \
    ".balign 4\n2:\n\t.rept 8\n\t" ES_WIDEN_POSITION ".endr\n\t"           \
    "subs r12, r12, #1\n\t"                                                  \
    "bne.w 2b\n\t"                                                           \
    "ldrd r4, r5, [sp, #64]\n\t"                                             \
    "adds r5, r5, r4\n\t"                                                    \
    "str r5, [sp, #88]\n\t"                                                  \
    "ldr r6, [sp, #36]\n\t"                                                  \
    "ldr r8, [sp, #72]\n\t"                                                  \
    "add r7, r8, #72\n\t"

/* The output's next position; the table back to the biases and the inputs to the next position, unless it is the end. */
#define ES_NEXT_POSITION(back)                                               \
    "ldrd r4, r5, [sp, #84]\n\t"                                             \
    "str r0, [r5]\n\t"                                                       \
    "adds r5, r5, r4\n\t"                                                    \
    "str r5, [sp, #88]\n\t"                                                  \
    "subs r6, r6, #64\n\t"                                                   \
    "sub r8, r8, #72\n\t"                                                    \
    "subs r7, r7, #" #back "\n\t"                                            \
    "ldr r4, [sp, #76]\n\t"                                                  \
    "cmp r7, r4\n\t"                                                         \
    "bne.w 3b\n\t"

/* The next four channels, with the table in r6. */
#define ES_NEXT_BLOCK                                                        \
    "ldr r4, [sp, #64]\n\t"                                                  \
    "adds r4, r4, #4\n\t"                                                    \
    "str r4, [sp, #64]\n\t"                                                  \
    "str r6, [sp, #36]\n\t"                                                  \
    "ldr r4, [sp, #40]\n\t"                                                  \
    "cmp r6, r4\n\t"                                                         \
    "bne.w 1b\n\t"                                                           \
    "pop {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"                         \
    "add sp, sp, #16\n\t"                                                    \
    "bx lr\n\t"

#define ES_DEPTHWISE_3X3(back)                                               \
    ES_STAGE_3X3                                                             \
    "3:\n\t"                                                                 \
    "ldmia r6!, {r0, r1, r2, r3}\n\t"                                        \
    ES_FEATURE_TAP ES_FEATURE_TAP ES_FEATURE_TAP                             \
    ES_FINISH_4                                                              \
    ES_NEXT_POSITION(back)                                                   \
    "adds r6, r6, #64\n\t"                                                   \
    ES_NEXT_BLOCK

/* The same where the first position's first tap and the last one's last are padding: they are left out, their biases
 * come before the others in the table (last, first, all others), and the stage has no padding. */
#define ES_DEPTHWISE_3X3_BORDERED(back)                                      \
    ES_STAGE_3X3                                                             \
    "adds r6, r6, #16\n\t"                                                   \
    "ldmia r6!, {r0, r1, r2, r3}\n\t"                                        \
    "adds r6, r6, #16\n\t"                                                   \
    "add r8, r8, #24\n\t"                                                    \
    "b.w 4f\n\t"                                                             \
    "3:\n\t"                                                                 \
    "ldmia r6!, {r0, r1, r2, r3}\n\t"                                        \
    ES_FEATURE_TAP                                                           \
    "4:\n\t"                                                                 \
    ES_FEATURE_TAP ES_FEATURE_TAP                                            \
    ES_FINISH_4                                                              \
    ES_NEXT_POSITION(back)                                                   \
    "subs r6, r6, #32\n\t"                                                   \
    "ldmia r6!, {r0, r1, r2, r3}\n\t"                                        \
    ES_FEATURE_TAP ES_FEATURE_TAP                                            \
    "adds r6, r6, #32\n\t"                                                   \
    ES_FINISH_4                                                              \
    "ldr r5, [sp, #88]\n\t"                                                  \
    "str r0, [r5]\n\t"                                                       \
    ES_NEXT_BLOCK

/* Outputs lie `stride` bytes apart like inputs; one or two inputs from output to output. */
#define ES_3X3_FUNCTION(name, body)                                                                                   \
    ES_ASSEMBLY void name(ES_IN const uint32_t *table, ES_IN const uint32_t *end, ES_IN uint32_t *inside,             \
                          ES_IN int32_t count, ES_IN const int8_t *x0, ES_IN const int8_t *x1, ES_IN const int8_t *x2, \
                          ES_IN int32_t channel, ES_IN int8_t *output, ES_IN uint32_t *stage,                         \
                          ES_IN const uint32_t *stage_end, ES_IN int32_t start, ES_IN int32_t stride,                 \
                          ES_IN int8_t *next) {                                                                       \
        __asm__ volatile(body);                                                                                       \
    }
ES_3X3_FUNCTION(es_depthwise_3x3_by_1, ES_DEPTHWISE_3X3(48))
ES_3X3_FUNCTION(es_depthwise_3x3_by_2, ES_DEPTHWISE_3X3(24))
ES_3X3_FUNCTION(es_depthwise_3x3_bordered_by_1, ES_DEPTHWISE_3X3_BORDERED(48))
ES_3X3_FUNCTION(es_depthwise_3x3_bordered_by_2, ES_DEPTHWISE_3X3_BORDERED(24))

/* `positions` positions of the stage that are padding. */
static inline void es_stage_padding(uint32_t *stage, int32_t positions, int32_t value) {
    for (int32_t i = 0; i < 6 * positions; ++i) {
        stage[i] = ((uint32_t)value & 0xffffu) * 0x10001u;
    }
}

#endif
