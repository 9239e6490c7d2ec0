// The plan: hand-made specs run on shards and threads, scans with lengths, guards, and what placing values in memory must keep apart.
#include <atomic>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "check.h"
#include "memory.h"
#include "plan.h"
#include "threads.h"

using namespace elman;

namespace {

Dim number(int64_t n) { return n == 0 ? Dim{} : Dim{{n, {}}}; }
Dim batch(int64_t times) { return {{times, {0}}}; }
Dim time_batch(int64_t times) { return {{times, {0, 1}}}; }

Instruction make(Op op, std::vector<int> in, std::vector<int> out, std::vector<int> dims, std::vector<int64_t> flags) {
  Instruction i;
  i.op = op, i.in = std::move(in), i.out = std::move(out), i.dims = std::move(dims), i.flags = std::move(flags);
  return i;
}

Program add() { return {{}, {{PointwiseCode::add, 2, 0, 1, 0}}, {0, 1}, {2}, 3}; }

// y = x w (rows), total = sum of y over the batch (a partial sum), w -= total's guard: total of the first column
Spec product_and_sum() {
  Spec s;
  s.symbols = 1;
  s.dims = {number(0), number(1), number(2), number(3), number(6), batch(1), batch(2), batch(3), batch(1'000'000)};
  s.values = {{Home::input, Storage::real, 0, 7, -1, true},  // 0: x (B, 3)
              {Home::variable, Storage::real, 0, 4, -1, false},  // 1: w (3, 2)
              {Home::temporary, Storage::real, -1, 6, -1, true},  // 2: y (B, 2)
              {Home::temporary, Storage::real, -1, 2, -1, false},  // 3: total (2)
              {Home::part, Storage::real, 3, 1, 0, false}};  // 4: total[0]
  Instruction product = make(Op::matmul, {0, 1}, {2}, {1, 5, 2, 3, 3, 1, 0, 2, 1, 0, 0, 0}, {0, 0});
  Instruction sum = make(Op::reduce, {2}, {3}, {1, 5, 2}, {int64_t(ReduceKind::sum)});
  s.segments = {{true, {product, sum}}};
  s.inputs = {0};
  s.outputs = {2, 3};
  s.partials = {3};
  s.partial_segment = {0};
  s.guard = 4;
  s.shardable = true;
  s.row_work = 8;
  return s;
}

// h_t = h_{t-1} + x_t, walked either way; finished rows stay as they are
Spec running_sum(bool reverse, bool lengths) {
  Spec s;
  s.symbols = 2;
  s.dims = {number(0), number(1), batch(1), time_batch(1), {{1, {1}}}};
  s.values = {{Home::input, Storage::real, 0, 2, -1, false},  // 0: start (B)
              {Home::input, Storage::real, 1, 3, -1, false},  // 1: x (T, B)
              {Home::input, Storage::index, 2, 2, -1, false},  // 2: lengths (B)
              {Home::temporary, Storage::real, -1, 2, -1, false},  // 3: last (B)
              {Home::temporary, Storage::real, -1, 3, -1, false},  // 4: all (T, B)
              {Home::temporary, Storage::real, -1, 2, -1, false},  // 5: body state
              {Home::temporary, Storage::real, -1, 2, -1, false},  // 6: body slice
              {Home::temporary, Storage::real, -1, 2, -1, false}};  // 7: body sum
  Instruction step = make(Op::pointwise, {5, 6}, {7}, {2, 1, 1, 1}, {1});
  step.program = add();
  s.bodies.push_back({{step}, {5}, {6}, {}, {7}, {7}, reverse, lengths, false, {-1}});
  Instruction scan = make(Op::scan, lengths ? std::vector<int>{0, 1, 2} : std::vector<int>{0, 1}, {3, 4}, {4, 2}, {});
  scan.body = 0;
  s.segments = {{false, {scan}}};
  s.inputs = {0, 1, 2};
  s.outputs = {3, 4};
  return s;
}

// z_t = x_t w; h_t = h_{t-1} + z_t; sums over all t: x^T h, of h, and h^T h. strip: product, loop and sums are one instruction.
Spec projected_sum(bool reverse, bool strip, bool rounded) {
  Spec s;
  s.symbols = 2;
  s.dims = {number(0), number(1),     number(2),     number(3),     number(6),  batch(1),
            batch(2),  time_batch(1), time_batch(2), time_batch(3), {{1, {1}}}, number(4)};
  s.values = {{Home::input, Storage::real, 0, 6, -1, false},  // 0: start (B, 2)
              {Home::input, Storage::real, 1, 9, -1, false},  // 1: x (T, B, 3)
              {Home::input, Storage::real, 2, 4, -1, false},  // 2: w (3, 2)
              {Home::temporary, Storage::real, -1, 8, -1, false},  // 3: z (T, B, 2)
              {Home::temporary, Storage::real, -1, 6, -1, false},  // 4: last h (B, 2)
              {Home::temporary, Storage::real, -1, 8, -1, false},  // 5: all h (T, B, 2)
              {Home::temporary, Storage::real, -1, 4, -1, false},  // 6: x^T h (3, 2)
              {Home::temporary, Storage::real, -1, 2, -1, false},  // 7: sum of h (2)
              {Home::temporary, Storage::real, -1, 6, -1, false},  // 8: body state
              {Home::temporary, Storage::real, -1, 6, -1, false},  // 9: body slice
              {Home::temporary, Storage::real, -1, 6, -1, false},  // 10: body sum
              {Home::temporary, Storage::real, -1, 11, -1, false}};  // 11: h^T h (2, 2)
  Instruction step = make(Op::pointwise, {8, 9}, {10}, {6, 1, 1, 1}, {1});
  step.program = add();
  s.bodies.push_back({{step}, {8}, {9}, {}, {10}, {10}, reverse, false, false, {-1}});
  Instruction product = make(Op::matmul, {1, 2}, {3}, {1, 7, 2, 3, 3, 1, 0, 2, 1, 0, 0, 0}, {0, rounded});
  Instruction scan = make(Op::scan, {0, 3}, {4, 5}, {10, 5}, {});
  scan.body = 0;
  Instruction outer = make(Op::matmul, {1, 5}, {6}, {1, 3, 2, 7, 1, 3, 0, 2, 1, 0, 0, 0}, {0, rounded});
  Instruction sum = make(Op::reduce, {5}, {7}, {1, 7, 2}, {int64_t(ReduceKind::sum)});
  Instruction square = make(Op::matmul, {5, 5}, {11}, {1, 2, 2, 7, 1, 2, 0, 2, 1, 0, 0, 0}, {0, rounded});
  const std::vector<Instruction> code = {product, scan, outer, sum, square};
  Instruction all = make(Op::strip, {0, 1, 2, 3, 5}, {3, 4, 5, 6, 7, 11}, {10}, {});
  all.body = 0;
  s.strips.push_back({code, {3}, {2, 3, 4}});
  s.segments = {{false, strip ? std::vector<Instruction>{all} : code}};
  s.inputs = {0, 1, 2};
  s.outputs = {4, 5, 6, 11, 7};
  return s;
}

std::vector<float> run_projected_sum(bool reverse, bool strip, bool rounded, int64_t T, int64_t B) {
  Plan<float> plan(projected_sum(reverse, strip, rounded), {}, {}, best_isa());
  std::vector<float> start(size_t(B * 2), 0.5f), x(size_t(T * B * 3)), w = { 1.5f, -2.f, 0.25f, 3.f, -0.75f, 0.5f };
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(int(i * 37 % 101) - 50) / 170.f;
  const std::vector<Array> arrays = {{reinterpret_cast<const char*>(start.data()), -1, B * 8, 0},
                                     {reinterpret_cast<const char*>(x.data()), -1, T * B * 12, 0},
                                     {reinterpret_cast<const char*>(w.data()), -1, 24, 0}};
  plan.run(arrays, {B, T}, nullptr, B, B, 1, nullptr);
  std::vector<float> out(size_t(B * 2 + T * B * 2 + 6 + 4 + 2));
  float* to = out.data();
  for (size_t n = 0; n < 5; to += plan.output_bytes(n) / 4, ++n) plan.read(n, reinterpret_cast<char*>(to));
  return out;
}

// x (B, T, 2) by time doubled, which a running sum walks along, and squared, which is added up, too
Spec filled_sum(bool reverse, bool strip, bool by_row) {
  Spec s;
  s.symbols = 2;
  s.dims = {number(0), number(1), number(2), batch(1), batch(2), time_batch(2), {{1, {1}}}, {{2, {1}}}};
  s.values = {{Home::input, Storage::real, 0, 4, -1, false},  // 0: start (B, 2)
              {Home::input, Storage::real, 1, 5, -1, false},  // 1: x (B, T, 2)
              {Home::temporary, Storage::real, -1, 5, -1, false},  // 2: doubled (T, B, 2)
              {Home::temporary, Storage::real, -1, 5, -1, false},  // 3: squared (T, B, 2)
              {Home::temporary, Storage::real, -1, 1, -1, false},  // 4: sum of squares
              {Home::temporary, Storage::real, -1, 4, -1, false},  // 5: last (B, 2)
              {Home::temporary, Storage::real, -1, 5, -1, false},  // 6: all (T, B, 2)
              {Home::temporary, Storage::real, -1, 4, -1, false},  // 7: body state
              {Home::temporary, Storage::real, -1, 4, -1, false},  // 8: body slice
              {Home::temporary, Storage::real, -1, 4, -1, false}};  // 9: body sum
  Instruction step = make(Op::pointwise, {7, 8}, {9}, {4, 1, 1, 1}, {1});
  step.program = add();
  s.bodies.push_back({{step}, {7}, {8}, {}, {9}, {9}, reverse, false, false, {-1}});
  Instruction fill = make(Op::pointwise, {1}, {2, 3}, {3, 6, 2, 7, 2, 1, 2, 4, 1, 2, 4, 1}, {3, 1});
  fill.program = {{}, {{PointwiseCode::add, 1, 0, 0, 0}, {PointwiseCode::mul, 2, 0, 0, 0}}, {0}, {1, 2}, 3};
  Instruction sum = make(Op::reduce, {3}, {4}, {1, 5, 1}, {int64_t(ReduceKind::sum)});
  Instruction scan = make(Op::scan, {0, 2}, {5, 6}, {6, 4}, {});
  scan.body = 0;
  const std::vector<Instruction> code = {fill, sum, scan};
  Instruction all = make(Op::strip, {0, 1, 2, 3}, {2, 3, 4, 5, 6}, {6}, {});
  all.body = 0;
  s.strips.push_back({code, {2, 3}, {1}});
  s.segments = {{false, strip ? std::vector<Instruction>{all} : code}};
  s.inputs = {0, 1};
  s.outputs = {5, 6, 4};
  if (!by_row) return s;
  for (int v : {0, 1, 2, 3, 5, 6, 7, 8, 9}) s.values[size_t(v)].rows = true;
  s.segments[0].rows = true;
  s.input_rows = {false, true};
  return s;
}

// by_row: x stays where it lies, its rows in another order there
std::vector<float> run_filled_sum(bool reverse, bool strip, bool by_row, int64_t T, int64_t B) {
  Plan<float> plan(filled_sum(reverse, strip, by_row), {}, {}, best_isa());
  std::vector<float> start(size_t(B * 2), 0.5f), x(size_t(T * B * 2) + 32);
  std::vector<int64_t> order(static_cast<size_t>(B));
  for (int64_t b = 0; b < B; ++b) order[size_t(b)] = by_row ? B - 1 - b : b;
  for (int64_t i = 0; i < T * B * 2; ++i) {
    const int64_t to = order[size_t(i / (T * 2))] * T * 2 + i % (T * 2);
    x[size_t(to)] = float(int(i * 37 % 101) - 50) / 8.f;
  }
  const std::vector<Array> arrays = {{reinterpret_cast<const char*>(start.data()), B, 8, 8},
                                     {reinterpret_cast<const char*>(x.data()), B, T * 8, T * 8}};
  plan.run(arrays, {B, T}, order.data(), B, B, 1, nullptr);
  std::vector<float> out(size_t(B * 2 + T * B * 2 + 1));
  float* to = out.data();
  for (size_t n = 0; n < 3; to += plan.output_bytes(n) / 4, ++n) plan.read(n, reinterpret_cast<char*>(to));
  return out;
}

// The same in a strip, of rows that have lengths; gapless: nothing is stored of finished rows that lie last
Spec projected_ragged_sum(bool reverse, bool gapless) {
  Spec s = projected_sum(reverse, true, false);
  s.values.push_back({Home::input, Storage::index, 3, 5, -1, true});  // 12: lengths (B)
  for (int v : {0, 1, 3, 4, 5, 8, 9, 10}) s.values[size_t(v)].rows = true;
  if (gapless)
    for (int v : {1, 3, 5}) s.values[size_t(v)].lengths = 12;
  s.bodies[0].lengths = true;
  s.bodies[0].by_row = gapless;
  s.strips[0].code[1].in.push_back(12);
  s.segments[0].rows = true;
  s.segments[0].code[0].in.push_back(12);
  s.inputs = {0, 1, 2, 12};
  s.input_steps = {-1, 10, -1, -1};
  s.outputs = {4, 6, 11, 7};
  s.partials = {6, 7, 11};
  s.partial_segment = {0, 0, 0};
  return s;
}

// Last h (B, 2), x^T h (3, 2), h^T h (2, 2) and the sum of h (2), by the plan or (in twice as many digits) by hand
void check_ragged_sums(bool reverse, bool gapless, int64_t T, const std::vector<int32_t>& lengths) {
  const int64_t B = int64_t(lengths.size());
  std::vector<float> start(size_t(B * 2), 0.5f), x(size_t(T * B * 3)), w = { 1.5f, -2.f, 0.25f, 3.f, -0.75f, 0.5f };
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(int(i * 37 % 101) - 50) / 170.f;
  Plan<float> plan(projected_ragged_sum(reverse, gapless), {}, {}, best_isa());
  plan.run({{reinterpret_cast<const char*>(start.data()), B, 8, 8},
            {reinterpret_cast<const char*>(x.data()), B, T * 12, T * 12},
            {reinterpret_cast<const char*>(w.data()), -1, 24, 0},
            {reinterpret_cast<const char*>(lengths.data()), B, 4, 4}},
           {B, T}, nullptr, B, B, 1, nullptr);
  std::vector<float> out(size_t(B * 2 + 6 + 4 + 2));
  float* to = out.data();
  for (size_t n = 0; n < 4; to += plan.output_bytes(n) / 4, ++n) plan.read(n, reinterpret_cast<char*>(to));
  std::vector<double> want(out.size()), size(out.size(), 1);
  const auto add = [&](int64_t at, double term) {
    want[size_t(at)] += term;
    size[size_t(at)] += std::fabs(term);
  };
  for (int64_t b = 0; b < B; ++b) {
    double h[2] = {0.5, 0.5};
    for (int64_t i = 0; i < T; ++i) {
      const int64_t t = reverse ? T - 1 - i : i;
      if (lengths[size_t(b)] <= t) continue;
      const float* row = x.data() + (b * T + t) * 3;
      for (int j = 0; j < 2; ++j)
        for (int k = 0; k < 3; ++k) h[j] += double(row[k]) * double(w[size_t(k * 2 + j)]);
      for (int j = 0; j < 2; ++j) {
        for (int k = 0; k < 3; ++k) add(B * 2 + k * 2 + j, double(row[k]) * h[j]);
        for (int k = 0; k < 2; ++k) add(B * 2 + 6 + k * 2 + j, h[k] * h[j]);
        add(B * 2 + 10 + j, h[j]);
      }
    }
    for (int j = 0; j < 2; ++j) add(b * 2 + j, h[j]);
  }
  for (size_t i = 0; i < out.size(); ++i)
    CHECK(std::fabs(double(out[i]) - want[i]) <= 1e-4 * size[i],
          "T %d, B %d, gapless %d, reverse %d, element %d: %g, %g", int(T), int(B), gapless, reverse, int(i),
          double(out[i]), want[i]);
}

// Memory of a variable, readable for `padding` bytes past its end as the contract asks.
std::vector<float> padded(std::vector<float> values) {
  values.resize(values.size() + padding / sizeof(float));
  return values;
}

std::vector<float> run_product(int64_t rows, int threads, std::vector<float>& weights, bool* diverged = nullptr) {
  Plan<float> plan(product_and_sum(), {reinterpret_cast<char*>(weights.data())}, {}, best_isa());
  std::vector<float> x(size_t(rows * 3)), out(size_t(rows * 2 + 2));
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(int(i * 37 % 101) - 50) / 17.f;
  const Outcome outcome = plan.run({{reinterpret_cast<const char*>(x.data()), rows, 12, 12}}, {rows}, nullptr, rows,
                                   rows, threads, nullptr);
  if (diverged != nullptr) *diverged = outcome.diverged;
  plan.read(0, reinterpret_cast<char*>(out.data()));
  plan.read(1, reinterpret_cast<char*>(out.data() + rows * 2));
  return out;
}

// y = x + 2 w, of w as it was when the sizes were bound
Spec remembered() {
  Spec s;
  s.symbols = 1;
  s.dims = {number(0), number(1), batch(1)};
  s.values = {{Home::input, Storage::real, 0, 2, -1, false},  // 0: x (B)
              {Home::variable, Storage::real, 0, 1, -1, false},  // 1: w (1)
              {Home::once, Storage::real, -1, 1, -1, false},  // 2: 2 w
              {Home::temporary, Storage::real, -1, 2, -1, false}};  // 3: y (B)
  Instruction twice = make(Op::pointwise, {1, 1}, {2}, {1, 1, 1, 1}, {1});
  Instruction sum = make(Op::pointwise, {0, 2}, {3}, {2, 1, 0, 1}, {1});
  twice.program = sum.program = add();
  s.segments = {{false, {twice, sum}}};
  s.inputs = {0};
  s.outputs = {3};
  return s;
}

constexpr int64_t large = 1 << 16;

// w += the sum of x over the batch; w is so large that it lies in two places
Spec large_update() {
  Spec s;
  s.symbols = 1;
  s.dims = {number(0), number(1), batch(1), number(large)};
  s.values = {{Home::input, Storage::real, 0, 2, -1, true},  // 0: x (B)
              {Home::variable, Storage::real, 0, 3, -1, false},  // 1: w
              {Home::temporary, Storage::real, -1, 1, -1, false},  // 2: total
              {Home::temporary, Storage::real, -1, 3, -1, false}};  // 3: w + total
  Instruction sum = make(Op::reduce, {0}, {2}, {1, 2, 1}, {int64_t(ReduceKind::sum)});
  Instruction next = make(Op::pointwise, {1, 2}, {3}, {3, 1, 0, 1}, {1});
  next.program = add();
  s.segments = {{true, {sum}}, {false, {next}}};
  s.inputs = {0};
  s.outputs = {2};
  s.updates = {{1, 3}};
  s.partials = {2};
  s.partial_segment = {0};
  return s;
}

// Whether a plan is refused before it runs: where it is made, or where it is bound to 4 rows and 4 of all else
bool refused(const Spec& spec) {
  std::vector<float> values = padded(std::vector<float>(64, 1.f));
  const std::vector<int32_t> lengths(64, 1);
  std::vector<Array> arrays;
  for (const int v : spec.inputs) {
    const Value& value = spec.values[size_t(v)];
    const void* const from = value.storage == Storage::index ? static_cast<const void*>(lengths.data()) : values.data();
    const int64_t bytes =
        std::min<int64_t>(4 * evaluate(spec.dims[size_t(value.count)], Numbers(size_t(spec.symbols), 4)), 256);
    if (value.rows) arrays.push_back({static_cast<const char*>(from), 4, bytes / 4, bytes / 4});
    else arrays.push_back({static_cast<const char*>(from), -1, bytes, 0});
  }
  try {
    Plan<float> plan(spec, {reinterpret_cast<char*>(values.data())}, {}, best_isa());
    plan.run(arrays, Numbers(size_t(spec.symbols), 4), nullptr, 4, 4, 1, nullptr);
  } catch (const std::logic_error&) { return true; } catch (const MemoryShortage&) {
    return true;
  }
  return false;
}

}  // namespace

