#include "build.h"

#include <algorithm>
#include <stdexcept>

namespace elman {

template <class R>
void Builder<R>::bind(int value, void** field, Frame* frame) {
  int64_t offset = 0;
  int v = value, named = value;                // named: v before its parts were followed to their root
  for (;;) {
    named = v;
    while (spec_.values[size_t(v)].home == Home::part) {
      const Value& part = spec_.values[size_t(v)];
      offset += sizes_[size_t(part.offset)] * item(v);
      v = part.index;
    }
    if (frame == nullptr) break;
    if (auto found = frame->moving.find(v); found != frame->moving.end()) {
      found->second->push_back({field, offset});
      return;
    }
    if (auto found = frame->captured.find(v); found != frame->captured.end()) {
      v = found->second;
      frame = frame->parent;
      continue;
    }
    if (const int64_t at = frame->layout->value[size_t(v)]; at >= 0) {
      *field = frame->block + at + offset;
      return;
    }
    break;                                     // a constant
  }
  *field = address_(v, named) + offset;
  if (const auto found = given.find(v); found != given.end()) found->second.push_back({field, offset});
}

template <class R>
std::unique_ptr<Step> Builder<R>::step(const Instruction& i, char* block, Frame* frame, char* pack, Steps* before) {
  const Kernels<R>* k = &kernels_;
  auto flag = [&](size_t n) { return i.flags[n] != 0; };
  switch (i.op) {
    case Op::matmul:
      return matmul(i, frame, pack, before);
    case Op::quantized_matmul: {
      auto s = std::make_unique<CallStep<QuantizedMatmul, void (*)(const QuantizedMatmul&)>>(k->quantized_matmul);
      QuantizedMatmul& c = s->call;
      c.m = size(i, 0), c.n = size(i, 1), c.k = size(i, 2);
      c.a_row = c.k, c.c_row = c.n;
      c.scratch = reinterpret_cast<int8_t*>(scratch_);
      bind(i.in[0], &c.a, frame);
      bind(i.in[1], &c.b, frame);
      bind(i.in[2], &c.scale, frame);
      bind(i.out[0], &c.c, frame);
      return s;
    }
    case Op::pointwise:
      return pointwise(i, frame);
    case Op::integer:
      return integer(i, frame);
    case Op::copy:
      return copy(i, frame);
    case Op::scan:
      return scan(i, block, frame);
    case Op::strip:
      return strip(i, block);
    case Op::reduce: {
      auto s = std::make_unique<CallStep<Reduce<R>, void (*)(const Reduce<R>&)>>(k->reduce);
      s->call = {ReduceKind(i.flags[0]), size(i, 0), size(i, 1), size(i, 2), nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::arg_max: {
      auto s = std::make_unique<CallStep<ArgMax<R>, void (*)(const ArgMax<R>&)>>(k->arg_max);
      s->call = {size(i, 0), size(i, 1), size(i, 2), nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::top_k: {
      auto s = std::make_unique<CallStep<TopK<R>, void (*)(const TopK<R>&)>>(k->top_k);
      s->call = {size(i, 0), size(i, 1), size(i, 2), nullptr, nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      bind(i.out[1], &s->call.places, frame);
      return s;
    }
    case Op::softmax: {
      auto s = std::make_unique<CallStep<Softmax<R>, void (*)(const Softmax<R>&)>>(k->softmax);
      s->call = {flag(0), size(i, 0), size(i, 1), nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::cum_sum: {
      auto s = std::make_unique<CallStep<CumSum<R>, void (*)(const CumSum<R>&)>>(k->cum_sum);
      s->call = {flag(0), flag(1), size(i, 0), size(i, 1), size(i, 2), nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::linear_cross_entropy:
      return linear_cross_entropy(i, frame);
    case Op::conv: {
      auto s = std::make_unique<CallStep<Conv<R>, void (*)(const Conv<R>&)>>(k->conv);
      s->call = {window(i, sizes_), size(i, 14), nullptr, nullptr, nullptr, nullptr, reinterpret_cast<R*>(scratch_)};
      bind(i.in[0], &s->call.x, frame);
      bind(i.in[1], &s->call.kernel, frame);
      if (i.in.size() > 2) bind(i.in[2], &s->call.bias, frame);
      bind(i.out[0], &s->call.y, frame);
      return s;
    }
    case Op::conv_kernel: {
      auto s = std::make_unique<CallStep<ConvKernel<R>, void (*)(const ConvKernel<R>&)>>(k->conv_kernel);
      s->call = {window(i, sizes_), size(i, 14), nullptr, nullptr, nullptr, reinterpret_cast<R*>(scratch_)};
      bind(i.in[0], &s->call.x, frame);
      bind(i.in[1], &s->call.g, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::pool: {
      auto s = std::make_unique<CallStep<Pool<R>, void (*)(const Pool<R>&)>>(k->pool);
      s->call = {flag(0), window(i, sizes_), nullptr, nullptr, nullptr};
      bind(i.in[0], &s->call.x, frame);
      if (i.in.size() > 1) bind(i.in[1], &s->call.values, frame);
      bind(i.out[0], &s->call.y, frame);
      return s;
    }
    case Op::unpool: {
      auto s = std::make_unique<CallStep<Unpool<R>, void (*)(const Unpool<R>&)>>(k->unpool);
      s->call = {flag(0), window(i, sizes_), nullptr, nullptr, nullptr};
      if (!flag(0)) bind(i.in[0], &s->call.x, frame);
      bind(i.in.back(), &s->call.g, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::gather: {
      auto s = std::make_unique<GatherStep>();
      s->gather = k->gather;
      s->where = i.where;
      s->call = {int(item(i.in[0])), size(i, 0), size(i, 1), size(i, 2), size(i, 3), nullptr, nullptr, nullptr};
      bind(i.in[0], &s->call.from, frame);
      bind(i.in[1], &s->call.index, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::scatter_add: {
      auto s = std::make_unique<ScatterStep<R>>();
      s->kernels = k;
      s->where = i.where;
      s->call = {size(i, 0), size(i, 1), size(i, 2), size(i, 3), nullptr, nullptr, nullptr};
      bind(i.in[0], &s->call.index, frame);
      bind(i.in[1], &s->call.from, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::uniform: {
      auto s = std::make_unique<UniformStep<R>>();
      s->kernels = k;
      s->call = {0, 0, uint32_t(i.flags[0]), 0, size(i, 0), size(i, 1), nullptr};
      s->rows_before = flag(1) ? first_row_ : 0;
      bind(i.in[0], &s->seed, frame);
      bind(i.in[1], &s->step, frame);
      if (i.in.size() > 2) bind(i.in[2], &s->first, frame);
      bind(i.out[0], &s->call.to, frame);
      return s;
    }
    case Op::range:
    case Op::size: {
      auto s = std::make_unique<FillStep<R>>();
      s->range = i.op == Op::range;
      s->count = s->range ? size(i, 0) : 1;
      s->value = size(i, 0);
      s->storage = spec_.values[size_t(i.out[0])].storage;
      bind(i.out[0], &s->to, frame);
      return s;
    }
    case Op::count_:
      break;
  }
  throw std::logic_error("unknown instruction");
}

constexpr int64_t split_fills = 32;  // rows of a product in parts that make full use of the tiles

template <class R>
std::unique_ptr<MatmulStep<R>> Builder<R>::matmul(const Instruction& i, Frame* frame, char* pack, Steps* before) {
  auto s = std::make_unique<MatmulStep<R>>();
  const Products<R> products = layout_.products(i);
  s->product = products.matmul;
  s->together = products.together;
  s->batch = size(i, 0);
  Matmul<R>& c = s->call;
  c.m = size(i, 1), c.n = size(i, 2), c.k = size(i, 3);
  c.a_row = size(i, 4), c.a_col = size(i, 5), s->a_batch = size(i, 6);
  c.b_row = size(i, 7), c.b_col = size(i, 8), s->b_batch = size(i, 9);
  c.init_row = size(i, 10), s->init_batch = size(i, 11);
  c.c_row = c.n, s->c_batch = c.m * c.n;
  c.scratch = reinterpret_cast<R*>(scratch_);
  bind(i.in[0], &c.a, frame);
  bind(i.in[1], &c.b, frame);
  if (i.in.size() > 2) bind(i.in[2], &c.init, frame);
  bind(i.out[0], &c.c, frame);
  if (pack != nullptr) {
    auto p = std::make_unique<PackStep<R>>();
    p->products = products;
    p->packed = reinterpret_cast<R*>(pack);
    p->b_row = c.b_row, p->b_col = c.b_col, p->k = c.k, p->n = c.n;
    bind(i.in[1], &p->b, frame);
    c.packed = p->packed;
    before->push_back(std::move(p));
  }
  s->fills = layout_.kind(i) == Product::split && c.m < split_fills;
  if (layout_.kind(i) == Product::plain && s->batch == 1) s->product = kernels_.choose_matmul(c);
  return s;
}

template <class R>
std::unique_ptr<Step> Builder<R>::linear_cross_entropy(const Instruction& i, Frame* frame) {
  auto s = std::make_unique<LinearCrossEntropyStep<R>>();
  s->function = kernels_.linear_cross_entropy;
  s->where = i.where;
  LinearCrossEntropy<R>& c = s->call;
  c.rows = size(i, 0), c.k = size(i, 1), c.n = size(i, 2);
  const LinearScratch scratch = layout_.linear_scratch(i);
  c.block = scratch.block;
  c.logits = reinterpret_cast<R*>(scratch_);
  c.scratch = c.logits + scratch.products;
  c.product = layout_.products(i).matmul;
  bind(i.in[0], &c.x, frame);
  bind(i.in[1], &c.w, frame);
  bind(i.in[2], &c.bias, frame);
  bind(i.in[3], &c.index, frame);
  bind(i.out[0], &c.loss, frame);
  bind(i.out[1], &c.best, frame);
  if (i.in.size() == 4) return s;
  bind(i.in[4], &c.g, frame);
  bind(i.out[2], &c.dx, frame);
  bind(i.out[3], &c.dw, frame);
  bind(i.out[4], &c.db, frame);
  return s;
}

// How operand n, the outputs following the inputs, is walked.
template <class R>
template <class Strided>
void Builder<R>::walk(const Instruction& i, size_t n, Strided& operand) const {
  const size_t axes = size_t(i.flags[0]);
  const Numbers size = some(i, 0, axes), stride = some(i, axes * (n + 1), axes);
  collapse(int64_t(axes), size.data(), stride.data(), operand);
}

template <class R>
Numbers Builder<R>::some(const Instruction& i, size_t first, size_t count) const {
  Numbers out(count);
  for (size_t a = 0; a < count; ++a) out[a] = size(i, first + a);
  return out;
}

template <class R>
PointwiseInput Builder<R>::input(const Instruction& i, size_t n) const {
  PointwiseInput made{i.program.in[n], spec_.values[size_t(i.in[n])].storage, 0, {}, {}};
  walk(i, n, made);
  return made;
}

template <class R>
std::unique_ptr<Step> Builder<R>::integer(const Instruction& i, Frame* frame) {
  auto s = std::make_unique<IntegerStep>();
  s->program = i.program;
  s->count = 1;
  for (size_t a = 0; a < size_t(i.flags[0]); ++a) s->count *= size(i, a);
  s->in.resize(i.in.size()), s->out.resize(i.out.size());
  for (size_t n = 0; n < i.in.size(); ++n) {
    s->inputs.push_back(input(i, n));
    bind(i.in[n], &s->in[n], frame);
  }
  for (size_t n = 0; n < i.out.size(); ++n) bind(i.out[n], &s->out[n], frame);
  return s;
}

template <class R>
std::unique_ptr<PointwiseStepRun<R>> Builder<R>::pointwise(const Instruction& i, Frame* frame) {
  auto s = std::make_unique<PointwiseStepRun<R>>();
  const Program& p = i.program;
  s->kernels = &kernels_;
  s->call.count = 1;
  for (size_t a = 0; a < size_t(i.flags[0]); ++a) s->call.count *= size(i, a);
  s->in.resize(i.in.size()), s->out.resize(i.out.size());
  for (size_t n = 0; n < i.in.size(); ++n) {
    s->inputs.push_back(input(i, n));
    bind(i.in[n], &s->in[n], frame);
  }
  for (size_t n = 0; n < i.out.size(); ++n) {
    bool in_place = false;
    if (frame == nullptr) bind(i.out[n], &s->out[n], frame);
    for (size_t m = 0; m < i.in.size() && frame == nullptr; ++m) in_place |= s->in[m] == s->out[n];
    s->outputs.push_back({p.out[n], spec_.values[size_t(i.out[n])].storage, in_place});
    walk(i, i.in.size() + n, s->outputs.back());
    if (frame != nullptr) bind(i.out[n], &s->out[n], frame);
  }
  s->call.inputs = s->inputs.data(), s->call.in = s->in.data(), s->call.n_inputs = int(i.in.size());
  s->call.constants = p.constants.data(), s->call.n_constants = int(p.constants.size());
  s->call.steps = p.steps.data(), s->call.n_steps = int(p.steps.size());
  s->call.outputs = s->outputs.data(), s->call.out = s->out.data(), s->call.n_outputs = int(i.out.size());
  s->call.n_registers = p.registers;
  if (p.rows) s->call.row = size(i, size_t(i.flags[0]) - 1);
  if (s->call.row > tile || s->call.row % 16 != 0)
    throw std::runtime_error("rows of a pointwise program must be vectors");
  s->call.scratch = reinterpret_cast<R*>(scratch_);
  s->call.known = known_program(s->call);
  s->call.laid = &s->laid;
  kernels_.lay(s->call, s->laid);
  return s;
}

template <class R>
std::unique_ptr<Step> Builder<R>::copy(const Instruction& i, Frame* frame) {
  auto s = std::make_unique<CopyStep>();
  const size_t axes = size_t(i.flags[1]);
  s->copy = kernels_.copy;
  s->clear = i.flags[0] != 0 ? layout_.bytes(i.out[0]) : 0;
  for (size_t a = 0; a < axes; ++a) {
    s->size.push_back(size(i, 2 + a));
    s->to_stride.push_back(size(i, 2 + axes + a));
    s->from_stride.push_back(size(i, 2 + 2 * axes + a));
  }
  const int64_t bytes = item(i.out[0]);
  s->call = {int(bytes), false,  int(axes), s->size.data(), s->to_stride.data(), s->from_stride.data(),
             nullptr,    nullptr};
  s->to_offset = size(i, 0) * bytes;
  s->from_offset = size(i, 1) * bytes;
  bind(i.in[0], &s->from, frame);
  bind(i.out[0], &s->to, frame);
  return s;
}

// What slides past a loop: its sequences, then its outputs
template <class R>
void Builder<R>::scan_slides(ScanStep& s, const Instruction& i, const BodyLayout& layout, Frame& frame) {
  const Body& body = spec_.bodies[size_t(i.body)];
  const size_t states = body.states.size(), sequences = body.slices.size();
  s.sequences = int(sequences);
  s.slides.resize(sequences + body.outputs.size());
  for (size_t j = 0; j < s.slides.size(); ++j) {
    ScanStep::Slide& slide = s.slides[j];
    const bool read = j < sequences;
    const int whole = read ? i.in[states + j] : i.out[states + j - sequences];
    const int one = read ? body.slices[j] : body.outputs[j - sequences];
    const int root = read ? one : layout.output_root[j - sequences];
    slide.stride = layout_.bytes(one);
    slide.row = slide.stride / std::max<int64_t>(s.rows, 1);
    slide.gapless = spec_.values[size_t(whole)].lengths >= 0;
    bind(whole, &slide.base, frame.parent);
    if (root >= 0) frame.moving[root] = &slide.fields;
  }
}

template <class R>
void Builder<R>::scan_states(ScanStep& s, const Instruction& i, const BodyLayout& layout, Frame& frame) {
  const Body& body = spec_.bodies[size_t(i.body)];
  s.states.resize(body.states.size());
  for (size_t j = 0; j < s.states.size(); ++j) {
    ScanStep::State& state = s.states[j];
    state.bytes = layout_.bytes(body.states[j]);
    bind(i.in[j], &state.initial, frame.parent);
    bind(i.out[j], &state.last, frame.parent);
    if (body.traced[j] >= 0) state.trace = s.sequences + body.traced[j];
    frame.moving[body.states[j]] = &state.in;
    if (layout.shared[j] >= 0) {
      state.shared = s.sequences + layout.shared[j];
      continue;
    }
    state.buffer[0] = frame.block + layout.buffer[j];
    state.buffer[1] = state.buffer[0] + aligned(state.bytes + int64_t(padding));
    if (layout.own[j]) frame.moving[layout_.root(body.new_states[j])] = &state.out;
  }
}

// Results that are wanted in a second place. by_row: finished rows are not copied.
template <class R>
void Builder<R>::scan_duplicates(ScanStep& s, const Body& body, const BodyLayout& layout, Frame& frame, bool by_row) {
  const auto duplicate = [&](int from, std::vector<Field>& target, int64_t bytes) {
    auto d = std::make_unique<ScanStep::Duplicate>();
    d->bytes = bytes;
    bind(from, &d->from, &frame);
    target.push_back({&d->to, 0});
    if (by_row) s.shares.push_back({&d->bytes, d->bytes / s.rows});
    s.duplicates.push_back(std::move(d));
  };
  for (size_t j = 0; j < body.outputs.size(); ++j) {
    ScanStep::Slide& slide = s.slides[size_t(s.sequences) + j];
    if (layout.output_root[j] < 0) duplicate(body.outputs[j], slide.fields, slide.stride);
  }
  for (size_t j = 0; j < s.states.size(); ++j) {
    ScanStep::State& state = s.states[j];
    if (state.shared >= 0) continue;
    const auto found = frame.moving.find(layout_.root(body.new_states[j]));
    const bool there = found != frame.moving.end() && found->second == &state.out;
    if (!there) duplicate(body.new_states[j], state.out, state.bytes);
  }
}

template <class R>
std::unique_ptr<ScanStep> Builder<R>::scan(const Instruction& i, char* block, Frame* outer) {
  const Body& body = spec_.bodies[size_t(i.body)];
  auto s = std::make_unique<ScanStep>();
  s->steps = size(i, 0), s->rows = size(i, 1);
  s->reverse = body.reverse;
  layouts_.push_back(std::make_unique<BodyLayout>(layout_.body(i.body, s->steps)));
  const BodyLayout& layout = *layouts_.back();
  Frame frame;
  frame.parent = outer;
  frame.layout = &layout;
  frame.block = block;
  scan_slides(*s, i, layout, frame);
  scan_states(*s, i, layout, frame);
  const size_t first_captured = body.states.size() + body.slices.size();
  for (size_t j = 0; j < body.captured.size(); ++j) frame.captured[body.captured[j]] = i.in[first_captured + j];
  if (body.lengths) bind(i.in.back(), &s->lengths, outer);

  const bool by_row = body.by_row && s->rows > 0;
  for (size_t n = 0; n < body.code.size(); ++n) {
    char* nested = layout.nested[n] >= 0 ? block + layout.nested[n] : nullptr;
    char* pack = layout.pack[n] >= 0 ? block + layout.pack[n] : nullptr;
    s->body.push_back(step(body.code[n], nested, &frame, pack, &s->first));
    int64_t* const count = s->body.back()->rows();
    if (by_row && spec_.values[size_t(body.code[n].out[0])].rows) s->shares.push_back({count, *count / s->rows});
  }
  scan_duplicates(*s, body, layout, frame, by_row);
  return s;
}

template class Builder<float>;
template class Builder<double>;

}  // namespace elman
