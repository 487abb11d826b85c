/* SHA-256 (FIPS 180-4) of 4 blocks without padding; all 64 rounds of a block are written out. */
#include "bench.h"

#define BLOCKS 4
#define BLOCK_BYTES 64
#define ROTATE(value, bits) (((value) >> (bits)) | ((value) << (32 - (bits))))
#define CHOOSE(x, y, z) (((x) & (y)) ^ (~(x) & (z)))
#define MAJORITY(x, y, z) (((x) & (y)) ^ ((x) & (z)) ^ ((y) & (z)))
#define BIG0(x) (ROTATE(x, 2) ^ ROTATE(x, 13) ^ ROTATE(x, 22))
#define BIG1(x) (ROTATE(x, 6) ^ ROTATE(x, 11) ^ ROTATE(x, 25))
#define SMALL0(x) (ROTATE(x, 7) ^ ROTATE(x, 18) ^ ((x) >> 3))
#define SMALL1(x) (ROTATE(x, 17) ^ ROTATE(x, 19) ^ ((x) >> 10))

#define ROUND(a, b, c, d, e, f, g, h, constant, word) \
	do { \
		__u32 first = h + BIG1(e) + CHOOSE(e, f, g) + constant + (word); \
		__u32 second = BIG0(a) + MAJORITY(a, b, c); \
		d += first; \
		h = first + second; \
		/* Keeps the compiler from computing ahead: the spilled registers would not fit into 512 bytes of stack. */ \
		asm volatile("" : "+r"(d), "+r"(h) : : "memory"); \
	} while (0)

#define LOAD(i) (w[i] = __builtin_bswap32(((__u32 *)block)[i]))
#define NEXT(i) (w[(i) & 15] += SMALL1(w[((i) + 14) & 15]) + w[((i) + 9) & 15] + SMALL0(w[((i) + 1) & 15]))

#define EIGHT(W, i, k0, k1, k2, k3, k4, k5, k6, k7) \
	ROUND(a, b, c, d, e, f, g, h, k0, W(i)); \
	ROUND(h, a, b, c, d, e, f, g, k1, W(i + 1)); \
	ROUND(g, h, a, b, c, d, e, f, k2, W(i + 2)); \
	ROUND(f, g, h, a, b, c, d, e, k3, W(i + 3)); \
	ROUND(e, f, g, h, a, b, c, d, k4, W(i + 4)); \
	ROUND(d, e, f, g, h, a, b, c, k5, W(i + 5)); \
	ROUND(c, d, e, f, g, h, a, b, k6, W(i + 6)); \
	ROUND(b, c, d, e, f, g, h, a, k7, W(i + 7))

static __always_inline void compress(__u32 *state, const __u8 *block)
{
	__u32 w[16];
	__u32 a = state[0], b = state[1], c = state[2], d = state[3];
	__u32 e = state[4], f = state[5], g = state[6], h = state[7];

	EIGHT(LOAD, 0, 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5);
	EIGHT(LOAD, 8, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174);
	EIGHT(NEXT, 16, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da);
	EIGHT(NEXT, 24, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967);
	EIGHT(NEXT, 32, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85);
	EIGHT(NEXT, 40, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070);
	EIGHT(NEXT, 48, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3);
	EIGHT(NEXT, 56, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2);

	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

PROGRAM int sha256(struct xdp_md *ctx)
{
	__u32 state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	__u8 *data = DATA(ctx);

	if (data + BLOCKS * BLOCK_BYTES > DATA_END(ctx))
		return 0;
	for (int block = 0; block < BLOCKS; block++)
		compress(state, data + block * BLOCK_BYTES);
	return state[0] ^ state[1] ^ state[2] ^ state[3] ^ state[4] ^ state[5] ^ state[6] ^ state[7];
}
