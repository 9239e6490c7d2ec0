// Rows of a batch: gathered one after another or step by step, or read where they lie, from an array or from anywhere.
#include <algorithm>
#include <stdexcept>

#include "check.h"
#include "feed.h"

using namespace elman;

namespace {

constexpr int64_t steps = 4, width = 3, each = width * 4, bytes = steps * each, behind = 5;
constexpr float guard = -7;

// Sequences of these lengths, numbered through: each in memory of its own size, and padded with zeros in one array.
struct Sequences {
  std::vector<std::vector<float>> own;
  std::vector<float> padded;

  explicit Sequences(const std::vector<int32_t>& lengths) {
    for (int32_t n : lengths) {
      std::vector<float> row;
      for (int64_t i = 0; i < n * width; ++i) row.push_back(float(own.size() * 100 + size_t(i) + 1));
      own.push_back(row);
      row.resize(size_t(steps * width));
      padded.insert(padded.end(), row.begin(), row.end());
    }
  }
};

// What a load leaves in memory, guards behind it, and the rows as whoever reads them where they lie finds them.
std::vector<float> loaded(const Sequences& s, const std::vector<int64_t>& order, Load l, bool apart,
                          bool where_they_lie) {
  std::vector<Row> rows;
  for (int64_t r : order) {
    const auto& own = s.own[size_t(r)];
    rows.push_back({reinterpret_cast<const char*>(own.data()), int64_t(own.size()) * 4});
  }
  std::vector<Array> arrays = {
      {reinterpret_cast<const char*>(s.padded.data()), int64_t(s.own.size()), bytes, bytes, nullptr}};
  if (apart) arrays[0] = {nullptr, int64_t(s.own.size()), bytes, 0, rows.data()};
  std::vector<float> to(size_t(l.rows * steps * width + behind), guard);
  RowsAt at;
  at.rows.resize(size_t(l.rows));
  l.to = reinterpret_cast<char*>(to.data());
  l.row = bytes;
  if (where_they_lie) l.rows_at = &at;
  load({l}, {arrays, order.data(), 0});
  for (int64_t i = 0; i < behind; ++i) CHECK(to[to.size() - size_t(i) - 1] == guard, "a load wrote behind its rows");
  if (!where_they_lie) return to;
  std::vector<float> read;
  for (const char* row : at.rows)
    read.insert(read.end(), reinterpret_cast<const float*>(row), reinterpret_cast<const float*>(row + bytes));
  return read;
}

}  // namespace

TEST(rows_that_lie_apart_are_read_as_rows_of_an_array) {
  const std::vector<int32_t> all = {4, 0, 2, 4, 1, 3};
  const Sequences s(all);
  for (const std::vector<int64_t>& order : {std::vector<int64_t>{0, 3, 5, 2, 4, 1}, {1, 4, 0}, {2}, {1}}) {
    const auto count = int64_t(order.size());
    std::vector<int32_t> lengths;
    for (int64_t r : order) lengths.push_back(all[size_t(r)]);
    for (int64_t first : {int64_t{0}, count / 2})
      for (int way = 0; way < 4; ++way) {
        Load l{0, nullptr, first, count - first, way == 1 || way == 2 ? steps : 0, (count - first) * bytes};
        if (way == 2) l.lengths = lengths.data() + first;
        const auto expected = loaded(s, order, l, false, way == 3), got = loaded(s, order, l, true, way == 3);
        if (way == 0 || way == 3) {
          for (int64_t r = first; r < count; ++r)
            CHECK(std::equal(&s.padded[size_t(order[size_t(r)] * steps * width)],
                             &s.padded[size_t(order[size_t(r)] * steps * width)] + steps * width,
                             &expected[size_t((r - first) * steps * width)]));
        }
        for (size_t i = 0; i < expected.size(); ++i)
          CHECK(got[i] == expected[i], "way %d, first %d, element %d: %g, %g", way, int(first), int(i), double(got[i]),
                double(expected[i]));
      }
  }
}

TEST(rows_longer_than_those_of_the_batch_are_cut) {
  const std::vector<float> row = {1, 2, 3, 4, 5, 6};
  const std::vector<Row> rows = {{reinterpret_cast<const char*>(row.data()), 24}};
  const std::vector<Array> arrays = {{nullptr, 1, 12, 0, rows.data()}};
  for (int64_t by_step : {0, 3}) {
    std::vector<float> to(4, guard);
    load({{0, reinterpret_cast<char*>(to.data()), 0, 1, by_step, 12}}, {arrays, nullptr, 0});
    CHECK((to == std::vector<float>{1, 2, 3, guard}));
  }
}

TEST(an_array_that_is_larger_than_its_place_is_refused) {
  const std::vector<float> x(12, 1.f);
  std::vector<float> to(7, guard);
  for (const Array& array : {Array{reinterpret_cast<const char*>(x.data()), 3, 16, 16},
                             Array{reinterpret_cast<const char*>(x.data()), -1, 48, 0}}) {
    bool refused = false;
    try {
      load({{0, reinterpret_cast<char*>(to.data()), 0, 3, 0, 24}}, {{array}, nullptr, 0});
    } catch (const std::invalid_argument&) { refused = true; }
    CHECK(refused && to == std::vector<float>(7, guard), "rows %d", int(array.rows));
  }
}
