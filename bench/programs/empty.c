/* What every run costs before its program does anything: the floor that is subtracted from all rows. */
#include "bench.h"

PROGRAM int empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}
