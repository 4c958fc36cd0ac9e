/* Sums of int8 columns for Armv6-M, four channels at a time. Needs no other header of this folder. */
#ifndef ES_ARMV6M_POOL_H
#define ES_ARMV6M_POOL_H

#include <stdint.h>

/* Four sums of 16 bits: of channels 0 and 2, of channels 1 and 3, of the values + 128. At most 257 rows. */
typedef struct {
    uint32_t even, odd;
} es_v6m_lanes;

/* Add `rows` rows, `step` bytes apart; both are multiples of 4. */
static inline es_v6m_lanes es_v6m_add_rows(es_v6m_lanes lanes, const int8_t *from, int32_t rows, int32_t step) {
    for (; rows > 0; --rows) {
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
        typedef uint32_t __attribute__((may_alias)) word_type;
        const uint32_t word = *(const word_type *)(const void *)from ^ UINT32_C(0x80808080);
#else
        uint32_t word = 0;
        for (int32_t i = 0; i < 4; ++i) {
            word |= (uint32_t)(from[i] + 128) << (8 * i);
        }
#endif
        lanes.even += word & 0xff00ffu;
        lanes.odd += word >> 8 & 0xff00ffu;
        from += step;
    }
    return lanes;
}

/* The sum of one of the four channels over all `rows` rows that were added. */
static inline int32_t es_v6m_lane_sum(es_v6m_lanes lanes, int32_t channel, int32_t rows) {
    const uint32_t pair = (channel & 1) != 0 ? lanes.odd : lanes.even;
    return (int32_t)((channel & 2) != 0 ? pair >> 16 : pair & 0xffffu) - 128 * rows;
}

#endif
