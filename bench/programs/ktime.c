/* 64 calls of bpf_ktime_get_ns. Time never stands still for long here: the answer says whether it went backwards. */
#include "bench.h"

#define CALLS 64

PROGRAM int ktime(struct xdp_md *ctx)
{
	__u64 last = 0;
	int backwards = 0;

	for (int call = 0; call < CALLS; call++) {
		__u64 now = bpf_ktime_get_ns();

		backwards += now < last;
		last = now;
	}
	return backwards;
}
