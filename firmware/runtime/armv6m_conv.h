/* Convolutions and dense layers of int8 for Armv6-M: assembly there, the same in C elsewhere. Needs armv6m.h before it. */
#ifndef ES_ARMV6M_CONV_H
#define ES_ARMV6M_CONV_H

#include <stdint.h>

/* Sums of products of `first` to `last` with the weights of channels, eight at a time. The inputs are bytes, the int8
 * values + 128; an even number of them.
 *
 * A weight word holds the weights u0 .. u3 of four channels, + 128, u0 in the lowest byte. Three sums are kept of the
 * input times: t = the word >> 16, n = the word with its bytes reversed, p = the word itself. So at the end
 *     t = S2 + 2^8 S3,   n = S3 + 2^8 S2 + 2^16 S1 + 2^24 S0,   p = S0 + 2^8 S1 + 2^16 S2 + 2^24 S3   modulo 2^32,
 * of which there is one solution with all S in [-2^23, 2^23): three multiplications for four channels.
 *
 * The bias holds t, n and p of the biases; what the + 128 of the weights adds is taken off by `excess`. */
typedef struct {
    const uint8_t *first, *last;
    const uint32_t *weights; /* [block][input][2 words: channels 0..3, 4..7]; moved on */
    const uint32_t *bias;    /* [block][t, n, p of channels 0..3, then of 4..7]; moved on */
    uint32_t excess;         /* 0x80 times the sum of the inputs */
    int32_t sums[8];         /* of the last block */
    const uint32_t *scales;  /* this and what follows are for es_v6m_conv: [channel][2], moved on */
    int8_t *outputs;         /* moved on */
    const es_v6m_output *how;
    int32_t channels; /* still to do, at least 1 */
} es_v6m_sums;

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

/* For the assembly below: one block of the sums at r0, which stays. Changes all other registers. */
ES_V6M_ASM void es_v6m_block(void) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "ldr r3, [r0, #4]\n\t"
        "push {r0, r3, lr}\n\t"
        /* the sums start from bias - excess */
        "ldr r3, [r0, #16]\n\t"
        "lsls r4, r3, #8\n\tadds r4, r4, r3\n\t"  /* of t */
        "lsls r5, r4, #16\n\tadds r5, r5, r4\n\t" /* of n and p */
        "ldr r1, [r0, #12]\n\t"
        "ldmia r1!, {r2, r3, r6}\n\t"
        "subs r2, r2, r4\n\tsubs r3, r3, r5\n\tsubs r6, r6, r5\n\t"
        "mov r8, r2\n\tmov r9, r3\n\tmov r10, r6\n\t"
        "ldmia r1!, {r2, r3, r6}\n\t"
        "subs r2, r2, r4\n\tsubs r3, r3, r5\n\tsubs r6, r6, r5\n\t"
        "mov r11, r2\n\tmov r12, r3\n\tmov lr, r6\n\t"
        "str r1, [r0, #12]\n\t"
        /* into a loop over eight pairs, to end at the last */
        "ldr r1, [r0, #8]\n\t"
        "ldr r3, [r0, #4]\n\t"
        "ldr r0, [r0]\n\t"
        "subs r3, r0, r3\n\tmovs r4, #14\n\tands r3, r4\n\t"
        "subs r0, r0, r3\n\t"
        "movs r4, #35\n\tmuls r3, r4, r3\n\tadr r4, 1f\n\tadds r3, r3, r4\n\t"
        "mov pc, r3\n\t"
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
        "ldr r0, [sp]\n\t"
        "str r1, [r0, #8]\n\t"
        "mov r1, r0\n\tadds r1, r1, #20\n\t"
        ES_V6M_SOLVE("r8", "r9", "r10")
        ES_V6M_SOLVE("r11", "r12", "lr")
        "pop {r0, r3, pc}\n\t");
}

ES_V6M_ASM void es_v6m_block_entry(void) {
    __asm__ volatile(ES_V6M_ENTER "bl es_v6m_block\n\t" ES_V6M_LEAVE);
}

/* One block. */
static inline void es_v6m_sum_block(es_v6m_sums *sums) {
    ES_V6M_CALL(es_v6m_block_entry, sums);
}

ES_V6M_ASM void es_v6m_conv_entry(void) {
    __asm__ volatile(
        ES_V6M_ENTER
        "push {r0}\n"
        "1:\n\t"
        "bl es_v6m_block\n\t"
        "mov r7, r0\n\tadds r7, r7, #52\n\t"
        "movs r4, #8\n\t"
        "ldr r5, [r7, #12]\n\tsubs r6, r5, r4\n\tstr r6, [r7, #12]\n\t"
        "bpl 2f\n\tmovs r4, r5\n"
        "2:\n\t"
        "adds r0, r0, #20\n\t"
        "ldmia r7!, {r1-r3}\n\t"
        "bl es_v6m_finish\n\t"
        "ldr r0, [sp]\n\t"
        "mov r7, r0\n\tadds r7, r7, #52\n\t"
        "stmia r7!, {r1, r2}\n\t"
        "ldr r3, [r7, #4]\n\tcmp r3, #0\n\t"
        "bgt 1b\n\t"
        "pop {r0}\n\t" ES_V6M_LEAVE);
}

