/* Convolutions and dense layers for Armv7E-M: 1, 2 or 3 patches of inputs against all output channels at once.
 * Needs armv7em.h and requantize.h before it.
 *
 * Inputs: patches of 16-bit values, four a group, as the words (0, 2) and (1, 3); the patches lie word by word side by
 * side, so that one LDM reads a word of each.
 *
 * Weights, "packed": channels in pairs, each half of a word 256 * w0 + w1. SMLAD of such a word adds up
 * 256 * acc0 + acc1, SMLAD of its SXTB16 acc1, and their difference is 256 * acc0: one SXTB16 for four weights,
 * where 32 bits hold 256 * acc0. "plain": byte w0 above byte w1, two SXTB16, no bounds.
 *
 * A layer is one table of words, read from front to back. For each pair (4 or 3 instructions a group and
 * patch, and what the patches share):
 *     start0, start1        what the accumulators begin with: 256 * bias0 + bias1 (plain: bias0), bias1
 *     2 words a group       its halves are inputs 0 and 2, then 1 and 3
 *     shifts, multiplier0, centre0, multiplier1, centre1    for es_finish_s8; shifts has one in each low byte
 * With one patch two pairs go together: both starts, then for each group (or two) the words of the first pair and those
 * of the second, then both endings. Layers that finish accumulators in C have no endings.
 *
 * Registers: r0, r2, r4 the sums for channel 0 (256 times it, and channel 1, when packed), r1, r3, r5 those for channel 1,
 * r6 weights, r7 inputs. On a Cortex-M4 an LDM of n words takes n + 1 cycles, all else in the loops takes one. */
#ifndef ES_ARMV7EM_CONV_H
#define ES_ARMV7EM_CONV_H

/* ---- one group: four inputs of each patch ---- */

/* 17 instructions for 24 multiplications, 20 cycles */
#define ES_GROUP_PACKED_3                                                    \
    ES_(ldmia r6!, {r9, r10})                                                \
    ES_(ldmia r7!, {r11, r12, lr})                                           \
    ES_MAC(r0, r9, r11) ES_MAC(r2, r9, r12) ES_MAC(r4, r9, lr)               \
    ES_(sxtb16 r9, r9)                                                       \
    ES_MAC(r1, r9, r11) ES_MAC(r3, r9, r12) ES_MAC(r5, r9, lr)               \
    ES_(ldmia r7!, {r11, r12, lr})                                           \
    ES_MAC(r0, r10, r11) ES_MAC(r2, r10, r12) ES_MAC(r4, r10, lr)            \
    ES_(sxtb16 r10, r10)                                                     \
    ES_MAC(r1, r10, r11) ES_MAC(r3, r10, r12) ES_MAC(r5, r10, lr)

