#include "steps.h"

#include <algorithm>
#include <cstring>

namespace elman {

void Watch::look() {
  const auto now = Clock::now();
  const double waited = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  since_asked_ += waited;
  if (since_asked_ > 0.02) {
    since_asked_ = 0;
    if (host_->stop()) {
      if (stopped_ != nullptr) stopped_->store(true, std::memory_order_relaxed);
      throw Interrupted{};
    }
  }
  // Aim at a look every 5 ms: more ticks between looks if they pass quickly, fewer if not.
  stride_ = waited < 0.0025 ? std::min(stride_ * 2, 1 << 14) : waited > 0.01 ? std::max(stride_ / 4, 1) : stride_;
  left_ = stride_;
}

template <class R>
void MatmulStep<R>::run(Watch&) {
  call.back = !call.back;
  if (batch == 1) return product(call);
  Matmul<R> one = call;
  for (int64_t i = 0; i < batch; ++i) {
    one.a = call.a + i * a_batch;
    one.b = call.b + i * b_batch;
    one.init = call.init == nullptr ? nullptr : call.init + i * init_batch;
    one.c = call.c + i * c_batch;
    product(one);
  }
}

// What is packed is that of the first shard, which may not be among these: the others have not packed theirs.
template <class R>
void MatmulStep<R>::run_together(Step* const* all, int count, Watch& watch) {
  const bool joined = reread() > 0 && batch == 1;
  Matmul<R> calls[most_together];
  for (int i = 0; i < count; ++i) {
    auto& one = static_cast<MatmulStep&>(*all[i]);
    const R* const own = one.call.packed;
    one.call.packed = call.packed;
    if (joined) calls[i] = one.call;
    else one.run(watch);
    one.call.packed = own;
  }
  if (joined) together(calls, count);
}

void run_together(const Steps& first, Steps* const* all, int count, Watch& watch) {
  for (size_t n = 0; count > 0 && n < first.size(); ++n) {
    watch.tick();
    Step* steps[most_together];
    for (int i = 0; i < count; ++i) steps[i] = (*all[i])[n].get();
    first[n]->run_together(steps, count, watch);
  }
}

int64_t IntegerStep::compute(const PointwiseStep& s) const {
  const int64_t a = registers_[s.a], b = registers_[s.b];
  switch (s.code) {
    case PointwiseCode::add:
      return a + b;
    case PointwiseCode::sub:
      return a - b;
    case PointwiseCode::mul:
      return a * b;
    case PointwiseCode::div:
      return b == 0 ? 0 : int64_t(double(a) / double(b));
    case PointwiseCode::neg:
      return -a;
    case PointwiseCode::abs:
      return a < 0 ? -a : a;
    case PointwiseCode::sign:
      return a > 0 ? 1 : a < 0 ? -1 : 0;
    case PointwiseCode::max:
      return std::max(a, b);
    case PointwiseCode::min:
      return std::min(a, b);
    case PointwiseCode::mod:
      return b == 0 ? 0 : ((a % b) + b) % b;
    default:
      return a;
  }
}

void IntegerStep::run(Watch&) {
  registers_.resize(size_t(program.registers));
  for (const auto& c : program.constants) registers_[c.to] = int64_t(c.value);
  for (int64_t i = 0; i < count; ++i) {
    for (size_t n = 0; n < inputs.size(); ++n) {
      int64_t rest = i, offset = 0;
      for (int a = int(inputs[n].axes) - 1; a >= 0; --a) {
        offset += rest % inputs[n].size[a] * inputs[n].stride[a];
        rest /= inputs[n].size[a];
      }
      registers_[inputs[n].to] = static_cast<const int32_t*>(in[n])[inputs[n].axes == 0 ? i : offset];
    }
    for (const auto& s : program.steps) registers_[s.to] = compute(s);
    for (size_t n = 0; n < out.size(); ++n) static_cast<int32_t*>(out[n])[i] = int32_t(registers_[program.out[n]]);
  }
}

void CopyStep::run(Watch&) {
  if (clear > 0) std::memset(to, 0, size_t(clear));
  call.from = static_cast<const char*>(from) + from_offset;
  call.to = static_cast<char*>(to) + to_offset;
  copy(call);
}

void GatherStep::run(Watch&) {
  const int64_t at = gather(call);
  if (at >= 0) throw IndexFailure{where, at, call.index[at], call.rows};
}

template <class R>
void ScatterStep<R>::run(Watch&) {
  std::memset(call.to, 0, size_t(call.tables * call.rows * call.width) * sizeof(R));
  const int64_t at = kernels->scatter_add(call);
  if (at >= 0) throw IndexFailure{where, at, call.index[at], call.rows};
}

template <class R>
void LinearCrossEntropyStep<R>::run(Watch&) {
  const int64_t at = function(call);
  if (at >= 0) throw IndexFailure{where, at, call.index[at], call.n};
}

template <class R>
void UniformStep<R>::run(Watch&) {
  call.seed = uint64_t(int64_t(*seed));
  call.step = uint32_t(*step);
  call.first_row = rows_before + (first == nullptr ? 0 : *first);
  kernels->uniform(call);
}

template <class R>
void FillStep<R>::run(Watch&) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t number = range ? i : value;
    if (storage == Storage::index) static_cast<int32_t*>(to)[i] = int32_t(number);
    else static_cast<R*>(to)[i] = R(number);
  }
}

