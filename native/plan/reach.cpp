#include "reach.h"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace elman {
namespace {

struct Reach {  // of an operand, in elements from the start of its value; last before first: it is not touched
  int64_t first, last;
};

struct Axis {
  int64_t size, stride;
};

struct Operand {
  Reach reach;
  Storage storage = Storage::real;
};

struct Operands {
  std::vector<Operand> in, out;
};

constexpr Reach nothing = {0, -1};
constexpr int64_t farthest = int64_t(1) << 31;  // of a window, in steps of an axis: places of it stay numbers

// What does not fit into a number is larger than any value.
int64_t times(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw std::overflow_error("a size is too large for a number");
  return product;
}
int64_t plus(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw std::overflow_error("a size is too large for a number");
  return sum;
}

// So many elements, one after another. Throws std::out_of_range where sizes below 0 make a number of elements.
Reach run(std::initializer_list<int64_t> sizes) {
  int64_t count = 1;
  bool below = false;
  for (const int64_t size : sizes) {
    if (size == 0) return nothing;
    below |= size < 0;
    count = times(count, size);
  }
  if (below) throw std::out_of_range("a size is below 0");
  return {0, count - 1};
}

Reach walk(int64_t offset, const std::vector<Axis>& axes) {
  Reach reach{offset, offset};
  bool below = false;
  for (const Axis& axis : axes) {
    if (axis.size == 0) return nothing;
    below |= axis.size < 0;
  }
  if (below) throw std::out_of_range("a size is below 0");
  for (const Axis& axis : axes) {
    int64_t& end = axis.stride < 0 ? reach.first : reach.last;
    end = plus(end, times(axis.size - 1, axis.stride));
  }
  return reach;
}

bool among(const std::vector<int>& numbers, int n) {
  return std::find(numbers.begin(), numbers.end(), n) != numbers.end();
}

class Checker {
 public:
  Checker(const Spec& spec, const Numbers& sizes, int64_t rows) : spec_(spec), sizes_(sizes), rows_(rows) {}

  void check(const Instruction& i) const {
    try {
      check_operands(i);
    } catch (const std::overflow_error& e) { fail(i, e.what()); } catch (const std::out_of_range& e) {
      fail(i, e.what());
    }
    if (i.op == Op::scan) {
      for (const Instruction& one : spec_.bodies[size_t(i.body)].code) check(one);
    } else if (i.op == Op::strip) {
      const Strip& strip = spec_.strips[size_t(i.body)];
      for (size_t n = 0; n < strip.code.size(); ++n) {
        check(strip.code[n]);
        check_instrip(i, strip, n);
      }
    }
  }

  // What is read and written beside the code: lengths and sums of shards, or what a run gives.
  void check_edges(bool by_row) const {
    static const Instruction edge = [] {
      Instruction i;
      i.where = "run";
      return i;
    }();
    for (const int v : spec_.inputs) {
      const int lengths = value(v).lengths;
      if (by_row && lengths >= 0 && count(lengths) < rows_) fail(edge, "has fewer lengths than rows");
    }
    for (const int v : spec_.outputs)
      if (value(v).rows == by_row) within(edge, "gives", v, {run({count(v)}), value(v).storage});
    for (const int v : spec_.partials) within(edge, "adds up", v, {run({count(v)})});
    if (by_row) return;
    for (const Update& u : spec_.updates)
      within(edge, "updates from", u.from, {run({count(u.from)}), value(u.variable_value).storage});
    if (spec_.guard >= 0) within(edge, "looks at", spec_.guard, {run({1})});
  }

 private:
  [[noreturn]] static void fail(const Instruction& i, const std::string& what) {
    throw std::logic_error("instruction " + i.where + " " + what + ": its graph was lowered wrongly, please report it");
  }

