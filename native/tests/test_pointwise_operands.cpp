// Where the operands of a program lie, and what its rows share.
#include <array>

#include "check.h"
#include "steps.h"

using namespace elman;
using namespace elman::test;

namespace {
using Code = PointwiseCode;
}  // namespace

TEST(pointwise_broadcasts) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t shapes[][3] = {{5, 7, 3}, {1, 300, 1}, {16, 4, 8}, {3, 1, 700}, {40, 2, 17}, {2, 33, 64}};
    for (const auto& s : shapes) {
      const int64_t count = s[0] * s[1] * s[2];
      Buffer<R> full(s[0] * s[1] * s[2]), row(s[2]), column(s[0]), middle(s[1]), scalar(1), out(count),
          scratch(pointwise_scratch(16));
      Buffer<int32_t> index(s[2]), rounded(count), whole(count);
      randomize(full, random), randomize(row, random), randomize(column, random), randomize(middle, random),
          randomize(scalar, random);
      for (int64_t i = 0; i < s[2]; ++i) index[i] = int32_t(random.below(1000)) - 500;
      for (int64_t i = 0; i < count; ++i) whole[i] = int32_t(random.below(1000)) - 500;
      const PointwiseInput inputs[] = {{0, Storage::real, 0, {}, {}},
                                       {1, Storage::real, 2, {s[0] * s[1], s[2]}, {0, 1}},
                                       {2, Storage::real, 2, {s[0], s[1] * s[2]}, {1, 0}},
                                       {3, Storage::real, 3, {s[0], s[1], s[2]}, {0, 1, 0}},
                                       {4, Storage::real, 1, {count}, {0}},
                                       {5, Storage::index, 2, {s[0] * s[1], s[2]}, {0, 1}},
                                       {6, Storage::index, 0, {}, {}},
                                       {7, Storage::real, 3, {s[0], s[1], s[2]}, {s[1] * s[2], s[2], -1}}};
      const void* in[] = {full.data,   row.data,   column.data, middle.data,
                          scalar.data, index.data, whole.data,  full.data + s[2] - 1};
      const PointwiseConstant constant{8, 0.25};
      const PointwiseStep steps[] = {{Code::add, 9, 0, 1, 0},          {Code::multiply_add, 9, 9, 2, 3},
                                     {Code::multiply_add, 9, 9, 8, 4}, {Code::add, 9, 9, 5, 0},
                                     {Code::sub, 9, 9, 6, 0},          {Code::add, 9, 9, 7, 0}};
      const PointwiseOutput outputs[] = {{9, Storage::real, false}, {9, Storage::index, false}};
      void* to[] = {out.data, rounded.data};
      run(kernels, {count, inputs, in, 8, &constant, 1, steps, 6, outputs, to, 2, 10, scratch});
      CHECK(out.intact() && rounded.intact() && scratch.intact());
      for (int64_t i = 0; i < count; ++i) {
        const int64_t x = i / (s[1] * s[2]), y = i / s[2] % s[1], z = i % s[2];
        const double want = ((full[i] + row[z]) * column[x] + middle[y]) * 0.25 + scalar[0] + index[z] - whole[i] +
                            full[i - z + s[2] - 1 - z];
        CHECK(std::fabs(out[i] - want) <= chain<R>(8, 1100), "%g for %g at %ld", double(out[i]), want, long(i));
        CHECK(rounded[i] == int32_t(std::nearbyint(out[i])));
      }
    }
  });
}