void row_starts(std::vector<int64_t>& start, const int32_t* lengths, int64_t rows, int64_t steps) {
  start.assign(size_t(steps) + 1, 0);
  for (int64_t row = rows, t = 0; row-- > 0;)
    for (; t < std::min<int64_t>(lengths[row], steps); ++t) start[size_t(t) + 1] = row + 1;
  for (size_t t = 0; t < size_t(steps); ++t) start[t + 1] += start[t];
}

void ScanStep::begin(Watch& watch) {
  remember();
  if (steps > 0)
    for (auto& step : first) step->run(watch);
}

// States before the first step, and where the rows of each step begin
void ScanStep::remember() {
  for (auto& state : states) {
    state.before = state.initial;
    if (state.trace < 0) continue;
    const Slide& slide = slides[size_t(state.trace)];
    std::memcpy(slide.base + (reverse ? steps : -1) * slide.stride, state.initial, size_t(state.bytes));
  }
  if (lengths != nullptr) {
    row_starts(start_, lengths, rows, steps);
    settled_[0] = settled_[1] = rows;
  }
}

void ScanStep::walk(int64_t from, int64_t to, Watch& watch) {
  for (int64_t i = from; i < to; ++i) {
    const int64_t t = reverse ? steps - 1 - i : i;
    watch.tick();
    move(i, t, reverse ? steps - to : from);
    if (!goes_on(t)) continue;
    for (auto& step : body) step->run(watch);
    pass_on(i, t);
  }
}

// Whether some row is not finished: steps take those up to the last such. Else all states stay.
bool ScanStep::goes_on(int64_t t) {
  if (lengths == nullptr) return true;
  const int64_t going = start(t + 1) - start(t);
  if (going == 0) clear(0);
  else take(going);
  return going > 0;
}

void ScanStep::run_together(Step* const* all, int count, Watch& watch) {
  ScanStep* loops[most_together];
  int64_t lowest[most_together] = {};
  for (int i = 0; i < count; ++i) loops[i] = static_cast<ScanStep*>(all[i]);
  begin_together(loops, count, watch);
  walk_together(loops, count, lowest, 0, steps, watch);
  for (int i = 0; i < count; ++i) loops[i]->end();
}

int64_t ScanStep::reread() const {
  int64_t bytes = 0;
  for (const auto& step : body) bytes += step->reread();
  return bytes;
}

