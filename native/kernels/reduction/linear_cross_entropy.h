// An output layer and its cross-entropy in one: a block of rows of logits is made, used and overwritten by the next block.
//
// Source: the idea of Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models", in its simplest form: by rows, so
// that each row's sum of exponentials is known when its gradient is wanted and no product is done twice. With the gradients p - y of a
// block, dx = (p - y) W' and dw += x' (p - y) follow at once. Cost: the three products, one exp a logit. Weakness: dw is read and
// written once a block, so blocks must not be small.
#pragma once
#include "contraction/matmul.h"
#include "movement/gather.h"
#include "reduction/arg_max.h"
#include "reduction/softmax.h"

namespace elman::ELMAN_TARGET {
namespace {

// One row: its loss, and in place of its logits the gradients g (p - y) of the loss if `slopes`
template <class R>
R cross_entropy_row(R* logits, int64_t n, int64_t at, R g, bool slopes) {
  const R most = reduce_row<R, Maximum<R>>(logits, n), own = logits[at] - most;
  const R sum =
      slopes ? exponentials<R, true>(logits, logits, n, most) : exponentials<R, false>(logits, logits, n, most);
  if (slopes) {
    const R factor = g / sum;
    map_row((const R*)logits, logits, n, [=](vec<R> p) { return p * factor; });
    logits[at] -= g;
  }
  return log<R>(splat(sum))[0] - own;
}

// dx of a block's rows, and its part of dw and db. `first`: nothing was added to dw yet.
template <class R>
void cross_entropy_slopes(const LinearCrossEntropy<R>& p, int64_t start, int64_t rows, bool first) {
  p.product({rows, p.k, p.n, p.logits, p.n, 1, p.w, 1, p.n, nullptr, nullptr, 0, p.dx + start * p.k, p.k, p.scratch});
  p.product({p.k, p.n, rows, p.x + start * p.k, 1, p.k, p.logits, p.n, 1, nullptr, first ? nullptr : p.dw, p.n, p.dw,
             p.n, p.scratch});
  for (int64_t i = 0; i < rows; ++i) add_row(p.db, (const R*)p.logits + i * p.n, p.n);
}

template <class R>
int64_t linear_cross_entropy(const LinearCrossEntropy<R>& p) {
  const bool slopes = p.g != nullptr;
  const int64_t outside = each_index(p.index, 1, p.rows, p.n, [](int64_t, int64_t) {});
  if (outside >= 0) return outside;
  if (slopes) __builtin_memset(p.db, 0, size_t(p.n) * sizeof(R));
  if (slopes && p.rows == 0) __builtin_memset(p.dw, 0, size_t(p.k * p.n) * sizeof(R));
  for (int64_t start = 0; start < p.rows; start += p.block) {
    const int64_t rows = p.rows - start < p.block ? p.rows - start : p.block;
    p.product({rows, p.n, p.k, p.x + start * p.k, p.k, 1, p.w, p.n, 1, nullptr, p.bias, 0, p.logits, p.n, p.scratch});
    arg_max<R>({rows, p.n, 1, p.logits, p.best + start});
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t row = start + i;
      p.loss[row] = cross_entropy_row(p.logits + i * p.n, p.n, p.index[row], slopes ? p.g[row] : R(0), slopes);
    }
    if (slopes) cross_entropy_slopes(p, start, rows, start == 0);
  }
  return -1;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