TEST(plan_gives_the_same_bits_for_any_number_of_threads) {
  std::vector<float> weights = padded({1.5f, -2.f, 0.25f, 3.f, -0.75f, 0.5f});
  for (int64_t rows : {1, 7, 16, 17, 64, 131}) {
    const std::vector<float> one = run_product(rows, 1, weights);
    for (int threads : {2, 3, 4})
      CHECK(run_product(rows, threads, weights) == one, "rows %d, threads %d", int(rows), threads);
    double total = 0;
    for (int64_t r = 0; r < rows; ++r) total += one[size_t(r * 2)];
    CHECK(std::fabs(total - one[size_t(rows * 2)]) <= 1e-4 * double(rows), "sum over shards");
  }
}

TEST(plan_refuses_an_update_of_another_size_than_its_variable) {
  std::vector<float> weights = padded({1.5f, -2.f, 0.25f, 3.f, -0.75f, 0.5f});
  for (int from : {2, 3}) {  // y (B, 2) and total (2), for w (3, 2)
    Spec spec = product_and_sum();
    spec.updates = {{1, from}};
    const std::vector<float> x(15);
    bool refused = false;
    try {
      Plan<float> plan(spec, {reinterpret_cast<char*>(weights.data())}, {}, best_isa());
      plan.run({{reinterpret_cast<const char*>(x.data()), 5, 12, 12}}, {5}, nullptr, 5, 5, 1, nullptr);
    } catch (const std::invalid_argument&) { refused = true; }
    CHECK(refused, "value %d", from);
  }
}