TEST(pointwise_writes_with_strides) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 5}, {3, 16}, {7, 33}, {16, 64}, {5, 300}}) {
      const int64_t n = rows * columns, width = 3 * columns;
      // The left third of each row, doubled, is written to the middle third, a transposed copy and a contiguous one;
      // read with the same strides, it may even be overwritten.
      for (bool same_place : {false, true}) {
        Buffer<R> matrix(rows * width), turned(n), plain(n), scratch(pointwise_scratch(2));
        for (int64_t i = 0; i < rows * width; ++i) matrix[i] = R(i % 97);
        const PointwiseInput input{0, Storage::real, 2, {rows, columns}, {width, 1}};
        const void* in[] = {matrix.data};
        const PointwiseStep step{Code::add, 1, 0, 0, 0};
        const PointwiseOutput outputs[] = {{1, Storage::real, false, 2, {rows, columns}, {width, 1}},
                                           {1, Storage::real, false, 2, {rows, columns}, {1, rows}},
                                           {1, Storage::real, false}};
        void* to[] = {matrix.data + (same_place ? 0 : columns), turned.data, plain.data};
        run(kernels, {n, &input, in, 1, nullptr, 0, &step, 1, outputs, to, 3, 2, scratch});
        CHECK(matrix.intact() && turned.intact() && plain.intact());
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < width; ++c) {
            const int64_t source = r * width + c % columns;
            const bool written = c / columns == (same_place ? 0 : 1);
            CHECK(matrix[r * width + c] == R(written ? source % 97 * 2 : (r * width + c) % 97));
            if (c < columns)
              CHECK(turned[c * rows + r] == R(source % 97 * 2) && plain[r * columns + c] == R(source % 97 * 2));
          }
        }
      }
    }
  });
}

// Gates as a cell has them: columns of a product, read and written where they lie
TEST(pointwise_rows_that_lie_apart) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t shapes[][3] = {{1, 16, 64},  {1, 7, 16}, {3, 5, 32}, {1, 4, 2048},
                                 {2, 300, 16}, {1, 9, 50}, {1, 1, 128}};
    for (const auto& s : shapes) {
      const int64_t groups = s[0], rows = groups * s[1], columns = s[2], n = rows * columns, width = 4 * columns;
      Buffer<R> gates(rows * width), state(n), bias(columns), each(rows), out(rows * width), plain(n), turned(n);
      Buffer<R> scratch(pointwise_scratch(16));
      Buffer<int32_t> rounded(n);
      randomize(gates, random), randomize(state, random), randomize(bias, random), randomize(each, random);
      for (int64_t i = 0; i < rows * width; ++i) out[i] = R(7);
      // With several groups, one operand is walked group by group: their order is exchanged where it is read.
      const auto apart = [&](uint8_t to) { return PointwiseInput{to, Storage::real, 2, {rows, columns}, {width, 1}}; };
      const PointwiseInput by_group{2, Storage::real, 3, {groups, s[1], columns}, {-s[1] * columns, columns, 1}};
      const PointwiseInput inputs[] = {apart(0),
                                       apart(1),
                                       groups > 1 ? by_group : PointwiseInput{2, Storage::real, 0, {}, {}},
                                       {3, Storage::real, 2, {rows, columns}, {0, 1}},
                                       {4, Storage::real, 2, {rows, columns}, {1, 0}}};
      const void* in[] = {gates.data, gates.data + 2 * columns, state.data + (groups - 1) * s[1] * columns, bias.data,
                          each.data};
      const PointwiseConstant constant{5, 0.5};
      const PointwiseStep steps[] = {{Code::mul, 6, 0, 1, 0},
                                     {Code::add, 7, 6, 3, 0},
                                     {Code::multiply_add, 8, 7, 5, 2},
                                     {Code::multiply_add, 9, 8, 4, 6},
                                     {Code::sub, 10, 9, 7, 0}};
      const auto to_apart = [&](uint8_t from) {
        return PointwiseOutput{from, Storage::real, false, 2, {rows, columns}, {width, 1}};
      };
      const PointwiseOutput outputs[] = {to_apart(7),
                                         to_apart(10),
                                         to_apart(7),
                                         {9, Storage::real, false},
                                         {8, Storage::real, false, 2, {rows, columns}, {1, rows}},
                                         {10, Storage::index, false}};
      void* to[] = {out.data, out.data + columns, out.data + 3 * columns, plain.data, turned.data, rounded.data};
      run(kernels, {n, inputs, in, 5, &constant, 1, steps, 5, outputs, to, 6, 11, scratch});
      CHECK(out.intact() && plain.intact() && turned.intact() && rounded.intact() && scratch.intact());
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const int64_t i = r * columns + c, seen = ((groups - 1 - r / s[1]) * s[1] + r % s[1]) * columns + c;
          const R product = gates[r * width + c] * gates[r * width + 2 * columns + c], sum = product + bias[c];
          const double mixed = double(sum) * 0.5 + double(state[seen]),
                       last = mixed * double(each[r]) + double(product);
          const R* row = out.data + r * width + c;
          CHECK(row[0] == sum && row[3 * columns] == sum && row[2 * columns] == R(7), "%g %g at %ld", double(row[0]),
                double(sum), long(i));
          CHECK(std::fabs(plain[i] - last) <= chain<R>(8, 4) &&
                std::fabs(turned[c * rows + r] - mixed) <= chain<R>(8, 4));
          CHECK(std::fabs(row[columns] - (last - double(sum))) <= chain<R>(8, 8));
          CHECK(rounded[i] == int32_t(std::nearbyint(row[columns])));
        }
      }
    }
  });
}

