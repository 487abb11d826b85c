/* Internet checksum (RFC 1071) over 1,500 bytes, word by word. */
#include "bench.h"

#define BYTES 1500

PROGRAM int checksum(struct xdp_md *ctx)
{
	__u8 *data = DATA(ctx);
	__u32 sum = 0;

	if (data + BYTES > DATA_END(ctx))
		return 0;
	for (int at = 0; at < BYTES; at += 2)
		sum += *(__u16 *)(data + at);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (__u16)~sum;
}
