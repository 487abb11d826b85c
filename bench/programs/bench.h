/* The same C for two machines: an XDP program (clang -target bpf) and a WebAssembly function (clang --target=wasm32) on the same context. */
#pragma once
#include "../../examples/bpf.h"

#ifdef __wasm__
#define PROGRAM __attribute__((export_name("program")))
#else
#define PROGRAM SEC("xdp")
#endif

#define DATA(ctx) ((__u8 *)(long)(ctx)->data)
#define DATA_END(ctx) ((__u8 *)(long)(ctx)->data_end)