// Rows less their sum, over their largest, times what is given for each row: results of rows are there, too, and a row alone has
// the bits of one among others.
template <class R>
void check_reduced_rows(const Kernels<R>& kernels) {
  Random random;
  const int64_t shapes[][3] = {{1, 1, 16},   {1, 5, 64},  {3, 7, 32},  {2, 40, 48},
                               {1, 3, 1024}, {1, 2, 528}, {1, 90, 16}, {1, 37, 256}};
  for (const auto& [groups, each_group, columns] : shapes) {
    const int64_t rows = groups * each_group, n = rows * columns, width = 2 * columns;
    Buffer<R> from(rows * width), each(rows), out(n), sums(rows), least(rows), product(rows),
        scratch(pointwise_scratch(12));
    randomize(from, random, 0.5, 1.5), randomize(each, random);
    const auto run = [&](int64_t first, int64_t count, R* to, R* sum, R* smallest, R* all) {
      const auto a_row = [&](uint8_t r) { return PointwiseInput{r, Storage::real, 2, {count, columns}, {1, 0}}; };
      const PointwiseInput inputs[] = {{0, Storage::real, 2, {count, columns}, {width, 1}},
                                       count > 1 ? a_row(1) : PointwiseInput{1, Storage::real, 1, {columns}, {0}}};
      const void* in[] = {from.data + first * width, each.data + first};
      const PointwiseConstant constants[] = {{2, 2.0}};
      const PointwiseStep steps[] = {{Code::row_sum, 3, 0, 0, 0, true}, {Code::mul, 4, 3, 2, 0, true},
                                     {Code::sub, 5, 0, 4, 0},           {Code::row_min, 6, 5, 0, 0, true},
                                     {Code::row_max, 7, 5, 0, 0, true}, {Code::div, 7, 1, 7, 0, true},
                                     {Code::mul, 8, 7, 5, 0},           {Code::row_prod, 9, 2, 0, 0, true}};
      const auto narrow = [&](uint8_t r) {
        if (count == 1) return PointwiseOutput{r, Storage::real, false, 1, {columns}, {0}};
        if (groups == 1 || count < rows) return PointwiseOutput{r, Storage::real, false, 2, {count, columns}, {1, 0}};
        return PointwiseOutput{r, Storage::real, false, 3, {groups, each_group, columns}, {1, groups, 0}};
      };
      const PointwiseOutput outputs[] = {{8, Storage::real, false}, narrow(3), narrow(6), narrow(9)};
      void* results[] = {to, sum, smallest, all};
      Pointwise<R> p{count * columns, inputs, in, 2, constants, 1, steps, 8, outputs, results, 4, 10, scratch};
      p.row = columns;
      const bool in_place = test::run(kernels, p);
      CHECK(groups > 1 || in_place, "%ld x %ld", long(count), long(columns));
    };
    run(0, rows, out, sums, least, product);
    CHECK(out.intact() && sums.intact() && least.intact() && product.intact() && scratch.intact());
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = r % each_group * groups + r / each_group;
      const R* x = from.data + r * width;
      R sum;
      kernels.reduce({ReduceKind::sum, 1, columns, 1, x, &sum});
      CHECK(same_bits(sum, sums[at]), "%g %g", double(sum), double(sums[at]));
      R low = x[0] - 2 * sum, high = low;
      for (int64_t c = 0; c < columns; ++c) low = std::min(low, x[c] - 2 * sum), high = std::max(high, x[c] - 2 * sum);
      CHECK(least[at] == low && product[at] == R(std::pow(R(2), R(columns))), "%g %g", double(least[at]), double(low));
      Buffer<R> alone(columns), one(3);
      run(r, 1, alone, one, one + 1, one + 2);
      for (int64_t c = 0; c < columns; ++c) {
        const double want = double(each[r]) / double(high) * double(x[c] - 2 * sum);
        CHECK(std::fabs(out[r * columns + c] - want) <= chain<R>(8, 2));
        CHECK(same_bits(alone[c], out[r * columns + c]));
      }
    }
  }
}
TEST(pointwise_programs_that_reduce_rows) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) { check_reduced_rows(kernels); });
}

