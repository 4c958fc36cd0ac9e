/* Sums of products and int8 outputs for Armv6-M (Cortex-M0, M0+): assembly there, the same in C elsewhere.
 * Needs no other header of this folder. Arithmetic is modulo 2^32 unless said otherwise. */
#ifndef ES_ARMV6M_H
#define ES_ARMV6M_H

#include <stdint.h>

/* Where es_v6m_block8 is, and what it gives. Inputs are bytes, the int8 values + 128; their number is even.
 *
 * A weight word holds the weights u0 .. u3 of four output channels, + 128, u0 in the lowest byte. With one input x, three
 * sums are kept of x times: t = the word >> 16, n = the word with its bytes reversed, p = the word itself. So at the end
 *     t = S2 + 2^8 S3,   n = S3 + 2^8 S2 + 2^16 S1 + 2^24 S0,   p = S0 + 2^8 S1 + 2^16 S2 + 2^24 S3   modulo 2^32,
 * which has one solution with all S in [-2^23, 2^23): es_v6m_block8 gives it. Three multiplications for four channels.
 *
 * The bias holds t, n and p of the biases; what the + 128 of the weights adds is taken off by `excess`. */
typedef struct {
    const uint8_t *first, *last; /* the inputs */
    const uint32_t *weights;     /* [input][2 words: channels 0..3, 4..7]; moved on to the next block */
    const uint32_t *bias;        /* t, n, p of channels 0..3, then of 4..7; moved on to the next block */
    uint32_t excess;             /* 0x80 times the sum of the inputs */
    int32_t sums[8];
} es_v6m_block;

/* What es_v6m_depthwise sums, channel by channel, from `offset` to `end`, four at a time:
 * sums[c] = bias[c] + the sum over the rows of row[offset + c] * weights[c / 4][row][c % 4].
 * Rows lie at multiples of 4 bytes. Weights are int8, four in a word. At most 16 channels, at least 1 row. */
typedef struct {
    const int8_t *const *first, *const *last; /* the rows */
    const uint32_t *weights;
    const int32_t *bias;
    int32_t offset, end;
    int32_t sums[16];
} es_v6m_columns;

/* How an accumulator becomes an output: its zero point and activation range. */
typedef struct {
    int32_t rounding; /* 2 * (zero point - minimum) + 1 */
    int32_t range;    /* maximum - minimum */
    int32_t minimum;
} es_v6m_output;

/* Inputs of a patch: int8 values + 128, `count` of them. */
static inline uint8_t *es_v6m_take(uint8_t *to, const int8_t *from, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        to[i] = (uint8_t)(from[i] ^ -128);
    }
    return to + count;
}

/* The same for `count` words; both pointers are aligned. */
static inline uint8_t *es_v6m_take_words(uint8_t *to, const int8_t *from, int32_t count) {
    const uint32_t *const words = (const uint32_t *)(const void *)from;
    uint32_t *const taken = (uint32_t *)(void *)to;
    for (int32_t i = 0; i < count; ++i) {
        taken[i] = words[i] ^ UINT32_C(0x80808080);
    }
    return to + 4 * count;
}

/* The sum of the bytes of `count` words. */
static inline uint32_t es_v6m_sum(const uint8_t *bytes, int32_t count) {
    const uint32_t *words = (const uint32_t *)(const void *)bytes;
    uint32_t sum = 0;
    while (count > 0) {
        uint32_t pairs = 0; /* two sums of 16 bits */
        for (const uint32_t *const last = words + (count < 128 ? count : 128); words < last; ++words) {
            pairs += (*words & 0xff00ffu) + (*words >> 8 & 0xff00ffu);
        }
        sum += (pairs & 0xffffu) + (pairs >> 16);
        count -= 128;
    }
    return sum;
}

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/* One weight word, in register `w`, times the input in r2; r3 is free. */
#define ES_V6M_WORD(w, t, n, p)  \
    "lsrs r3, " w ", #16\n\t"    \
    "muls r3, r2, r3\n\t"        \
    "add " t ", r3\n\t"          \
    "rev r3, " w "\n\t"          \
    "muls r3, r2, r3\n\t"        \
    "add " n ", r3\n\t"          \
    "muls " w ", r2, " w "\n\t"  \
    "add " p ", " w "\n\t"

