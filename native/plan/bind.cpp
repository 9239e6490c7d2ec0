// A plan bound to sizes: its shards, its memory, and steps whose pointers are set.
#include <algorithm>
#include <stdexcept>

#include "plan.h"
#include "reach.h"

namespace elman {
namespace {

constexpr int64_t most_elements = int64_t(1)
                                  << 46;  // of a value: no machine addresses more, and sums of bytes stay numbers
constexpr size_t kept_bindings = 256;  // sizes remembered, twice with twins; then the older half is forgotten

}  // namespace

template <class R>
typename Plan<R>::Binding& Plan<R>::bind(const Numbers& symbols, const Cut& cut) {
  if (auto found = bindings_.find({symbols, cut, twins_.away()}); found != bindings_.end()) return *found->second;
  if (bindings_.size() >= kept_bindings) forget_older();
  bound_ = nullptr;
  auto made = make(symbols, cut);
  if (needed(*made) > memory_) throw MemoryShortage{needed(*made), memory_, symbols[0]};
  if (reserve(*made)) forget();                // their pointers point nowhere now
  build(*made);
  Binding& b = *(bindings_[{symbols, cut, twins_.away()}] = std::move(made));
  b.number = ++bindings_made_;
  if (auto found = bindings_.find({symbols, cut, !twins_.away()}); found != bindings_.end()) {
    b.partner = found->second.get();
    b.partner->partner = &b;
  }
  return b;
}

template <class R>
void Plan<R>::forget() {
  bindings_.clear();
  bound_ = nullptr;
  ++moves_;
}

template <class R>
void Plan<R>::recover() {
  (void)new auto(std::move(bindings_));
  (void)new Block(std::move(arena_));
  (void)new auto(std::move(arenas_));
  bindings_.clear(), arenas_.clear();
  twins_.settle();
  forget();
}

template <class R>
void Plan<R>::forget_older() {
  const int64_t last = bindings_made_ - int64_t(kept_bindings / 2);
  std::erase_if(bindings_, [last](const auto& kept) {
    const Binding& b = *kept.second;
    if (b.number <= last && b.partner != nullptr) b.partner->partner = nullptr;
    return b.number <= last;
  });
  bound_ = nullptr;
  ++moves_;
}

template <class R>
std::unique_ptr<typename Plan<R>::Binding> Plan<R>::make(const Numbers& symbols, const Cut& cut) {
  auto b = std::make_unique<Binding>();
  b->symbols = symbols;
  b->cut = cut;
  b->away = twins_.away();
  b->sizes = evaluate(spec_.dims, symbols);
  for (const Value& v : spec_.values) {
    const int64_t size = b->sizes[size_t(v.count)];
    if (size < 0) throw std::range_error("a size is negative");
    if (size > most_elements)
      throw MemoryShortage{std::min(size, most_elements << 13) * item_bytes<R>(v.storage), 0, symbols[0]};
  }
  check_reach(spec_, b->sizes, symbols[0], false);
  const Numbers& cuts = cut.rows;
  const int count = cuts.empty() ? shard_count(spec_, symbols, b->sizes, threads_) : int(cuts.size()) + 1;
  b->layout = Layout<R>(spec_, b->sizes, kernels_).arena(false, false);
  b->shards.resize(size_t(count));
  Numbers even = symbols;
  even[0] = (symbols[0] + count - 1) / count;
  b->typical = evaluate(spec_.dims, even);
  int64_t row = 0;
  for (int s = 0; s < count; ++s) {
    Shard& shard = b->shards[size_t(s)];
    shard.first_row = row;
    if (cuts.empty()) row += symbols[0] / count + (s < symbols[0] % count ? 1 : 0);
    else row = s + 1 < count ? cuts[size_t(s)] : symbols[0];
    shard.rows = row - shard.first_row;
    Numbers own = symbols;
    own[0] = shard.rows;
    shard.sizes = evaluate(spec_.dims, own);
    check_reach(spec_, shard.sizes, shard.rows, true);
    shard.layout = Layout<R>(spec_, shard.sizes, kernels_, b->typical, cut.full).arena(true, count > 1);
  }
  return b;
}

template <class R>
int64_t Plan<R>::needed(const Binding& b) {
  int64_t bytes = b.layout.bytes;
  for (const Shard& s : b.shards) bytes += s.layout.bytes;
  return bytes;
}

template <class R>
bool Plan<R>::reserve(const Binding& b) {
  // Blocks only grow: one large in another place than the last would be held beside it.
  int64_t held = std::max(arena_.size(), b.layout.bytes);
  for (size_t s = 0; s < std::max(arenas_.size(), b.shards.size()); ++s)
    held += std::max(s < arenas_.size() ? arenas_[s].size() : 0, s < b.shards.size() ? b.shards[s].layout.bytes : 0);
  if (held > memory_) release();
  try {
    bool moved = arena_.reserve(b.layout.bytes);
    while (arenas_.size() < b.shards.size()) arenas_.emplace_back(), moved = true;
    for (size_t s = 0; s < b.shards.size(); ++s) moved |= arenas_[s].reserve(b.shards[s].layout.bytes);
    return moved;
  } catch (const std::bad_alloc&) {
    release();
    throw MemoryShortage{needed(b), 0, b.symbols[0]};
  }
}

template <class R>
void Plan<R>::release() {
  forget();
  arena_.release();
  arenas_.clear();
}

template <class R>
int64_t Plan<R>::part_offset(const Numbers& sizes, int& value) const {
  int64_t offset = 0;
  for (; spec_.values[size_t(value)].home == Home::part; value = spec_.values[size_t(value)].index) {
    offset += sizes[size_t(spec_.values[size_t(value)].offset)];
  }
  return offset;
}

template <class R>
char* Plan<R>::address(Binding& b, Shard* shard, int segment, int value, int part) {
  const Value& v = spec_.values[size_t(value)];
  if (char* const place = twins_.place(value, b.away)) return place;
  switch (v.home) {
    case Home::variable:
      return variables_[size_t(v.index)];
    case Home::constant:
      return constants_[size_t(v.index)].data();
    case Home::once:
      return v.rows && shard != nullptr ? shard->once.data() + shard->once_at[size_t(value)]
                                        : b.once.data() + b.once_at[size_t(value)];
    default:
      break;
  }
  // Parts of one root may be summed in several segments: the part that is named says whose its memory is.
  int made_in = -1;
  for (int v = part; made_in < 0; v = spec_.values[size_t(v)].index) {
    made_in = partial_of_[size_t(v)];
    if (spec_.values[size_t(v)].home != Home::part) break;
  }
  const bool total = holds_partials_[size_t(value)] && made_in != segment;
  if (shard != nullptr && shard->layout.value[size_t(value)] >= 0 && !total) {
    const size_t s = size_t(shard - b.shards.data());
    return arenas_[s].data() + shard->layout.value[size_t(value)];
  }
  return arena_.data() + b.layout.value[size_t(value)];
}

template <class R>
void Plan<R>::once(const Numbers& sizes, bool rows, Block& block, std::vector<int64_t>& at) {
  Layout<R> layout(spec_, sizes, kernels_);
  at.assign(spec_.values.size(), -1);
  int64_t bytes = 0;
  for (size_t v = 0; v < spec_.values.size(); ++v) {
    if (spec_.values[v].home != Home::once || spec_.values[v].rows != rows) continue;
    at[v] = bytes;
    bytes += aligned(layout.bytes(int(v)) + int64_t(padding));
  }
  block.reserve(bytes);
}

template <class R>
void Plan<R>::build(Binding& b) {
  // Memory of values made at binding must exist for the whole run and every shard before any step takes its address.
  once(b.sizes, false, b.once, b.once_at);
  for (Shard& s : b.shards) once(s.sizes, true, s.once, s.once_at);
  for (size_t i = 0; i < spec_.input_rows.size(); ++i)
    for (Shard& s : b.shards)
      if (spec_.input_rows[i] && spec_.values[size_t(spec_.inputs[i])].rows)
        s.rows_at[spec_.inputs[i]].rows.resize(size_t(s.rows));
  Watch nobody(nullptr);
  auto compile = [&](const std::vector<Instruction>& code, const std::vector<int64_t>& block, Builder<R>& builder,
                     char* arena) {
    Steps steps;
    for (size_t i = 0; i < code.size(); ++i) {
      auto made = builder.step(code[i], block[i] < 0 ? nullptr : arena + block[i]);
      const bool at_binding = !code[i].out.empty() && spec_.values[size_t(code[i].out[0])].home == Home::once;
      if (at_binding) made->run(nobody);
      else steps.push_back(std::move(made));
    }
    return steps;
  };
  Builder<R> whole(
      spec_, b.sizes, Layout<R>(spec_, b.sizes, kernels_), kernels_,
      [&](int v, int) { return address(b, nullptr, -1, v, v); }, arena_.data(), 0);
  b.segments.resize(spec_.segments.size());
  b.together.assign(spec_.segments.size(), false);
  for (Shard& s : b.shards) s.segments.resize(spec_.segments.size());
  for (size_t n = 0; n < spec_.segments.size(); ++n) {
    const Segment& segment = spec_.segments[n];
    if (!segment.rows) {
      b.segments[n] = compile(segment.code, b.layout.block[n], whole, arena_.data());
      continue;
    }
    for (size_t s = 0; s < b.shards.size(); ++s) {
      Shard& shard = b.shards[s];
      Builder<R> builder(
          spec_, shard.sizes, Layout<R>(spec_, shard.sizes, kernels_, b.typical, b.cut.full), kernels_,
          [&](int v, int part) { return address(b, &shard, int(n), v, part); }, arenas_[s].data(), shard.first_row);
      for (auto& [value, at] : shard.rows_at) builder.rows_at[value] = &at;
      for (size_t o = 0; o < spec_.output_given.size(); ++o)
        if (spec_.output_given[o]) builder.given[spec_.outputs[o]];
      shard.segments[n] = compile(segment.code, shard.layout.block[n], builder, arenas_[s].data());
      for (size_t o = 0; o < spec_.output_given.size(); ++o) {
        if (!spec_.output_given[o]) continue;
        const int value = spec_.outputs[o];
        const int64_t row = Layout<R>(spec_, shard.sizes, kernels_).bytes(value) / std::max<int64_t>(shard.rows, 1);
        for (const Field& field : builder.given[value])
          shard.given.push_back({field, o, address(b, &shard, int(n), value, value), row * shard.first_row});
      }
    }
    int64_t reread = 0;
    for (const auto& step : b.shards[0].segments[n]) reread = std::max(reread, step->reread());
    b.together[n] = reread >= worth_together;
  }
  for (size_t n = 0; n < spec_.last.size(); ++n) {
    Steps steps = compile(spec_.last[n].code, b.layout.block[spec_.segments.size() + n], whole, arena_.data());
    for (auto& s : steps) b.last.push_back(std::move(s));
  }
  link(b);
}

template <class R>
char* Plan<R>::whole(Binding& b, int value) {
  const int64_t item = item_bytes<R>(spec_.values[size_t(value)].storage);
  const int64_t offset = part_offset(b.sizes, value);
  return address(b, nullptr, -1, value, value) + offset * item;
}

template <class R>
void Plan<R>::link(Binding& b) {
  for (size_t i = 0; i < spec_.inputs.size(); ++i) {
    const int value = spec_.inputs[i];
    const auto steps = [&](const Numbers& sizes) {
      const int dim = i < spec_.input_steps.size() ? spec_.input_steps[i] : -1;
      return dim < 0 ? 0 : sizes[size_t(dim)];
    };
    const auto bytes = [&](const Numbers& sizes) { return Layout<R>(spec_, sizes, kernels_).bytes(value); };
    if (!spec_.values[size_t(value)].rows) {
      if (b.layout.value[size_t(value)] >= 0)
        b.loads.push_back({i, address(b, nullptr, -1, value, value), 0, b.symbols[0], steps(b.sizes), bytes(b.sizes)});
      continue;
    }
    const int lengths = spec_.values[size_t(value)].lengths;
    for (Shard& s : b.shards) {
      if (s.layout.value[size_t(value)] < 0) continue;
      s.loads.push_back({i, address(b, &s, -1, value, value), s.first_row, s.rows, steps(s.sizes), bytes(s.sizes)});
      if (const auto rows = s.rows_at.find(value); rows != s.rows_at.end()) {
        s.loads.back().rows_at = &rows->second;
        s.loads.back().row = s.loads.back().room / std::max<int64_t>(s.rows, 1);
      }
      if (lengths >= 0) s.loads.back().lengths = reinterpret_cast<const int32_t*>(address(b, &s, -1, lengths, lengths));
    }
  }
  for (Shard& s : b.shards)
    std::stable_partition(s.loads.begin(), s.loads.end(), [](const Load& l) { return l.lengths == nullptr; });
  Layout<R> layout(spec_, b.sizes, kernels_);
  for (const Update& u : spec_.updates) {
    if (layout.bytes(u.from) != layout.bytes(u.variable_value))
      throw std::invalid_argument("an update is of another size than its variable");
    if (twins_.made_in_place(u)) continue;
    b.updates.push_back(
        {address(b, nullptr, -1, u.variable_value, u.variable_value), whole(b, u.from), size_t(layout.bytes(u.from))});
  }
  for (int output : spec_.outputs) {
    const Value& value = spec_.values[size_t(output)];
    b.results.emplace_back();
    const auto piece = [&](Shard* shard, const Numbers& sizes) {
      int root = output;
      const int64_t offset = part_offset(sizes, root) * item_bytes<R>(value.storage);
      const char* from = address(b, shard, -1, root, output) + offset;
      b.results.back().push_back({from, size_t(Layout<R>(spec_, sizes, kernels_).bytes(output))});
    };
    if (!value.rows) piece(nullptr, b.sizes);
    else
      for (Shard& shard : b.shards) piece(&shard, shard.sizes);
  }
  if (spec_.guard >= 0) b.guard = reinterpret_cast<const R*>(whole(b, spec_.guard));
}

// What plan.cpp, which makes the rest of the class, asks of this file
#define ELMAN_BIND(R)                                                                            \
  template typename Plan<R>::Binding& Plan<R>::bind(const Numbers&, const Cut&);                 \
  template std::unique_ptr<typename Plan<R>::Binding> Plan<R>::make(const Numbers&, const Cut&); \
  template int64_t Plan<R>::needed(const Binding&);                                              \
  template char* Plan<R>::address(Binding&, Shard*, int, int, int);                              \
  template int64_t Plan<R>::part_offset(const Numbers&, int&) const;                             \
  template void Plan<R>::forget();                                                               \
  template void Plan<R>::recover();                                                              \
  template void Plan<R>::release();
ELMAN_BIND(float)
ELMAN_BIND(double)
#undef ELMAN_BIND

}  // namespace elman
