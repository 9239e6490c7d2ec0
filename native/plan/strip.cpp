#include "strip.h"

#include <algorithm>

#include "layout.h"

namespace elman {

template <class R>
void StripProduct<R>::run(int64_t t, int64_t count, bool first) {
  Matmul<R> call = whole;
  if (rows_at != nullptr) {
    for (int64_t i = 0; i < each * count; ++i)
      rows[size_t(i)] = reinterpret_cast<const R*>(rows_at[i % each]) + (t + i / each) * call.k;
    call.rows = rows.data();
  } else {
    call.a += t * a;
  }
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
  add(whole.from + t * from, count, first, whole.to);
}

template <class R>
void StripSum<R>::add(const R* terms, int64_t count, bool first, R* to) {
  Reduce<R> call = whole;
  call.length = rows * count;
  call.from = terms;
  call.to = first ? to : sum.data();
  reduce(call);
  for (size_t i = 0; i < (first ? 0 : sum.size()); ++i) to[i] += sum[i];
}

template <class R>
void StripAdded<R>::run(int64_t t, int64_t count, bool first) {
  for (int64_t done = 0; done == 0 || done < count; done += most) {  // of no steps the sums are 0
    const int64_t steps = std::min(most, count - done);
    work->run_steps(t, done, steps);
    for (size_t n = 0; n < sums.size(); ++n) sums[n]->add(sums[n]->whole.from, steps, done == 0, totals[n].data());
  }
  for (size_t n = 0; n < sums.size(); ++n) {
    R* const to = sums[n]->whole.to;
    for (size_t i = 0; i < totals[n].size(); ++i) to[i] = first ? totals[n][i] : to[i] + totals[n][i];
  }
}

template <class R>
void StripPointwise<R>::run(int64_t t, int64_t count, bool) {
  const int64_t rows = size[0];
  const bool apart = std::any_of(operands.begin(), operands.end(), [](const Operand& o) { return o.rows != nullptr; });
  size[axis] = count;
  if (axis > 0) {
    size[0] = 1;
    const bool in_place = shape();
    size[0] = rows;
    if (in_place || apart) {
      for (int64_t row = 0; row < rows; ++row) call(t, 0, row);
      return;
    }
  }
  shape();
  call(t, 0, 0);
}

template <class R>
void StripPointwise<R>::run_steps(int64_t t, int64_t from, int64_t count) {
  if (size[axis] != count) {
    size[axis] = count;
    shape();
  }
  call(t, from, 0);
}

template <class R>
bool StripPointwise<R>::shape() {
  Pointwise<R>& call = step->call;
  call.count = 1;
  for (const int64_t n : size) call.count *= n;
  const size_t inputs = step->inputs.size();
  for (size_t n = 0; n < operands.size(); ++n) {
    const auto set = [&](auto& operand) {
      collapse(int64_t(size.size()), size.data(), operands[n].stride.data(), operand);
    };
    if (n < inputs) set(step->inputs[n]);
    else set(step->outputs[n - inputs]);
  }
  return step->kernels->lay(call, step->laid);
}

template <class R>
void StripPointwise<R>::call(int64_t t, int64_t from, int64_t row) {
  const size_t inputs = step->inputs.size();
  for (size_t n = 0; n < operands.size(); ++n) {
    const Operand& o = operands[n];
    const int64_t steps = n >= inputs ? (o.local ? 0 : t) : (o.local ? 0 : t) + from;
    char* at = (o.rows != nullptr ? const_cast<char*>(o.rows[row]) : o.base + row * o.row) + steps * o.each;
    if (n < inputs) step->in[n] = at;
    else step->out[n - inputs] = at;
  }
  step->kernels->pointwise(step->call);
}

// Where strips end, in steps counted as the loop goes: all as long, or each of at most as many rows.
void StripStep::cut() {
  const int64_t steps = loop->steps, most = strip_steps(rows);
  ends_.clear();
  if (!gapless) {
    const int64_t strips = std::max<int64_t>((steps + most - 1) / most, 1);
    for (int64_t s = 1; s <= strips; ++s) ends_.push_back(steps * s / strips);
    return;
  }
  const auto before = [&](int64_t i) { return loop->reverse ? -loop->start(steps - i) : loop->start(i); };
  for (int64_t from = 0, i = 1; i < steps; ++i) {
    if (before(i + 1) - before(from) <= most * loop->rows) continue;
    ends_.push_back(i);
    from = i;
  }
  ends_.push_back(steps);
}

void StripStep::run(Watch& watch) {
  for (auto& step : packing) step->run(watch);
  loop->begin(watch);
  cut();
  int64_t from = 0;
  for (const int64_t to : ends_) {
    run_parts(before, from, to);
    loop->walk(from, to, watch);
    run_parts(after, from, to);
    from = to;
  }
  loop->end();
}

void StripStep::run_parts(const std::vector<std::unique_ptr<StripPart>>& parts, int64_t from, int64_t to) {
  const int64_t t = loop->reverse ? loop->steps - to : from;
  const int64_t at = gapless ? loop->start(t) : t, count = gapless ? loop->start(t + to - from) - at : to - from;
  for (auto& part : parts) part->run(at, count, from == 0);
}

// Every shard keeps the strips it has alone: where they end is part of what its sums are.
void StripStep::run_together(Step* const* all, int count, Watch& watch) {
  if (loop->steps == 0) return Step::run_together(all, count, watch);
  StripStep* strips[most_together];
  ScanStep* loops[most_together];
  int64_t from[most_together] = {}, lowest[most_together];
  size_t strip[most_together] = {};
  for (int i = 0; i < count; ++i) {
    strips[i] = static_cast<StripStep*>(all[i]);
    loops[i] = strips[i]->loop.get();
    for (auto& step : strips[i]->packing) step->run(watch);
  }
  ScanStep::begin_together(loops, count, watch);
  for (int i = 0; i < count; ++i) strips[i]->cut();
  for (int64_t at = 0; at < loop->steps;) {
    int64_t next = loop->steps;
    for (int i = 0; i < count; ++i) {
      const int64_t end = strips[i]->ends_[strip[i]];
      if (from[i] == at) strips[i]->run_parts(strips[i]->before, at, end);
      lowest[i] = loop->reverse ? loop->steps - end : from[i];
      next = std::min(next, end);
    }
    ScanStep::walk_together(loops, count, lowest, at, next, watch);
    for (int i = 0; i < count; ++i) {
      if (strips[i]->ends_[strip[i]] != next) continue;
      strips[i]->run_parts(strips[i]->after, from[i], next);
      from[i] = next;
      ++strip[i];
    }
    at = next;
  }
  for (int i = 0; i < count; ++i) loops[i]->end();
}

template struct StripProduct<float>;
template struct StripProduct<double>;
template struct StripSum<float>;
template struct StripSum<double>;
template struct StripPointwise<float>;
template struct StripPointwise<double>;
template struct StripAdded<float>;
template struct StripAdded<double>;

}  // namespace elman
