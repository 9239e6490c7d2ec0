#include "feed.h"

#include <cstring>

#include "steps.h"

namespace elman {
namespace {

// Rows of a batch, one after another
void gather_rows(const Load& l, const Array& a, const Feed& feed) {
  if (feed.order == nullptr && a.stride == a.bytes) {
    if (l.rows > 0) std::memcpy(l.to, feed.row(a, l.first), size_t(l.rows * a.bytes));
  } else if (feed.order != nullptr && a.bytes == 4) {
    for (int64_t r = 0; r < l.rows; ++r) std::memcpy(l.to + r * 4, feed.row(a, l.first + r), 4);
  } else {
    for (int64_t r = 0; r < l.rows; ++r) std::memcpy(l.to + r * a.bytes, feed.row(a, l.first + r), size_t(a.bytes));
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
      const char* from = feed.row(a, l.first + r) + t * each;
      if (each == 4) std::memcpy(to, from, 4);
      else std::memcpy(to, from, size_t(each));
    }
  }
}

}  // namespace

void load(const std::vector<Load>& loads, const Feed& feed) {
  for (const Load& l : loads) {
    const Array& a = feed.arrays[l.input];
    if (a.bytes == 0) continue;  // an empty array may be nowhere
    if (l.rows_at != nullptr && a.rows >= 0) {
      for (size_t r = 0; r < l.rows_at->rows.size(); ++r) l.rows_at->rows[r] = feed.row(a, l.first + int64_t(r));
    } else if (a.rows < 0) std::memcpy(l.to, a.data, size_t(a.bytes));
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