/* The inputs `even` and `odd` from r0: 35 instructions, 41 cycles for 16 products. */
#define ES_V6M_PAIR(even, odd)              \
    "ldmia r1!, {r4-r7}\n\t"                \
    "ldrb r2, [r0, #" even "]\n\t"          \
    ES_V6M_WORD("r4", "r8", "r9", "r10")    \
    ES_V6M_WORD("r5", "r11", "r12", "lr")   \
    "ldrb r2, [r0, #" odd "]\n\t"           \
    ES_V6M_WORD("r6", "r8", "r9", "r10")    \
    ES_V6M_WORD("r7", "r11", "r12", "lr")

/* Solve for S0 .. S3 and store them at r1. */
#define ES_V6M_SOLVE(t, n, p)                                                        \
    "mov r2, " p "\n\tmov r3, " t "\n\tmov r4, " n "\n\t"                            \
    "lsls r5, r3, #16\n\tsubs r2, r2, r5\n\t" /* e = S0 + 2^8 S1 */                  \
    "lsls r5, r3, #8\n\tsubs r5, r4, r5\n\t"  /* S3 modulo 2^16 */                   \
    "lsls r5, r5, #8\n\tsubs r5, r3, r5\n\tlsls r5, r5, #8\n\tasrs r5, r5, #8\n\t"   \
    "subs r6, r3, r5\n\tasrs r6, r6, #8\n\t"                                         \
    "subs r4, r4, r6\n\tlsls r7, r5, #8\n\tsubs r4, r4, r7\n\t"                      \
    "lsls r7, r2, #24\n\tsubs r4, r4, r7\n\t" /* 2^16 S1 */                          \
    "lsls r3, r2, #8\n\tsubs r3, r3, r4\n\tasrs r3, r3, #8\n\t"                      \
    "subs r4, r2, r3\n\tasrs r4, r4, #8\n\t"                                         \
    "stmia r1!, {r3-r6}\n\t"

/* Sums of eight channels. */
__attribute__((naked, noinline, unused)) static void es_v6m_block8(es_v6m_block *block __attribute__((unused))) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r4-r7, lr}\n\t"
        "mov r4, r8\n\tmov r5, r9\n\tmov r6, r10\n\tmov r7, r11\n\t"
        "push {r4-r7}\n\t"
        /* the sums start from bias - excess */
        "ldr r3, [r0, #16]\n\t"
        "lsls r4, r3, #8\n\tadds r4, r4, r3\n\t" /* for t */
        "lsls r5, r4, #16\n\tadds r5, r5, r4\n\t" /* for n and p */
        "ldr r1, [r0, #12]\n\t"
        "ldmia r1!, {r2, r3, r6}\n\t"
        "subs r2, r2, r4\n\tsubs r3, r3, r5\n\tsubs r6, r6, r5\n\t"
        "mov r8, r2\n\tmov r9, r3\n\tmov r10, r6\n\t"
        "ldmia r1!, {r2, r3, r6}\n\t"
        "subs r2, r2, r4\n\tsubs r3, r3, r5\n\tsubs r6, r6, r5\n\t"
        "mov r11, r2\n\tmov r12, r3\n\tmov lr, r6\n\t"
        "str r1, [r0, #12]\n\t"
        /* enter the loop over eight pairs so that it ends at the last */
        "ldr r1, [r0, #8]\n\t"
        "ldr r3, [r0, #4]\n\t"
        "push {r0, r3}\n\t"
        "ldr r0, [r0]\n\t"
        "subs r3, r0, r3\n\t"
        "movs r2, #14\n\t"
        "ands r3, r2\n\t" /* inputs before the first */
        "subs r0, r0, r3\n\t"
        "movs r2, #35\n\t"
        "muls r3, r2, r3\n\t"
        "adr r2, 1f\n\t"
        "adds r2, r2, r3\n\t"
        "mov pc, r2\n\t"
        ".balign 4\n"
        "1:\n\t"
        ES_V6M_PAIR("0", "1") ES_V6M_PAIR("2", "3") ES_V6M_PAIR("4", "5") ES_V6M_PAIR("6", "7")
        ES_V6M_PAIR("8", "9") ES_V6M_PAIR("10", "11") ES_V6M_PAIR("12", "13") ES_V6M_PAIR("14", "15")
        "adds r0, r0, #16\n\t"
        "ldr r2, [sp, #4]\n\t"
        "cmp r0, r2\n\t"
        "beq 2f\n\t"
        "b 1b\n"
        "2:\n\t"
        "pop {r2, r3}\n\t"
        "str r1, [r2, #8]\n\t"
        "adds r2, r2, #20\n\t"
        "mov r1, r2\n\t"
        ES_V6M_SOLVE("r8", "r9", "r10")
        ES_V6M_SOLVE("r11", "r12", "lr")
        "pop {r4-r7}\n\t"
        "mov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n\t"
        "pop {r4-r7, pc}\n\t");
}

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

