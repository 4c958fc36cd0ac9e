/* Armv7E-M with the DSP extension: what the compiler does not find by itself. Needs no other header of this folder.
 *
 * A word holds two 16-bit halves, low and high, or four bytes 0 to 3. SXTB16 widens bytes 0 and 2, with a rotation
 * by 8 bytes 1 and 3; so the inputs of a kernel are kept in the order (0, 2), (1, 3) and its weights too. */
#ifndef ES_ARMV7EM_H
#define ES_ARMV7EM_H

#include <stdint.h>
#include <string.h>

#ifndef __ARM_FEATURE_DSP
#error "these kernels are for Cortex-M4, M7, M33 and others with the DSP extension: compile with -mcpu"
#endif

/* A function whose body is assembly alone: its arguments are where the procedure call standard puts them. */
#if defined(__clang__)
#define ES_ASSEMBLY __attribute__((naked, noinline, unused)) static
#else
#define ES_ASSEMBLY __attribute__((naked, noinline, noipa, unused)) static
#endif
#define ES_IN __attribute__((unused)) /* an argument that only the assembly sees */
#define ES_OUTLINE __attribute__((noinline, unused)) static /* one copy, however many layers call it */

/* One line of assembly. */
#define ES_(...) #__VA_ARGS__ "\n\t"

static inline uint32_t es_load4(const void *from) {
    uint32_t word;
    memcpy(&word, from, sizeof word); /* one LDR, aligned or not */
    return word;
}

static inline void es_store4(void *to, uint32_t word) {
    memcpy(to, &word, sizeof word);
}

/* Bytes 0 and 2 as signed halves. */
static inline uint32_t es_sxtb16(uint32_t x) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(x));
    return halves;
}

/* Bytes 1 and 3 as signed halves. */
static inline uint32_t es_sxtb16_odd(uint32_t x) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(x));
    return halves;
}

/* Bytes 0 and 2, or 1 and 3, added as signed halves to those of sum. */
static inline uint32_t es_sxtab16(uint32_t sum, uint32_t x) {
    __asm__("sxtab16 %0, %0, %1" : "+r"(sum) : "r"(x));
    return sum;
}

static inline uint32_t es_sxtab16_odd(uint32_t sum, uint32_t x) {
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sum) : "r"(x));
    return sum;
}

/* Byte by byte the larger signed one. */
static inline uint32_t es_max4(uint32_t x, uint32_t y) {
    uint32_t larger;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(x), "r"(y)); /* GE where x >= y */
    return larger;
}

static inline uint32_t es_min4(uint32_t x, uint32_t y) {
    uint32_t smaller;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(smaller) : "r"(x), "r"(y));
    return smaller;
}

static inline int32_t es_ssat8(int32_t x) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x) : "cc");
    return result;
}

/* a + ((b * c + 2^31) >> 32) */
static inline int32_t es_smmlar(int32_t b, int32_t c, int32_t a) {
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(b), "r"(c), "r"(a));
    return result;
}

/* twice * multiplier / 2^(32 + shift) to nearest, ties away from zero after a first rounding; centre is
 * 2^(shift - 1), shift >= 1. */
static inline int32_t es_rounded(int32_t twice, int32_t multiplier, int32_t centre, int32_t shift) {
    return es_smmlar(twice, multiplier, centre + (twice >> 31)) >> shift;
}

/* The requantised accumulator `twice / 2` with its zero point, saturated to int8. `centre` is
 * (2 * zero point + 1) << (shift - 1): with the sign of the accumulator added, a plain shift to the right rounds to
 * nearest with ties away from zero. shift >= 1, |accumulator| < 2^30. */
static inline int32_t es_finish_s8(int32_t twice, int32_t multiplier, int32_t centre, int32_t shift) {
    return es_ssat8(es_rounded(twice, multiplier, centre, shift));
}

/* count int8 values into [low, high], four at a time. */
ES_OUTLINE void es_clamp_bytes(int8_t *values, int32_t count, int32_t low, int32_t high) {
    const uint32_t lows = (uint32_t)(low & 255) * 0x01010101u;
    const uint32_t highs = (uint32_t)(high & 255) * 0x01010101u;
    for (; count >= 4; count -= 4, values += 4) {
        es_store4(values, es_min4(es_max4(es_load4(values), lows), highs));
    }
    for (; count > 0; --count, ++values) {
        *values = (int8_t)(*values < low ? low : *values > high ? high : *values);
    }
}

/* ---- pieces of assembly ---- */

#define ES_MAC(sum, w, x) ES_(smlad sum, w, x, sum)
#define ES_ODD_HALVES(halves, word) "sxtb16 " #halves ", " #word ", ror #8\n\t"
#define ES_TWICE(sum) ES_(adds sum, sum, sum)

/* es_finish_s8 with r12 free: 4 instructions */
#define ES_FINISH(sum, multiplier, centre, shift)                            \
    "add r12, " #centre ", " #sum ", asr #31\n\t"                            \
    ES_(smmlar sum, sum, multiplier, r12)                                    \
    ES_(asrs sum, sum, shift)                                                \
    "ssat " #sum ", #8, " #sum "\n\t"

/* Shifts that are kept one in each byte of r7: the next one. */
#define ES_NEXT_SHIFT ES_(lsrs r7, r7, #8)
#define ES_STORE_PAIR(to, sum0, sum1) "strb " #sum0 ", [" #to "], #1\n\tstrb " #sum1 ", [" #to "], #1\n\t"

/* A function of (r0 table, r1, r2 units, r3, end of the table): keeps registers, makes 28 bytes of stack with the end
 * at 24, the table in r6. A loop at label 2 has `unit` units, each of `bytes` bytes of code, to a turn: r4 turns, and
 * at 20 where the first turn starts: in the loop's middle when the number of units does not divide. */
#define ES_ENTER(unit, log2_unit, bytes)                                     \
    ES_(push {r4, r5, r6, r7, r8, r9, r10, r11, lr})                         \
    "ldr r12, [sp, #36]\n\t"                                                 \
    "sub sp, sp, #28\n\t"                                                    \
    "str r12, [sp, #24]\n\t"                                                 \
    "mov r6, r0\n\t"                                                         \
    "add r4, r2, #" #unit " - 1\n\t"                                         \
    "lsrs r4, r4, #" #log2_unit "\n\t"                                       \
    "rsbs r5, r2, #0\n\t"                                                    \
    "and r5, r5, #" #unit " - 1\n\t"                                         \
    "movs r7, #" #bytes "\n\t"                                               \
    "adr.w r8, 2f + 1\n\t"                                                   \
    "mla r5, r5, r7, r8\n\t"                                                 \
    "str r5, [sp, #20]\n\t"

#define ES_LEAVE                                                             \
    ES_(add sp, sp, #28)                                                     \
    ES_(pop {r4, r5, r6, r7, r8, r9, r10, r11, pc})

/* On to the next pair while the table goes on. */
#define ES_AGAIN                                                             \
    ES_(ldr r7, [sp, #24])                                                   \
    ES_(cmp r6, r7)                                                          \
    ES_(bne.w 1b)                                                            \
    ES_LEAVE

#endif
