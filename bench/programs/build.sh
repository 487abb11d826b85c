#!/bin/sh
# Rebuilds every NAME.o (eBPF) and NAME.wasm (wasm32) from the C beside it. On Debian: apt-get install clang-19 lld-19 llvm-19
set -eu
cd "$(dirname "$0")"
warnings="-Wall -Wno-unused-variable -Wno-unused-parameter -Wno-address-of-packed-member"

for source in *.c; do
  clang-19 -target bpf -mcpu=v3 -O2 -g $warnings -fdebug-compilation-dir=. -c "$source" -o "${source%.c}.o"
  # BTF stays (the maps are described in it), DWARF goes.
  llvm-strip-19 -g "${source%.c}.o"
done
# Without helpers, what is left can be a WebAssembly function.
for name in empty checksum parse sort hash64 siphash sha256 arithmetic; do
  clang-19 --target=wasm32 -O2 $warnings -nostdlib -fuse-ld=lld -Wl,--no-entry -Wl,--export=__heap_base -Wl,--strip-all \
    "$name.c" -o "$name.wasm"
done