__attribute__((naked, noinline, unused)) static void es_v6m_depthwise(es_v6m_columns *columns __attribute__((unused))) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r4-r7, lr}\n\t"
        "mov r4, r8\n\tmov r5, r9\n\tmov r6, r10\n\tmov r7, r11\n\t"
        "push {r4-r7}\n\t"
        "ldmia r0!, {r1-r6}\n\t" /* first, last, weights, bias, offset, end */
        "mov r12, r2\n\t"
        "mov lr, r4\n\t"
        "subs r4, r1, r2\n\t"
        "movs r7, #12\n\t"
        "ands r4, r7\n\t" /* enter the loop over four rows so that it ends at the last */
        "lsrs r4, r4, #2\n\t"
        "movs r7, #46\n\t"
        "muls r4, r7, r4\n\t"
        "adr r7, 1f\n\t"
        "adds r7, r7, r4\n\t"
        "push {r0, r1, r6, r7}\n\t" /* sums, first, end, entry */
        "mov r2, r5\n\t"
        "mov r1, r3\n"
        "3:\n\t"
        "mov r0, lr\n\t"
        "ldmia r0!, {r3-r6}\n\t"
        "mov lr, r0\n\t"
        "mov r8, r3\n\tmov r9, r4\n\tmov r10, r5\n\tmov r11, r6\n\t"
        "ldr r0, [sp, #4]\n\t"
        "ldr r7, [sp, #12]\n\t"
        "mov pc, r7\n\t"
        ".balign 4\n"
        "1:\n\t"
        ES_V6M_ROW ES_V6M_ROW ES_V6M_ROW ES_V6M_ROW
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "ldr r0, [sp]\n\t"
        "mov r3, r8\n\tmov r4, r9\n\tmov r5, r10\n\tmov r6, r11\n\t"
        "stmia r0!, {r3-r6}\n\t"
        "str r0, [sp]\n\t"
        "adds r2, r2, #4\n\t"
        "ldr r3, [sp, #8]\n\t"
        "cmp r2, r3\n\t"
        "bne 3b\n\t"
        "add sp, #16\n\t"
        "pop {r4-r7}\n\t"
        "mov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n\t"
        "pop {r4-r7, pc}\n\t");
}

/* outputs[i] of sums[i], as es_requantize_s8 rounds; 39 cycles each within the range.
 * |sums| <= 2^23; scales hold per output the multiplier in [0, 2^31) and minus the shift, less 1, in [0, 21]. */
__attribute__((naked, noinline, unused)) static void es_v6m_finish(
    const int32_t *sums __attribute__((unused)), const uint32_t *scales __attribute__((unused)),
    int8_t *outputs __attribute__((unused)), const es_v6m_output *how __attribute__((unused)),
    const int32_t *last __attribute__((unused))) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r4-r7, lr}\n\t"
        "mov r4, r8\n\tmov r5, r9\n\tmov r6, r10\n\tmov r7, r11\n\t"
        "push {r4-r7}\n\t"
        "ldmia r3!, {r4-r6}\n\t"
        "mov r9, r4\n\tmov r10, r5\n\tmov r11, r6\n\t"
        "movs r4, #1\n\tlsls r4, r4, #14\n\tmov r8, r4\n\t"
        "ldr r4, [sp, #36]\n\tmov r12, r4\n"
        /* (a * m + 2^30) >> 31 with a = 2^8 r4 + r3 and m = 2^16 r6 + r5 */
        "1:\n\t"
        "ldmia r0!, {r3}\n\t"
        "ldmia r1!, {r6}\n\t"
        "asrs r4, r3, #8\n\t"
        "uxtb r3, r3\n\t"
        "uxth r5, r6\n\t"
        "lsrs r6, r6, #16\n\t"
        "movs r7, r5\n\t"
        "muls r7, r3, r7\n\tlsrs r7, r7, #8\n\t"
        "muls r5, r4, r5\n\tadds r7, r7, r5\n\tasrs r7, r7, #8\n\t"
        "muls r3, r6, r3\n\tadds r7, r7, r3\n\tadd r7, r8\n\tasrs r7, r7, #8\n\t"
        "muls r4, r6, r4\n\tadds r7, r7, r4\n\tasrs r7, r7, #7\n\t"
        /* to nearest, ties away from zero */
        "asrs r3, r7, #31\n\tadds r7, r7, r3\n\t"
        "ldmia r1!, {r5}\n\t"
        "mov r3, r9\n\tlsls r3, r5\n\tadds r7, r7, r3\n\t"
        "asrs r7, r5\n\tasrs r7, r7, #1\n\t"
        "cmp r7, r10\n\t"
        "bhi 3f\n"
        "2:\n\t"
        "add r7, r11\n\t"
        "strb r7, [r2]\n\t"
        "adds r2, r2, #1\n\t"
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "pop {r4-r7}\n\t"
        "mov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n\t"
        "pop {r4-r7, pc}\n"
        /* out of range: 0 below, the range above */
        "3:\n\t"
        "asrs r3, r7, #31\n\t"
        "mov r7, r10\n\t"
        "bics r7, r3\n\t"
        "b 2b\n\t");
}