  int64_t size(const Instruction& i, size_t at) const {
    if (at >= i.dims.size()) fail(i, "lacks its size " + std::to_string(at));
    return sizes_[size_t(i.dims[at])];
  }
  int64_t flag(const Instruction& i, size_t at) const {
    if (at >= i.flags.size()) fail(i, "lacks its flag " + std::to_string(at));
    return i.flags[at];
  }
  size_t axes(const Instruction& i, size_t at) const {
    const int64_t found = flag(i, at);
    if (found < 0 || size_t(found) > i.dims.size()) fail(i, "has " + std::to_string(found) + " axes");
    return size_t(found);
  }
  const Value& value(int v) const { return spec_.values[size_t(v)]; }
  int64_t count(int v) const { return sizes_[size_t(value(v).count)]; }

  void check_operands(const Instruction& i) const {
    if (i.op == Op::strip) return void(size(i, 0));  // names what its code names
    const Operands told = operands(i);
    if (told.in.size() != i.in.size() || told.out.size() != i.out.size())
      fail(i, "has operands of another instruction");
    for (size_t n = 0; n < i.in.size(); ++n) within(i, "reads", i.in[n], told.in[n]);
    for (size_t n = 0; n < i.out.size(); ++n) within(i, "writes", i.out[n], told.out[n]);
  }

  void within(const Instruction& i, const char* does, int v, const Operand& operand) const {
    if (value(v).storage != operand.storage) fail(i, std::string(does) + " a value of another type");
    const Reach reach = operand.reach;
    if (reach.last < reach.first) return;
    int64_t offset = 0;
    int root = v;
    for (; value(root).home == Home::part; root = value(root).index)
      offset = plus(offset, sizes_[size_t(value(root).offset)]);
    if (plus(offset, reach.first) >= 0 && plus(offset, reach.last) < count(root)) return;
    fail(i, std::string(does) + " elements " + std::to_string(offset + reach.first) + " to " +
                std::to_string(offset + reach.last) + " of a value that has " + std::to_string(count(root)));
  }

  // What is local to a strip has room for some time steps: time is its outermost axis, and nothing lies between two steps.
  void check_instrip(const Instruction& all, const Strip& strip, size_t position) const {
    const Instruction& i = strip.code[position];
    const auto local = [&](int v, Axis time, Reach step) {
      if (!among(strip.local, v) || time.size <= 0) return;
      if (times(time.size, time.stride) != count(v) || step.first < 0 || step.last >= time.stride)
        fail(i, "does not have time outermost in a strip");
    };
    if (i.op == Op::scan) {
      if (size(i, 0) != size(all, 0)) fail(i, "has other steps than its strip");
    } else if (i.op == Op::pointwise) {
      const size_t axes = this->axes(i, 0), time = size_t(flag(i, 1));
      if (time >= axes) fail(i, "does not have its axis of time");
      check_steps(all, i, strip, size(i, time));
      for (size_t n = 0; n < i.in.size() + i.out.size(); ++n) {
        std::vector<Axis> others;
        for (size_t a = 0; a < axes; ++a)
          if (a != time) others.push_back({size(i, a), size(i, axes * (n + 1) + a)});
        const Axis walked = {size(i, time), size(i, axes * (n + 1) + time)};
        local(n < i.in.size() ? i.in[n] : i.out[n - i.in.size()], walked, walk(0, others));
        if (n < i.in.size() && left_where_it_lies(i.in[n])) check_row(i, strip, n);
      }
    } else if (i.op == Op::matmul) {
      const int64_t m = size(i, 1), n = size(i, 2), k = size(i, 3);
      if (size(i, 0) != 1) fail(i, "has several products in a strip");
      if (among(strip.sums, int(position))) {
        local(i.in[0], {k, size(i, 5)}, walk(0, {{m, size(i, 4)}}));
        local(i.in[1], {k, size(i, 7)}, walk(0, {{n, size(i, 8)}}));
      } else {
        local(i.in[0], {m, size(i, 4)}, walk(0, {{k, size(i, 5)}}));
        if (i.in.size() > 2) local(i.in[2], {m, size(i, 10)}, run({n}));
        local(i.out[0], {m, n}, run({n}));
        if (left_where_it_lies(i.in[0])) check_rows(i, strip, size(all, 0));
      }
    }
  }