/* 20 instructions for 24, 27 cycles */
#define ES_HALF_PLAIN_3                                                      \
    ES_(ldr r9, [r6], #4)                                                    \
    ES_(ldmia r7!, {r11, r12, lr})                                           \
    ES_(sxtb16 r10, r9, ror #8)                                              \
    ES_MAC(r0, r10, r11) ES_MAC(r2, r10, r12) ES_MAC(r4, r10, lr)            \
    ES_(sxtb16 r9, r9)                                                       \
    ES_MAC(r1, r9, r11) ES_MAC(r3, r9, r12) ES_MAC(r5, r9, lr)
#define ES_GROUP_PLAIN_3 ES_HALF_PLAIN_3 ES_HALF_PLAIN_3

/* 12 instructions for 16, 18 cycles */
#define ES_GROUP_PACKED_2                                                    \
    ES_(ldmia r6!, {r9, r10})                                                \
    ES_(ldmia r7!, {r4, r5, r11, r12})                                       \
    ES_MAC(r0, r9, r4) ES_MAC(r2, r9, r5)                                    \
    ES_(sxtb16 r9, r9)                                                       \
    ES_MAC(r1, r9, r4) ES_MAC(r3, r9, r5)                                    \
    ES_MAC(r0, r10, r11) ES_MAC(r2, r10, r12)                                \
    ES_(sxtb16 r10, r10)                                                     \
    ES_MAC(r1, r10, r11) ES_MAC(r3, r10, r12)

/* 14 instructions for 16 */
#define ES_GROUP_PLAIN_2                                                     \
    ES_(ldmia r6!, {r9, r10})                                                \
    ES_(ldmia r7!, {r4, r5, r11, r12})                                       \
    ES_(sxtb16 lr, r9, ror #8)                                               \
    ES_MAC(r0, lr, r4) ES_MAC(r2, lr, r5)                                    \
    ES_(sxtb16 r9, r9)                                                       \
    ES_MAC(r1, r9, r4) ES_MAC(r3, r9, r5)                                    \
    ES_(sxtb16 lr, r10, ror #8)                                              \
    ES_MAC(r0, lr, r11) ES_MAC(r2, lr, r12)                                  \
    ES_(sxtb16 r10, r10)                                                     \
    ES_MAC(r1, r10, r11) ES_MAC(r3, r10, r12)

/* One patch: the first pair's sums are r0 and r1, the second's r2 and r3. */
#define ES_HALF_PACKED_1(w, v, x)                                            \
    ES_MAC(r0, w, x) ES_(sxtb16 w, w) ES_MAC(r1, w, x)                       \
    ES_MAC(r2, v, x) ES_(sxtb16 v, v) ES_MAC(r3, v, x)

/* two groups: 27 instructions for 32 multiplications, 39 cycles */
#define ES_GROUPS_PACKED_1                                                   \
    ES_(ldmia r7!, {r4, r5, r8, lr})                                         \
    ES_(ldmia r6!, {r9, r10, r11, r12})                                      \
    ES_HALF_PACKED_1(r9, r11, r4) ES_HALF_PACKED_1(r10, r12, r5)             \
    ES_(ldmia r6!, {r9, r10, r11, r12})                                      \
    ES_HALF_PACKED_1(r9, r11, r8) ES_HALF_PACKED_1(r10, r12, lr)

#define ES_HALF_PLAIN_1(w, v, x)                                             \
    ES_ODD_HALVES(r8, w) ES_MAC(r0, r8, x) ES_(sxtb16 w, w) ES_MAC(r1, w, x)        \
    ES_ODD_HALVES(r8, v) ES_MAC(r2, r8, x) ES_(sxtb16 v, v) ES_MAC(r3, v, x)

/* 36 instructions for 32 */
#define ES_GROUP_PLAIN_1                                                     \
    ES_(ldmia.w r7!, {r4, r5})                                                \
    ES_(ldmia r6!, {r9, r10, r11, r12})                                      \
    ES_HALF_PLAIN_1(r9, r11, r4) ES_HALF_PLAIN_1(r10, r12, r5)
#define ES_GROUPS_PLAIN_1 ES_GROUP_PLAIN_1 ES_GROUP_PLAIN_1

/* ---- endings: accumulators to bytes ---- */

/* Twice an accumulator, which is what ES_FINISH starts from. */
#define ES_TWICE_PACKED(sum0, sum1) ES_(subs sum0, sum0, sum1) "asrs " #sum0 ", " #sum0 ", #7\n\t"
#define ES_TWICE_PLAIN(sum0, sum1) ES_TWICE(sum0)

#define ES_FINISH_0(twice, sum0, sum1) twice(sum0, sum1) ES_FINISH(sum0, r8, r9, r7)
#define ES_FINISH_1(sum1) ES_TWICE(sum1) ES_FINISH(sum1, r10, r11, r7)
#define ES_ENDING ES_(ldmia r6!, {r7, r8, r9, r10, r11})

/* ---- whole layers ----
 *
 * Eight groups to a turn of the loop, 16 with three patches; the first turn starts in its middle when their number does not divide.
 * On the stack: 0 outputs, 12 inputs, 16 turns (one patch: the end of its inputs), 20 where the first turn starts,
 * 24 the end of the table. Arguments: r0 table, r1 patches, r2 groups, r3 outputs, then the end of the table. */

#define ES_ROUND(times, group) ".balign 4\n2:\n\t.rept " #times "\n\t" group ".endr\n\t"
#define ES_TURNS ES_(subs r8, r8, #1) ES_(bne.w 2b)

#define ES_SUMS_3(group, bytes)                                              \
    ES_ENTER(16, 4, bytes)                                                    \
    "strd r1, r4, [sp, #12]\n\t"                                             \
    "ldmia r3, {r8, r9, r10}\n\t"                                            \
    "stmia.w sp, {r8, r9, r10}\n\t"                                          \
    "1:\n\t"                                                                 \
    "ldmia r6!, {r0, r1}\n\t"                                                \
    "mov r2, r0\n\tmov r3, r1\n\tmov r4, r0\n\tmov r5, r1\n\t"               \
    "ldrd r7, r8, [sp, #12]\n\t"                                             \
    "ldr pc, [sp, #20]\n\t"                                                  \
    ES_ROUND(16, group) ES_TURNS

/* 53 instructions for 6 outputs beside the groups */
#define ES_LAYER_3(group, bytes, twice)                                      \
    ES_SUMS_3(group, bytes)                                                  \
    ES_ENDING                                                                \
    ES_FINISH_0(twice, r0, r1) ES_FINISH_0(twice, r2, r3) ES_FINISH_0(twice, r4, r5) \
    ES_NEXT_SHIFT                                                            \
    ES_FINISH_1(r1) ES_FINISH_1(r3) ES_FINISH_1(r5)                          \
    "ldmia.w sp, {r8, r9, r10}\n\t"                                          \
    ES_STORE_PAIR(r8, r0, r1) ES_STORE_PAIR(r9, r2, r3) ES_STORE_PAIR(r10, r4, r5) \
    "stmia.w sp, {r8, r9, r10}\n\t"                                          \
    ES_AGAIN

#define ES_SUMS_2(group, bytes)                                              \
    ES_ENTER(8, 3, bytes)                                                    \
    "strd r1, r4, [sp, #12]\n\t"                                             \
    "ldrd r8, r9, [r3]\n\t"                                                  \
    "strd r8, r9, [sp]\n\t"                                                  \
    "1:\n\t"                                                                 \
    "ldmia r6!, {r0, r1}\n\t"                                                \
    "mov r2, r0\n\tmov r3, r1\n\t"                                           \
    "ldrd r7, r8, [sp, #12]\n\t"                                             \
    "ldr pc, [sp, #20]\n\t"                                                  \
    ES_ROUND(8, group) ES_TURNS

/* 38 instructions for 4 outputs beside the groups */
#define ES_LAYER_2(group, bytes, twice)                                      \
    ES_SUMS_2(group, bytes)                                                  \
    ES_ENDING                                                                \
    ES_FINISH_0(twice, r0, r1) ES_FINISH_0(twice, r2, r3)                    \
    ES_NEXT_SHIFT                                                            \
    ES_FINISH_1(r1) ES_FINISH_1(r3)                                          \
    "ldrd r8, r9, [sp]\n\t"                                                  \
    ES_STORE_PAIR(r8, r0, r1) ES_STORE_PAIR(r9, r2, r3)                      \
    "strd r8, r9, [sp]\n\t"                                                  \
    ES_AGAIN

/* Here a unit is two groups: their number must be even. */
#define ES_SUMS_1(groups, bytes)                                             \
    "lsrs r2, r2, #1\n\t"                                                    \
    ES_ENTER(4, 2, bytes)                                                    \
    "add r4, r1, r2, lsl #4\n\t"                                             \
    "strd r1, r4, [sp, #12]\n\t"                                             \
    "ldr r8, [r3]\n\t"                                                       \
    "str r8, [sp]\n\t"                                                       \
    "1:\n\t"                                                                 \
    "ldmia r6!, {r0, r1, r2, r3}\n\t"                                        \
    "ldr r7, [sp, #12]\n\t"                                                  \
    "ldr pc, [sp, #20]\n\t"                                                  \
    ES_ROUND(4, groups)                                                      \
    "ldr r4, [sp, #16]\n\t"                                                  \
    "cmp r7, r4\n\t"                                                         \
    "bne.w 2b\n\t"

/* 38 instructions for 4 outputs beside the groups */
#define ES_LAYER_1(groups, bytes, twice)                                     \
    ES_SUMS_1(groups, bytes)                                                 \
    ES_ENDING ES_FINISH_0(twice, r0, r1) ES_NEXT_SHIFT ES_FINISH_1(r1)       \
    ES_ENDING ES_FINISH_0(twice, r2, r3) ES_NEXT_SHIFT ES_FINISH_1(r3)       \
    "ldr r8, [sp]\n\t"                                                       \
    ES_STORE_PAIR(r8, r0, r1) ES_STORE_PAIR(r8, r2, r3)                      \
    "str r8, [sp]\n\t"                                                       \
    ES_AGAIN

/* The sums themselves, of one pair (two with one patch), to where the last argument points. */
#define ES_LEAVE_SUMS_6 ES_(ldr r7, [sp, #24]) ES_(stmia r7!, {r0, r1, r2, r3, r4, r5}) ES_LEAVE
#define ES_LEAVE_SUMS_4 ES_(ldr r7, [sp, #24]) ES_(stmia r7!, {r0, r1, r2, r3}) ES_LEAVE

#define ES_LAYER_FUNCTION(name, body)                                                                         \
    ES_ASSEMBLY void name(ES_IN const uint32_t *table, ES_IN const int16_t *patches, ES_IN int32_t groups,    \
                          ES_IN int8_t *const *outputs, ES_IN const uint32_t *end) {                          \
        __asm__ volatile(body);                                                                               \
    }
#define ES_SUMS_FUNCTION(name, body)                                                                          \
    ES_ASSEMBLY void name(ES_IN const uint32_t *table, ES_IN const int16_t *patches, ES_IN int32_t groups,    \
                          ES_IN int32_t *readable, ES_IN int32_t *sums) {                                     \
        __asm__ volatile(body);                                                                               \
    }

/* Two or more channels of 3 patches, of 2, of 1 (there four or more), finished and stored. */
ES_LAYER_FUNCTION(es_conv_packed_3, ES_LAYER_3(ES_GROUP_PACKED_3, 68, ES_TWICE_PACKED))
ES_LAYER_FUNCTION(es_conv_packed_2, ES_LAYER_2(ES_GROUP_PACKED_2, 48, ES_TWICE_PACKED))
ES_LAYER_FUNCTION(es_conv_packed_1, ES_LAYER_1(ES_GROUPS_PACKED_1, 108, ES_TWICE_PACKED))
ES_LAYER_FUNCTION(es_conv_plain_3, ES_LAYER_3(ES_GROUP_PLAIN_3, 80, ES_TWICE_PLAIN))
ES_LAYER_FUNCTION(es_conv_plain_2, ES_LAYER_2(ES_GROUP_PLAIN_2, 56, ES_TWICE_PLAIN))
ES_LAYER_FUNCTION(es_conv_plain_1, ES_LAYER_1(ES_GROUPS_PLAIN_1, 144, ES_TWICE_PLAIN))

/* For each patch both sums of a pair of channels; with one patch those of two pairs. */
ES_SUMS_FUNCTION(es_sums_packed_3, ES_SUMS_3(ES_GROUP_PACKED_3, 68) ES_LEAVE_SUMS_6)
ES_SUMS_FUNCTION(es_sums_packed_2, ES_SUMS_2(ES_GROUP_PACKED_2, 48) ES_LEAVE_SUMS_4)
ES_SUMS_FUNCTION(es_sums_packed_1, ES_SUMS_1(ES_GROUPS_PACKED_1, 108) ES_LEAVE_SUMS_4)
ES_SUMS_FUNCTION(es_sums_plain_3, ES_SUMS_3(ES_GROUP_PLAIN_3, 80) ES_LEAVE_SUMS_6)
ES_SUMS_FUNCTION(es_sums_plain_2, ES_SUMS_2(ES_GROUP_PLAIN_2, 56) ES_LEAVE_SUMS_4)
ES_SUMS_FUNCTION(es_sums_plain_1, ES_SUMS_1(ES_GROUPS_PLAIN_1, 144) ES_LEAVE_SUMS_4)

/* The accumulator of channel 0 or 1 out of a pair's sums. */
static inline int32_t es_sum_of_pair(const int32_t *sums, int32_t channel, int32_t packed) {
    if (channel == 1) {
        return sums[1];
    }
    return packed ? es_wrap((uint32_t)sums[0] - (uint32_t)sums[1]) >> 8 : sums[0];
}

/* ---- gathering: int8 inputs to the 16-bit words of patch `lane` of `lanes` ---- */

/* Groups of four; returns where the next group goes. 6 instructions a group. */
#define ES_WIDEN_GROUP(at)                                                   \
    {                                                                        \
        const uint32_t bytes = es_load4(from + 4 * (at));                    \
        to[2 * step * (at)] = es_sxtb16(bytes);                              \
        to[2 * step * (at) + step] = es_sxtb16_odd(bytes);                   \
    }
#define ES_WIDEN_ALL                                                         \
    for (; groups >= 4; groups -= 4, from += 16, to += 8 * step) {           \
        ES_WIDEN_GROUP(0) ES_WIDEN_GROUP(1) ES_WIDEN_GROUP(2) ES_WIDEN_GROUP(3) \
    }                                                                        \
    for (; groups > 0; --groups, from += 4, to += 2 * step) {                \
        ES_WIDEN_GROUP(0)                                                    \
    }                                                                        \
    return to;

ES_OUTLINE uint32_t *es_widen_3(uint32_t *to, const int8_t *from, int32_t groups) {
    enum { step = 3 };
    ES_WIDEN_ALL
}

ES_OUTLINE uint32_t *es_widen_2(uint32_t *to, const int8_t *from, int32_t groups) {
    enum { step = 2 };
    ES_WIDEN_ALL
}

ES_OUTLINE uint32_t *es_widen_1(uint32_t *to, const int8_t *from, int32_t groups) {
    enum { step = 1 };
    ES_WIDEN_ALL
}

static inline uint32_t *es_widen(uint32_t *to, const int8_t *from, int32_t groups, int32_t lanes) {
    return lanes == 3 ? es_widen_3(to, from, groups) : lanes == 2 ? es_widen_2(to, from, groups) : es_widen_1(to, from, groups);
}

/* The same with one value throughout: padding. */
ES_OUTLINE uint32_t *es_widen_fill(uint32_t *to, int32_t value, int32_t groups, int32_t lanes) {
    const uint32_t halves = ((uint32_t)value & 0xffffu) * 0x10001u;
    for (groups *= 2; groups > 0; --groups, to += lanes) {
        *to = halves;
    }
    return to;
}

#endif