void ScanStep::begin_together(ScanStep* const* all, int count, Watch& watch) {
  Steps* lists[most_together];
  for (int i = 0; i < count; ++i) {
    all[i]->remember();
    lists[i] = &all[i]->first;
  }
  if (all[0]->steps > 0) elman::run_together(*lists[0], lists, count, watch);
}

void ScanStep::walk_together(ScanStep* const* all, int count, const int64_t* lowest, int64_t from, int64_t to,
                             Watch& watch) {
  ScanStep* going[most_together];
  Steps* lists[most_together];
  for (int64_t i = from; i < to; ++i) {
    const int64_t t = all[0]->reverse ? all[0]->steps - 1 - i : i;
    int several = 0;
    for (int n = 0; n < count; ++n) {
      all[n]->move(i, t, lowest[n]);
      if (!all[n]->goes_on(t)) continue;
      lists[several] = &all[n]->body;
      going[several++] = all[n];
    }
    elman::run_together(all[0]->body, lists, several, watch);
    for (int n = 0; n < several; ++n) going[n]->pass_on(i, t);
  }
}

void ScanStep::pass_on(int64_t i, int64_t t) {
  for (auto& d : duplicates) std::memcpy(d->to, d->from, size_t(d->bytes));
  if (lengths != nullptr) finish(t, taken_, settled_[i & 1]);
  for (auto& state : states) state.before = state.after;
}

void ScanStep::end() {
  for (auto& state : states) std::memcpy(state.last, state.before, size_t(state.bytes));
}

void ScanStep::move(int64_t i, int64_t t, int64_t lowest) {
  for (auto& slide : slides) {
    if (slide.gapless) slide.now = slide.base + (start(t) - (slide.local ? start(lowest) : 0)) * slide.row;
    else slide.now = slide.base + (slide.local ? t - lowest : t) * slide.stride;
    for (const Field& f : slide.fields) *f.at = slide.now + f.offset;
  }
  for (auto& state : states) {
    state.after = state.shared >= 0 ? slides[size_t(state.shared)].now : state.buffer[i & 1];
    for (const Field& f : state.in) *f.at = const_cast<char*>(state.before) + f.offset;
    for (const Field& f : state.out) *f.at = state.after + f.offset;
  }
}

void ScanStep::take(int64_t count) {
  if (shares.empty()) count = rows;
  if (count == taken_) return;
  taken_ = count;
  for (const Share& share : shares) *share.at = count * share.each;
}

// States of finished rows stay. Behind the rows that were taken they are copied once into either buffer.
void ScanStep::finish(int64_t t, int64_t count, int64_t& settled) {
  const auto keep = [&](int64_t first, int64_t last) {
    for (auto& state : states) {
      const int64_t bytes = state.bytes / rows;
      std::memcpy(state.after + first * bytes, state.before + first * bytes, size_t((last - first) * bytes));
    }
  };
  for (int64_t row = 0; row < count; ++row) {
    if (lengths[row] > t) continue;
    keep(row, row + 1);
    for (size_t s = size_t(sequences); s < slides.size(); ++s) {
      std::memset(slides[s].now + row * slides[s].row, 0, size_t(slides[s].row));
    }
  }
  if (count < settled) keep(count, settled);
  settled = count;
  clear(count);
}

// Outputs of the rows from `from` on are 0, where they have a place.
void ScanStep::clear(int64_t from) {
  for (size_t s = size_t(sequences); s < slides.size() && from < rows; ++s) {
    if (!slides[s].gapless) std::memset(slides[s].now + from * slides[s].row, 0, size_t((rows - from) * slides[s].row));
  }
}

template struct MatmulStep<float>;
template struct MatmulStep<double>;
template struct ScatterStep<float>;
template struct ScatterStep<double>;
template struct LinearCrossEntropyStep<float>;
template struct LinearCrossEntropyStep<double>;
template struct UniformStep<float>;
template struct UniformStep<double>;
template struct FillStep<float>;
template struct FillStep<double>;

}  // namespace elman
