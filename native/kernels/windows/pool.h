// Pooling and its way back: the largest or the mean of a window, channel by channel in the lanes.
//
// Padding takes no part: it is never the largest and does not count. Cost: one load an element of the window, and for the
// way back of the largest a second look at each. Weakness: with fewer channels than lanes the others idle.
#pragma once
#include "windows/patches.h"

namespace elman::ELMAN_TARGET {
namespace {

// For each place: f(place, offset of its image and channels in x, taps inside x as ranges down and across, y and x of tap 0)
template <class F>
ELMAN_INLINE void each_place(const Window& w, F f) {
  int64_t place = 0;
  for (int64_t b = 0; b < w.rows; ++b)
    for (int64_t oy = 0; oy < w.out_h; ++oy) {
      const int64_t y = oy * w.stride_h - w.before_h;
      const Range down = inside(y, w.kernel_h, w.dilation_h, w.height);
      for (int64_t ox = 0; ox < w.out_w; ++ox, ++place) {
        const int64_t x = ox * w.stride_w - w.before_w;
        const Range across = inside(x, w.kernel_w, w.dilation_w, w.width);
        f(place, ((b * w.height + y) * w.width + x) * w.channels, down, across);
      }
    }
}

// For each tap inside x: f(offset from that of tap 0, its number)
template <class F>
ELMAN_INLINE void each_tap(const Window& w, Range down, Range across, F f) {
  for (int64_t i = down.first; i < down.last; ++i)
    for (int64_t j = across.first; j < across.last; ++j)
      f((i * w.dilation_h * w.width + j * w.dilation_w) * w.channels, i * w.kernel_w + j);
}

template <class F>
ELMAN_INLINE void each_vector(int64_t channels, int width, F f) {
  for (int64_t c = 0; c < channels; c += width) f(c, int(channels - c < width ? channels - c : width));
}

template <class R>
ELMAN_INLINE vec<R> load_some(const R* p, int n) {
  return n == width<R> ? load(p) : load_partial(p, n);
}
template <class R>
ELMAN_INLINE void store_some(R* p, vec<R> v, int n) {
  if (n == width<R>) store(p, v);
  else store_partial(p, v, n);
}

// Whether x beats the best so far: larger, or the first NaN
template <class R>
ELMAN_INLINE ivec<R> beats(vec<R> x, vec<R> best) {
  return (ivec<R>)(x > best) | ((ivec<R>)(x != x) & (ivec<R>)(best == best));
}

template <class R>
ELMAN_INLINE vec<R> choose(ivec<R> mask, vec<R> a, vec<R> b) {
  return mask ? a : b;
}

template <class R>
void largest(const Pool<R>& p) {
  const Window& w = p.window;
  each_place(w, [&](int64_t place, int64_t at, Range down, Range across) {
    each_vector(w.channels, width<R>, [&](int64_t c, int n) {
      vec<R> best = splat(-R(__builtin_inf())), value = {};
      each_tap(w, down, across, [&](int64_t offset, int64_t) {
        const vec<R> x = load_some(p.x + at + offset + c, n);
        const ivec<R> won = beats<R>(x, best);
        best = choose<R>(won, x, best);
        if (p.values) value = choose<R>(won, load_some(p.values + at + offset + c, n), value);
      });
      store_some(p.y + place * w.channels + c, p.values ? value : best, n);
    });
  });
}

template <class R>
void largest_back(const Unpool<R>& p) {
  const Window& w = p.window;
  each_place(w, [&](int64_t place, int64_t at, Range down, Range across) {
    each_vector(w.channels, width<R>, [&](int64_t c, int n) {
      const vec<R> g = load_some(p.g + place * w.channels + c, n);
      vec<R> best = splat(-R(__builtin_inf())), winner = splat(R(-1));
      each_tap(w, down, across, [&](int64_t offset, int64_t tap) {
        const vec<R> x = load_some(p.x + at + offset + c, n);
        const ivec<R> won = beats<R>(x, best);
        best = choose<R>(won, x, best);
        winner = choose<R>(won, splat(R(tap)), winner);
      });
      each_tap(w, down, across, [&](int64_t offset, int64_t tap) {
        R* to = p.to + at + offset + c;
        const vec<R> share = choose<R>((ivec<R>)(winner == splat(R(tap))), g, vec<R>{});
        store_some(to, load_some((const R*)to, n) + share, n);
      });
    });
  });
}

ELMAN_INLINE int64_t taps_inside(Range down, Range across) {
  const int64_t h = down.last - down.first, v = across.last - across.first;
  return h > 0 && v > 0 ? h * v : 1;
}

template <class R>
void mean(const Pool<R>& p) {
  const Window& w = p.window;
  each_place(w, [&](int64_t place, int64_t at, Range down, Range across) {
    const vec<R> count = splat(R(taps_inside(down, across)));
    each_vector(w.channels, width<R>, [&](int64_t c, int n) {
      vec<R> sum = {};
      each_tap(w, down, across, [&](int64_t offset, int64_t) { sum += load_some(p.x + at + offset + c, n); });
      store_some(p.y + place * w.channels + c, divide(sum, count), n);
    });
  });
}

template <class R>
void mean_back(const Unpool<R>& p) {
  const Window& w = p.window;
  each_place(w, [&](int64_t place, int64_t at, Range down, Range across) {
    const vec<R> count = splat(R(taps_inside(down, across)));
    each_vector(w.channels, width<R>, [&](int64_t c, int n) {
      const vec<R> share = divide(load_some(p.g + place * w.channels + c, n), count);
      each_tap(w, down, across, [&](int64_t offset, int64_t) {
        R* to = p.to + at + offset + c;
        store_some(to, load_some((const R*)to, n) + share, n);
      });
    });
  });
}

template <class R>
void pool(const Pool<R>& p) {
  if (p.average) mean(p);
  else largest(p);
}

template <class R>
void unpool(const Unpool<R>& p) {
  clear(p.to, p.window.rows * p.window.height * p.window.width * p.window.channels);
  if (p.average) mean_back(p);
  else largest_back(p);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
