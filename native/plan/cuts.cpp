#include "cuts.h"

#include <algorithm>
#include <cstring>

namespace elman {
namespace {

constexpr int64_t shard_rows = 8;          // fewest rows of a shard
constexpr int64_t shard_work = 2'000'000;  // fewest floating-point operations of a shard
constexpr int64_t full_quarters = 3;       // of the steps, of a batch that is full

}  // namespace

// How many shards a batch is cut into: a function of the sizes alone, so that sums over the batch do not depend on the machine.
// Without such sums rows meet nowhere, any cut gives the same bits, and one shard a thread reads the weights fewest times.
int shard_count(const Spec& spec, const Numbers& symbols, const Numbers& sizes, int threads) {
  if (!spec.shardable || spec.row_work < 0) return 1;
  const int64_t by_rows = symbols[0] / shard_rows, by_work = sizes[size_t(spec.row_work)] / shard_work;
  const int64_t most = spec.partials.empty() ? std::max(threads, 1) : symbols[0] >= 64 ? 4 : 2;
  return int(std::clamp<int64_t>(std::min(by_rows, by_work), 1, most));
}

namespace {

// f(row, how many of `steps` count) for every row
template <class F>
void each_length(const Spec& spec, const Ragged& ragged, const Feed& feed, int64_t rows, int64_t steps, F f) {
  const auto input = std::find(spec.inputs.begin(), spec.inputs.end(), ragged.lengths) - spec.inputs.begin();
  const Array& a = feed.arrays[size_t(input)];
  for (int64_t row = 0; row < rows; ++row) {
    int32_t length = 0;
    if (const Row own = feed.row(a, row); own.bytes >= 4) std::memcpy(&length, own.data, sizeof length);
    f(row, std::clamp<int64_t>(length, 0, steps));
  }
}

}  // namespace

// As the number of shards, a function of the batch alone. Whole numbers throughout, for rounding may differ between machines.
Cut cut(const Spec& spec, const Numbers& symbols, const Feed& feed, int threads) {
  const int64_t rows = symbols[0];
  if (spec.ragged.empty() || rows == 0) return {};
  const Numbers sizes = evaluate(spec.dims, symbols);
  const auto steps_of = [&](const Ragged& r) { return std::max<int64_t>(sizes[size_t(r.steps)], 1); };
  Cut out{{}, true};
  for (const Ragged& r : spec.ragged) {
    int64_t counted = 0;
    each_length(spec, r, feed, rows, steps_of(r), [&](int64_t, int64_t length) { counted += length; });
    out.full = out.full && 4 * counted >= full_quarters * steps_of(r) * rows;
  }
  const int64_t count = shard_count(spec, symbols, sizes, threads);
  if (count == 1) return out;
  int64_t whole = sizes[size_t(spec.row_work)];
  Numbers work(size_t(rows), 0);
  for (const Ragged& r : spec.ragged) {
    const int64_t steps = steps_of(r), step = sizes[size_t(r.work)] / (steps * rows);
    whole -= step * steps * rows;
    each_length(spec, r, feed, rows, steps, [&](int64_t row, int64_t length) { work[size_t(row)] += step * length; });
  }
  int64_t total = 0, done = 0;
  for (int64_t& w : work) total += w += std::max<int64_t>(whole, 0) / rows;
  Numbers& cuts = out.rows;
  for (int64_t row = 0; int64_t(cuts.size()) < count - 1; ++row) {
    const int64_t next = int64_t(cuts.size()) + 1, first = cuts.empty() ? 0 : cuts.back();
    const bool due = (2 * done + work[size_t(row)]) * count > 2 * total * next, last = rows - row == count - next;
    if (row > first && (due || last)) cuts.push_back(row);
    done += work[size_t(row)];
  }
  return out;
}

}  // namespace elman