TEST(plan_refuses_what_lies_outside_its_values) {
  // Each size and each stride of what runs, of bodies and strips too, larger than is right
  const auto larger = [&](Spec& spec, Instruction& i) {
    std::vector<size_t> read = {0, 1, 2};
    if (i.op == Op::matmul) read = {0, 1, 2, 3, 4, 5, 7, 8};
    else if (i.op == Op::pointwise) read.resize(i.dims.size()), std::iota(read.begin(), read.end(), 0);
    else if (i.op == Op::scan) read = {0};
    for (const size_t at : read) {
      const int right = i.dims[at];
      Dim more = spec.dims[size_t(right)];
      more.push_back({1000, {}});
      spec.dims.push_back(more);
      i.dims[at] = int(spec.dims.size()) - 1;
      CHECK(refused(spec), "instruction %d, size %d", int(i.op), int(at));
      i.dims[at] = right;
    }
    const std::vector<int> all = i.dims;
    i.dims.resize(read.back());
    CHECK(refused(spec), "instruction %d without its last size", int(i.op));
    i.dims = all;
    i.in.pop_back();
    CHECK(refused(spec), "instruction %d without its last operand", int(i.op));
  };
  for (const Spec& whole : {product_and_sum(), running_sum(false, true), projected_sum(true, false, false),
                            projected_sum(true, true, false)}) {
    CHECK(!refused(whole));
    const auto code = [](Spec& s) -> std::vector<Instruction>& {
      std::vector<Instruction>& first = s.segments[0].code;
      return first[0].op == Op::strip ? s.strips[size_t(first[0].body)].code : first;
    };
    Spec spec = whole;
    for (size_t n = 0; n < code(spec).size(); ++n) spec = whole, larger(spec, code(spec)[n]);
    for (size_t n = 0; !whole.bodies.empty() && n < whole.bodies[0].code.size(); ++n)
      spec = whole, larger(spec, spec.bodies[0].code[n]);
  }
  Spec spec = product_and_sum();
  spec.segments.push_back({false, {make(Op::reduce, {4}, {3}, {1, 1, 1}, {int64_t(ReduceKind::sum)})}});
  CHECK(!refused(spec));
  spec.values[4].offset = 2;  // the third of two
  CHECK(refused(spec));
}

