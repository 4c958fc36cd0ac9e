/* How Armv6-M (Cortex-M0, M0+) makes int8 outputs of sums: assembly there, the same in C elsewhere.
 * Needs no other header of this folder. */
#ifndef ES_ARMV6M_H
#define ES_ARMV6M_H

#include <stdint.h>

/* How sums become outputs. A sum lies in [-2^23, 2^23); scales hold per channel the multiplier, in [0, 2^31), and the
 * shift to the right, in [1, 31]; rounding is that of es_requantize_s8. */
typedef struct {
    int32_t offset; /* zero point - minimum */
    int32_t range;  /* maximum - minimum of the activation */
    int32_t minimum;
} es_v6m_output;

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/* A function in assembly; no compiler may reason about what it does not read. */
#define ES_V6M_ASM __attribute__((naked, noinline, used)) static

/* Call one that takes a pointer. */
#define ES_V6M_CALL(function, pointer)                                                                      \
    do {                                                                                                    \
        register void *es_first __asm__("r0") = (pointer);                                                  \
        __asm__ volatile("bl " #function : "+r"(es_first) : : "r1", "r2", "r3", "r12", "lr", "cc", "memory"); \
    } while (0)

/* What it does first and last. */
#define ES_V6M_ENTER                                                 \
    ".syntax unified\n\t"                                            \
    "push {r4-r7, lr}\n\t"                                           \
    "mov r4, r8\n\tmov r5, r9\n\tmov r6, r10\n\tmov r7, r11\n\t"     \
    "push {r4-r7}\n\t"
#define ES_V6M_LEAVE                                                 \
    "pop {r4-r7}\n\t"                                                \
    "mov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n\t"     \
    "pop {r4-r7, pc}\n\t"

/* An output, 28 instructions, 32 cycles within the range. First (a * m + 2^30) >> 31 with a = 2^8 r4 + r3 and
 * m = 2^16 r6 + r5, then its rounding shift, ties away from zero: both add their halves as the last bit shifted out. */
#define ES_V6M_OUTPUT(i)                                                   \
    "ldmia r0!, {r3}\n\tldmia r1!, {r6}\n\t"                               \
    "asrs r4, r3, #8\n\tuxtb r3, r3\n\tuxth r5, r6\n\tlsrs r6, r6, #16\n\t" \
    "movs r7, r5\n\tmuls r7, r3, r7\n\tlsrs r7, r7, #8\n\t"                \
    "muls r5, r4, r5\n\tadds r7, r7, r5\n\tasrs r7, r7, #8\n\t"            \
    "muls r3, r6, r3\n\tadds r7, r7, r3\n\tasrs r7, r7, #8\n\t"            \
    "muls r4, r6, r4\n\tadds r7, r7, r4\n\t"                               \
    "asrs r3, r7, #31\n\tasrs r7, r7, #7\n\tadcs r7, r3\n\t"               \
    "ldmia r1!, {r5}\n\tmov r3, r9\n\tasrs r7, r5\n\tadcs r7, r3\n\t"      \
    "cmp r7, r10\n\tbhi 4" i "f\n"                                         \
    "3" i ":\n\t"                                                          \
    "add r7, r11\n\tstrb r7, [r2, #" i "]\n\t"

/* Out of range: 0 below, the range above. */
#define ES_V6M_CLAMP(i) "4" i ":\n\tasrs r3, r7, #31\n\tmov r7, r10\n\tbics r7, r3\n\tb 3" i "b\n"

/* For the assembly below: r0 sums, r1 scales and r2 outputs, of which the last two are moved on; r3 how, r4 how many.
 * Changes r3 to r12. */
ES_V6M_ASM void es_v6m_finish(void) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "ldmia r3!, {r5-r7}\n\t"
        "mov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n\t"
        "lsls r5, r4, #2\n\tadds r5, r5, r0\n\tmov r12, r5\n\t"
        "movs r5, #3\n\trsbs r4, r4, #0\n\tands r4, r5\n\t" /* into a loop over four, to end at the last */
        "subs r2, r2, r4\n\t"
        "movs r5, #56\n\tmuls r4, r5, r4\n\tadr r5, 1f\n\tadds r4, r4, r5\n\t"
        "mov pc, r4\n\t"
        ".balign 4\n"
        "1:\n\t"
        ES_V6M_OUTPUT("0") ES_V6M_OUTPUT("1") ES_V6M_OUTPUT("2") ES_V6M_OUTPUT("3")
        "adds r2, r2, #4\n\t"
        "cmp r0, r12\n\t"
        "beq 2f\n\t"
        "b 1b\n"
        ES_V6M_CLAMP("0") ES_V6M_CLAMP("1") ES_V6M_CLAMP("2") ES_V6M_CLAMP("3")
        "2:\n\t"
        "bx lr\n\t");
}

#else

static inline int8_t es_v6m_output_s8(int32_t sum, const uint32_t *scale, const es_v6m_output *how) {
    const int32_t high = (int32_t)(((int64_t)sum * (int32_t)scale[0] + (1 << 30)) >> 31);
    const int32_t half = (high + (high < 0 ? -1 : 0)) >> (scale[1] - 1);
    const int32_t steps = (half >> 1) + (half & 1) + how->offset;
    return (int8_t)((steps < 0 ? 0 : steps > how->range ? how->range : steps) + how->minimum);
}

#endif

#endif