// Steps with one element a row, in every order of elements and constants: bits of the same step over as many elements
TEST(pointwise_steps_of_one_element_a_row) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t rows = 37, columns = 16, n = rows * columns;
    Buffer<R> x[3] = {Buffer<R>(rows), Buffer<R>(rows), Buffer<R>(rows)};
    for (auto& numbers : x) randomize(numbers, random, 0.1, 0.9);
    const PointwiseConstant constant{3, 0.3};
    for (int code = 0; code < int(first_row_code); ++code)
      for (const auto& [a, b, c] : {std::array<uint8_t, 3>{0, 1, 2}, {3, 1, 2}, {0, 3, 2}, {0, 1, 3}, {3, 3, 0}}) {
        const auto run = [&](bool narrow, R* to) {
          PointwiseInput inputs[3];
          const void* in[3];
          for (uint8_t i = 0; i < 3; ++i) {
            in[i] = x[i].data;
            if (narrow) inputs[i] = {i, Storage::real, 2, {rows, columns}, {1, 0}};
            else inputs[i] = {i, Storage::real, 0, {}, {}};
          }
          const PointwiseStep steps[] = {
              {Code::copy, 4, 0, 0, 0, narrow}, {Code(code), 5, a, b, c, narrow}, {Code::add, 5, 5, 4, 0, narrow}};
          PointwiseOutput output{5, Storage::real, false};
          if (narrow) output = {5, Storage::real, false, 2, {rows, columns}, {1, 0}};
          void* out[] = {to};
          Buffer<R> scratch(pointwise_scratch(6));
          Pointwise<R> p{narrow ? n : rows, inputs, in, 3, &constant, 1, steps, 3, &output, out, 1, 6, scratch};
          p.row = narrow ? columns : 0;
          test::run(kernels, p);
          CHECK(scratch.intact());
        };
        Buffer<R> one(rows), many(rows);
        run(true, one), run(false, many);
        CHECK(one.intact());
        for (int64_t i = 0; i < rows; ++i)
          CHECK(same_bits(one[i], many[i]), "code %d of %d %d %d: %g %g", code, a, b, c, double(one[i]),
                double(many[i]));
      }
  });
}

// Numbers of which three rows share one each, in a step of the rows' own numbers
TEST(pointwise_rows_that_share_a_number) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const int64_t groups = 30, each = 3, rows = groups * each, columns = 32, n = rows * columns;
    Buffer<R> x(n), scale(groups), out(n), scratch(pointwise_scratch(5));
    for (int64_t i = 0; i < n; ++i) x[i] = R(i % 7);
    for (int64_t i = 0; i < groups; ++i) scale[i] = R(i);
    const PointwiseInput inputs[] = {{0, Storage::real, 0, {}, {}},
                                     {1, Storage::real, 2, {groups, each * columns}, {1, 0}}};
    const void* in[] = {x.data, scale.data};
    const PointwiseStep steps[] = {
        {Code::row_max, 2, 0, 0, 0, true}, {Code::mul, 3, 2, 1, 0, true}, {Code::add, 4, 3, 0, 0}};
    const PointwiseOutput output{4, Storage::real, false};
    void* to[] = {out.data};
    Pointwise<R> p{n, inputs, in, 2, nullptr, 0, steps, 3, &output, to, 1, 5, scratch};
    p.row = columns;
    run(kernels, p);
    CHECK(out.intact() && scratch.intact());
    for (int64_t i = 0; i < n; ++i) CHECK(out[i] == 6 * scale[i / columns / each] + x[i], "at %ld", long(i));
  });
}