  // Element-wise work beside a loop walks its steps, or the rows of all its steps.
  void check_steps(const Instruction& all, const Instruction& i, const Strip& strip, int64_t walked) const {
    const int64_t steps = size(all, 0);
    for (const Instruction& one : strip.code)
      if (one.op == Op::scan && walked != steps && walked != times(steps, size(one, 1)))
        fail(i, "walks other steps than its strip");
  }

  bool left_where_it_lies(int v) const {
    const auto at = size_t(std::find(spec_.inputs.begin(), spec_.inputs.end(), v) - spec_.inputs.begin());
    return at < spec_.input_rows.size() && spec_.input_rows[at];
  }

  static bool gapless(const Spec& spec, const Strip& strip) {
    return std::any_of(strip.code.begin(), strip.code.end(), [&](const Instruction& i) {
      return i.op != Op::scan && i.op != Op::pointwise && spec.values[size_t(i.in[0])].lengths >= 0;
    });
  }

  // Rows of the batch that stay where they lie are walked outermost, and each within itself.
  void check_row(const Instruction& i, const Strip& strip, size_t n) const {
    const size_t axes = this->axes(i, 0);
    std::vector<Axis> row;
    for (size_t a = 1; a < axes; ++a) row.push_back({size(i, a), size(i, axes * (n + 1) + a)});
    const Reach reach = walk(0, row);
    const bool inside = reach.first >= 0 && reach.last < count(i.in[n]) / std::max<int64_t>(rows_, 1);
    if (flag(i, 1) == 0 || size(i, 0) > rows_ || !inside || gapless(spec_, strip))
      fail(i, "reads rows that its input does not have");
  }

  // The same of a product of the rows of all steps
  void check_rows(const Instruction& i, const Strip& strip, int64_t steps) const {
    const int64_t each = size(i, 1) / std::max<int64_t>(steps, 1);
    const bool inside = times(steps, size(i, 3)) <= count(i.in[0]) / std::max<int64_t>(rows_, 1);
    if (each > rows_ || size(i, 5) != 1 || !inside || gapless(spec_, strip))
      fail(i, "reads rows that its input does not have");
  }

