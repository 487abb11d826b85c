/* 1,000 rounds of multiply, add, shift and xor in registers: no memory. */
#include "bench.h"

#define ROUNDS 1000

PROGRAM int arithmetic(struct xdp_md *ctx)
{
	__u64 value = ctx->rx_queue_index;

	for (int round = 0; round < ROUNDS; round++) {
		value = value * 0x5851f42d4c957f2dull + round;
		value ^= value >> 29;
	}
	return (__u32)value;
}