TEST(plan_refuses_values_without_memory) {
  const auto changed = [](Spec spec, const char* what, const std::function<void(Spec&)>& change) {
    CHECK(!refused(spec), "before: %s", what);
    change(spec);
    CHECK(refused(spec), "%s", what);
  };
  const Spec product = product_and_sum(), loop = running_sum(false, false), strip = projected_sum(false, true, false);
  const auto first = [](Spec& s) -> Instruction& { return s.segments[0].code[0]; };
  changed(product, "a value of the batch, once a run", [](Spec& s) { s.segments[0].rows = false; });
  changed(product, "a part of itself", [](Spec& s) { s.values[4].index = 4; });
  changed(product, "a part of another type", [](Spec& s) { s.values[4].storage = Storage::index; });
  changed(product, "a product of whole numbers", [](Spec& s) { s.values[0].storage = Storage::index; });
  changed(product, "a product with too few sizes", [&](Spec& s) { first(s).dims.resize(10); });
  changed(product, "a product with operands among its results",
          [&](Spec& s) { first(s).in = {0}, first(s).out = {1, 2}; });
  changed(product, "a sum of an unknown kind", [](Spec& s) { s.segments[0].code[1].flags = {9}; });
  changed(product, "sums that shards have as many of as rows", [](Spec& s) { s.partials = {2}; });
  changed(product, "sums of a segment that there is not", [](Spec& s) { s.partial_segment = {1}; });
  changed(product, "a guard behind its value", [](Spec& s) { s.values[4].offset = 2; });
  changed(product, "an output behind its value",
          [](Spec& s) { s.values[4].offset = 2, s.guard = -1, s.outputs = {4}; });
  changed(product, "an update of what is no variable", [](Spec& s) { s.updates = {{3, 3}}; });
  changed(product, "more rows than the batch has", [](Spec& s) { s.dims[7] = {{3, {0, 0}}}; });
  changed(product, "sizes without number", [](Spec& s) { s.dims[6] = {{int64_t(1) << 62, {0}}}; });
  changed(product, "more than a machine has", [](Spec& s) { s.dims[6] = {{int64_t(1) << 50, {0}}}; });
  changed(loop, "a loop in itself", [&](Spec& s) { s.bodies[0].code.push_back(first(s)); });
  changed(loop, "a body that names the outside", [](Spec& s) { s.bodies[0].code[0].in = {5, 1}; });
  changed(loop, "a body that makes what it walks along", [](Spec& s) { s.bodies[0].code[0].out = {6}; });
  changed(loop, "a state stacked before its stack", [](Spec& s) { s.bodies[0].traced = {0}; });
  changed(loop, "a loop of gaps without lengths", [](Spec& s) { s.values[2].rows = true, s.values[1].lengths = 2; });
  changed(loop, "a program that reads what nothing made", [](Spec& s) { s.bodies[0].code[0].program.steps[0].b = 2; });
  changed(loop, "a program that writes what it was given",
          [](Spec& s) { s.bodies[0].code[0].program.steps[0].to = 0; });
  changed(loop, "rows of a program that has none", [](Spec& s) { s.bodies[0].code[0].program.steps[0].narrow = true; });
  changed(loop, "a matrix packed before a loop that moves in it", [](Spec& s) {
    const Instruction packed = make(Op::matmul, {5, 6}, {7}, {1, 2, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0}, {1, 0});
    s.bodies[0].code.push_back(packed);
  });
  changed(strip, "a strip of other steps than its loop", [&](Spec& s) {
    first(s).dims = {11};
    s.dims[11] = number(3);
  });
  changed(strip, "what is local to a strip, given", [](Spec& s) { s.outputs.push_back(3); });
  changed(strip, "what is local to a strip, read behind it", [](Spec& s) {
    Instruction sum = make(Op::reduce, {3}, {7}, {1, 7, 2}, {int64_t(ReduceKind::sum)});
    s.segments[0].code.push_back(sum);
  });
  changed(strip, "a strip that does not name what it reads",
          [&](Spec& s) { first(s).in = {0, 1, 2, 3}, first(s).out = {4, 5, 6, 7}; });
  const Spec filled = filled_sum(false, true, true);
  changed(filled, "more rows than there are where they lie", [](Spec& s) {
    s.strips[0].code[0].dims[0] = s.strips[0].code[0].dims[3] = 1;
    s.dims[1] = number(5);
  });
}