  Operands operands(const Instruction& i) const {
    const auto d = [&](size_t at) { return size(i, at); };
    const auto flags = [&](size_t count) { return count == 0 ? 0 : flag(i, count - 1); };
    constexpr Storage index = Storage::index;
    switch (i.op) {
      case Op::matmul: {
        const int64_t batch = d(0), m = d(1), n = d(2), k = d(3);
        flags(2), d(11), times(times(k, n), 16);  // packed, it has as many elements
        Operands o{{{walk(0, {{batch, d(6)}, {m, d(4)}, {k, d(5)}})}, {walk(0, {{batch, d(9)}, {k, d(7)}, {n, d(8)}})}},
                   {{run({batch, m, n})}}};
        if (i.in.size() > 2) o.in.push_back({walk(0, {{batch, d(11)}, {m, d(10)}, {n, 1}})});
        return o;
      }
      case Op::quantized_matmul:
        return {{{run({d(0), d(2)})}, {run({d(1), d(2)}), Storage::code}, {run({d(1)})}}, {{run({d(0), d(1)})}}};
      case Op::pointwise:
        if (i.program.rows && axes(i, 0) == 0) fail(i, "has rows and no axes");
        return strided(i, true);
      case Op::integer:
        return strided(i, false);
      case Op::reduce:
        if (flags(1) < 0 || flags(1) > int64_t(ReduceKind::prod)) fail(i, "is of an unknown kind");
        return {{{run({d(0), d(1), d(2)})}}, {{run({d(0), d(2)})}}};
      case Op::arg_max:
        return {{{run({d(0), d(1), d(2)})}}, {{run({d(0), d(2)}), index}}};
      case Op::top_k:
        if (d(2) > d(1)) fail(i, "takes more than there are");
        return {{{run({d(0), d(1)})}}, {{run({d(0), d(2)})}, {run({d(0), d(2)}), index}}};
      case Op::softmax:
        flags(1);
        return {{{run({d(0), d(1)})}}, {{run({d(0), d(1)})}}};
      case Op::cum_sum:
        flags(2);
        return {{{run({d(0), d(1), d(2)})}}, {{run({d(0), d(1), d(2)})}}};
      case Op::linear_cross_entropy: {
        const Operand rows{run({d(0)})}, x{run({d(0), d(1)})}, w{run({d(1), d(2)})}, bias{run({d(2)})};
        const Operand places{rows.reach, index};
        if (i.in.size() == 4) return {{x, w, bias, places}, {rows, places}};
        return {{x, w, bias, places, rows}, {rows, places, x, w, bias}};
      }
      case Op::copy:
        return copied(i);
      case Op::gather: {
        const Storage storage = i.in.empty() ? index : moved(i, i.in[0]);
        return {{{run({d(0), d(1), d(2)}), storage}, {run({d(0), d(3)}), index}}, {{run({d(0), d(3), d(2)}), storage}}};
      }
      case Op::scatter_add:
        return {{{run({d(0), d(3)}), index}, {run({d(0), d(3), d(2)})}}, {{run({d(0), d(1), d(2)})}}};
      case Op::uniform:
        flags(2);
        return {std::vector<Operand>(i.in.size() > 2 ? 3 : 2, {run({1}), index}), {{run({d(0), d(1)})}}};
      case Op::range:
      case Op::size: {
        const Storage storage = i.out.empty() ? index : moved(i, i.out[0]);
        d(0);
        return {{}, {{run({i.op == Op::range ? d(0) : 1}), storage}}};
      }
      case Op::conv:
      case Op::conv_kernel:
      case Op::pool:
      case Op::unpool:
        return windows(i);
      case Op::scan:
        return loop(i);
      case Op::strip:
      case Op::count_:
        break;
    }
    fail(i, "is unknown");
  }

  // What moves items of 4 or 8 bytes does not move others.
  Storage moved(const Instruction& i, int v) const {
    if (value(v).storage == Storage::code) fail(i, "moves numbers of one byte");
    return value(v).storage;
  }

  Operands copied(const Instruction& i) const {
    const size_t axes = this->axes(i, 1);
    std::vector<Axis> to, from;
    for (size_t a = 0; a < axes; ++a) {
      to.push_back({size(i, 2 + a), size(i, 2 + axes + a)});
      from.push_back({size(i, 2 + a), size(i, 2 + 2 * axes + a)});
    }
    if (axes > 32) fail(i, "has too many axes");
    const Storage storage = i.out.empty() ? Storage::real : moved(i, i.out[0]);
    if (flag(i, 0) != 0 && !i.out.empty()) within(i, "clears", i.out[0], {run({count(i.out[0])}), storage});
    return {{{walk(size(i, 1), from), storage}}, {{walk(size(i, 0), to), storage}}};
  }

  // real: numbers of either type; else whole numbers, whose results lie one after another
  Operands strided(const Instruction& i, bool real) const {
    const size_t axes = this->axes(i, 0);
    if (i.program.in.size() != i.in.size() || i.program.out.size() != i.out.size())
      fail(i, "has a program for other operands");
    const auto operand = [&](size_t n, int v) -> Operand {
      std::vector<Axis> walked;
      for (size_t a = 0; a < axes; ++a) walked.push_back({size(i, a), size(i, axes * (n + 1) + a)});
      return {walk(0, walked), real ? moved(i, v) : Storage::index};
    };
    Operands o;
    for (const int v : i.in) o.in.push_back(operand(o.in.size(), v));
    for (const int v : i.out) {
      o.out.push_back(operand(i.in.size() + o.out.size(), v));
      int64_t count = 1;
      for (size_t a = 0; a < axes; ++a) count = times(count, size(i, a));
      if (!real) o.out.back().reach = run({count});
    }
    return o;
  }

