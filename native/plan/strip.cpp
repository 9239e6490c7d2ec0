#include "strip.h"

#include <algorithm>

#include "layout.h"

namespace elman {

template <class R>
void StripProduct<R>::run(int64_t t, int64_t count, bool first) {
  Matmul<R> call = whole;
  call.a += t * a;
  if (call.b != nullptr) call.b += t * b;
  call.c += t * c;
  if (call.init != nullptr) call.init += t * init;
  if (!sums) {
    call.m = each * count;
  } else {
    call.k = each * count;
    if (!first) call.init = call.c, call.init_row = call.c_row;
    if (pack != nullptr) pack(packed, call.b, call.b_row, call.b_col, call.k, call.n);
  }
  product(call);
}

template <class R>
void StripSum<R>::run(int64_t t, int64_t count, bool first) {
  Reduce<R> call = whole;
  call.length = rows * count;
  call.from += t * from;
  if (!first) call.to = sum.data();
  reduce(call);
  for (size_t i = 0; i < (first ? 0 : sum.size()); ++i) whole.to[i] += sum[i];
}

void StripStep::run(Watch& watch) {
  const int64_t steps = loop->steps, most = strip_steps(rows);
  const int64_t strips = std::max<int64_t>((steps + most - 1) / most, 1);
  for (auto& step : packing) step->run(watch);
  loop->begin(watch);
  for (int64_t s = 0; s < strips; ++s) {
    const int64_t from = steps * s / strips, to = steps * (s + 1) / strips;
    const int64_t t = loop->reverse ? steps - to : from;
    for (auto& part : before) part->run(t, to - from, s == 0);
    loop->walk(from, to, watch);
    for (auto& part : after) part->run(t, to - from, s == 0);
  }
  loop->end();
}

template struct StripProduct<float>;
template struct StripProduct<double>;
template struct StripSum<float>;
template struct StripSum<double>;

}  // namespace elman
