/* Depthwise convolutions of int8 for Armv6-M: assembly there, the same in C elsewhere. Needs armv6m.h before it. */
#ifndef ES_ARMV6M_DEPTHWISE_H
#define ES_ARMV6M_DEPTHWISE_H

#include <stdint.h>

/* One output position of a depthwise convolution:
 * sum[c] = bias[c] + the sum over the rows of row[c] * weights[c / 4][row][c % 4].
 * Rows lie at multiples of 4 bytes; the int8 weights of four channels are a word. */
typedef struct {
    const int8_t *const *first, *const *last; /* the rows, at least 1 */
    const uint32_t *weights;
    const int32_t *bias;
    const uint32_t *scales; /* [channel][2] */
    int8_t *outputs;
    const es_v6m_output *how;
    int32_t channels; /* a multiple of 4 */
    int32_t sums[16];
} es_v6m_depthwise_args;

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/* One lane of the words r3 and r4, times each other into `sum`. */
#define ES_V6M_LANE(sum) "sxtb r5, r3\n\tsxtb r6, r4\n\tmuls r5, r6, r5\n\tadd " sum ", r5\n\t"
#define ES_V6M_NEXT_LANE "asrs r3, r3, #8\n\tasrs r4, r4, #8\n\t"

/* Four channels of the next row: 23 instructions, 26 cycles for 4 products. */
#define ES_V6M_ROW                                    \
    "ldmia r0!, {r7}\n\tldr r3, [r7, r2]\n\t"         \
    "ldmia r1!, {r4}\n\t"                             \
    ES_V6M_LANE("r8") ES_V6M_NEXT_LANE                \
    ES_V6M_LANE("r9") ES_V6M_NEXT_LANE                \
    ES_V6M_LANE("r10") ES_V6M_NEXT_LANE               \
    "muls r3, r4, r3\n\tadd r11, r3\n\t"

ES_V6M_ASM void es_v6m_depthwise_entry(void) {
    __asm__ volatile(
        ES_V6M_ENTER
        "sub sp, #20\n\t" /* args, entry, where the next sums go, end of the channels summed, the next channel */
        "str r0, [sp]\n\t"
        /* where to enter a loop over four rows, to end at the last */
        "ldr r1, [r0]\n\tldr r2, [r0, #4]\n\t"
        "subs r3, r1, r2\n\tmovs r4, #12\n\tands r3, r4\n\tlsrs r3, r3, #1\n\t"
        "movs r4, #23\n\tmuls r3, r4, r3\n\tadr r4, 3f\n\tadds r3, r3, r4\n\t"
        "str r3, [sp, #4]\n\t"
        "movs r2, #0\n"
        "1:\n\t" /* up to sixteen channels */
        "str r2, [sp, #16]\n\t"
        "ldr r7, [sp]\n\t"
        "ldr r4, [r7, #28]\n\t"
        "movs r3, r2\n\tadds r3, r3, #16\n\t"
        "cmp r3, r4\n\tbls 2f\n\tmovs r3, r4\n"
        "2:\n\t"
        "str r3, [sp, #12]\n\t"
        "ldr r3, [r7, #4]\n\tmov r12, r3\n\t"
        "ldr r1, [r7, #8]\n\t"
        "ldr r0, [r7, #12]\n\t"
        "adds r7, r7, #32\n\tstr r7, [sp, #8]\n"
        "5:\n\t" /* four channels */
        "ldmia r0!, {r3-r6}\n\t"
        "mov lr, r0\n\t"
        "mov r8, r3\n\tmov r9, r4\n\tmov r10, r5\n\tmov r11, r6\n\t"
        "ldr r0, [sp]\n\tldr r0, [r0]\n\t"
        "ldr r7, [sp, #4]\n\t"
        "mov pc, r7\n\t"
        ".balign 4\n"
        "3:\n\t"
        ES_V6M_ROW ES_V6M_ROW ES_V6M_ROW ES_V6M_ROW
        "cmp r0, r12\n\t"
        "bne 3b\n\t"
        "ldr r0, [sp, #8]\n\t"
        "mov r3, r8\n\tmov r4, r9\n\tmov r5, r10\n\tmov r6, r11\n\t"
        "stmia r0!, {r3-r6}\n\t"
        "str r0, [sp, #8]\n\t"
        "mov r0, lr\n\t"
        "adds r2, r2, #4\n\t"
        "ldr r3, [sp, #12]\n\t"
        "cmp r2, r3\n\t"
        "bne 5b\n\t"
        "ldr r7, [sp]\n\t"
        "str r1, [r7, #8]\n\tstr r0, [r7, #12]\n\t"
        "ldr r4, [sp, #16]\n\tstr r2, [sp, #16]\n\tsubs r4, r2, r4\n\t"
        "ldr r1, [r7, #16]\n\tldr r2, [r7, #20]\n\tldr r3, [r7, #24]\n\t"
        "mov r0, r7\n\tadds r0, r0, #32\n\t"
        "bl es_v6m_finish\n\t"
        "ldr r0, [sp]\n\t"
        "str r1, [r0, #16]\n\tstr r2, [r0, #20]\n\t"
        "ldr r2, [sp, #16]\n\tldr r3, [r0, #28]\n\t"
        "cmp r2, r3\n\t"
        "beq 4f\n\t"
        "b 1b\n"
        "4:\n\t"
        "add sp, #20\n\t"
        ES_V6M_LEAVE);
}

static inline void es_v6m_depthwise(es_v6m_depthwise_args *args) {
    ES_V6M_CALL(es_v6m_depthwise_entry, args);
}

#else

static inline void es_v6m_depthwise(es_v6m_depthwise_args *args) {
    const uint32_t *word = args->weights;
    for (int32_t c = 0; c < args->channels; c += 4, word += args->last - args->first) {
        for (int32_t lane = 0; lane < 4; ++lane) {
            int32_t sum = args->bias[c + lane];
            for (int32_t row = 0; row < args->last - args->first; ++row) {
                const int32_t weight = (int32_t)((word[row] >> (8 * lane) & 0xffu) ^ 0x80u) - 0x80;
                sum += args->first[row][c + lane] * weight;
            }
            args->outputs[c + lane] = es_v6m_output_s8(sum, args->scales + 2 * (c + lane), args->how);
        }
    }
}

#endif

#endif
