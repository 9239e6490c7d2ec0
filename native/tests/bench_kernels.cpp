// elman_bench_kernels [part of a name]: the best of many runs of each kernel beside the multiply-add rate of the core.
//
// A shared machine only ever makes a run slower, so the best is the estimate. ELMAN_ISA picks the kernels of another
// instruction set; the rate it is compared with stays that of the widest.
#include <time.h>

#include <algorithm>
#include <string>

#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

// Seconds of this thread on a processor: what others took of it is not counted
double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

#if defined(__x86_64__)
typedef float wide __attribute__((vector_size(64)));
constexpr int chains = 24, rounds = 2000;
// Seconds of chains * rounds multiply-adds of 16 floats
__attribute__((target("avx512f"), noinline)) double wide_multiply_adds() {
  wide sum[chains], x = wide{} + 1.0f, y = wide{} + 0.5f;
  for (int c = 0; c < chains; ++c) sum[c] = wide{} + float(c);
  const double start = now();
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < chains; ++c) sum[c] = sum[c] * x + y;
  }
  const double seconds = now() - start;
  for (int c = 0; c < chains; ++c) asm volatile("" : : "v"(sum[c]));
  return seconds;
}
double measure_peak() {
  return isa_supported(Isa::avx512) ? 2.0 * 16 * chains * rounds / wide_multiply_adds() * 1e-9 : 0;
}
#else
double measure_peak() { return 0; }
#endif

double peak = 0;  // GF/s beside the last benchmark: the median, as the clock slows down under wide arithmetic

// Seconds of one call of f: batches of about 200 us between looks at the peak, the best of those that fit in `budget` seconds
template <class F>
double best_time(F f, double budget = 0.25) {
  int64_t calls = 1;
  double best = 1e9;
  std::vector<double> peaks;
  for (const double end = now() + budget; now() < end;) {
    peaks.push_back(measure_peak());
    const double start = now();
    for (int64_t i = 0; i < calls; ++i) f();
    const double seconds = now() - start;
    best = std::min(best, seconds / double(calls));
    if (seconds < 2e-4) calls *= 2;
  }
  std::sort(peaks.begin(), peaks.end());
  peak = peaks[peaks.size() / 2];
  return best;
}

const char* wanted = "";
bool skip(const std::string& name) { return !std::strstr(name.c_str(), wanted); }

enum class Form { packed, plain, b_transposed, a_transposed };
const char* form_names[] = {"packed", "plain", "b^T", "a^T"};

void bench_matmul(const Kernels<float>& kernels, int64_t m, int64_t n, int64_t k, Form form) {
  const std::string name = "matmul " + std::to_string(m) + "x" + std::to_string(k) + " . " + std::to_string(k) + "x" +
                           std::to_string(n) + " " + form_names[int(form)];
  if (skip(name)) return;
  Random random;
  Buffer<float> a(m * k), b(k * n), c(m * n), bias(n), packing(kernels.packed_size(k, n));
  randomize(a, random), randomize(b, random), randomize(bias, random);
  std::memset(packing, 0, size_t(packing.size) * 4);
  Matmul<float> p{m, n, k, a, k, 1, b, n, 1, nullptr, bias, 0, c, n, packing};
  if (form == Form::b_transposed) p.b_row = 1, p.b_col = k;
  if (form == Form::a_transposed) p.a_row = 1, p.a_col = m;
  if (form == Form::packed) kernels.pack(packing, b, n, 1, k, n), p.packed = packing;
  const double seconds = best_time([&] { kernels.matmul(p); }, m * n * k > 100000000 ? 1.0 : 0.25);
  const double rate = 2.0 * double(m * n * k) / seconds * 1e-9;
  std::printf("%-44s %12.1f ns %8.1f GF/s %6.1f %% of %.0f\n", name.c_str(), seconds * 1e9, rate,
              peak ? 100 * rate / peak : 0, peak);
}

void bench_code(const Kernels<float>& kernels, const char* title, PointwiseCode code, int64_t n, double low,
                double high) {
  const std::string name = std::string("pointwise ") + title + " " + std::to_string(n);
  if (skip(name)) return;
  Random random;
  Buffer<float> a(n), b(n), c(n), to(n), scratch(pointwise_scratch(4));
  randomize(a, random, low, high), randomize(b, random, 0.5, 2), randomize(c, random);
  const PointwiseInput inputs[3] = {
      {0, Storage::real, 0, {}, {}}, {1, Storage::real, 0, {}, {}}, {2, Storage::real, 0, {}, {}}};
  const void* in[3] = {a, b, c};
  const PointwiseStep step{code, 3, 0, 1, 2};
  const PointwiseOutput output{3, Storage::real, false};
  void* out[1] = {to};
  Pointwise<float> p{n, inputs, in, 3, nullptr, 0, &step, 1, &output, out, 1, 4, scratch};
  Laid laid;
  kernels.lay(p, laid), p.laid = &laid;
  const double seconds = best_time([&] { kernels.pointwise(p); });
  std::printf("%-44s %12.1f ns %8.3f ns/element\n", name.c_str(), seconds * 1e9, seconds * 1e9 / double(n));
}

