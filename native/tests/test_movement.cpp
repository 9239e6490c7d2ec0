#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

// Runs a copy and compares every byte of the destination with the definition.
template <class T>
void check_copy(const Kernels<float>& kernels, bool add, std::vector<int64_t> size, std::vector<int64_t> to_stride,
                std::vector<int64_t> from_stride) {
  const int axes = int(size.size());
  int64_t low[2] = {}, high[2] = {}, count = 1;
  for (int i = 0; i < axes; ++i) {
    count *= size[i];
    for (int side = 0; side < 2; ++side) {
      const int64_t reach = (side ? from_stride : to_stride)[i] * (size[i] > 0 ? size[i] - 1 : 0);
      (reach < 0 ? low : high)[side] += reach;
    }
  }
  Buffer<T> to(count ? high[0] - low[0] + 1 : 0), from(count ? high[1] - low[1] + 1 : 0);
  for (int64_t i = 0; i < to.size; ++i) to[i] = T(-1 - i);
  for (int64_t i = 0; i < from.size; ++i) from[i] = T(i);
  Buffer<T> want(to);
  std::vector<int64_t> index(axes, 0);
  for (int64_t n = 0; n < count; ++n) {
    int64_t at = -low[0], source = -low[1];
    for (int i = 0; i < axes; ++i) at += index[i] * to_stride[i], source += index[i] * from_stride[i];
    want[at] = add ? want[at] + from[source] : from[source];
    for (int i = axes - 1; i >= 0 && ++index[i] == size[i]; --i) index[i] = 0;
  }
  kernels.copy({int(sizeof(T)), add, axes, size.data(), to_stride.data(), from_stride.data(), from.data - low[1],
                to.data - low[0]});
  CHECK(to.intact() && from.intact());
  for (int64_t i = 0; i < to.size; ++i)
    CHECK(to[i] == want[i], "item %d axes %d at %ld: %g for %g", int(sizeof(T)), axes, long(i), double(to[i]),
          double(want[i]));
}

template <class T>
void check_copies(const Kernels<float>& kernels, bool add) {
  check_copy<T>(kernels, add, {}, {}, {});
  check_copy<T>(kernels, add, {0, 4}, {4, 1}, {4, 1});
  check_copy<T>(kernels, add, {7}, {1}, {0});
  check_copy<T>(kernels, add, {9}, {1}, {-1});
  check_copy<T>(kernels, add, {9}, {-1}, {1});
  check_copy<T>(kernels, add, {5, 6, 7}, {42, 7, 1}, {42, 7, 1});
  check_copy<T>(kernels, add, {5, 6, 7}, {84, 14, 2}, {42, 7, 1});
  check_copy<T>(kernels, add, {3, 1, 40}, {50, 0, 1}, {40, 9, 1});
  for (int64_t m : {1, 2, 3, 4, 8, 15, 16, 17, 40})
    for (int64_t n : {1, 2, 3, 4, 5, 8, 16, 33, 48}) {
      check_copy<T>(kernels, add, {m, n}, {n, 1}, {1, m});                       // transposed
      check_copy<T>(kernels, add, {m, n}, {n + 3, 1}, {1, m + 2});               // within larger ones
      check_copy<T>(kernels, add, {2, m, n, 3}, {m * n * 3, n * 3, 3, 1}, {m * n * 3, 3, m * 3, 1});
      check_copy<T>(kernels, add, {m, 2, n}, {n, m * n, 1}, {1, m * n, m});
      check_copy<T>(kernels, add, {m, n}, {n, 1}, {0, 1});                       // expanded
      check_copy<T>(kernels, add, {m, n}, {n, 1}, {1, 0});
      check_copy<T>(kernels, add, {m, n}, {n, 1}, {-n, 1});                      // turned round
      check_copy<T>(kernels, add, {m, n}, {-n, -1}, {n, 1});
      check_copy<T>(kernels, add, {m, n}, {1, m}, {n, 1});
    }
  check_copy<T>(kernels, add, {2, 3, 2, 3, 2, 3, 2, 3}, {648, 216, 108, 36, 18, 6, 3, 1},
                {3, 6, 18, 36, 108, 216, 648, 1296});
}

}  // namespace

TEST(copy_every_walk) {
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    context = kernels<float>(isa).name;
    for (bool add : {false, true}) {
      check_copies<float>(kernels<float>(isa), add);
      check_copies<double>(kernels<float>(isa), add);
    }
    check_copies<int32_t>(kernels<float>(isa), false);
    check_copies<int64_t>(kernels<float>(isa), false);
  }
}