TEST(plan_without_sums_over_the_batch_has_a_shard_a_thread) {
  std::vector<float> weights = padded({1.5f, -2.f, 0.25f, 3.f, -0.75f, 0.5f});
  Spec spec = product_and_sum();
  spec.segments[0].code.pop_back();
  spec.outputs = {2};
  spec.partials = spec.partial_segment = {};
  spec.guard = -1;
  Plan<float> plan(spec, {reinterpret_cast<char*>(weights.data())}, {}, best_isa());
  const int64_t rows = 131;
  std::vector<float> x(size_t(rows * 3)), out(size_t(rows * 2)), one;
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(int(i * 37 % 101) - 50) / 17.f;
  for (int threads : {1, 3, 16, 40, 1}) {
    plan.run({{reinterpret_cast<const char*>(x.data()), rows, 12, 12}}, {rows}, nullptr, rows, rows, threads, nullptr);
    plan.read(0, reinterpret_cast<char*>(out.data()));
    if (one.empty()) one = out;
    const int shards = int(plan.shards().size());
    CHECK(shards == std::min(threads, 16), "%d shards, threads %d", shards, threads);
    CHECK(out == one, "threads %d", threads);
  }
}

TEST(plan_stops_at_a_guard_that_is_not_finite) {
  std::vector<float> weights = padded({1.f, 1.f, __builtin_nanf(""), 1.f, 1.f, 1.f});
  bool diverged = false;
  run_product(5, 1, weights, &diverged);
  CHECK(diverged);
}