void bench_rmsprop(const Kernels<float>& kernels, int64_t n) {
  const std::string name = "pointwise rmsprop " + std::to_string(n);
  if (skip(name)) return;
  Random random;
  Buffer<float> weight(n), square(n), gradient(n), scratch(pointwise_scratch(12));
  randomize(weight, random), randomize(square, random, 0, 1), randomize(gradient, random);
  using Code = PointwiseCode;
  const PointwiseInput inputs[] = {
      {0, Storage::real, 0, {}, {}}, {1, Storage::real, 0, {}, {}}, {2, Storage::real, 0, {}, {}}};
  const void* in[] = {weight, square, gradient};
  const PointwiseConstant constants[] = {{3, 0.9}, {4, 0.1}, {5, 1e-7}, {6, -0.001}};
  const PointwiseStep steps[] = {{Code::mul, 7, 2, 2, 0},  {Code::mul, 7, 7, 4, 0}, {Code::multiply_add, 8, 1, 3, 7},
                                 {Code::sqrt, 9, 8, 0, 0}, {Code::add, 9, 9, 5, 0}, {Code::div, 9, 2, 9, 0},
                                 {Code::mul, 9, 9, 6, 0},  {Code::add, 10, 0, 9, 0}};
  const PointwiseOutput outputs[] = {{10, Storage::real, true}, {8, Storage::real, true}};
  void* to[] = {weight, square};
  Pointwise<float> p{n, inputs, in, 3, constants, 4, steps, 8, outputs, to, 2, 11, scratch};
  Laid laid;
  kernels.lay(p, laid), p.laid = &laid;
  const double seconds = best_time([&] { kernels.pointwise(p); });
  std::printf("%-44s %12.1f ns %8.3f ns/element\n", name.c_str(), seconds * 1e9, seconds * 1e9 / double(n));
}

template <class F>
void bench(const std::string& name, double elements, F f) {
  if (skip(name)) return;
  const double seconds = best_time(f);
  std::printf("%-44s %12.1f ns %8.3f ns/element\n", name.c_str(), seconds * 1e9, seconds * 1e9 / elements);
}

void bench_matmuls(const Kernels<float>& kernels) {
  const int64_t tiny[][3] = {{16, 32, 4}, {16, 8, 32}, {16, 12, 8}, {16, 8, 12}, {16, 1, 8}, {1, 32, 32}, {1, 128, 32}};
  for (const auto& s : tiny) bench_matmul(kernels, s[0], s[1], s[2], Form::plain);
  const int64_t input_gradients[][3] = {{16, 4, 32}, {16, 32, 8}, {16, 8, 12}, {16, 12, 8}, {16, 8, 1}};
  for (const auto& s : input_gradients) bench_matmul(kernels, s[0], s[1], s[2], Form::b_transposed);
  const int64_t weight_gradients[][3] = {{4, 32, 16}, {32, 8, 16}, {8, 12, 16}, {12, 8, 16}, {8, 1, 16}};
  for (const auto& s : weight_gradients) bench_matmul(kernels, s[0], s[1], s[2], Form::a_transposed);
  const int64_t recurrent[][3] = {{1, 64, 64},     {1, 256, 64},     {1, 1024, 256},  {1, 4096, 1024},
                                  {4, 256, 64},    {16, 64, 64},     {16, 192, 64},   {16, 256, 64},
                                  {32, 64, 64},    {32, 256, 64},    {32, 512, 128},  {64, 256, 256},
                                  {64, 1024, 256}, {32, 1024, 1024}, {64, 2048, 512}, {32, 4096, 1024}};
  for (const auto& s : recurrent) bench_matmul(kernels, s[0], s[1], s[2], Form::packed);
  const int64_t hoisted[][3] = {
      {3200, 256, 64}, {3200, 512, 128}, {6400, 1024, 256}, {3200, 2048, 512}, {1600, 4096, 1024}};
  for (const auto& s : hoisted) bench_matmul(kernels, s[0], s[1], s[2], Form::packed);
  for (const auto& s : hoisted) bench_matmul(kernels, s[0], s[1], s[2], Form::plain);
  for (const auto& s : hoisted) bench_matmul(kernels, s[0], s[2], s[1], Form::b_transposed);
  for (const auto& s : hoisted) bench_matmul(kernels, s[2], s[1], s[0], Form::a_transposed);
  bench_matmul(kernels, 3200, 1, 64, Form::plain);
  bench_matmul(kernels, 3200, 3, 64, Form::plain);
}

