// Rows by index: gather copies them, scatter_add adds to them in order.
#pragma once
#include "elman/kernels.h"
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
ELMAN_INLINE void copy_row(R* to, const R* from, int64_t n) {
  constexpr int W = width<R>;
  for (; n >= W; n -= W, to += W, from += W) store(to, load(from));
  if (n > 0) store_partial(to, load_partial(from, int(n)), int(n));
}
template <class R>
ELMAN_INLINE void add_row(R* to, const R* from, int64_t n) {
  constexpr int W = width<R>;
  for (; n >= W; n -= W, to += W, from += W) store(to, load((const R*)to) + load(from));
  if (n > 0) store_partial(to, load_partial((const R*)to, int(n)) + load_partial(from, int(n)), int(n));
}

// f(position, row), both counted through all tables.
template <class F>
ELMAN_INLINE int64_t each_index(const int32_t* index, int64_t tables, int64_t count, int64_t rows, F f) {
  for (int64_t table = 0, i = 0; table < tables; ++table) {
    for (const int64_t end = i + count; i < end; ++i) {
      if (index[i] < 0 || index[i] >= rows) return i;
      f(i, table * rows + index[i]);
    }
  }
  return -1;
}

// A float or double carries the bits of any item of its size: nothing computes with them.
template <class R>
int64_t gather_items(const Gather& p) {
  return each_index(p.index, p.tables, p.count, p.rows, [&](int64_t i, int64_t row) {
    copy_row((R*)p.to + i * p.width, (const R*)p.from + row * p.width, p.width);
  });
}
inline int64_t gather(const Gather& p) { return p.item == 4 ? gather_items<float>(p) : gather_items<double>(p); }

template <class R>
int64_t scatter_add(const ScatterAdd<R>& p) {
  return each_index(p.index, p.tables, p.count, p.rows,
                    [&](int64_t i, int64_t row) { add_row(p.to + row * p.width, p.from + i * p.width, p.width); });
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
