/* SipHash-2-4 (Aumasson, Bernstein 2012) over 256 bytes, with the key of the paper's test vectors. */
#include "bench.h"

#define BYTES 256
#define ROTATE(value, bits) (((value) << (bits)) | ((value) >> (64 - (bits))))
#define ROUND() \
	do { \
		v0 += v1; v1 = ROTATE(v1, 13); v1 ^= v0; v0 = ROTATE(v0, 32); \
		v2 += v3; v3 = ROTATE(v3, 16); v3 ^= v2; \
		v0 += v3; v3 = ROTATE(v3, 21); v3 ^= v0; \
		v2 += v1; v1 = ROTATE(v1, 17); v1 ^= v2; v2 = ROTATE(v2, 32); \
	} while (0)

PROGRAM int siphash(struct xdp_md *ctx)
{
	__u64 key0 = 0x0706050403020100ull, key1 = 0x0f0e0d0c0b0a0908ull;
	__u64 v0 = key0 ^ 0x736f6d6570736575ull, v1 = key1 ^ 0x646f72616e646f6dull;
	__u64 v2 = key0 ^ 0x6c7967656e657261ull, v3 = key1 ^ 0x7465646279746573ull;
	__u8 *data = DATA(ctx);

	if (data + BYTES > DATA_END(ctx))
		return 0;
	for (int at = 0; at < BYTES; at += 8) {
		__u64 word = *(__u64 *)(data + at);

		v3 ^= word;
		ROUND();
		ROUND();
		v0 ^= word;
	}

	__u64 last = (__u64)(BYTES & 0xff) << 56;

	v3 ^= last;
	ROUND();
	ROUND();
	v0 ^= last;
	v2 ^= 0xff;
	ROUND();
	ROUND();
	ROUND();
	ROUND();
	v0 ^= v1 ^ v2 ^ v3;
	return (__u32)(v0 ^ (v0 >> 32));
}