/* Every block, and the outputs. */
static inline void es_v6m_conv(es_v6m_sums *sums) {
    ES_V6M_CALL(es_v6m_conv_entry, sums);
}

typedef uint32_t __attribute__((may_alias)) es_v6m_word;

/* Take `count` int8 values as inputs; gives the place behind them. */
static inline uint8_t *es_v6m_take(uint8_t *to, const int8_t *from, int32_t count) {
    int32_t i = 0;
    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0u) {
        for (; i < count - 3; i += 4) {
            *(es_v6m_word *)(void *)(to + i) = *(const es_v6m_word *)(const void *)(from + i) ^ UINT32_C(0x80808080);
        }
    }
    for (; i < count; ++i) {
        to[i] = (uint8_t)(from[i] ^ -128);
    }
    return to + count;
}

/* The sum of `count` inputs and of what fills the last word; they begin at a word. */
static inline uint32_t es_v6m_sum(const uint8_t *inputs, int32_t count) {
    const es_v6m_word *words = (const es_v6m_word *)(const void *)inputs;
    uint32_t sum = 0;
    for (count = (count + 3) / 4; count > 0; count -= 128) {
        uint32_t pairs = 0; /* two sums of 16 bits */
        for (const es_v6m_word *const last = words + (count < 128 ? count : 128); words < last; ++words) {
            pairs += (*words & 0xff00ffu) + (*words >> 8 & 0xff00ffu);
        }
        sum += (pairs & 0xffffu) + (pairs >> 16);
    }
    return sum;
}

#else

static inline int32_t es_v6m_signed24(uint32_t x) {
    return (int32_t)((x & 0xffffffu) ^ 0x800000u) - 0x800000;
}

static inline void es_v6m_sum_block(es_v6m_sums *sums) {
    for (int32_t half = 0; half < 2; ++half, sums->bias += 3) {
        uint32_t t = sums->bias[0] - sums->excess * 0x101u;
        uint32_t n = sums->bias[1] - sums->excess * 0x1010101u;
        uint32_t p = sums->bias[2] - sums->excess * 0x1010101u;
        const uint32_t *w = sums->weights + half;
        for (const uint8_t *x = sums->first; x < sums->last; ++x, w += 2) {
            t += *x * (*w >> 16);
            n += *x * (*w >> 24 | (*w >> 8 & 0xff00u) | (*w << 8 & 0xff0000u) | *w << 24);
            p += *x * *w;
        }
        const uint32_t e = p - (t << 16);
        const int32_t s2 = es_v6m_signed24(t - ((n - (t << 8)) << 8));
        const int32_t s3 = es_v6m_signed24((t - (uint32_t)s2) >> 8);
        const uint32_t d = n - (uint32_t)s3 - ((uint32_t)s2 << 8) - (e << 24);
        const int32_t s0 = es_v6m_signed24(((e << 8) - d) >> 8);
        int32_t *const solved = sums->sums + 4 * half;
        solved[0] = s0;
        solved[1] = es_v6m_signed24((e - (uint32_t)s0) >> 8);
        solved[2] = s2;
        solved[3] = s3;
    }
    sums->weights += 2 * (sums->last - sums->first);
}

static inline void es_v6m_conv(es_v6m_sums *sums) {
    for (; sums->channels > 0; sums->channels -= 8) {
        es_v6m_sum_block(sums);
        for (int32_t i = 0; i < 8 && i < sums->channels; ++i, sums->scales += 2) {
            *sums->outputs++ = es_v6m_output_s8(sums->sums[i], sums->scales, sums->how);
        }
    }
}

static inline uint8_t *es_v6m_take(uint8_t *to, const int8_t *from, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        to[i] = (uint8_t)(from[i] + 128);
    }
    return to + count;
}

static inline uint32_t es_v6m_sum(const uint8_t *inputs, int32_t count) {
    uint32_t sum = 0;
    for (int32_t i = 0; i < count; ++i) {
        sum += inputs[i];
    }
    return sum;
}

#endif

/* Add the products of one chunk of a dense layer's inputs, at most 256 and an even number, to the sums of all units. */
static inline void es_v6m_dense_chunk(es_v6m_sums *sums, const uint8_t *first, int32_t count, int32_t blocks, int32_t *totals) {
    static const uint32_t nothing[6] = {0};
    sums->first = first;
    sums->last = first + count;
    sums->excess = es_v6m_sum(first, count) << 7;
    for (; blocks > 0; --blocks) {
        sums->bias = nothing;
        es_v6m_sum_block(sums);
        for (int32_t i = 0; i < 8; ++i) {
            *totals++ += sums->sums[i];
        }
    }
}

#endif