void bench_pointwise(const Kernels<float>& kernels) {
  using Code = PointwiseCode;
  for (int64_t n : {128, 512, 2048}) {
    bench_code(kernels, "add", Code::add, n, -1, 1);
    bench_code(kernels, "multiply_add", Code::multiply_add, n, -1, 1);
    bench_code(kernels, "div", Code::div, n, -1, 1);
    bench_code(kernels, "sqrt", Code::sqrt, n, 0, 1);
    bench_code(kernels, "tanh", Code::tanh, n, -4, 4);
    bench_code(kernels, "sigmoid", Code::sigmoid, n, -8, 8);
    bench_code(kernels, "exp", Code::exp, n, -8, 8);
    bench_code(kernels, "log", Code::log, n, 0, 8);
    bench_code(kernels, "softplus", Code::softplus, n, -8, 8);
    bench_code(kernels, "erf", Code::erf, n, -2, 2);
    bench_code(kernels, "sin", Code::sin, n, -9, 9);
    bench_code(kernels, "pow", Code::pow, n, 0.1, 9);
  }
  bench_rmsprop(kernels, 800);
  bench_rmsprop(kernels, 100000);
}

void bench_others(const Kernels<float>& kernels) {
  Random random;
  const int64_t n = 1 << 16;
  Buffer<float> x(n), y(n);
  randomize(x, random);
  bench("pack 256x256", n, [&] { kernels.pack(y, x, 256, 1, 256, 256); });
  bench("pack 256x256 transposed", n, [&] { kernels.pack(y, x, 1, 256, 256, 256); });
  bench("sum of a row", n, [&] { kernels.reduce({ReduceKind::sum, 1, n, 1, x, y}); });
  bench("sum of 256 rows", n, [&] { kernels.reduce({ReduceKind::sum, 1, 256, 256, x, y}); });
  bench("sum of 16x8 rows", 128, [&] { kernels.reduce({ReduceKind::sum, 16, 8, 1, x, y}); });
  bench("sum of 16 rows of 32", 512, [&] { kernels.reduce({ReduceKind::sum, 1, 16, 32, x, y}); });
  bench("sum of 128", 128, [&] { kernels.reduce({ReduceKind::sum, 1, 128, 1, x, y}); });
  bench("softmax 16x12", 192, [&] { kernels.softmax({false, 16, 12, x, y}); });
  bench("softmax 64x1024", n, [&] { kernels.softmax({false, 64, 1024, x, y}); });
  bench("log_softmax 64x1024", n, [&] { kernels.softmax({true, 64, 1024, x, y}); });
  bench("uniform 64x1024", n, [&] { kernels.uniform({1, 2, 3, 0, 64, 1024, y}); });
  bench("uniform 16x8", 128, [&] { kernels.uniform({1, 2, 3, 0, 16, 8, y}); });
  bench("finite", n, [&] { kernels.finite({n, x}); });
  const int64_t square[] = {256, 256}, rows[] = {256, 1}, columns[] = {1, 256};
  bench("copy transposed 256x256", n, [&] { kernels.copy({4, false, 2, square, rows, columns, x, y}); });
  const int64_t small[] = {16, 8}, small_rows[] = {32, 1}, small_from[] = {8, 1};
  bench("copy 16x8 into columns", 128, [&] { kernels.copy({4, false, 2, small, small_rows, small_from, x, y}); });
  const int64_t inner[] = {16, 100, 64}, batch_first[] = {6400, 64, 1}, time_first[] = {64, 1024, 1};
  Buffer<float> z(16 * 6400), w(100 * 1024);
  randomize(w, random);
  bench("copy time and batch exchanged", 102400,
        [&] { kernels.copy({4, false, 3, inner, batch_first, time_first, w, z}); });
  for (int64_t width : {8, 32, 33}) {
    const int64_t count = 16 * width;
    Buffer<float> full(count), row(width), out(count), scratch(pointwise_scratch(4));
    randomize(full, random), randomize(row, random);
    const PointwiseInput inputs[] = {{0, Storage::real, 0, {}, {}}, {1, Storage::real, 2, {16, width}, {0, 1}}};
    const void* in[] = {full, row};
    const PointwiseStep step{PointwiseCode::add, 2, 0, 1, 0};
    const PointwiseOutput output{2, Storage::real, false};
    void* to[] = {out};
    Pointwise<float> p{count, inputs, in, 2, nullptr, 0, &step, 1, &output, to, 1, 3, scratch};
    Laid laid;
    kernels.lay(p, laid), p.laid = &laid;
    bench("pointwise row added 16x" + std::to_string(width), double(count), [&] { kernels.pointwise(p); });
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) wanted = arguments[1];
  const char* forced = std::getenv("ELMAN_ISA");
  Isa isa = best_isa();
  for (Isa each : {Isa::baseline, Isa::avx2, Isa::avx512})
    if (forced && isa_supported(each) && std::string(forced) == kernels<float>(each).name) isa = each;
  std::printf("%s; multiply-add peak %.1f GF/s\n", kernels<float>(isa).name, measure_peak());
  bench_matmuls(kernels<float>(isa));
  bench_pointwise(kernels<float>(isa));
  bench_others(kernels<float>(isa));
}
