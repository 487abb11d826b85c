/*
 * 34 programs in a row, step_0 to step_33: each calls the next one through a prog array, the last one returns. A chain of n hops starts at
 * step_(33 - n). Every program is different (its number is in it), so that each is a module, or a piece of machine code, of its own.
 * The includer defines INDEX(ctx, next).
 */
#include "bench.h"

#define STEPS 34
#define EACH_STEP(X) \
	X(0, 1) X(1, 2) X(2, 3) X(3, 4) X(4, 5) X(5, 6) X(6, 7) X(7, 8) X(8, 9) X(9, 10) X(10, 11) X(11, 12) X(12, 13) X(13, 14) \
	X(14, 15) X(15, 16) X(16, 17) X(17, 18) X(18, 19) X(19, 20) X(20, 21) X(21, 22) X(22, 23) X(23, 24) X(24, 25) X(25, 26) \
	X(26, 27) X(27, 28) X(28, 29) X(29, 30) X(30, 31) X(31, 32) X(32, 33)
#define DECLARE(number, next) int step_##number(struct xdp_md *ctx);
#define SLOT(number, next) [number] = (void *)&step_##number,
#define DEFINE(number, next) \
	PROGRAM int step_##number(struct xdp_md *ctx) \
	{ \
		bpf_tail_call(ctx, &steps, INDEX(ctx, next)); \
		return 1000 + number; \
	}

EACH_STEP(DECLARE)
DECLARE(33, 0)

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STEPS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} steps SEC(".maps") = { .values = { EACH_STEP(SLOT) SLOT(33, 0) } };

EACH_STEP(DEFINE)

PROGRAM int step_33(struct xdp_md *ctx)
{
	return 33;
}
