#include "plan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <thread>

#include "floating_point.h"
#include "threads.h"

namespace elman {
namespace {

constexpr size_t kept_bindings = 64;           // sizes remembered, twice with twins; then all are forgotten
constexpr int64_t twin_bytes = 1 << 18;        // of a variable; smaller ones are sooner copied than steps kept twice
constexpr int64_t shard_rows = 8;              // fewest rows of a shard
constexpr int64_t shard_work = 2'000'000;      // fewest floating-point operations of a shard

}  // namespace

template <class R>
Plan<R>::Plan(Spec spec, std::vector<char*> variables, std::vector<std::vector<char>> constants, Isa isa,
              int64_t memory)
    : spec_(std::move(spec)), variables_(std::move(variables)), kernels_(kernels<R>(isa)), memory_(memory) {
  for (const auto& bytes : constants) {
    constants_.emplace_back();
    constants_.back().reserve(int64_t(bytes.size()));
    std::memcpy(constants_.back().data(), bytes.data(), bytes.size());
  }
  partial_of_.assign(spec_.values.size(), -1);
  holds_partials_.assign(spec_.values.size(), false);
  for (size_t p = 0; p < spec_.partials.size(); ++p) {
    int v = spec_.partials[p];
    partial_of_[size_t(v)] = spec_.partial_segment[p];
    while (spec_.values[size_t(v)].home == Home::part) v = spec_.values[size_t(v)].index;
    holds_partials_[size_t(v)] = true;
  }
  pair();
}

template <class R>
void Plan<R>::pair() {
  const Numbers sizes = evaluate(spec_.dims, Numbers(size_t(std::max(spec_.symbols, 1)), 0));
  Layout<R> layout(spec_, sizes, kernels_);
  const auto begin = [&](int v) { return variables_[size_t(spec_.values[size_t(v)].index)]; };
  const auto end = [&](int v) { return begin(v) + layout.bytes(v); };
  const auto inside = [&](int v, int of) { return begin(v) >= begin(of) && end(v) <= end(of); };
  std::vector<int> variables;
  for (size_t v = 0; v < spec_.values.size(); ++v)
    if (spec_.values[v].home == Home::variable) variables.push_back(int(v));
  std::vector<bool> taken(spec_.values.size(), false);  // changed by a step, or needed elsewhere
  for (const Update& u : spec_.updates) taken[size_t(u.variable_value)] = true;
  for (const Segment& s : spec_.last)
    for (const Instruction& i : s.code)
      for (int v : i.out) taken[size_t(v)] = true;
  for (int v : spec_.outputs) taken[size_t(v)] = true;
  if (spec_.guard >= 0) taken[size_t(spec_.guard)] = true;
  // Other variables may be views of it, which follow it, but none may reach beyond it or change by itself.
  const auto whole = [&](int variable) {
    return std::all_of(variables.begin(), variables.end(), [&](int v) {
      const bool apart = end(v) <= begin(variable) || begin(v) >= end(variable);
      return v == variable || apart || (inside(v, variable) && !taken[size_t(v)]);
    });
  };
  twin_of_.assign(spec_.values.size(), -1);
  int64_t bytes = 0;
  for (const Update& u : spec_.updates) {
    const Value& from = spec_.values[size_t(u.from)];
    const bool made = from.home == Home::temporary && !from.rows && !holds_partials_[size_t(u.from)];
    const bool large = layout.bytes(u.variable_value) >= twin_bytes;
    if (!large || !made || taken[size_t(u.from)] || !whole(u.variable_value)) continue;
    taken[size_t(u.from)] = true;
    twin_of_[size_t(u.from)] = int(twins_.size());
    for (int v : variables)
      if (inside(v, u.variable_value)) twin_of_[size_t(v)] = int(twins_.size());
    twins_.push_back({begin(u.variable_value), bytes, layout.bytes(u.variable_value)});
    bytes += aligned(layout.bytes(u.variable_value) + int64_t(padding));
  }
  others_.reserve(bytes);
}

template <class R>
void Plan<R>::settle() {
  if (!away_) return;
  for (const Twin& t : twins_) std::memcpy(t.home, twin(t, true), size_t(t.bytes));
  away_ = false;
}

template <class R>
int64_t Plan<R>::part_offset(const Numbers& sizes, int& value) const {
  int64_t offset = 0;
  for (; spec_.values[size_t(value)].home == Home::part; value = spec_.values[size_t(value)].index) {
    offset += sizes[size_t(spec_.values[size_t(value)].offset)];
  }
  return offset;
}

// How many shards a batch is cut into: a function of the sizes alone, so that sums over the batch do not depend on the machine.
// Without such sums rows meet nowhere, any cut gives the same bits, and one shard a thread reads the weights fewest times.
template <class R>
int Plan<R>::shard_count(const Numbers& symbols, const Numbers& sizes) const {
  if (!spec_.shardable || spec_.row_work < 0) return 1;
  const int64_t by_rows = symbols[0] / shard_rows, by_work = sizes[size_t(spec_.row_work)] / shard_work;
  const int64_t most = spec_.partials.empty() ? std::max(threads_, 1) : symbols[0] >= 64 ? 4 : 2;
  return int(std::clamp<int64_t>(std::min(by_rows, by_work), 1, most));
}

template <class R>
void Plan<R>::forget() {
  bindings_.clear();
  bound_ = nullptr;
  ++moves_;
}

// As the number of shards, a function of the batch alone. Whole numbers throughout, for rounding may differ between machines.
template <class R>
Numbers Plan<R>::cut(const std::vector<Array>& arrays, const int64_t* order, int64_t start) const {
  if (spec_.ragged.empty()) return {};
  const Numbers sizes = evaluate(spec_.dims, asked_);
  const int64_t count = shard_count(asked_, sizes), rows = asked_[0];
  if (count == 1) return {};
  int64_t whole = sizes[size_t(spec_.row_work)];
  Numbers work(size_t(rows), 0);
  for (const Ragged& r : spec_.ragged) {
    const auto input = std::find(spec_.inputs.begin(), spec_.inputs.end(), r.lengths) - spec_.inputs.begin();
    const Array& a = arrays[size_t(input)];
    const int64_t steps = std::max<int64_t>(sizes[size_t(r.steps)], 1), step = sizes[size_t(r.work)] / (steps * rows);
    whole -= step * steps * rows;
    for (int64_t row = 0; row < rows; ++row) {
      int32_t length;
      std::memcpy(&length, a.data + (order == nullptr ? start + row : order[start + row]) * a.stride, sizeof length);
      work[size_t(row)] += step * std::clamp<int64_t>(length, 0, steps);
    }
  }
  int64_t total = 0, done = 0;
  for (int64_t& w : work) total += w += std::max<int64_t>(whole, 0) / rows;
  Numbers cuts;
  for (int64_t row = 0; int64_t(cuts.size()) < count - 1; ++row) {
    const int64_t next = int64_t(cuts.size()) + 1, first = cuts.empty() ? 0 : cuts.back();
    const bool due = (2 * done + work[size_t(row)]) * count > 2 * total * next, last = rows - row == count - next;
    if (row > first && (due || last)) cuts.push_back(row);
    done += work[size_t(row)];
  }
  return cuts;
}

template <class R>
typename Plan<R>::Binding& Plan<R>::bind(const Numbers& symbols, const Numbers& cuts) {
  if (auto found = bindings_.find({symbols, cuts, away_}); found != bindings_.end()) return *found->second;
  if (bindings_.size() >= kept_bindings) forget();
  bound_ = nullptr;
  auto made = make(symbols, cuts);
  if (needed(*made) > memory_) throw MemoryShortage{needed(*made), memory_, symbols[0]};
  if (reserve(*made)) forget();                // their pointers point nowhere now
  build(*made);
  Binding& b = *(bindings_[{symbols, cuts, away_}] = std::move(made));
  if (auto found = bindings_.find({symbols, cuts, !away_}); found != bindings_.end()) {
    b.partner = found->second.get();
    b.partner->partner = &b;
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
void Plan<R>::release() {
  forget();
  arena_.release();
  arenas_.clear();
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
std::unique_ptr<typename Plan<R>::Binding> Plan<R>::make(const Numbers& symbols, const Numbers& cuts) {
  auto b = std::make_unique<Binding>();
  b->symbols = symbols;
  b->cuts = cuts;
  b->away = away_;
  b->sizes = evaluate(spec_.dims, symbols);
  for (const Value& v : spec_.values) {
    if (b->sizes[size_t(v.count)] < 0) throw std::range_error("a size is negative");
  }
  const int count = cuts.empty() ? shard_count(symbols, b->sizes) : int(cuts.size()) + 1;
  b->layout = Layout<R>(spec_, b->sizes, kernels_).arena(false, false);
  b->shards.resize(size_t(count));
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
    shard.layout = Layout<R>(spec_, shard.sizes, kernels_).arena(true, count > 1);
  }
  return b;
}

template <class R>
char* Plan<R>::address(Binding& b, Shard* shard, int segment, int value, int part) {
  const Value& v = spec_.values[size_t(value)];
  if (const int t = twin_of_[size_t(value)]; t >= 0) {
    const Twin& two = twins_[size_t(t)];
    if (v.home != Home::variable) return twin(two, !b.away);
    return twin(two, b.away) + (variables_[size_t(v.index)] - two.home);
  }
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
        s.rows_at[spec_.inputs[i]].resize(size_t(s.rows));
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
      spec_, b.sizes, kernels_, [&](int v, int) { return address(b, nullptr, -1, v, v); }, arena_.data(), 0);
  b.segments.resize(spec_.segments.size());
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
          spec_, shard.sizes, kernels_, [&](int v, int part) { return address(b, &shard, int(n), v, part); },
          arenas_[s].data(), shard.first_row);
      for (const auto& [value, rows] : shard.rows_at) builder.rows_at[value] = rows.data();
      shard.segments[n] = compile(segment.code, shard.layout.block[n], builder, arenas_[s].data());
    }
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
    if (!spec_.values[size_t(value)].rows) {
      if (b.layout.value[size_t(value)] >= 0)
        b.loads.push_back({i, address(b, nullptr, -1, value, value), 0, b.symbols[0], steps(b.sizes)});
      continue;
    }
    const int lengths = spec_.values[size_t(value)].lengths;
    for (Shard& s : b.shards) {
      if (s.layout.value[size_t(value)] < 0) continue;
      s.loads.push_back({i, address(b, &s, -1, value, value), s.first_row, s.rows, steps(s.sizes)});
      if (const auto rows = s.rows_at.find(value); rows != s.rows_at.end()) {
        s.loads.back().rows_at = &rows->second;
        s.loads.back().row = Layout<R>(spec_, s.sizes, kernels_).bytes(value) / std::max<int64_t>(s.rows, 1);
      }
      if (lengths >= 0) s.loads.back().lengths = reinterpret_cast<const int32_t*>(address(b, &s, -1, lengths, lengths));
    }
  }
  for (Shard& s : b.shards)
    std::stable_partition(s.loads.begin(), s.loads.end(), [](const Load& l) { return l.lengths == nullptr; });
  Layout<R> layout(spec_, b.sizes, kernels_);
  for (const Update& u : spec_.updates) {
    if (const int t = twin_of_[size_t(u.variable_value)]; t >= 0 && t == twin_of_[size_t(u.from)]) continue;
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

namespace {

// Rows order[first ...] (or first ... when there is no order) of a data set, one after another.
void gather_rows(char* to, const Array& a, const int64_t* order, int64_t first, int64_t rows) {
  if (order == nullptr && a.stride == a.bytes) {
    if (rows > 0) std::memcpy(to, a.data + first * a.bytes, size_t(rows * a.bytes));
  } else if (order != nullptr && a.bytes == 4) {
    for (int64_t r = 0; r < rows; ++r) std::memcpy(to + r * 4, a.data + order[first + r] * a.stride, 4);
  } else {
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(to + r * a.bytes, a.data + (order == nullptr ? first + r : order[first + r]) * a.stride,
                  size_t(a.bytes));
  }
}

// The same, but step after step of all rows, instead of row after row of all steps. lengths: of some rows, see Value::lengths.
void gather_steps(char* to, const Array& a, const int64_t* order, int64_t first, int64_t rows, int64_t steps,
                  const int32_t* lengths) {
  const int64_t each = a.bytes / steps;
  std::vector<int64_t> start;
  if (lengths != nullptr) row_starts(start, lengths, rows, steps);
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t r = 0, end = lengths == nullptr ? rows : start[size_t(t) + 1] - start[size_t(t)]; r < end;
         ++r, to += each) {
      const char* from = a.data + (order == nullptr ? first + r : order[first + r]) * a.stride + t * each;
      if (each == 4) std::memcpy(to, from, 4);
      else std::memcpy(to, from, size_t(each));
    }
}

}  // namespace