TEST(copy_keeps_the_bits_of_signalling_nans) {
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    const int64_t n = 37, one = 1, two = 2;
    Buffer<uint32_t> from(n), to(2 * n);
    for (int64_t i = 0; i < n; ++i) from[i] = 0x7F800001u + uint32_t(i);
    kernels<float>(isa).copy({4, false, 1, &n, &two, &one, from, to});
    for (int64_t i = 0; i < n; ++i) CHECK(to[2 * i] == from[i]);
  }
}

TEST(gather_and_its_bad_index) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t width : {1, 3, 8, 16, 17, 50})
      for (int64_t count : {0, 1, 9}) {
        const int64_t rows = 6;
        Buffer<R> from(rows * width), to(count * width);
        Buffer<int32_t> index(count);
        randomize(from, random);
        for (int64_t i = 0; i < count; ++i) index[i] = int32_t(random.below(rows));
        CHECK(kernels.gather({int(sizeof(R)), 1, rows, width, count, index, from, to}) == -1);
        CHECK(to.intact());
        for (int64_t i = 0; i < count * width; ++i) CHECK(to[i] == from[index[i / width] * width + i % width]);
        for (int32_t bad : {-1, 6}) {
          if (count < 9) continue;
          Buffer<R> part(count * width);
          index[4] = bad;
          CHECK(kernels.gather({int(sizeof(R)), 1, rows, width, count, index, from, part}) == 4);
          for (int64_t i = 0; i < count * width; ++i) CHECK(i < 4 * width ? part[i] == to[i] : std::isnan(part[i]));
        }
      }
  });
}

TEST(scatter_add_in_order_and_its_bad_index) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t width : {1, 3, 16, 17, 50}) {
      const int64_t rows = 4, count = 20;
      Buffer<R> from(count * width), to(rows * width);
      Buffer<int32_t> index(count);
      randomize(from, random), randomize(to, random);
      for (int64_t i = 0; i < count; ++i) index[i] = int32_t(random.below(rows));
      Buffer<R> want(to), part(to);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < width; ++j) want[index[i] * width + j] += from[i * width + j];
      CHECK(kernels.scatter_add({1, rows, width, count, index, from, to}) == -1);
      CHECK(to.intact());
      for (int64_t i = 0; i < rows * width; ++i) CHECK(same_bits(to[i], want[i]));
      index[0] = 4;
      const Buffer<R> before(part);
      CHECK(kernels.scatter_add({1, rows, width, count, index, from, part}) == 0);
      for (int64_t i = 0; i < rows * width; ++i) CHECK(same_bits(part[i], before[i]));
    }
  });
}

TEST(tables_side_by_side_are_one_another_by_one) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t width : {1, 17}) {
      const int64_t tables = 3, rows = 4, count = 5, item = sizeof(R);
      Buffer<R> from(tables * rows * width), to(tables * count * width), one(tables * count * width);
      Buffer<R> sums(tables * rows * width), sum(tables * rows * width);
      Buffer<int32_t> index(tables * count);
      randomize(from, random);
      for (int64_t i = 0; i < tables * count; ++i) index[i] = int32_t(random.below(rows));
      for (int64_t i = 0; i < tables * rows * width; ++i) sums[i] = sum[i] = 0;
      CHECK(kernels.gather({int(item), tables, rows, width, count, index, from, to}) == -1);
      CHECK(kernels.scatter_add({tables, rows, width, count, index, to, sums}) == -1);
      for (int64_t t = 0; t < tables; ++t) {
        const int64_t table = t * rows * width, part = t * count * width;
        CHECK(kernels.gather({int(item), 1, rows, width, count, index + t * count, from + table, one + part}) == -1);
        CHECK(kernels.scatter_add({1, rows, width, count, index + t * count, one + part, sum + table}) == -1);
      }
      CHECK(to.intact() && sums.intact());
      for (int64_t i = 0; i < tables * count * width; ++i) CHECK(same_bits(to[i], one[i]));
      for (int64_t i = 0; i < tables * rows * width; ++i) CHECK(same_bits(sums[i], sum[i]));
      index[7] = -1;
      CHECK(kernels.gather({int(item), tables, rows, width, count, index, from, to}) == 7);
      CHECK(kernels.scatter_add({tables, rows, width, count, index, to, sums}) == 7);
    }
  });
}
