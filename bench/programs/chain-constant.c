/* Hops whose index is a constant: Linux patches a direct jump into the program. */
#define INDEX(ctx, next) (next)
#include "chain.h"
