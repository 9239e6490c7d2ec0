#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

enum class Layout { rows, columns, strided };  // of A and B: columns contiguous, rows contiguous, neither
enum class Init { none, bias, matrix, in_place };

template <class R>
struct Strided {  // (rows, columns) in one of three layouts
  Strided(int64_t m, int64_t n, Layout layout, Random& random, int64_t extra)
      : row(layout == Layout::rows      ? n + extra
            : layout == Layout::columns ? 1
                                        : 3 * n + extra),
        col(layout == Layout::rows      ? 1
            : layout == Layout::columns ? m + extra
                                        : 3),
        buffer(m && n ? (m - 1) * row + (n - 1) * col + 1 : 0) {
    randomize(buffer, random);
  }
  R at(int64_t i, int64_t j) const { return buffer[i * row + j * col]; }
  int64_t row, col;
  Buffer<R> buffer;
};

template <class R>
void check_product(const Kernels<R>& kernels, int64_t m, int64_t n, int64_t k, Layout la, Layout lb, Init kind,
                   bool packed, Random& random) {
  const int64_t extra = int64_t(random.below(4)), c_row = n + extra;
  Strided<R> a(m, k, la, random, extra), b(k, n, lb, random, extra);
  Buffer<R> init(kind == Init::bias ? n : kind == Init::none ? 0 : m ? (m - 1) * c_row + n : 0, extra % 2);
  Buffer<R> c(m ? (m - 1) * c_row + n : 0, extra % 3), packing(kernels.packed_size(k, n)),
      scratch(kernels.packed_size(k, n));
  randomize(init, random);
  randomize(c, random);
  const Buffer<R> before(c);
  const int64_t init_row = kind == Init::bias ? 0 : c_row;
  const R* start = kind == Init::none ? nullptr : kind == Init::in_place ? c.data : init.data;
  if (packed) kernels.pack(packing, b.buffer, b.row, b.col, k, n);
  kernels.matmul({m, n, k, a.buffer, a.row, a.col, packed ? nullptr : b.buffer.data, b.row, b.col,
                  packed ? packing.data : nullptr, start, init_row, c, c_row, packed ? nullptr : scratch.data,
                  random.below(2) == 1});
  CHECK(c.intact() && scratch.intact() && packing.intact() && a.buffer.intact() && b.buffer.intact());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < c_row && i * c_row + j < c.size; ++j) {
      if (j >= n) {
        CHECK(same_bits(c[i * c_row + j], before[i * c_row + j]), "gap of row %ld written", long(i));
        continue;
      }
      double want = kind == Init::none ? 0 : kind == Init::in_place ? before[i * c_row + j] : init[i * init_row + j];
      double magnitude = std::fabs(want);
      for (int64_t l = 0; l < k; ++l) {
        const double term = double(a.at(i, l)) * double(b.at(l, j));
        want += term;
        magnitude += std::fabs(term);
      }
      CHECK(std::fabs(c[i * c_row + j] - want) <= chain<R>(double(k), magnitude),
            "m %ld n %ld k %ld la %d lb %d init %d packed %d at %ld %ld: %g for %g", long(m), long(n), long(k), int(la),
            int(lb), int(kind), packed, long(i), long(j), double(c[i * c_row + j]), want);
    }
}

}  // namespace

// B overflows the first or the second cache: columns first to last and last to first have the bits of a row among others.
TEST(one_row_there_and_back) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t sizes[][2] = {{64, 161},  {64, 176},   {64, 192},   {64, 207},   {50, 245},  {80, 330},
                                {300, 900}, {200, 2048}, {200, 2051}, {200, 2180}, {200, 2187}};  // k, n
    for (const auto& [k, n] : sizes)
      for (bool packed : {false, true}) {
        Buffer<R> a(2 * k), b(k * n), init(2 * n), packing(kernels.packed_size(k, n)), two(2 * n), there(n), back(n);
        randomize(a, random), randomize(b, random), randomize(init, random);
        kernels.pack(packing, b, n, 1, k, n);
        Matmul<R> p{2, n, k, a, k, 1, b, n, 1, packed ? packing.data : nullptr, init, n, two, n, nullptr};
        kernels.matmul(p);
        p.m = 1, p.others = 1 << 20;
        for (bool turned : {false, true}) {
          p.c = turned ? back : there, p.back = turned;
          kernels.matmul(p);
        }
        CHECK(two.intact() && there.intact() && back.intact() && packing.intact());
        for (int64_t j = 0; j < n; ++j)
          CHECK(same_bits(there[j], two[j]) && same_bits(back[j], two[j]), "k %ld n %ld at %ld", long(k), long(n),
                long(j));
      }
  });
}