template <class R>
void Plan<R>::load(const std::vector<Load>& loads, const Feed& feed) {
  for (const Load& l : loads) {
    const Array& a = feed.arrays[l.input];
    if (a.bytes == 0) continue;  // an empty array may be nowhere
    if (l.rows_at != nullptr && a.rows >= 0) {
      for (size_t r = 0; r < l.rows_at->size(); ++r) {
        const int64_t row = feed.start + l.first + int64_t(r);
        (*l.rows_at)[r] = a.data + (feed.order == nullptr ? row : feed.order[row]) * a.stride;
      }
    } else if (a.rows < 0) std::memcpy(l.to, a.data, size_t(a.bytes));
    else if (l.steps > 0) gather_steps(l.to, a, feed.order, feed.start + l.first, l.rows, l.steps, l.lengths);
    else gather_rows(l.to, a, feed.order, feed.start + l.first, l.rows);
  }
}

template <class R>
void Plan<R>::bring_home() {
  if (bound_ == nullptr) return;
  for (const Shard& s : bound_->shards)
    for (const Load& l : s.loads)
      for (size_t r = 0; l.rows_at != nullptr && r < l.rows_at->size(); ++r)
        (*l.rows_at)[r] = l.to + int64_t(r) * l.row;
}

template <class R>
void Plan<R>::reduce(size_t segment) {
  if (bound_->shards.size() == 1) return;
  for (size_t p = 0; p < spec_.partials.size(); ++p) {
    if (spec_.partial_segment[p] != int(segment)) continue;
    int root = spec_.partials[p];
    const int64_t count = bound_->sizes[size_t(spec_.values[size_t(root)].count)];
    const int64_t offset = part_offset(bound_->sizes, root);
    auto* to = reinterpret_cast<R*>(address(*bound_, nullptr, -1, root, root)) + offset;
    for (size_t s = 0; s < bound_->shards.size(); ++s) {
      const auto* from =
          reinterpret_cast<const R*>(address(*bound_, &bound_->shards[s], int(segment), root, spec_.partials[p])) +
          offset;
      if (s == 0) std::memcpy(to, from, size_t(count) * sizeof(R));
      else
        for (int64_t i = 0; i < count; ++i) to[i] += from[i];
    }
  }
}

