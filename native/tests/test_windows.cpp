#include <algorithm>
#include <limits>

#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

int64_t count(int64_t size, int64_t before, int64_t after, int64_t kernel, int64_t stride, int64_t dilation) {
  return (before + size + after - dilation * (kernel - 1) - 1) / stride + 1;
}

// For each place and element of the window inside x: f(place, element, offset of channel 0 in x)
template <class F>
void each(const Window& w, F f) {
  int64_t place = 0;
  for (int64_t b = 0; b < w.rows; ++b)
    for (int64_t oy = 0; oy < w.out_h; ++oy)
      for (int64_t ox = 0; ox < w.out_w; ++ox, ++place)
        for (int64_t i = 0; i < w.kernel_h; ++i)
          for (int64_t j = 0; j < w.kernel_w; ++j) {
            const int64_t y = oy * w.stride_h + i * w.dilation_h - w.before_h;
            const int64_t x = ox * w.stride_w + j * w.dilation_w - w.before_w;
            if (y < 0 || y >= w.height || x < 0 || x >= w.width) continue;
            f(place, i * w.kernel_w + j, ((b * w.height + y) * w.width + x) * w.channels);
          }
}

template <class R>
void fill(Buffer<R>& buffer, int64_t seed) {
  for (int64_t i = 0; i < buffer.size; ++i) buffer[i] = R((i * 37 + seed * 11) % 23 - 11) / R(8);
}

// Small whole eighths: every sum is exact in float, so kernels must give the definition to the bit.
template <class R>
void check_windows(const Kernels<R>& kernels, const Window& w, int64_t filters) {
  const int64_t in = w.rows * w.height * w.width * w.channels, places = w.rows * w.out_h * w.out_w;
  const int64_t elements = w.kernel_h * w.kernel_w;
  Buffer<R> x(in), kernel(elements * w.channels * filters), bias(filters), y(places * filters), want(y);
  Buffer<R> scratch(kernels.conv_scratch(w, filters)), gradient(kernel), want_gradient(kernel);
  fill(x, 1), fill(kernel, 2), fill(bias, 3);
  for (int64_t p = 0; p < places; ++p)
    for (int64_t n = 0; n < filters; ++n) want[p * filters + n] = bias[n];
  each(w, [&](int64_t p, int64_t e, int64_t at) {
    for (int64_t c = 0; c < w.channels; ++c)
      for (int64_t n = 0; n < filters; ++n)
        want[p * filters + n] += x[at + c] * kernel[(e * w.channels + c) * filters + n];
  });
  kernels.conv({w, filters, x.data, kernel.data, bias.data, y.data, scratch.data});
  CHECK(x.intact() && kernel.intact() && y.intact() && scratch.intact());
  for (int64_t i = 0; i < y.size; ++i) CHECK(y[i] == want[i], "conv at %ld", long(i));

  for (int64_t i = 0; i < gradient.size; ++i) gradient[i] = R(77), want_gradient[i] = R(0);
  fill(y, 5);
  each(w, [&](int64_t p, int64_t e, int64_t at) {
    for (int64_t c = 0; c < w.channels; ++c)
      for (int64_t n = 0; n < filters; ++n)
        want_gradient[(e * w.channels + c) * filters + n] += x[at + c] * y[p * filters + n];
  });
  kernels.conv_kernel({w, filters, x.data, y.data, gradient.data, scratch.data});
  CHECK(gradient.intact() && scratch.intact());
  for (int64_t i = 0; i < gradient.size; ++i) CHECK(gradient[i] == want_gradient[i], "conv_kernel at %ld", long(i));
}

