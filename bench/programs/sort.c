/* Insertion sort of 48 numbers inside the packet: they are copied behind the originals first, so that every run sorts the same. */
#include "bench.h"

#define COUNT 48
#define BYTES (COUNT * sizeof(__u32))

PROGRAM int sort(struct xdp_md *ctx)
{
	__u8 *data = DATA(ctx);
	__u8 *end = DATA_END(ctx);

	if (data + 2 * BYTES > end)
		return 0;
	for (int index = 0; index < COUNT; index++)
		((__u32 *)(data + BYTES))[index] = ((__u32 *)data)[index];

	__u32 *sorted = (__u32 *)(data + BYTES);

	for (int index = 1; index < COUNT; index++) {
		__u32 value = sorted[index];
		int place = index;

		for (; place > 0 && sorted[place - 1] > value; place--)
			sorted[place] = sorted[place - 1];
		sorted[place] = value;
	}

	__u32 mix = 0;

	for (int index = 0; index < COUNT; index++)
		mix = mix * 31 + sorted[index];
	return mix;
}
