/* Hops whose index is known only when they are taken (the receive queue's number is 0 in a test run). */
#define INDEX(ctx, next) ((next) + (ctx)->rx_queue_index)
#include "chain.h"
