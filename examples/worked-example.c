/*
 * The example with which Linux explains why tail calls and subprograms together are limited to 256 bytes of stack: what stands on the
 * kernel stack while func1 runs to its end.
 *
 *   func1     128 bytes                                      128
 *   subfunc1  256 bytes on top                               384
 *     tail call to func2: subfunc1's frame goes              128
 *   func2     192 bytes on top                               320
 *   subfunc2   64 bytes on top                               384
 *   subfunc22 128 bytes on top                               512
 *     tail call to func3: subfunc22's frame goes             384
 *   func3      32 bytes on top                               416
 *
 * No kernel loads it like that: in front of subfunc22 stand 192 + 64 = 256 bytes, and a subprogram that tail-calls is entered with less than
 * that. With 176 bytes (worked-example.176.o) func2 loads, and all totals from there on are 16 less.
 *
 * Compiled with: clang-19 -target bpf -mcpu=v3 -O2 -g -c worked-example.c -o worked-example.o              (see test/fixtures/build.sh)
 *                clang-19 … -DFUNC2_BYTES=176 -c worked-example.c -o worked-example.176.o
 */
#include "bpf.h"

#ifndef FUNC2_BYTES
#define FUNC2_BYTES 192
#endif

enum { FUNC2, FUNC3, TARGETS };

int func2(struct __sk_buff *skb);
int func3(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TARGETS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} targets SEC(".maps") = { .values = { [FUNC2] = (void *)&func2, [FUNC3] = (void *)&func3 } };

/* So many bytes of stack, the lowest of them in use; the address goes where the compiler cannot follow, so that it keeps them all. */
#define FRAME(bytes)                      \
	__u64 frame[(bytes) / sizeof(__u64)]; \
	frame[0] = (bytes);                   \
	asm volatile("" : : "r"(frame) : "memory")

static __noinline int subfunc1(struct __sk_buff *skb)
{
	FRAME(256);
	bpf_tail_call(skb, &targets, FUNC2);
	return frame[0];
}

static __noinline int subfunc22(struct __sk_buff *skb)
{
	FRAME(128);
	bpf_tail_call(skb, &targets, FUNC3);
	return frame[0];
}

static __noinline int subfunc2(struct __sk_buff *skb)
{
	FRAME(64);
	return subfunc22(skb) + frame[0];
}

SEC("tc")
int func1(struct __sk_buff *skb)
{
	FRAME(128);
	return subfunc1(skb) + frame[0];
}

SEC("tc")
int func2(struct __sk_buff *skb)
{
	FRAME(FUNC2_BYTES);
	return subfunc2(skb) + frame[0];
}

/* What comes back to func1 is the sum of the frames that stand: 32 + 64 + 192 + 128 = 416. */
SEC("tc")
int func3(struct __sk_buff *skb)
{
	FRAME(32);
	return frame[0];
}

char LICENSE[] SEC("license") = "GPL";
