#include "layout.h"

#include <algorithm>

namespace elman {

int64_t evaluate(const Dim& dim, const Numbers& symbols) {
  int64_t sum = 0;
  bool large = false;
  for (const Monomial& m : dim) {
    int64_t product = m.coefficient;
    for (const int s : m.symbols) large |= __builtin_mul_overflow(product, symbols[size_t(s)], &product);
    large |= __builtin_add_overflow(sum, product, &sum);
  }
  if (large) throw MemoryShortage{0, 0, symbols[0]};
  return sum;
}

Numbers evaluate(const std::vector<Dim>& dims, const Numbers& symbols) {
  Numbers out;
  out.reserve(dims.size());
  for (const Dim& dim : dims) out.push_back(evaluate(dim, symbols));
  return out;
}

Window window(const Instruction& i, const Numbers& sizes) {
  auto d = [&](size_t at) { return sizes[size_t(i.dims[at])]; };
  return {d(0), d(1), d(2), d(3), d(4), d(5), d(6), d(7), d(8), d(9), d(10), d(11), d(12), d(13)};
}

template <class R>
int Layout<R>::root(int value) const {
  while (spec_.values[size_t(value)].home == Home::part) value = spec_.values[size_t(value)].index;
  return value;
}

template <class R>
int64_t Layout<R>::bytes(int value) const {
  const Value& v = spec_.values[size_t(value)];
  return sizes_[size_t(v.count)] * item_bytes<R>(v.storage);
}

namespace {

// Whether the tile unit does a product in parts clearly sooner than multiply-adds do it whole, in cycles as measured: of six products
// of tiles, of what passes between C and the unit, and of the conversions, of B only where it is not packed ahead. Rows that end
// one after another leave tiles a quarter empty.
bool worth_splitting(int64_t m, int64_t n, int64_t k, bool packed, bool a_turned, bool rows_end) {
  const auto tiles = [](int64_t size, int64_t of) { return (size + of - 1) / of; };
  const int64_t rows = tiles(m, 16), columns = tiles(n, 16), terms = tiles(k, 32);
  const int64_t products = rows * columns * terms * 6 * (rows > 1 ? 20 : 24), results = rows * columns * 60;
  const int64_t conversions = (rows * (a_turned ? 450 : 190) + columns * (packed ? 0 : 250)) * terms;
  return ((rows_end ? products * 4 / 3 : products) + results + conversions + 300) * 5 / 4 < m * n * k / 31;
}

}  // namespace

// What sums over the batch is done in parts: gradients, losses, scores. Where a model predicts, a row alone must give the bits it gives in
// a batch, and parts do not pay for one row. Of a big vocabulary all columns would be packed anew for every block of rows.
template <class R>
Product Layout<R>::kind(const Instruction& i) const {
  if (i.op == Op::linear_cross_entropy) return i.flags[0] != 0 ? Product::rounded : Product::plain;
  if (i.flags[1] != 0) return Product::rounded;
  const bool sums = spec_.guard >= 0 || !spec_.partials.empty();
  if (!sums || kernels_.split.matmul == nullptr) return Product::plain;
  const auto size = [&](size_t n) { return typical_[size_t(i.dims[n])]; };
  const bool rows_end = !full_ && std::any_of(spec_.bodies.begin(), spec_.bodies.end(), [&](const Body& b) {
    return b.lengths && &i >= b.code.data() && &i < b.code.data() + b.code.size();
  });
  const bool split = worth_splitting(size(1), size(2), size(3), i.flags[0] != 0, size(5) != 1, rows_end);
  return split ? Product::split : Product::plain;
}

template <class R>
void Layout<R>::need_scratch(const std::vector<Instruction>& code) {
  for (const Instruction& i : code) {
    if (i.op == Op::matmul) {
      const int64_t k = sizes_[size_t(i.dims[3])], n = sizes_[size_t(i.dims[2])];
      scratch_ = std::max(scratch_, products(i).scratch_size(k, n) * int64_t(sizeof(R)));
    } else if (i.op == Op::quantized_matmul) {
      scratch_ = std::max(scratch_, kernels_.quantized_scratch(sizes_[size_t(i.dims[0])], sizes_[size_t(i.dims[2])]));
    } else if (i.op == Op::linear_cross_entropy) {
      scratch_ = std::max(scratch_, linear_scratch(i).total * int64_t(sizeof(R)));
    } else if (i.op == Op::conv || i.op == Op::conv_kernel) {
      const int64_t need = kernels_.conv_scratch(window(i, sizes_), sizes_[size_t(i.dims[14])]);
      scratch_ = std::max(scratch_, need * int64_t(sizeof(R)));
    } else if (i.op == Op::pointwise) {
      scratch_ =
          std::max(scratch_, pointwise_scratch(i.program.registers, i.program.rows, sizeof(R)) * int64_t(sizeof(R)));
    } else if (i.op == Op::scan) {
      need_scratch(spec_.bodies[size_t(i.body)].code);
    } else if (i.op == Op::strip) {
      need_scratch(spec_.strips[size_t(i.body)].code);
    }
  }
}

// Whether two products have the same right operand, packed alike
template <class R>
bool Layout<R>::same_rows(const Instruction& a, const Instruction& b) const {
  return a.op == b.op && a.in[1] == b.in[1] && kind(a) == kind(b) && a.dims[2] == b.dims[2] && a.dims[3] == b.dims[3];
}

template <class R>
StripLayout Layout<R>::strip(const Instruction& instruction) const {
  const Strip& strip = spec_.strips[size_t(instruction.body)];
  StripLayout out;
  out.pack.assign(strip.code.size(), -1);
  const int64_t steps = std::max<int64_t>(sizes_[size_t(instruction.dims[0])], 1);
  const auto sums_up = [&](size_t n) {
    return std::find(strip.sums.begin(), strip.sums.end(), int(n)) != strip.sums.end();
  };
  for (size_t n = 0; n < strip.code.size(); ++n) {
    const Instruction& i = strip.code[n];
    if (i.op == Op::scan) out.bytes = aligned(body(i.body, sizes_[size_t(i.dims[0])]).bytes + int64_t(padding));
    else if (i.op == Op::matmul) out.rows = sizes_[size_t(i.dims[sums_up(n) ? 3 : 1])] / steps;
  }
  for (size_t n = 0; n < strip.code.size(); ++n) {
    const Instruction& i = strip.code[n];
    const bool sums = sums_up(n);
    if (i.op != Op::matmul || (sums && kind(i) == Product::plain)) continue;
    for (size_t m = 0; sums && m < n; ++m)
      if (same_rows(strip.code[m], i)) out.pack[n] = out.pack[m];
    if (out.pack[n] >= 0) continue;
    out.pack[n] = out.bytes;
    const int64_t whole = sizes_[size_t(i.dims[3])], columns = sizes_[size_t(i.dims[2])];
    const int64_t k = sums ? whole / steps * std::min(steps, strip_steps(out.rows)) : whole;
    const int64_t need = products(i).packed_size(k, columns) * int64_t(sizeof(R));
    out.bytes += aligned(need + int64_t(padding));
  }
  return out;
}

template <class R>
LinearScratch Layout<R>::linear_scratch(const Instruction& i) const {
  const int64_t rows = sizes_[size_t(i.dims[0])], k = sizes_[size_t(i.dims[1])], n = sizes_[size_t(i.dims[2])];
  const int64_t block = std::min(rows, linear_block(n));
  const int64_t logits = aligned(block * n + int64_t(padding));
  const auto need = products(i).scratch_size;
  return {block, logits, logits + std::max({need(k, n), need(n, k), need(block, n)})};
}

template <class R>
ArenaLayout Layout<R>::arena(bool rows, bool local_partials) {
  std::vector<const std::vector<Instruction>*> code;
  std::vector<bool> rows_of;
  for (const Segment& s : spec_.segments) code.push_back(&s.code), rows_of.push_back(s.rows);
  for (const Segment& s : spec_.last) code.push_back(&s.code), rows_of.push_back(false);

  ArenaLayout out;
  out.value.assign(spec_.values.size(), -1);
  out.block.resize(code.size());
  std::vector<int> first(spec_.values.size(), -1), last(spec_.values.size(), -1);
  std::vector<Lifetime> lifetimes;
  std::vector<int64_t*> targets;
  std::vector<int64_t> need(spec_.values.size(), -1);  // of what is local to a strip
  auto touch = [&](int value, int at) {
    const int r = root(value);
    if (first[size_t(r)] < 0) first[size_t(r)] = at;
    last[size_t(r)] = std::max(last[size_t(r)], at);
  };
  for (int v : spec_.inputs) touch(v, 0);
  int at = 1;
  for (size_t s = 0; s < code.size(); ++s) {
    if (rows_of[s] == rows) need_scratch(*code[s]);
    out.block[s].assign(code[s]->size(), -1);
    for (size_t i = 0; i < code[s]->size(); ++i, ++at) {
      const Instruction& instruction = (*code[s])[i];
      for (int v : instruction.in) touch(v, at);
      for (int v : instruction.out) touch(v, at);
      if (rows_of[s] != rows || (instruction.op != Op::scan && instruction.op != Op::strip)) continue;
      const int64_t steps = sizes_[size_t(instruction.dims[0])];
      if (instruction.op == Op::scan) {
        lifetimes.push_back({at, at, body(instruction.body, steps).bytes});
      } else {
        const StripLayout strip = this->strip(instruction);
        lifetimes.push_back({at, at, strip.bytes});
        for (int v : spec_.strips[size_t(instruction.body)].local)
          need[size_t(v)] = bytes(v) / std::max<int64_t>(steps, 1) * std::min(steps, strip_steps(strip.rows));
      }
      targets.push_back(&out.block[s][i]);
    }
  }
  for (int v : spec_.outputs) touch(v, at);
  for (const Update& u : spec_.updates) touch(u.from, at);
  if (spec_.guard >= 0) touch(spec_.guard, at);

  std::vector<bool> partial(spec_.values.size(), false);
  for (int v : spec_.partials) partial[size_t(root(v))] = true;
  for (size_t v = 0; v < spec_.values.size(); ++v) {
    const Value& value = spec_.values[v];
    const bool here = (value.home == Home::temporary || value.home == Home::input) && first[v] >= 0;
    const bool mine = value.rows == rows || (rows && local_partials && partial[v]);
    if (!here || !mine) continue;
    // A partial sum lives from its rows segment to whatever reads the total: its whole life is simplest, and it is small.
    lifetimes.push_back({first[v], partial[v] ? at : last[v], need[v] < 0 ? bytes(int(v)) : need[v]});
    targets.push_back(&out.value[v]);
  }
  std::vector<int64_t> offsets;
  const int64_t start = aligned(scratch_ + int64_t(padding));
  out.bytes = start + place(lifetimes, offsets);
  for (size_t i = 0; i < targets.size(); ++i) *targets[i] = start + offsets[i];
  return out;
}

template <class R>
BodyLayout Layout<R>::body(int index, int64_t steps) const {
  const Body& b = spec_.bodies[size_t(index)];
  BodyLayout out;
  out.value.assign(spec_.values.size(), -1);
  out.nested.assign(b.code.size(), -1);
  out.pack.assign(b.code.size(), -1);
  out.buffer.assign(b.states.size(), -1);
  out.shared.assign(b.states.size(), -1);
  out.output_root.assign(b.outputs.size(), -1);
  out.own.assign(b.states.size(), false);

  // A result is written where it is wanted: a stacked output by the value that makes it, a state by its own.
  std::vector<bool> made(spec_.values.size(), false);
  for (const Instruction& i : b.code)
    for (int v : i.out) made[size_t(root(v))] = true;
  std::vector<int> owner(spec_.values.size(), -1);  // root value -> output it lies in; -2: it is a state's buffer
  auto claimable = [&](int v) {
    const int r = root(v);
    return made[size_t(r)] && owner[size_t(r)] == -1 && bytes(r) == bytes(v);
  };
  for (size_t j = 0; j < b.outputs.size(); ++j) {
    if (!claimable(b.outputs[j])) continue;
    out.output_root[j] = root(b.outputs[j]);
    owner[size_t(root(b.outputs[j]))] = int(j);
  }
  int64_t bytes_so_far = 0;
  auto take = [&](int64_t need) {
    const int64_t at = bytes_so_far;
    bytes_so_far += aligned(need + int64_t(padding));
    return at;
  };
  for (size_t s = 0; s < b.states.size(); ++s) {
    const int r = root(b.new_states[s]);
    if (!b.lengths && owner[size_t(r)] >= 0 && bytes(r) == bytes(b.states[s])) {
      out.shared[s] = owner[size_t(r)];
      continue;
    }
    const int64_t one = aligned(bytes(b.states[s]) + int64_t(padding));
    out.buffer[s] = take(2 * one);
    if (claimable(b.new_states[s])) owner[size_t(r)] = -2, out.own[s] = true;
  }

  std::vector<int> first(spec_.values.size(), -1), last(spec_.values.size(), -1);
  std::vector<Lifetime> lifetimes;
  std::vector<int64_t*> targets;
  const int end = int(b.code.size());
  for (int i = 0; i < end; ++i) {
    const Instruction& instruction = b.code[size_t(i)];
    for (int v : instruction.in) last[size_t(root(v))] = i;
    for (int v : instruction.out) {
      const int r = root(v);
      if (first[size_t(r)] < 0) first[size_t(r)] = i;
      last[size_t(r)] = std::max(last[size_t(r)], i);
    }
    if (instruction.op == Op::scan) {
      lifetimes.push_back({i, i, body(instruction.body, sizes_[size_t(instruction.dims[0])]).bytes});
      targets.push_back(&out.nested[size_t(i)]);
    }
    if (instruction.op == Op::matmul && instruction.flags[0] != 0 && steps >= pack_from) {
      const int64_t k = sizes_[size_t(instruction.dims[3])], n = sizes_[size_t(instruction.dims[2])];
      out.pack[size_t(i)] = take(products(instruction).packed_size(k, n) * int64_t(sizeof(R)));
    }
  }
  for (int v : b.outputs) last[size_t(root(v))] = end;
  for (int v : b.new_states) last[size_t(root(v))] = end;
  for (size_t v = 0; v < made.size(); ++v) {
    if (!made[v] || owner[v] != -1) continue;
    lifetimes.push_back({first[v], last[v], bytes(int(v))});
    targets.push_back(&out.value[v]);
  }
  std::vector<int64_t> offsets;
  const int64_t placed = place(lifetimes, offsets);
  for (size_t i = 0; i < targets.size(); ++i) *targets[i] = bytes_so_far + offsets[i];
  out.bytes = bytes_so_far + placed;
  return out;
}

template class Layout<float>;
template class Layout<double>;

}  // namespace elman