// What is chosen for one row once has the bits of a row among others, and does other numbers of rows, too.
TEST(chosen_once_for_one_row) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (const int64_t k : {0, 1, 31, 64, 95, 96, 130, 500})
      for (const int64_t n : {0, 1, 7, 16, 17, 32, 33, 96, 128, 255, 256, 300})
        for (const bool packed : {false, true}) {
          Buffer<R> a(2 * k), b(k * n), init(2 * n), packing(kernels.packed_size(k, n)),
              scratch(kernels.packed_size(k, n));
          Buffer<R> two(2 * n), again(2 * n), one(n);
          randomize(a, random), randomize(b, random), randomize(init, random);
          kernels.pack(packing, b, n, 1, k, n);
          Matmul<R> p{1, n, k, a, k, 1, b, n, 1, packed ? packing.data : nullptr, init, n, one, n, scratch};
          const MatmulFunction<R> chosen = kernels.choose_matmul(p);
          chosen(p);
          p.m = 2, p.c = again;
          chosen(p);
          p.c = two;
          kernels.matmul(p);
          CHECK(two.intact() && again.intact() && one.intact());
          for (int64_t j = 0; j < 2 * n; ++j)
            CHECK(same_bits(again[j], two[j]) && (j >= n || same_bits(one[j], two[j])), "k %ld n %ld packed %d at %ld",
                  long(k), long(n), packed, long(j));
        }
  });
}

// Rows that lie anywhere, the last against a page that nobody may read, have the bits of rows side by side.
TEST(matmul_of_rows_that_lie_apart) {
  const auto page = size_t(sysconf(_SC_PAGESIZE)), bytes = 4 * page;
  char* const memory = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0));
  CHECK(memory != MAP_FAILED && mprotect(memory + bytes - page, page, PROT_NONE) == 0);
  each_isa([&]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    // one block; blocks of k and n; panels outside rows, with a tail; few columns
    const int64_t sizes[][3] = {{1, 40, 5},     {7, 128, 32},   {30, 17, 256},   {5, 33, 300}, {50, 64, 510},
                                {45, 600, 300}, {40, 700, 600}, {25, 1100, 301}, {40, 2, 70}};
    for (const auto& [m, n, k] : sizes) {
      Buffer<R> a(m * k), b(k * n), init(n), packing(kernels.packed_size(k, n)), together(m * n), apart(m * n);
      randomize(a, random), randomize(b, random), randomize(init, random);
      kernels.pack(packing, b, n, 1, k, n);
      std::vector<const R*> rows;
      for (int64_t i = 0; i < m; ++i) rows.push_back(a.data + i * k);
      R* const last = reinterpret_cast<R*>(memory + bytes - page) - k;
      std::copy_n(rows.back(), k, last);
      rows.back() = last;
      if (m > 2) std::swap(rows[0], rows[1]);
      Matmul<R> p{m, n, k, a, k, 1, nullptr, n, 1, packing, init, 0, together, n, nullptr};
      kernels.matmul(p);
      p.a = nullptr, p.c = apart, p.rows = rows.data();
      bool finite = true;
      p.finite = &finite;
      kernels.matmul(p);
      CHECK(apart.intact() && packing.intact() && finite);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          const int64_t from = m > 2 && i < 2 ? 1 - i : i;
          CHECK(same_bits(apart[i * n + j], together[from * n + j]), "m %ld n %ld k %ld at %ld %ld", long(m), long(n),
                long(k), long(i), long(j));
        }
      for (const double wrong : {std::nan(""), double(INFINITY), -double(INFINITY)}) {
        R& one = const_cast<R&>(rows[random.below(m)][random.below(k)]);
        const R before = one;
        one = R(wrong);
        finite = true;
        kernels.matmul(p);
        one = before;
        CHECK(!finite, "m %ld n %ld k %ld: %g", long(m), long(n), long(k), wrong);
      }
    }
  });
  munmap(memory, bytes);
}

TEST(matmul_every_small_size_and_layout) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 16, 17, 25, 37})
      for (int64_t n = 1; n <= 69; n += n < 36 ? 1 : 3)
        for (int64_t k : {1, 2, 3, 5, 8, 17}) {
          const int pick = int(random.below(9));
          const Init kind = Init(random.below(4));
          check_product(kernels, m, n, k, Layout(pick % 3), Layout(pick / 3), kind, random.below(2) == 0, random);
        }
  });
}

TEST(matmul_layouts_inits_and_packing) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    for (int64_t m : {1, 5, 16, 33})
      for (int64_t n : {1, 2, 3, 7, 16, 40, 150})
        for (int64_t k : {4, 33})
          for (int la = 0; la < 3; ++la)
            for (int lb = 0; lb < 3; ++lb)
              for (int kind = 0; kind < 4; ++kind)
                for (bool packed : {false, true})
                  check_product(kernels, m, n, k, Layout(la), Layout(lb), Init(kind), packed, random);
  });
}

TEST(matmul_blocks_of_k_and_m) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    const int64_t sizes[][3] = {{16, 40, 700},  {50, 64, 1025}, {1100, 35, 300}, {700, 33, 513},
                                {64, 200, 257}, {3, 130, 900},  {900, 1, 200},   {90, 3, 300}};
    for (const auto& s : sizes)
      for (bool packed : {false, true})
        for (int layout = 0; layout < 3; ++layout)
          for (int b_layout : {0, (layout + int(packed)) % 3})
            check_product(kernels, s[0], s[1], s[2], Layout(layout), Layout(b_layout), Init(random.below(4)), packed,
                          random);
  });
}