  Operands windows(const Instruction& i) const {
    const bool products = i.op == Op::conv || i.op == Op::conv_kernel;
    size(i, products ? 14 : 13);
    const Window w = window(i, sizes_);
    for (const int64_t step : {w.stride_h, w.stride_w, w.dilation_h, w.dilation_w})
      if (step < 1) fail(i, "has windows that do not move");
    for (const int64_t far : {times(w.out_h, w.stride_h), times(w.out_w, w.stride_w), times(w.kernel_h, w.dilation_h),
                              times(w.kernel_w, w.dilation_w), w.before_h, w.before_w})
      if (far > farthest || far < -farthest) fail(i, "has windows that reach too far");
    const Operand x{run({w.rows, w.height, w.width, w.channels})};
    if (!products) {
      const Operand y{run({w.rows, w.out_h, w.out_w, w.channels})};
      const bool average = flag(i, 0) != 0;
      if (i.op == Op::pool) return {std::vector<Operand>(i.in.size() > 1 ? 2 : 1, x), {y}};
      if (average) return {{y}, {x}};
      return {{x, y}, {x}};
    }
    const int64_t filters = size(i, 14);
    const Operand kernel{run({w.kernel_h, w.kernel_w, w.channels, filters})},
        y{run({w.rows, w.out_h, w.out_w, filters})};
    if (i.op == Op::conv_kernel) return {{x, y}, {kernel}};
    if (i.in.size() > 2) return {{x, kernel, {run({filters})}}, {y}};
    return {{x, kernel}, {y}};
  }

  // What a body names of the outside is as large as what stands for it inside.
  Operands loop(const Instruction& i) const {
    const Body& body = spec_.bodies[size_t(i.body)];
    const size_t states = body.states.size();
    const int64_t steps = size(i, 0), rows = size(i, 1);
    const auto one = [&](int v) -> Operand { return {run({count(v)}), value(v).storage}; };
    const auto all = [&](int v) -> Operand { return {run({steps, count(v)}), value(v).storage}; };
    Operands o;
    for (size_t j = 0; j < states; ++j) {
      if (count(body.states[j]) != count(body.new_states[j])) fail(i, "makes a state of another size");
      within(i, "makes", body.new_states[j], one(body.states[j]));
      o.in.push_back(one(body.states[j]));
    }
    o.out = o.in;
    for (const int v : body.slices) o.in.push_back(all(v));
    for (const int v : body.captured) o.in.push_back(one(v));
    if (body.lengths) o.in.push_back({run({rows}), Storage::index});
    for (const int v : body.outputs) {
      within(i, "makes", v, one(v));
      o.out.push_back(all(v));
    }
    for (size_t j = 0; j < states; ++j) {
      if (body.traced[j] < 0) continue;
      const int stacked = body.outputs[size_t(body.traced[j])];
      if (count(stacked) != count(body.states[j]) || value(stacked).storage != value(body.states[j]).storage)
        fail(i, "traces a state in what is no stack of it");
      Reach& reach = o.out[states + size_t(body.traced[j])].reach;
      (body.reverse ? reach.last : reach.first) += body.reverse ? count(stacked) : -count(stacked);
    }
    return o;
  }

  const Spec& spec_;
  const Numbers& sizes_;
  int64_t rows_;
};

}  // namespace

void check_reach(const Spec& spec, const Numbers& sizes, int64_t rows, bool by_row) {
  const Checker checker(spec, sizes, rows);
  for (const Segment& segment : spec.segments)
    for (const Instruction& i : segment.code)
      if (segment.rows == by_row) checker.check(i);
  for (const Segment& segment : spec.last)
    for (const Instruction& i : segment.code)
      if (!by_row) checker.check(i);
  checker.check_edges(by_row);
}

}  // namespace elman