template <class R>
bool Plan<R>::step(const Feed& feed, int threads, Watch& watch, Host* host) {
  Binding& b = *bound_;
  load(b.loads, feed);
  const auto by_rows = [](const Segment& s) { return s.rows; };
  const auto first =
      size_t(std::find_if(spec_.segments.begin(), spec_.segments.end(), by_rows) - spec_.segments.begin());
  if (b.shards.size() == 1 || first == spec_.segments.size())
    for (const Shard& s : b.shards) load(s.loads, feed);
  for (size_t n = 0; n < spec_.segments.size(); ++n) {
    if (!spec_.segments[n].rows) {
      for (auto& s : b.segments[n]) s->run(watch);
      continue;
    }
    if (b.shards.size() == 1) {
      for (auto& s : b.shards[0].segments[n]) {
        watch.tick();
        s->run(watch);
      }
      continue;
    }
    std::vector<std::exception_ptr> failures(b.shards.size());
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> stopped{false};
    const auto shard = [&](int s) {
      try {
        Watch own(std::this_thread::get_id() == caller ? host : nullptr, &stopped);
        if (n == first) load(b.shards[size_t(s)].loads, feed);
        for (auto& step : b.shards[size_t(s)].segments[n]) {
          own.tick();
          step->run(own);
        }
      } catch (...) { failures[size_t(s)] = std::current_exception(); }
    };
    const auto idle = [&] {
      if (host != nullptr && !stopped && host->stop()) stopped = true;
    };
    parallel(int(b.shards.size()), threads, shard, idle);
    if (stopped) throw Interrupted{};
    for (auto& f : failures)
      if (f) std::rethrow_exception(f);
    reduce(n);
  }
  if (b.guard != nullptr && !std::isfinite(*b.guard)) return false;
  for (auto& s : b.last) s->run(watch);
  for (const Move& u : b.updates) std::memcpy(u.to, u.from, u.bytes);
  return true;
}