TEST(matmul_panels_of_a_large_b) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    const int64_t sizes[][3] = {{12, 640, 513}, {75, 531, 520}, {20, 4096, 67}, {13, 130, 2100}};
    for (const auto& s : sizes)
      for (bool packed : {false, true})
        for (int layout = 0; layout < 3; ++layout)
          check_product(kernels, s[0], s[1], s[2], Layout(layout), Layout((layout + int(packed)) % 3),
                        Init(random.below(4)), packed, random);
  });
}

TEST(matmul_together_gives_the_bits_of_each_alone) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t n = 600, rows[] = {16, 1, 0, 140};  // together more than one block of rows
    for (int64_t k : {30, 500, 513})
      for (Layout layout : {Layout::rows, Layout::columns, Layout::strided}) {
        Strided<R> b(k, n, Layout::rows, random, 0);
        Buffer<R> packing(kernels.packed_size(k, n));
        kernels.pack(packing, b.buffer, b.row, b.col, k, n);
        std::vector<Matmul<R>> calls;
        std::vector<Strided<R>> a;
        std::vector<Buffer<R>> alone, together;
        for (int64_t m : rows) {
          a.emplace_back(m, k, layout, random, 3);
          alone.emplace_back(m * n);
          randomize(alone.back(), random);
          together.emplace_back(alone.back());
        }
        for (size_t i = 0; i < a.size(); ++i) {
          Matmul<R> p{rows[i], n,       k,        a[i].buffer, a[i].row, a[i].col, nullptr, 0,
                      0,       packing, alone[i], n,           alone[i], n,        nullptr};
          for (int64_t row = 0; row < p.m; ++row) {
            Matmul<R> one = p;
            one.m = 1, one.a += row * one.a_row, one.c += row * n, one.init = one.c;
            kernels.matmul(one);
          }
          p.init = p.c = together[i];
          calls.push_back(p);
        }
        kernels.matmul_together(calls.data(), int64_t(calls.size()));
        for (size_t i = 0; i < a.size(); ++i)
          CHECK(together[i].intact() && !std::memcmp(together[i], alone[i], size_t(rows[i] * n) * sizeof(R)),
                "rows %ld k %ld layout %d", long(rows[i]), long(k), int(layout));
      }
  });
}

TEST(matmul_empty_sizes) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    for (int kind = 0; kind < 4; ++kind)
      for (bool packed : {false, true}) {
        check_product(kernels, 0, 5, 3, Layout::rows, Layout::rows, Init(kind), packed, random);
        check_product(kernels, 4, 0, 3, Layout::rows, Layout::rows, Init(kind), packed, random);
        check_product(kernels, 4, 5, 0, Layout::rows, Layout::rows, Init(kind), packed, random);
        check_product(kernels, 20, 1, 0, Layout::rows, Layout::rows, Init(kind), packed, random);
      }
  });
}

TEST(matmul_row_alone_gives_the_bits_of_the_batch) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t n : {1, 2, 4, 8, 31, 32, 33, 64, 100, 600})  // 600: B is read in strips
      for (int64_t m : {1, 2, 5, 13, 16, 50})
        for (int64_t k : {7, 300, 800}) {
          Strided<R> a(m, k, Layout::rows, random, 0), b(k, n, Layout::rows, random, 0);
          Buffer<R> batch(m * n), alone(m * n), bias(n), packing(kernels.packed_size(k, n)),
              scratch(kernels.packed_size(k, n));
          randomize(bias, random);
          kernels.pack(packing, b.buffer, b.row, b.col, k, n);
          kernels.matmul({m, n, k, a.buffer, k, 1, b.buffer, n, 1, packing, bias, 0, batch, n, nullptr});
          for (int64_t i = 0; i < m; ++i)
            kernels.matmul(
                {1, n, k, a.buffer + i * k, k, 1, b.buffer, n, 1, nullptr, bias, 0, alone + i * n, n, scratch});
          CHECK(!std::memcmp(batch, alone, size_t(m * n) * sizeof(R)), "m %ld n %ld k %ld", long(m), long(n), long(k));
        }
  });
}

TEST(matmul_nan_and_infinity_stay_in_their_row_and_column) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t n : {1, 3, 33}) {
      const int64_t m = 18, k = 9;
      Strided<R> a(m, k, Layout::rows, random, 0), b(k, n, Layout::columns, random, 0);
      Buffer<R> c(m * n), scratch(kernels.packed_size(k, n));
      a.buffer[4 * k + 2] = R(NAN);
      a.buffer[7 * k] = R(INFINITY);
      kernels.matmul({m, n, k, a.buffer, k, 1, b.buffer, b.row, b.col, nullptr, nullptr, 0, c, n, scratch});
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          if (i == 4) CHECK(std::isnan(c[i * n + j]));
          else if (i == 7) CHECK(std::isinf(c[i * n + j]));
          else CHECK(std::isfinite(c[i * n + j]));
        }
    }
  });
}
