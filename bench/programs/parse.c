/* Parses 16 frames that lie 96 bytes apart in the packet: Ethernet, up to two VLAN tags, IPv4 with options, TCP. */
#include "bench.h"

#define FRAMES 16
#define FRAME_BYTES 96
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define VLAN_TAGS 2

struct vlan {
	__u16 tag;
	__u16 protocol;
};

struct tcp {
	__u16 source;
	__u16 destination;
	__u32 sequence;
	__u32 acknowledged;
	__u8 offset;
	__u8 flags;
	__u16 window;
	__u16 checksum;
	__u16 urgent;
};

/* Ports, flags and header length of one frame mixed into one number; 0 for what is no TCP. */
static __always_inline __u32 parse(__u8 *at, __u8 *end)
{
	struct ethhdr *ethernet = (void *)at;
	__u32 found = 0;

	if (at + sizeof(*ethernet) > end)
		return 0;
	__u16 protocol = ethernet->protocol;
	at += sizeof(*ethernet);
#pragma unroll
	for (int tag = 0; tag < VLAN_TAGS; tag++) {
		struct vlan *vlan = (void *)at;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (at + sizeof(*vlan) > end)
			return 0;
		found += vlan->tag;
		protocol = vlan->protocol;
		at += sizeof(*vlan);
	}
	if (protocol != bpf_htons(ETH_P_IP))
		return 0;

	struct iphdr *ip = (void *)at;

	if (at + sizeof(*ip) > end)
		return 0;
	__u32 header = (ip->version_and_length & 0xf) * 4;

	if (header < sizeof(*ip) || ip->version_and_length >> 4 != 4 || ip->protocol != IPPROTO_TCP)
		return 0;
	found += ip->source ^ ip->destination;
	at += header;

	struct tcp *tcp = (void *)at;

	if (at + sizeof(*tcp) > end)
		return 0;
	return found + tcp->source + ((__u32)tcp->destination << 16) + (tcp->offset >> 4) + tcp->flags;
}

PROGRAM int parse_frames(struct xdp_md *ctx)
{
	__u8 *data = DATA(ctx);
	__u8 *end = DATA_END(ctx);
	__u32 mix = 0;

	for (int frame = 0; frame < FRAMES; frame++)
		mix = mix * 31 + parse(data + frame * FRAME_BYTES, end);
	return mix;
}