// Operands of every kind that lies in place: rows that lie apart, without gaps, one for all, one element a row, one for all; and the
// same with a gap behind every element, which are gathered and scattered
TEST(pointwise_operands_in_place_and_gathered_have_the_same_bits) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const int64_t shapes[][2] = {{1, 16}, {3, 16}, {70, 32}, {8, 64}, {5, 256}, {2, 4096}, {1, 4099}, {30, 41}};
    for (const auto& [rows, columns] : shapes) {
      const int64_t n = rows * columns, width = 4 * columns;
      const auto results = [&](int64_t gap) {
        Random random;
        const auto numbers = [&](int64_t count) {
          Buffer<R> made(count * gap);
          for (int64_t i = 0; i < count; ++i) made[i * gap] = R(random.uniform(-1, 1));
          return made;
        };
        const auto gates = numbers(rows * width), state = numbers(n), bias = numbers(columns), each = numbers(rows),
                   number = numbers(1);
        Buffer<R> scratch(pointwise_scratch(12));
        const auto set = [&](auto operand, int64_t outer, int64_t inner) {
          int64_t size[] = {rows, columns}, stride[] = {outer * gap, inner * gap};
          collapse(2, size, stride, operand);
          return operand;
        };
        const auto input = [&](uint8_t to, int64_t outer, int64_t inner) {
          return set(PointwiseInput{to, Storage::real, 0, {}, {}}, outer, inner);
        };
        const auto output = [&](uint8_t from, int64_t outer) {
          return set(PointwiseOutput{from, Storage::real, false}, outer, 1);
        };
        const PointwiseInput inputs[] = {input(0, width, 1), input(1, columns, 1), input(2, 0, 1), input(3, 1, 0),
                                         input(4, 0, 0)};
        const void* in[] = {gates.data, state.data, bias.data, each.data, number.data};
        const PointwiseConstant constant{5, 0.5};
        const PointwiseStep steps[] = {{Code::mul, 6, 0, 1, 0},          {Code::add, 6, 6, 2, 0},
                                       {Code::multiply_add, 7, 3, 6, 1}, {Code::tanh, 8, 7, 0, 0},
                                       {Code::sub, 9, 5, 8, 0},          {Code::multiply_add, 10, 9, 4, 3},
                                       {Code::where, 6, 1, 5, 10},       {Code::mul, 11, 6, 8, 0}};
        const PointwiseOutput outputs[] = {output(8, width), output(11, columns), output(11, width)};
        std::vector<Buffer<R>> out;
        for (const int64_t size : {rows * width, n, rows * width}) out.emplace_back(size * gap);
        for (auto& buffer : out)
          for (int64_t i = 0; i < buffer.size; ++i) buffer[i] = R(7);
        void* to[] = {out[0].data, out[1].data, out[2].data};
        const bool in_place = run(kernels, {n, inputs, in, 5, &constant, 1, steps, 8, outputs, to, 3, 12, scratch});
        CHECK(in_place == (gap == 1 && (columns % 16 == 0 || rows == 1)), "%ld x %ld", long(rows), long(columns));
        CHECK(scratch.intact() && out[0].intact() && out[1].intact() && out[2].intact());
        return out;
      };
      const auto close = results(1), apart = results(3);
      for (size_t o = 0; o < close.size(); ++o)
        for (int64_t i = 0; i < apart[o].size; ++i)
          CHECK(same_bits(apart[o][i], i % 3 ? R(7) : close[o][i / 3]), "output %d, %ld x %ld", int(o), long(rows),
                long(columns));
    }
  });
}

