/* 64 lookups in a hash of 256 elements; the caller has put number n at key n. */
#include "bench.h"

#define LOOKUPS 64
#define ELEMENTS 256

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ELEMENTS);
	__type(key, __u32);
	__type(value, __u64);
} elements SEC(".maps");

PROGRAM int lookup_hash(struct xdp_md *ctx)
{
	__u32 first = ctx->rx_queue_index;
	__u32 sum = 0;

	for (int lookup = 0; lookup < LOOKUPS; lookup++) {
		__u32 key = (first + lookup * 7) % ELEMENTS;
		__u64 *value = bpf_map_lookup_elem(&elements, &key);

		if (value)
			sum += *value;
	}
	return sum;
}
