#include "feed.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "steps.h"

namespace elman {
namespace {

// A row, and zeros for what it lacks
void copy_row(char* to, const Row& row, int64_t bytes) {
  const int64_t own = std::min(row.bytes, bytes);
  if (own > 0) std::memcpy(to, row.data, size_t(own));
  if (own < bytes) std::memset(to + own, 0, size_t(bytes - own));
}

// Rows of a batch, one after another
void gather_rows(const Load& l, const Array& a, const Feed& feed) {
  if (feed.order == nullptr && a.apart == nullptr && a.stride == a.bytes) {
    if (l.rows > 0) std::memcpy(l.to, feed.row(a, l.first).data, size_t(l.rows * a.bytes));
  } else if (feed.order != nullptr && a.apart == nullptr && a.bytes == 4) {
    for (int64_t r = 0; r < l.rows; ++r) std::memcpy(l.to + r * 4, feed.row(a, l.first + r).data, 4);
  } else {
    for (int64_t r = 0; r < l.rows; ++r) copy_row(l.to + r * a.bytes, feed.row(a, l.first + r), a.bytes);
  }
}

// The same, but step after step of all rows, instead of row after row of all steps. lengths: of some rows, see Value::lengths.
void gather_steps(const Load& l, const Array& a, const Feed& feed) {
  const int64_t each = a.bytes / l.steps;
  std::vector<int64_t> start;
  if (l.lengths != nullptr) row_starts(start, l.lengths, l.rows, l.steps);
  char* to = l.to;
  for (int64_t t = 0; t < l.steps; ++t) {
    const int64_t rows = l.lengths == nullptr ? l.rows : start[size_t(t) + 1] - start[size_t(t)];
    for (int64_t r = 0; r < rows; ++r, to += each) {
      const Row row = feed.row(a, l.first + r);
      if ((t + 1) * each > row.bytes) std::memset(to, 0, size_t(each));
      else if (each == 4) std::memcpy(to, row.data + t * 4, 4);
      else std::memcpy(to, row.data + t * each, size_t(each));
    }
  }
}

// Where rows lie; one that ends early is given whole.
void tell_rows(const Load& l, const Array& a, const Feed& feed) {
  for (int64_t r = 0; r < int64_t(l.rows_at->rows.size()); ++r) {
    const Row row = feed.row(a, l.first + r);
    l.rows_at->rows[size_t(r)] = row.data;
    if (row.bytes >= a.bytes) continue;
    copy_row(l.to + r * l.row, row, a.bytes);
    l.rows_at->rows[size_t(r)] = l.to + r * l.row;
  }
}

}  // namespace

void load(const std::vector<Load>& loads, const Feed& feed) {
  for (const Load& l : loads) {
    const Array& a = feed.arrays[l.input];
    if (a.bytes == 0) continue;  // an empty array may be nowhere
    if ((a.rows < 0 ? 1 : l.rows) > l.room / a.bytes)
      throw std::invalid_argument(
          "an input is larger than those of a batch; a batch is cut along the first axis alone");
    if (l.rows_at != nullptr && a.rows >= 0) tell_rows(l, a, feed);
    else if (a.rows < 0) std::memcpy(l.to, a.data, size_t(a.bytes));
    else if (l.steps > 0) gather_steps(l, a, feed);
    else gather_rows(l, a, feed);
  }
}

void bring_home(const std::vector<Load>& loads) {
  for (const Load& l : loads)
    for (size_t r = 0; l.rows_at != nullptr && r < l.rows_at->rows.size(); ++r)
      l.rows_at->rows[r] = l.to + int64_t(r) * l.row;
}

}  // namespace elman