template <class R>
Outcome Plan<R>::run(const std::vector<Array>& arrays, const Numbers& symbols, const int64_t* order, int64_t rows,
                     int64_t batch, int threads, Host* host) {
  FlushDenormals flush;
  int64_t done = 0;
  if (threads != threads_ && spec_.partials.empty()) forget();  // its shards are cut for other threads
  threads_ = threads;
  asked_ = symbols;  // kept, as a step of a stream is shorter than two allocations
  Watch watch(host);
  const struct Settle {  // however the run ends
    Plan* plan;
    ~Settle() {
      plan->settle();
      plan->bring_home();
    }
  } settle{this};
  for (int64_t start = 0; start < rows || (rows == 0 && start == 0); start += std::max<int64_t>(batch, 1)) {
    asked_[0] = std::min(batch, rows - start);
    const Numbers cuts = cut(arrays, order, start);
    if (bound_ == nullptr || bound_->symbols != asked_ || bound_->cuts != cuts) bound_ = &bind(asked_, cuts);
    else if (bound_->away != away_) bound_ = bound_->partner != nullptr ? bound_->partner : &bind(asked_, cuts);
    if (!step({arrays, order, start}, threads, watch, host)) return {done, true};
    away_ = !twins_.empty() && !away_;
    ++done;
    watch.tick();
    if (rows == 0) break;
  }
  return {done, false};
}

