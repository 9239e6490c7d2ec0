#include "memory.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace elman {
namespace {

constexpr int64_t huge_page = int64_t(2) << 20;

// Memory of many pages: asks for large ones, as a loop over time touches a few bytes of many. Refusal does no harm.
char* allocated(int64_t bytes) {
  const bool large = bytes >= 2 * huge_page;
  const int64_t unit = large ? huge_page : int64_t(alignment);
  char* data = static_cast<char*>(std::aligned_alloc(size_t(unit), size_t((bytes + unit - 1) / unit * unit)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (large && data != nullptr) madvise(data, size_t(bytes), MADV_HUGEPAGE);
#endif
  return data;
}

}  // namespace

void Block::release() {
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
}

bool Block::reserve(int64_t bytes) {
  if (bytes <= size_ && data_ != nullptr) return false;
  release();
  const int64_t whole = aligned(bytes + int64_t(padding));
  data_ = allocated(whole);
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_ + bytes, 0, size_t(whole - bytes));
  size_ = bytes;
  return true;
}

int64_t place(const std::vector<Lifetime>& values, std::vector<int64_t>& offsets) {
  offsets.assign(values.size(), 0);
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a].bytes > values[b].bytes; });
  std::vector<int> placed;                     // by offset
  int64_t total = 0;
  for (int v : order) {
    const int64_t need = aligned(values[v].bytes + int64_t(padding));
    int64_t at = 0;
    for (int p : placed) {
      if (values[p].last < values[v].first || values[v].last < values[p].first) continue;
      if (at + need <= offsets[p]) break;
      at = std::max(at, offsets[p] + aligned(values[p].bytes + int64_t(padding)));
    }
    offsets[v] = at;
    total = std::max(total, at + need);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), v, [&](int a, int b) { return offsets[a] < offsets[b]; }), v);
  }
  return total;
}

}  // namespace elman
