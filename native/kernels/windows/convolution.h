// Convolution and its gradient by the kernel: products with blocks of patches (patches.h).
//
// Every output is one chain of fused multiply-adds over the window, row by row of it, starting from the bias, whatever the block:
// a row of the batch alone gives the same bits. An element of the kernel's gradient is one chain over all places in order.
#pragma once
#include "windows/patches.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
constexpr int64_t line_elements = int64_t(alignment / sizeof(R));
template <class R>
ELMAN_INLINE int64_t whole_lines(int64_t elements) {
  return (elements + line_elements<R> - 1) / line_elements<R> * line_elements<R> + int64_t(padding / sizeof(R));
}

// Scratch: a block of patches, then the product's own: the packed kernel, or what packs a block of g
template <class R>
int64_t conv_scratch(const Window& w, int64_t filters) {
  const int64_t block = block_places<R>(w), k = elements(w);
  const int64_t packed = packed_size<R>(k > block ? k : block, filters);
  return whole_lines<R>(block * k) + whole_lines<R>(packed);
}

template <class R>
void conv(const Conv<R>& p) {
  const int64_t total = places(p.window), k = elements(p.window), n = p.filters, block = block_places<R>(p.window);
  R* packed = p.scratch + whole_lines<R>(block * k);
  const Strides strides = patch_strides<R>(p.window, block);
  Matmul<R> product{0,       n,      k, p.scratch, strides.row, strides.column, p.kernel, n, 1,
                    nullptr, p.bias, 0, p.y,       n,           packed};
  if (is_rows(p.window)) {
    product.m = total, product.a = p.x, product.a_row = k, product.a_col = 1;
    return matmul(product);
  }
  if (total >= place_group) {
    pack(packed, p.kernel, n, int64_t(1), k, n);
    product.packed = packed;
  }
  for (int64_t at = 0; at < total; at += block) {
    product.m = total - at < block ? total - at : block;
    product.c = p.y + at * n;
    lay_patches(p.window, p.x, at, product.m, p.scratch, strides);
    matmul(product);
  }
}

template <class R>
void conv_kernel(const ConvKernel<R>& p) {
  const int64_t total = places(p.window), k = elements(p.window), n = p.filters, block = block_places<R>(p.window);
  R* rest = p.scratch + whole_lines<R>(block * k);
  const Strides strides = patch_strides<R>(p.window, block);
  if (total == 0) return clear(p.to, k * n);
  for (int64_t at = 0; at < total; at += block) {
    const int64_t count = total - at < block ? total - at : block;
    const bool rows = is_rows(p.window);
    if (!rows) lay_patches(p.window, p.x, at, count, p.scratch, strides);
    const R* patches = rows ? p.x + at * k : p.scratch;
    const Strides walked = rows ? Strides{k, 1} : strides;
    matmul(Matmul<R>{k, n, count, patches, walked.column, walked.row, p.g + at * n, n, 1, nullptr, at ? p.to : nullptr,
                     n, p.to, n, rest});
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