template <class R>
void Plan<R>::run(Fixed& fixed) {
  if (fixed.found != moves_) {
    run(fixed.arrays, fixed.symbols, nullptr, 1, 1, fixed.threads, nullptr);
    for (size_t i = 0; i < fixed.outputs.size(); ++i) read(i, fixed.outputs[i]);
    return find(fixed);
  }
  FlushDenormals flush;
  Watch nobody(nullptr);
  for (const Move& m : fixed.in) std::memcpy(m.to, m.from, m.bytes);
  for (Step* step : fixed.steps) step->run(nobody);
  for (const Move& m : fixed.out) std::memcpy(m.to, m.from, m.bytes);
}

template <class R>
void Plan<R>::find(Fixed& fixed) const {
  const Binding& b = *bound_;
  if (b.shards.size() > 1 || b.guard != nullptr || !spec_.updates.empty()) return;  // every run is a run like others
  fixed.in.clear(), fixed.steps.clear(), fixed.out.clear();
  for (const auto* loads : {&b.loads, &b.shards[0].loads})
    for (const Load& l : *loads) {
      const Array& a = fixed.arrays[l.input];
      if (a.bytes > 0) fixed.in.push_back({l.to, a.data, size_t(a.bytes)});
    }
  for (size_t n = 0; n < spec_.segments.size(); ++n)
    for (auto& step : spec_.segments[n].rows ? b.shards[0].segments[n] : b.segments[n])
      fixed.steps.push_back(step.get());
  for (auto& step : b.last) fixed.steps.push_back(step.get());
  for (size_t i = 0; i < fixed.outputs.size(); ++i) {
    char* to = fixed.outputs[i];
    for (const Piece& piece : b.results[i]) {
      fixed.out.push_back({to, piece.from, piece.bytes});
      to += piece.bytes;
    }
  }
  fixed.found = moves_;
}

template <class R>
std::vector<double> Plan<R>::profile(int repeats) {
  FlushDenormals flush;
  Watch watch(nullptr);
  std::vector<Step*> order;
  for (size_t n = 0; n < spec_.segments.size(); ++n) {
    for (auto& s : spec_.segments[n].rows ? bound_->shards[0].segments[n] : bound_->segments[n])
      order.push_back(s.get());
  }
  for (auto& s : bound_->last) order.push_back(s.get());
  std::vector<double> spent(order.size(), 0);
  for (int r = 0; r < repeats; ++r) {
    for (size_t i = 0; i < order.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      order[i]->run(watch);
      spent[i] += std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    }
  }
  for (double& s : spent) s /= std::max(repeats, 1);
  return spent;
}

template <class R>
int64_t Plan<R>::output_bytes(size_t output) const {
  int64_t bytes = 0;
  for (const Piece& piece : bound_->results[output]) bytes += int64_t(piece.bytes);
  return bytes;
}

template <class R>
void Plan<R>::read(size_t output, char* to) const {
  for (const Piece& piece : bound_->results[output]) {
    std::memcpy(to, piece.from, piece.bytes);
    to += piece.bytes;
  }
}

template <class R>
Numbers Plan<R>::output_sizes(const std::vector<int>& dims) const {
  Numbers out;
  for (int d : dims) out.push_back(bound_->sizes[size_t(d)]);
  return out;
}

template <class R>
Numbers Plan<R>::shards() const {
  Numbers rows;
  if (bound_ != nullptr)
    for (const Shard& s : bound_->shards) rows.push_back(s.rows);
  return rows;
}

template <class R>
int64_t Plan<R>::arena_bytes() const {
  int64_t total = arena_.size();
  for (const Block& a : arenas_) total += a.size();
  return total;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace elman