TEST(plan_remembers_what_it_bound_last) {
  std::vector<float> w = padded({0.f}), x(700), y(700);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i);
  Plan<float> plan(remembered(), {reinterpret_cast<char*>(w.data())}, {}, best_isa());
  // When these sizes were bound
  const auto bound = [&](int64_t size) {
    w[0] += 1;
    plan.run({{reinterpret_cast<const char*>(x.data()), -1, size * 4, 0}}, {size}, nullptr, size, size, 1, nullptr);
    plan.read(0, reinterpret_cast<char*>(y.data()));
    for (int64_t i = 1; i < size; ++i) CHECK(y[size_t(i)] - y[0] == float(i), "size %d", int(size));
    return y[0] / 2;
  };
  bound(700);  // no later one moves the memory
  Fixed fixed{{{reinterpret_cast<const char*>(&x[5]), -1, 4, 0}}, {1}, {reinterpret_cast<char*>(y.data())}, 1};
  for (int again = 0; again < 2; ++again) {
    plan.run(fixed);
    CHECK(y[0] == 5 + 2 * w[0], "%g", double(y[0]));
  }
  for (int round = 0; round < 3; ++round)
    for (int64_t size = 1; size <= 200; ++size)
      CHECK(bound(size) == (size == 1 ? 1.f : float(1 + size)), "round %d, size %d", round, int(size));
  std::vector<float> when = {0, 1};
  for (int64_t size = 2; size < 700; ++size) {
    when.push_back(bound(size));
    CHECK(when.back() == (size <= 200 ? float(1 + size) : w[0]), "size %d", int(size));
    if (size > 100) CHECK(bound(size - 100) == when[size_t(size - 100)], "size %d, 100 sizes later", int(size - 100));
  }
  CHECK(bound(1) == w[0]);
  plan.run(fixed);  // what it had found was forgotten
  CHECK(y[0] == 5 + 2 * w[0], "%g", double(y[0]));
}

