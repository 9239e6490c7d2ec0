// A loop and what runs beside it, made ready.
#include <algorithm>

#include "build.h"

namespace elman {

namespace {

bool among(const std::vector<int>& numbers, int n) {
  return std::find(numbers.begin(), numbers.end(), n) != numbers.end();
}

// The sums, by their positions, that are all that reads the results of element-wise work n of a strip; else none.
std::vector<int> only_added_up(const Strip& strip, size_t n) {
  const Instruction& work = strip.code[n];
  std::vector<int> sums;
  for (const int out : work.out)
    if (!among(strip.local, out)) return {};
  for (size_t m = 0; m < strip.code.size(); ++m) {
    const Instruction& i = strip.code[m];
    for (const int value : i.in) {
      if (!among(work.out, value)) continue;
      if (i.op != Op::reduce || m < n) return {};
      sums.push_back(int(m));
    }
  }
  return sums;
}

}  // namespace

template <class R>
std::unique_ptr<StripPart> Builder<R>::strip_product(const Instruction& i, int64_t steps, int64_t most,
                                                     const std::vector<int>& local, bool sums, char* pack,
                                                     Steps* packing) {
  auto p = std::make_unique<StripProduct<R>>();
  auto made = matmul(i, nullptr, sums ? nullptr : pack, packing);
  p->product = made->product;
  p->whole = made->call;
  if (sums && pack != nullptr) {
    p->packed = reinterpret_cast<R*>(pack), p->whole.packed = p->packed;
    if (packing != nullptr) p->pack = layout_.products(i).pack;
  }
  const Matmul<R>& c = p->whole;
  auto moves = [&](int value, int64_t elements) { return among(local, value) ? 0 : elements; };
  p->sums = sums;
  p->each = (sums ? c.k : c.m) / steps;
  if (sums) {
    p->a = moves(i.in[0], p->each * c.a_col);
    p->b = moves(i.in[1], p->each * c.b_row);
  } else {
    p->a = moves(i.in[0], p->each * c.a_row);
    p->init = i.in.size() > 2 ? moves(i.in[2], p->each * c.init_row) : 0;
    p->c = moves(i.out[0], p->each * c.c_row);
    if (const auto found = rows_at.find(i.in[0]); found != rows_at.end()) {
      p->rows_at = found->second->rows.data();
      p->product = layout_.products(i).matmul;  // what was chosen for one row reads it in place
      p->whole.finite = &found->second->finite;
      p->rows.resize(size_t(p->each * std::min(steps, most)));
    }
  }
  return p;
}

template <class R>
std::unique_ptr<StripSum<R>> Builder<R>::strip_sum(const Instruction& i, int64_t steps, const std::vector<int>& local) {
  auto p = std::make_unique<StripSum<R>>();
  p->reduce = kernels_.reduce;
  p->whole = {ReduceKind::sum, 1, size(i, 1), size(i, 2), nullptr, nullptr};
  bind(i.in[0], &p->whole.from, nullptr);
  bind(i.out[0], &p->whole.to, nullptr);
  p->rows = p->whole.length / steps;
  p->from = among(local, i.in[0]) ? 0 : p->rows * p->whole.inner;
  p->sum.resize(size_t(p->whole.inner));
  return p;
}

template <class R>
std::unique_ptr<StripPointwise<R>> Builder<R>::strip_pointwise(const Instruction& i, const std::vector<int>& local) {
  auto p = std::make_unique<StripPointwise<R>>();
  const size_t axes = size_t(i.flags[0]), inputs = i.in.size();
  p->step = pointwise(i, nullptr);
  p->axis = size_t(i.flags[1]);
  p->size = some(i, 0, axes);
  for (size_t n = 0; n < inputs + i.out.size(); ++n) {
    const int value = n < inputs ? i.in[n] : i.out[n - inputs];
    const void* at = n < inputs ? p->step->in[n] : p->step->out[n - inputs];
    const auto rows = rows_at.find(value);
    p->operands.push_back({some(i, axes * (n + 1), axes), static_cast<char*>(const_cast<void*>(at)), 0, 0,
                           among(local, value), rows == rows_at.end() ? nullptr : rows->second->rows.data()});
    auto& operand = p->operands.back();
    operand.each = operand.stride[p->axis] * item(value);
    operand.row = operand.stride[0] * item(value);
  }
  return p;
}

// Element-wise work and the sums, by their positions, that are all that reads it
template <class R>
std::unique_ptr<StripAdded<R>> Builder<R>::strip_added(std::unique_ptr<StripPointwise<R>> work, int64_t steps,
                                                       const Strip& strip, const std::vector<int>& sums) {
  auto p = std::make_unique<StripAdded<R>>();
  int64_t bytes = 0;  // of a step's results
  for (size_t n = work->step->in.size(); n < work->operands.size(); ++n) bytes += work->operands[n].each;
  p->most = std::max<int64_t>(1, added_bytes / std::max<int64_t>(bytes, 1));
  p->work = std::move(work);
  for (const int n : sums) {
    p->sums.push_back(strip_sum(strip.code[size_t(n)], steps, strip.local));
    p->totals.emplace_back(p->sums.back()->sum.size());
  }
  return p;
}

template <class R>
std::unique_ptr<ScanStep> Builder<R>::strip_loop(const Instruction& i, const std::vector<int>& local, char* block) {
  auto s = scan(i, block, nullptr);
  const Body& body = spec_.bodies[size_t(i.body)];
  const size_t states = body.states.size(), sequences = body.slices.size(), outputs = body.outputs.size();
  for (size_t j = 0; j < sequences; ++j) s->slides[j].local = among(local, i.in[states + j]);
  for (size_t j = 0; j < outputs; ++j) s->slides[sequences + j].local = among(local, i.out[states + j]);
  return s;
}

template <class R>
std::unique_ptr<Step> Builder<R>::strip(const Instruction& i, char* block) {
  const Strip& strip = spec_.strips[size_t(i.body)];
  const StripLayout layout = layout_.strip(i);
  int64_t steps = std::max<int64_t>(size(i, 0), 1);
  auto s = std::make_unique<StripStep>();
  s->rows = layout.rows;
  for (const Instruction& one : strip.code) {  // beside a loop nothing has gaps, or all
    if (one.op != Op::scan && one.op != Op::pointwise) s->gapless = spec_.values[size_t(one.in[0])].lengths >= 0;
  }
  for (const Instruction& one : strip.code) {
    if (one.op == Op::scan && s->gapless) steps *= std::max<int64_t>(size(one, 1), 1);
  }
  const int64_t most = s->gapless ? steps : strip_steps(s->rows);
  std::vector<int> done;
  for (size_t n = 0; n < strip.code.size(); ++n) {
    const Instruction& one = strip.code[n];
    auto& parts = s->loop == nullptr ? s->before : s->after;
    if (among(done, int(n))) continue;
    if (one.op == Op::scan) {
      s->loop = strip_loop(one, strip.local, block);
    } else if (one.op == Op::reduce) {
      parts.push_back(strip_sum(one, steps, strip.local));
    } else if (one.op == Op::pointwise) {
      auto work = strip_pointwise(one, strip.local);
      std::vector<int> sums;
      if (s->loop != nullptr && !s->gapless && work->axis == 0) sums = only_added_up(strip, n);
      done.insert(done.end(), sums.begin(), sums.end());
      if (sums.empty()) parts.push_back(std::move(work));
      else parts.push_back(strip_added(std::move(work), steps, strip, sums));
    } else {
      char* const pack = layout.pack[n] >= 0 ? block + layout.pack[n] : nullptr;
      const auto here = layout.pack.begin() + std::ptrdiff_t(n);
      const bool packed = std::find(layout.pack.begin(), here, *here) != here;  // by a sum that ran before
      const bool sum = among(strip.sums, int(n));
      parts.push_back(strip_product(one, steps, most, strip.local, sum, pack, packed ? nullptr : &s->packing));
    }
  }
  return s;
}

template std::unique_ptr<Step> Builder<float>::strip(const Instruction&, char*);
template std::unique_ptr<Step> Builder<double>::strip(const Instruction&, char*);

}  // namespace elman
