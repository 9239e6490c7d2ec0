// Windows of x laid side by side as the rows of a matrix, a block at a time, so that a convolution is a matrix product.
//
// Source: Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for document processing", §3.1; only
// a block is ever laid out, which stays in the second cache. Two layouts: a row a place, where a row of the window is one run of
// memory; and a row an element of the window, where runs would be short because there are few channels. Cost: one load and
// one store an element, which the product reads once a panel of filters. Weakness: with few filters the copy is not hidden.
#pragma once
#include "contraction/matmul.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t few_channels = 8;  // below: a row an element
constexpr int64_t block_bytes = 128 * 1024;  // of patches
constexpr int64_t place_group = 48;  // a multiple of the rows of every register tile but the smallest

inline int64_t places(const Window& w) { return w.rows * w.out_h * w.out_w; }
inline int64_t elements(const Window& w) { return w.kernel_h * w.kernel_w * w.channels; }

// The patches of `count` places as the left operand of a product: element (place, k) is at place * row + k * column.
struct Strides {
  int64_t row, column;
};
template <class R>
Strides patch_strides(const Window& w, int64_t block) {
  return w.channels < few_channels ? Strides{1, block} : Strides{elements(w), 1};
}

// Places that are laid out at once: a whole number of `place_group`, as many as the cache takes
template <class R>
int64_t block_places(const Window& w) {
  const int64_t one = elements(w) * int64_t(sizeof(R)), fit = one > 0 ? block_bytes / one : 1;
  return fit < place_group ? place_group : fit > 4096 ? 4096 : fit / place_group * place_group;
}

// Elements of the window [first, last) that lie in [0, size) when its first lies at `at`
struct Range {
  int64_t first, last;
};
ELMAN_INLINE Range inside(int64_t at, int64_t kernel, int64_t dilation, int64_t size) {
  const int64_t first = at < 0 ? (-at + dilation - 1) / dilation : 0;
  const int64_t last = at >= size ? 0 : (size - 1 - at) / dilation + 1;
  return {first < kernel ? first : kernel, last < kernel ? last : kernel};
}

template <class R>
ELMAN_INLINE void clear(R* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = R(0);
}

// One row of the window at one place: kernel_w * channels elements, what lies outside x as 0. line: that row of x
template <class R>
ELMAN_INLINE void lay_row(const Window& w, const R* line, int64_t x, R* to) {
  const int64_t c = w.channels;
  const Range r = inside(x, w.kernel_w, w.dilation_w, w.width);
  if (r.first >= r.last) return clear(to, w.kernel_w * c);
  clear(to, r.first * c);
  if (w.dilation_w == 1) copy_row(to + r.first * c, line + (x + r.first) * c, (r.last - r.first) * c);
  else
    for (int64_t j = r.first; j < r.last; ++j) copy_row(to + j * c, line + (x + j * w.dilation_w) * c, c);
  clear(to + r.last * c, (w.kernel_w - r.last) * c);
}

// A row an element of the window: one line of places [out_x, out_x + count) of one element (i is the element's row, j its column)
template <class R>
ELMAN_INLINE void lay_places(const Window& w, const R* line, int64_t out_x, int64_t count, int64_t j, int64_t c,
                             R* to) {
  const int64_t at = j * w.dilation_w - w.before_w + out_x * w.stride_w;
  const Range r = inside(at, count, w.stride_w, w.width);
  if (r.first >= r.last) return clear(to, count);
  clear(to, r.first);
  const R* from = line + (at + r.first * w.stride_w) * w.channels + c;
  const int64_t apart = w.stride_w * w.channels, n = r.last - r.first;
  if (apart == 1) copy_row(to + r.first, from, n);
  else
    for (int64_t p = 0; p < n; ++p) to[r.first + p] = from[p * apart];
  clear(to + r.last, count - r.last);
}

// Places [first, first + count), counted over rows, out_h and out_w
template <class R>
void lay_patches(const Window& w, const R* x, int64_t first, int64_t count, R* to, Strides strides) {
  const int64_t line = w.width * w.channels, run = w.kernel_w * w.channels;
  for (int64_t done = 0; done < count;) {
    const int64_t row = (first + done) / w.out_w, out_x = (first + done) % w.out_w;
    const int64_t n = w.out_w - out_x < count - done ? w.out_w - out_x : count - done;
    const R* image = x + row / w.out_h * w.height * line;
    for (int64_t i = 0; i < w.kernel_h; ++i) {
      const int64_t y = row % w.out_h * w.stride_h + i * w.dilation_h - w.before_h;
      const bool out = y < 0 || y >= w.height;
      const R* from = image + (out ? 0 : y * line);
      if (strides.column == 1) {
        for (int64_t p = 0; p < n; ++p) {
          R* at = to + (done + p) * strides.row + i * run;
          if (out) clear(at, run);
          else lay_row(w, from, (out_x + p) * w.stride_w - w.before_w, at);
        }
      } else {
        for (int64_t k = 0; k < run; ++k) {
          R* at = to + (i * run + k) * strides.column + done;
          if (out) clear(at, n);
          else lay_places(w, from, out_x, n, k / w.channels, k % w.channels, at);
        }
      }
    }
    done += n;
  }
}

// The rows of x are the patches: nothing to lay out
inline bool is_rows(const Window& w) {
  const bool one = w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1;
  return one && w.before_h == 0 && w.before_w == 0 && w.out_h == w.height && w.out_w == w.width;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