TEST(plan_forgets_one_of_two_bindings_of_a_large_variable) {
  for (const int64_t between : {10, 120, 150, 230, 300}) {
    std::vector<float> w = padded(std::vector<float>(large, 0.f)), x(700, 1.f);
    Plan<float> plan(large_update(), {reinterpret_cast<char*>(w.data())}, {}, best_isa());
    float total = 0;
    int64_t fresh = 10;
    const auto run = [&](int64_t rows, int64_t batch) {
      const Outcome o =
          plan.run({{reinterpret_cast<const char*>(x.data()), rows, 4, 4}}, {batch}, nullptr, rows, batch, 1, nullptr);
      total += float(rows);
      CHECK(o.steps == (rows + batch - 1) / batch);
      CHECK(w[0] == total && w[large - 1] == total, "%g and %g, not %g", double(w[0]), double(w[large - 1]),
            double(total));
    };
    const auto others = [&](int64_t count) {
      for (; count > 0; --count, ++fresh) run(fresh, fresh);
    };
    run(700, 700);
    run(8, 5);  // a last batch of 3, where the variable lies elsewhere
    others(between);
    run(6, 3);  // the same where it lies at home, and elsewhere
    others(260 - between);
    run(6, 3);
    others(130);
    run(9, 3);
  }
}

TEST(scan_walks_either_way_and_leaves_finished_rows) {
  const int64_t T = 5, B = 3;
  std::vector<float> start = {1, 2, 3}, x(size_t(T * B)), last(3), all(size_t(T * B));
  std::vector<int32_t> lengths = {5, 0, 2};
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i + 1);
  for (int longest : {5, 3, 0}) {
    lengths[0] = longest;
    lengths[2] = std::min(longest, 2);
    for (int way = 0; way < 4; ++way) {
      const bool reverse = way & 1, ragged = way & 2;
      Plan<float> plan(running_sum(reverse, ragged), {}, {}, best_isa());
      const std::vector<Array> arrays = {{reinterpret_cast<const char*>(start.data()), -1, 12, 0},
                                         {reinterpret_cast<const char*>(x.data()), -1, T * B * 4, 0},
                                         {reinterpret_cast<const char*>(lengths.data()), -1, 12, 0}};
      // the batch is no input's first axis here: its size comes with the symbols
      Numbers symbols = {B, T};
      plan.run(arrays, symbols, nullptr, B, B, 1, nullptr);
      plan.read(0, reinterpret_cast<char*>(last.data()));
      plan.read(1, reinterpret_cast<char*>(all.data()));
      for (int64_t b = 0; b < B; ++b) {
        float state = start[size_t(b)];
        for (int64_t i = 0; i < T; ++i) {
          const int64_t t = reverse ? T - 1 - i : i;
          const bool real = !ragged || lengths[size_t(b)] > t;
          if (real) state += x[size_t(t * B + b)];
          CHECK(all[size_t(t * B + b)] == (real ? state : 0.f), "t %d, row %d", int(t), int(b));
        }
        CHECK(last[size_t(b)] == state, "last of row %d", int(b));
      }
    }
  }
}

