/* A 64-bit hash that divides: multiply, xor, quotient and remainder by a number that depends on the data. */
#include "bench.h"

#define WORDS 64

PROGRAM int hash64(struct xdp_md *ctx)
{
	__u8 *data = DATA(ctx);
	__u64 hash = 0xcbf29ce484222325ull;

	if (data + WORDS * sizeof(__u64) > DATA_END(ctx))
		return 0;
	for (int index = 0; index < WORDS; index++) {
		__u64 word = ((__u64 *)data)[index];
		__u64 divisor = (word >> 40) | 1;

		hash = (hash ^ word) * 0x100000001b3ull;
		hash ^= hash / divisor;
		hash += word % ((hash >> 33) | 3);
	}
	return (__u32)(hash ^ (hash >> 32));
}
