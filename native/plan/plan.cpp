#include "plan.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

#include "floating_point.h"
#include "places.h"
#include "threads.h"

namespace elman {

namespace {

// By value, whether sums that shards make of their own lie in it
std::vector<bool> holders_of_partials(const Spec& spec) {
  std::vector<bool> holds(spec.values.size(), false);
  for (int v : spec.partials) {
    while (spec.values[size_t(v)].home == Home::part) v = spec.values[size_t(v)].index;
    holds[size_t(v)] = true;
  }
  return holds;
}

}  // namespace

template <class R>
Plan<R>::Plan(Spec spec, std::vector<char*> variables, std::vector<std::vector<char>> constants, Isa isa,
              int64_t memory)
    : spec_(placed(std::move(spec))),
      variables_(std::move(variables)),
      kernels_(kernels<R>(isa)),
      memory_(memory),
      partial_of_(spec_.values.size(), -1),
      holds_partials_(holders_of_partials(spec_)),
      twins_(
          spec_, variables_,
          [this, sizes = evaluate(spec_.dims, Numbers(size_t(std::max(spec_.symbols, 1)), 0))](int v) {
            return Layout<R>(spec_, sizes, kernels_).bytes(v);
          },
          holds_partials_) {
  for (const auto& bytes : constants) {
    constants_.emplace_back();
    constants_.back().reserve(int64_t(bytes.size()));
    std::memcpy(constants_.back().data(), bytes.data(), bytes.size());
  }
  for (size_t p = 0; p < spec_.partials.size(); ++p) partial_of_[size_t(spec_.partials[p])] = spec_.partial_segment[p];
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
    // Neighbours are walked by one thread, one after another or side by side: what they compute is the same.
    const int shards = int(b.shards.size()), fewest = (shards + most_together - 1) / most_together;
    const int gangs = b.together[n] ? std::clamp(threads, fewest, shards) : shards;
    std::vector<std::exception_ptr> failures(size_t(gangs), nullptr);
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> stopped{false};
    const auto gang = [&](int g) {
      try {
        Watch own(std::this_thread::get_id() == caller ? host : nullptr, &stopped);
        Steps* lists[most_together];
        const int from = g * shards / gangs, to = (g + 1) * shards / gangs;
        for (int s = from; s < to; ++s) {
          if (n == first) load(b.shards[size_t(s)].loads, feed);
          lists[s - from] = &b.shards[size_t(s)].segments[n];
        }
        run_together(*lists[0], lists, to - from, own);
      } catch (...) { failures[size_t(g)] = std::current_exception(); }
    };
    const auto idle = [&] {
      if (host != nullptr && !stopped && host->stop()) stopped = true;
    };
    parallel(gangs, threads, gang, idle);
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
                     int64_t batch, int threads, Host* host, const std::vector<char*>& into, const Lengths* lengths) {
  FlushDenormals flush;
  int64_t done = 0;
  bool finite = true;
  if (threads != threads_ && spec_.partials.empty()) forget();  // its shards are cut for other threads
  threads_ = threads;
  asked_ = symbols;  // kept, as a step of a stream is shorter than two allocations
  Watch watch(host);
  const struct Settle {  // however the run ends
    Plan* plan;
    ~Settle() {
      plan->twins_.settle();
      if (plan->bound_ == nullptr) return;
      for (const Shard& s : plan->bound_->shards) bring_home(s.loads);
      give(*plan->bound_, {});
    }
  } settle{this};
  std::vector<Array> shorter = lengths == nullptr ? std::vector<Array>() : arrays;
  for (int64_t start = 0; start < rows || (rows == 0 && start == 0); start += std::max<int64_t>(batch, 1)) {
    if (lengths != nullptr) {
      asked_ = lengths->symbols[size_t(done)];
      for (size_t i = 0; i < shorter.size(); ++i) shorter[i].bytes = lengths->bytes[size_t(done)][i];
    }
    asked_[0] = std::min(batch, rows - start);
    const Feed feed{lengths == nullptr ? arrays : shorter, order, start};
    const Cut cut = elman::cut(spec_, asked_, feed, threads);
    try {
      if (bound_ == nullptr || bound_->symbols != asked_ || bound_->cut != cut) bound_ = &bind(asked_, cut);
      else if (bound_->away != twins_.away())
        bound_ = bound_->partner != nullptr ? bound_->partner : &bind(asked_, cut);
    } catch (const MemoryShortage&) {
      if (lengths == nullptr || done == 0) throw;
      break;
    }
    if (!into.empty()) give(*bound_, into);
    const bool good = step(feed, threads, watch, host);
    finite = look(*bound_) && finite;
    if (!good) return {done, true, finite};
    twins_.turn();
    if (lengths != nullptr) twins_.settle();  // sooner copied than each length bound twice
    ++done;
    watch.tick();
    if (rows == 0) break;
  }
  return {done, false, finite};
}

template <class R>
void Plan<R>::give(Binding& b, const std::vector<char*>& into) {
  for (const Shard& s : b.shards)
    for (const Given& g : s.given) *g.field.at = (into.empty() ? g.own : into[g.output] + g.before) + g.field.offset;
}

template <class R>
bool Plan<R>::look(Binding& b) {
  bool finite = true;
  for (Shard& s : b.shards)
    for (auto& [value, at] : s.rows_at) {
      finite &= at.finite;
      at.finite = true;
    }
  return finite;
}

template <class R>
bool Plan<R>::finite(const std::vector<Array>& arrays) const {
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Array& a = arrays[i];
    const int64_t bytes = a.rows < 0 ? a.bytes : a.rows * a.bytes;
    const bool real = spec_.values[size_t(spec_.inputs[i])].storage == Storage::real;
    if (real && kernels_.finite({bytes / int64_t(sizeof(R)), reinterpret_cast<const R*>(a.data)}) >= 0) return false;
  }
  return true;
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
  int64_t matrices = 0;
  for (const Step* step : fixed.steps) matrices += step->matrix();
  for (Step* step : fixed.steps) step->among(matrices);
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
  if (bound_ == nullptr) throw std::logic_error("a plan is profiled with the sizes of its last run");
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
  if (bound_ == nullptr) return -1;
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