void check_strips(bool reverse, bool rounded, int64_t T, int64_t B) {
  const auto whole = run_projected_sum(reverse, false, rounded, T, B);
  const auto strips = run_projected_sum(reverse, true, rounded, T, B);
  const size_t states = size_t(B * 2 + T * B * 2);
  const double squares = double(whole[states + 6]) + double(whole[states + 9]);
  for (size_t i = 0; i < whole.size(); ++i) {
    // Sums are added up in another order; in the order of time a product's chain stays one.
    const bool same = i < states || (!reverse && !rounded && i < states + 10),
               square = i >= states + 6 && i < states + 10;
    const double apart = std::fabs(double(whole[i]) - double(strips[i]));
    const double size = 1e-5 * (square ? squares : double(T * B) * double(T));
    CHECK(same ? whole[i] == strips[i] : apart <= size, "T %d, B %d, rounded %d, element %d", int(T), int(B), rounded,
          int(i));
  }
}

TEST(strip_gives_what_its_instructions_give_one_after_another) {
  for (int way = 0; way < 4; ++way)
    for (int64_t T : {0, 1, 3, 64, 65, 300})
      for (int64_t B : {1, 4, 300}) check_strips(way & 1, way & 2, T, B);  // many steps a strip, some, one
}

TEST(strip_makes_its_sequence_element_by_element_and_adds_up_what_else_is_made) {
  for (int way = 0; way < 4; ++way)
    for (int64_t T : {0, 1, 64, 257, 1000})
      for (int64_t B : {1, 4}) {
        const auto whole = run_filled_sum(way & 1, false, false, T, B);
        const auto strips = run_filled_sum(way & 1, true, way & 2, T, B);
        for (size_t i = 0; i + 1 < whole.size(); ++i)
          CHECK(whole[i] == strips[i], "way %d, T %d, B %d, element %d", way, int(T), int(B), int(i));
        const double apart = std::fabs(double(whole.back()) - double(strips.back()));
        CHECK(apart <= 1e-6 * double(whole.back()), "T %d, B %d: %g", int(T), int(B), double(strips.back()));
      }
}

TEST(strip_of_rows_with_lengths_stores_no_finished_rows_or_all) {
  for (int way = 0; way < 4; ++way)
    for (int32_t T : {0, 1, 5, 300}) {
      const std::vector<int32_t> some = {T, T / 2, T / 3, 1, 0};  // the longest first, last, in between, none, all
      for (std::vector<int32_t> lengths : {some,
                                           std::vector<int32_t>(some.rbegin(), some.rend()),
                                           std::vector<int32_t>{0, T, 0},
                                           {0, 0},
                                           {T},
                                           std::vector<int32_t>(70, T)}) {
        for (int32_t& n : lengths) n = std::min(n, T);
        check_ragged_sums(way & 1, way & 2, T, lengths);
      }
    }
}

TEST(memory_keeps_values_apart_that_live_together) {
  const std::vector<Lifetime> values = {{0, 3, 100}, {1, 2, 300}, {3, 5, 300}, {4, 6, 50}, {0, 6, 10}};
  std::vector<int64_t> offsets;
  const int64_t total = place(values, offsets);
  for (size_t a = 0; a < values.size(); ++a) {
    CHECK(offsets[a] % int64_t(alignment) == 0);
    CHECK(offsets[a] + values[a].bytes + int64_t(padding) <= total);
    for (size_t b = 0; b < a; ++b) {
      const bool together = values[a].first <= values[b].last && values[b].first <= values[a].last;
      const bool apart = offsets[a] + values[a].bytes + int64_t(padding) <= offsets[b] ||
                         offsets[b] + values[b].bytes + int64_t(padding) <= offsets[a];
      CHECK(!together || apart, "values %d and %d", int(a), int(b));
    }
  }
}

TEST(pool_runs_every_task_once_for_several_callers) {
  std::atomic<int> done{0};
  auto caller = [&] {
    for (int round = 0; round < 50; ++round) parallel(7, 3, [&](int) { ++done; });
  };
  std::thread other(caller);
  caller();
  other.join();
  CHECK(done == 2 * 50 * 7, "%d", done.load());
}