template <class R>
void check_pools(const Kernels<R>& kernels, const Window& w) {
  const int64_t in = w.rows * w.height * w.width * w.channels, places = w.rows * w.out_h * w.out_w;
  Buffer<R> x(in), values(in), y(places * w.channels), taken(y), g(y), back(in);
  fill(x, 1), fill(values, 2), fill(g, 3);
  if (in > 5) x[3] = R(NAN), x[4] = R(-INFINITY);
  std::vector<int64_t> winner(size_t(y.size), -1), inside(size_t(places), 0);
  std::vector<R> sum(size_t(y.size), R(0)), spread(size_t(in), R(0)), given(size_t(in), R(0));
  each(w, [&](int64_t p, int64_t, int64_t at) {
    ++inside[size_t(p)];
    for (int64_t c = 0; c < w.channels; ++c) {
      int64_t& best = winner[size_t(p * w.channels + c)];
      const R now = x[at + c], before = best < 0 ? R(-INFINITY) : x[best];
      if (now > before || (std::isnan(now) && !std::isnan(before))) best = at + c;
    }
  });
  for (int64_t i = 0; i < y.size; ++i)
    if (winner[size_t(i)] >= 0) given[size_t(winner[size_t(i)])] += g[i];
  kernels.pool({false, w, x.data, nullptr, y.data});
  kernels.pool({false, w, x.data, values.data, taken.data});
  kernels.unpool({false, w, x.data, g.data, back.data});
  CHECK(x.intact() && y.intact() && taken.intact() && back.intact());
  for (int64_t i = 0; i < y.size; ++i) {
    const int64_t at = winner[size_t(i)];
    const R best = at < 0 ? R(-INFINITY) : x[at];
    CHECK(y[i] == best || (std::isnan(y[i]) && std::isnan(best)), "largest at %ld", long(i));
    CHECK(taken[i] == (at < 0 ? R(0) : values[at]), "value at %ld", long(i));
  }
  for (int64_t i = 0; i < in; ++i) CHECK(back[i] == given[size_t(i)], "largest back at %ld", long(i));

  fill(x, 4);
  each(w, [&](int64_t p, int64_t, int64_t at) {
    for (int64_t c = 0; c < w.channels; ++c) {
      sum[size_t(p * w.channels + c)] += x[at + c];
      spread[size_t(at + c)] += g[p * w.channels + c] / R(inside[size_t(p)]);
    }
  });
  kernels.pool({true, w, x.data, nullptr, y.data});
  kernels.unpool({true, w, x.data, g.data, back.data});
  CHECK(y.intact() && back.intact());
  const R close = R(64) * std::numeric_limits<R>::epsilon();
  for (int64_t i = 0; i < y.size; ++i)
    CHECK(std::fabs(y[i] - sum[size_t(i)] / R(std::max<int64_t>(inside[size_t(i / w.channels)], 1))) <= close,
          "mean at %ld", long(i));
  for (int64_t i = 0; i < in; ++i) CHECK(std::fabs(back[i] - spread[size_t(i)]) <= close, "mean back at %ld", long(i));
}

template <class R>
void check_all(const Kernels<R>& kernels) {
  const int64_t kernel_sizes[][2] = {{1, 1}, {1, 3}, {3, 2}, {2, 5}}, moves[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 2}};
  for (int64_t rows : {0, 1, 3})
    for (int64_t channels : {1, 3, 17})
      for (auto k : kernel_sizes)
        for (auto stride : moves)
          for (int64_t dilation : {1, 2})
            for (int64_t before : {-1, 0, 2}) {
              const int64_t h = 7, v = 9;
              const int64_t out_h = count(h, before, 1, k[0], stride[0], dilation);
              const int64_t out_w = count(v, before, 1, k[1], stride[1], dilation);
              const Window w{rows,  h,         v,         channels, k[0],     k[1],   out_h,
                             out_w, stride[0], stride[1], dilation, dilation, before, before};
              check_windows(kernels, w, channels == 3 ? 20 : 5);
              check_pools(kernels, w);
            }
  check_windows(kernels, {2, 40, 41, 16, 3, 3, 40, 41, 1, 1, 1, 1, 1, 1}, 33);  // several blocks of patches
  check_windows(kernels, {2, 70, 71, 1, 3, 3, 70, 71, 1, 1, 1, 1, 1, 1}, 33);
}

}  // namespace

TEST(windows_are_their_definition) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) { check_all(kernels); });
}