// A sum of a product is rounded once, whatever operands have one element a row
TEST(pointwise_multiply_add_is_the_same_whatever_repeats) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    const int64_t rows = 20, columns = 64, n = rows * columns;
    for (int repeats = 0; repeats < 8; ++repeats) {
      Buffer<R> full[3] = {Buffer<R>(n), Buffer<R>(n), Buffer<R>(n)}, out(n);
      PointwiseInput inputs[3];
      const void* in[3];
      for (int i = 0; i < 3; ++i) {
        inputs[i] = {uint8_t(i), Storage::real, 0, {}, {}};
        if (repeats >> i & 1) inputs[i] = {uint8_t(i), Storage::real, 2, {rows, columns}, {columns, 0}};
        randomize(full[i], random);
        in[i] = full[i].data;
      }
      const PointwiseStep step{Code::multiply_add, 3, 0, 1, 2};
      const PointwiseOutput output{3, Storage::real, false};
      void* to[] = {out.data};
      Buffer<R> scratch(pointwise_scratch(4)), want(n);
      run(kernels, {n, inputs, in, 3, nullptr, 0, &step, 1, &output, to, 1, 4, scratch});
      for (int i = 0; i < 3; ++i)
        for (int64_t at = 0; at < n && repeats >> i & 1; ++at) full[i][at] = full[i][at / columns * columns];
      run_code(kernels, Code::multiply_add, full[0], full[1], full[2], want);
      for (int64_t at = 0; at < n; ++at) CHECK(same_bits(out[at], want[at]), "%d at %ld", repeats, long(at));
    }
  });
}

// Steps of some rows of a batch: time lies first in one operand, second in the other, where rows of all steps lie in one piece
TEST(pointwise_rows_in_blocks_and_in_one_piece) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const int64_t sizes[][3] = {{1, 1, 16}, {3, 5, 64}, {8, 25, 32}, {4, 3, 2048}, {5, 4, 7}};
    for (const auto& [batch, steps, units] : sizes) {
      const int64_t n = batch * steps * units, all = 2 * steps;  // time steps of one operand, in the batch's order
      Buffer<R> by_row(batch * all * units), by_step(n), out(n), scratch(pointwise_scratch(3));
      for (int64_t i = 0; i < batch * all * units; ++i) by_row[i] = R(i % 89);
      for (int64_t i = 0; i < n; ++i) by_step[i] = R(i % 97);
      const PointwiseInput inputs[] = {{0, Storage::real, 2, {batch, steps * units}, {all * units, 1}},
                                       {1, Storage::real, 3, {batch, steps, units}, {units, batch * units, 1}}};
      const void* in[] = {by_row.data, by_step.data};
      const PointwiseStep step{Code::sub, 2, 0, 1, 0};
      const PointwiseOutput output{2, Storage::real, false, 3, {batch, steps, units}, {units, batch * units, 1}};
      void* to[] = {out.data};
      run(kernels, {n, inputs, in, 2, nullptr, 0, &step, 1, &output, to, 1, 3, scratch});
      CHECK(out.intact() && scratch.intact());
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t t = 0; t < steps; ++t)
          for (int64_t u = 0; u < units; ++u) {
            const int64_t at = (t * batch + b) * units + u;
            CHECK(out[at] == by_row[(b * all + t) * units + u] - by_step[at], "row %ld, step %ld", long(b), long(t));
          }
    }
  });
}

