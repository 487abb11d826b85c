/*
 * A packet parser as a chain of programs: entry -> IPv4 -> TCP or UDP, through a prog array whose slots the object fills.
 * TCP to port 80 passes, other TCP is dropped; UDP to port 53 is dropped, other UDP passes; what is no IPv4 passes;
 * what is cut off is aborted. `packets` counts packets by protocol, `ports` counts them by destination port.
 *
 * Compiled with: clang-19 -target bpf -mcpu=v3 -O2 -g -c parser-chain.c -o parser-chain.o   (see test/fixtures/build.sh)
 */
#include "bpf.h"

enum { PARSE_IPV4, PARSE_TCP, PARSE_UDP, PARSERS };
enum { COUNT_ALL, COUNT_IPV4, COUNT_TCP, COUNT_UDP, COUNT_OTHER, COUNTERS };

int parse_ipv4(struct xdp_md *ctx);
int parse_tcp(struct xdp_md *ctx);
int parse_udp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PARSERS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} parsers SEC(".maps") = {
	.values = {
		[PARSE_IPV4] = (void *)&parse_ipv4,
		[PARSE_TCP] = (void *)&parse_tcp,
		[PARSE_UDP] = (void *)&parse_udp,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u16);
	__type(value, __u64);
} ports SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&packets, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static __noinline int count_port(__u16 port)
{
	__u64 *value = bpf_map_lookup_elem(&ports, &port);
	__u64 one = 1;

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&ports, &port, &one, BPF_NOEXIST);
	return port;
}

/* The fixed header lengths keep every program short: options of IPv4 are left to the drop below. */
#define L4_OFFSET (sizeof(struct ethhdr) + sizeof(struct iphdr))

struct ports_header {
	__u16 source;
	__u16 destination;
};

static __always_inline struct ports_header *ports_of(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (data + L4_OFFSET + sizeof(struct ports_header) > end)
		return 0;
	return data + L4_OFFSET;
}

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	count(COUNT_ALL);
	if (data + sizeof(*eth) > end)
		return XDP_ABORTED;
	if (eth->protocol == bpf_htons(ETH_P_IP)) {
		bpf_tail_call(ctx, &parsers, PARSE_IPV4);
		return XDP_ABORTED;
	}
	count(COUNT_OTHER);
	return XDP_PASS;
}

SEC("xdp")
int parse_ipv4(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);

	count(COUNT_IPV4);
	if (data + L4_OFFSET > end || ip->version_and_length != 0x45)
		return XDP_ABORTED;
	if (ip->protocol == IPPROTO_TCP)
		bpf_tail_call(ctx, &parsers, PARSE_TCP);
	else if (ip->protocol == IPPROTO_UDP)
		bpf_tail_call(ctx, &parsers, PARSE_UDP);
	count(COUNT_OTHER);
	return XDP_PASS;
}

SEC("xdp")
int parse_tcp(struct xdp_md *ctx)
{
	struct ports_header *header = ports_of(ctx);

	if (!header)
		return XDP_ABORTED;
	count(COUNT_TCP);
	return count_port(bpf_htons(header->destination)) == 80 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int parse_udp(struct xdp_md *ctx)
{
	struct ports_header *header = ports_of(ctx);

	if (!header)
		return XDP_ABORTED;
	count(COUNT_UDP);
	return count_port(bpf_htons(header->destination)) == 53 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