#else

static inline int32_t es_v6m_signed24(uint32_t x) {
    return (int32_t)((x & 0xffffffu) ^ 0x800000u) - 0x800000;
}

static inline void es_v6m_block8(es_v6m_block *block) {
    const uint8_t *const last = block->last;
    for (int half = 0; half < 2; ++half) {
        uint32_t t = block->bias[half * 3] - block->excess * 0x101u;
        uint32_t n = block->bias[half * 3 + 1] - block->excess * 0x1010101u;
        uint32_t p = block->bias[half * 3 + 2] - block->excess * 0x1010101u;
        const uint32_t *w = block->weights + half;
        for (const uint8_t *x = block->first; x < last; ++x, w += 2) {
            t += *x * (*w >> 16);
            n += *x * (*w >> 24 | (*w >> 8 & 0xff00u) | (*w << 8 & 0xff0000u) | *w << 24);
            p += *x * *w;
        }
        const uint32_t e = p - (t << 16);
        const int32_t s2 = es_v6m_signed24(t - ((n - (t << 8)) << 8));
        const int32_t s3 = es_v6m_signed24((t - (uint32_t)s2) >> 8);
        const uint32_t d = n - (uint32_t)s3 - ((uint32_t)s2 << 8) - (e << 24);
        const int32_t s0 = es_v6m_signed24(((e << 8) - d) >> 8);
        int32_t *const sums = block->sums + half * 4;
        sums[0] = s0;
        sums[1] = es_v6m_signed24((e - (uint32_t)s0) >> 8);
        sums[2] = s2;
        sums[3] = s3;
    }
    block->weights += 2 * (last - block->first);
    block->bias += 6;
}

static inline void es_v6m_depthwise(es_v6m_columns *columns) {
    const uint32_t *weights = columns->weights;
    const int32_t *bias = columns->bias;
    int32_t *sums = columns->sums;
    for (int32_t offset = columns->offset; offset < columns->end; offset += 4, sums += 4) {
        for (int lane = 0; lane < 4; ++lane) {
            sums[lane] = *bias++;
        }
        for (const int8_t *const *row = columns->first; row < columns->last; ++row, ++weights) {
            for (int lane = 0; lane < 4; ++lane) {
                const int32_t byte = (int32_t)(*weights >> (8 * lane) & 0xffu);
                sums[lane] += (*row)[offset + lane] * ((byte ^ 0x80) - 0x80);
            }
        }
    }
}

static inline void es_v6m_finish(const int32_t *sums, const uint32_t *scales, int8_t *outputs, const es_v6m_output *how,
                                 const int32_t *last) {
    for (; sums < last; ++sums, scales += 2, ++outputs) {
        const int32_t high = (int32_t)(((int64_t)*sums * (int32_t)scales[0] + (1 << 30)) >> 31);
        const int32_t shifted = high + (high >> 31) + how->rounding * (1 << scales[1]);
        const int32_t steps = (shifted >> scales[1]) >> 1;
        *outputs = (int8_t)((steps < 0 ? 0 : steps > how->range ? how->range : steps) + how->minimum);
    }
}

#endif

#endif