TEST(pointwise_updates_in_place) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t n : {1, 16, 37, 256, 300, 512, 800}) {
      Buffer<R> weight(n), square(n), gradient(n), scratch(pointwise_scratch(12));
      randomize(weight, random), randomize(square, random, 0, 1), randomize(gradient, random);
      const Buffer<R> weight_before(weight), square_before(square);
      // v = 0.9 v + 0.1 g g; w = w - 0.01 g / (sqrt(v) + 1e-7): both written where they were read
      const PointwiseInput inputs[] = {
          {0, Storage::real, 0, {}, {}}, {1, Storage::real, 0, {}, {}}, {2, Storage::real, 0, {}, {}}};
      const void* in[] = {weight.data, square.data, gradient.data};
      const PointwiseConstant constants[] = {{3, 0.9}, {4, 0.1}, {5, 1e-7}, {6, -0.01}};
      const PointwiseStep steps[] = {
          {Code::mul, 7, 2, 2, 0}, {Code::mul, 7, 7, 4, 0}, {Code::multiply_add, 8, 1, 3, 7}, {Code::sqrt, 9, 8, 0, 0},
          {Code::add, 9, 9, 5, 0}, {Code::div, 9, 2, 9, 0}, {Code::multiply_add, 10, 9, 6, 0}};
      const PointwiseOutput outputs[] = {{10, Storage::real, true}, {8, Storage::real, true}};
      void* to[] = {weight.data, square.data};
      run(kernels, {n, inputs, in, 3, constants, 4, steps, 7, outputs, to, 2, 11, scratch});
      CHECK(weight.intact() && square.intact() && gradient.intact() && scratch.intact());
      for (int64_t i = 0; i < n; ++i) {
        const double v = 0.9 * square_before[i] + 0.1 * gradient[i] * gradient[i];
        const double w = weight_before[i] - 0.01 * gradient[i] / (std::sqrt(v) + 1e-7);
        CHECK(std::fabs(square[i] - v) <= chain<R>(4, v));
        CHECK(std::fabs(weight[i] - w) <= chain<R>(8, std::fabs(weight_before[i]) + std::fabs(w)), "%g for %g",
              double(weight[i]), w);
      }
    }
  });
}

TEST(pointwise_in_place_output_waits_for_the_last_reader) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    for (int64_t n : {3, 64, 700}) {
      Buffer<R> x(n), copied(n), difference(n), scratch(pointwise_scratch(4));
      for (int64_t i = 0; i < n; ++i) x[i] = R(i);
      // x = x + x; difference = x_new - x_old, read after the write; copied = x_old
      const PointwiseInput input{0, Storage::real, 0, {}, {}};
      const void* in[] = {x.data};
      const PointwiseStep steps[] = {{Code::add, 1, 0, 0, 0}, {Code::sub, 2, 1, 0, 0}};
      const PointwiseOutput outputs[] = {
          {2, Storage::real, false}, {0, Storage::real, false}, {1, Storage::real, true}};
      void* to[] = {difference.data, copied.data, x.data};
      run(kernels, {n, &input, in, 1, nullptr, 0, steps, 2, outputs, to, 3, 3, scratch});
      CHECK(x.intact() && copied.intact() && difference.intact());
      for (int64_t i = 0; i < n; ++i) CHECK(x[i] == R(2 * i) && copied[i] == R(i) && difference[i] == R(i));
    }
  });
}

TEST(pointwise_registers_used_again_and_outputs_of_inputs) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    for (int64_t n : {5, 32, 600}) {
      Buffer<R> x(n), s(1), first(n), second(n), third(n), scratch(pointwise_scratch(3));
      for (int64_t i = 0; i < n; ++i) x[i] = R(i % 50);
      s[0] = 3;
      const PointwiseInput inputs[] = {{0, Storage::real, 0, {}, {}}, {1, Storage::real, 1, {n}, {0}}};
      const void* in[] = {x.data, s.data};
      const PointwiseStep steps[] = {{Code::mul, 2, 0, 1, 0}, {Code::add, 2, 2, 0, 0}};
      const PointwiseOutput outputs[] = {
          {2, Storage::real, false}, {2, Storage::real, false}, {0, Storage::real, false}};
      void* to[] = {first.data, second.data, third.data};
      run(kernels, {n, inputs, in, 2, nullptr, 0, steps, 2, outputs, to, 3, 3, scratch});
      CHECK(first.intact() && second.intact() && third.intact());
      for (int64_t i = 0; i < n; ++i) CHECK(first[i] == 4 * x[i] && second[i] == 4 * x[i] && third[i] == x[i]);
    }
  });
}
