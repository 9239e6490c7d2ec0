#include "reach.h"

#include <algorithm>
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

constexpr Reach nothing = {0, -1};

Reach run(int64_t count) { return {0, count - 1}; }

Reach walk(int64_t offset, const std::vector<Axis>& axes) {
  Reach reach{offset, offset};
  for (const Axis& axis : axes) {
    if (axis.size <= 0) return nothing;
    const int64_t end = (axis.size - 1) * axis.stride;
    (end < 0 ? reach.first : reach.last) += end;
  }
  return reach;
}

class Checker {
 public:
  Checker(const Spec& spec, const Numbers& sizes) : spec_(spec), sizes_(sizes) {}

  void check(const Instruction& i) const {
    const std::vector<Reach> told = reaches(i);
    if (told.size() != i.in.size() + i.out.size()) fail(i, "has " + std::to_string(told.size()) + " operands");
    for (size_t n = 0; n < told.size(); ++n) {
      const bool read = n < i.in.size();
      within(i, read ? "reads" : "writes", read ? i.in[n] : i.out[n - i.in.size()], told[n]);
    }
    if (i.op == Op::scan) {
      for (const Instruction& one : spec_.bodies[size_t(i.body)].code) check(one);
    } else if (i.op == Op::strip) {
      const Strip& strip = spec_.strips[size_t(i.body)];
      for (size_t n = 0; n < strip.code.size(); ++n) {
        check(strip.code[n]);
        check_instrip(strip, n);
      }
    }
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
  int64_t count(int value) const { return sizes_[size_t(spec_.values[size_t(value)].count)]; }

  void within(const Instruction& i, const char* does, int value, Reach reach) const {
    if (reach.last < reach.first) return;
    int64_t offset = 0;
    int root = value;
    for (; spec_.values[size_t(root)].home == Home::part; root = spec_.values[size_t(root)].index)
      offset += sizes_[size_t(spec_.values[size_t(root)].offset)];
    if (spec_.values[size_t(root)].storage != spec_.values[size_t(value)].storage)
      fail(i, std::string(does) + " a part that is of another type than what it lies in");
    if (offset + reach.first >= 0 && offset + reach.last < count(root)) return;
    fail(i, std::string(does) + " elements " + std::to_string(offset + reach.first) + " to " +
                std::to_string(offset + reach.last) + " of a value that has " + std::to_string(count(root)));
  }

  // What is local to a strip has room for some time steps: time is its outermost axis, and nothing lies between two steps.
  void check_instrip(const Strip& strip, size_t position) const {
    const Instruction& i = strip.code[position];
    const auto local = [&](int value, Axis time, Reach step) {
      if (std::find(strip.local.begin(), strip.local.end(), value) == strip.local.end() || time.size <= 0) return;
      if (time.size * time.stride != count(value) || step.first < 0 || step.last >= time.stride)
        fail(i, "does not have time outermost in a strip");
    };
    if (i.op == Op::pointwise) {
      const size_t axes = size_t(flag(i, 0)), time = size_t(flag(i, 1));
      for (size_t n = 0; n < i.in.size() + i.out.size(); ++n) {
        std::vector<Axis> others;
        for (size_t a = 0; a < axes; ++a)
          if (a != time) others.push_back({size(i, a), size(i, axes * (n + 1) + a)});
        local(n < i.in.size() ? i.in[n] : i.out[n - i.in.size()], {size(i, time), size(i, axes * (n + 1) + time)},
              walk(0, others));
      }
    } else if (i.op == Op::matmul) {
      const int64_t m = size(i, 1), n = size(i, 2), k = size(i, 3);
      if (size(i, 0) != 1) fail(i, "has several products in a strip");
      if (std::find(strip.sums.begin(), strip.sums.end(), int(position)) != strip.sums.end()) {
        local(i.in[0], {k, size(i, 5)}, walk(0, {{m, size(i, 4)}}));
        local(i.in[1], {k, size(i, 7)}, walk(0, {{n, size(i, 8)}}));
      } else {
        local(i.in[0], {m, size(i, 4)}, walk(0, {{k, size(i, 5)}}));
        if (i.in.size() > 2) local(i.in[2], {m, size(i, 10)}, run(n));
        local(i.out[0], {m, n}, run(n));
      }
    }
  }

  // By operand, first those that are read
  std::vector<Reach> reaches(const Instruction& i) const {
    const auto d = [&](size_t at) { return size(i, at); };
    switch (i.op) {
      case Op::matmul: {
        const int64_t batch = d(0), m = d(1), n = d(2), k = d(3);
        std::vector<Reach> out{walk(0, {{batch, d(6)}, {m, d(4)}, {k, d(5)}}),
                               walk(0, {{batch, d(9)}, {k, d(7)}, {n, d(8)}})};
        if (i.in.size() > 2) out.push_back(walk(0, {{batch, d(11)}, {m, d(10)}, {n, 1}}));
        out.push_back(run(batch * m * n));
        return out;
      }
      case Op::quantized_matmul:
        return {run(d(0) * d(2)), run(d(1) * d(2)), run(d(1)), run(d(0) * d(1))};
      case Op::pointwise:
        return strided(i, i.in.size() + i.out.size());
      case Op::integer: {
        std::vector<Reach> out = strided(i, i.in.size());
        int64_t count = 1;
        for (size_t a = 0; a < size_t(flag(i, 0)); ++a) count *= d(a);
        out.insert(out.end(), i.out.size(), run(count));
        return out;
      }
      case Op::reduce:
      case Op::arg_max:
        return {run(d(0) * d(1) * d(2)), run(d(0) * d(2))};
      case Op::top_k:
        return {run(d(0) * d(1)), run(d(0) * d(2)), run(d(0) * d(2))};
      case Op::softmax:
        return {run(d(0) * d(1)), run(d(0) * d(1))};
      case Op::cum_sum:
        return {run(d(0) * d(1) * d(2)), run(d(0) * d(1) * d(2))};
      case Op::linear_cross_entropy: {
        const Reach rows = run(d(0)), x = run(d(0) * d(1)), w = run(d(1) * d(2)), bias = run(d(2));
        if (i.in.size() == 4) return {x, w, bias, rows, rows, rows};
        return {x, w, bias, rows, rows, rows, rows, x, w, bias};
      }
      case Op::copy: {
        const size_t axes = size_t(flag(i, 1));
        std::vector<Axis> to, from;
        for (size_t a = 0; a < axes; ++a) {
          to.push_back({d(2 + a), d(2 + axes + a)});
          from.push_back({d(2 + a), d(2 + 2 * axes + a)});
        }
        return {walk(d(1), from), walk(d(0), to)};
      }
      case Op::gather:
        return {run(d(0) * d(1) * d(2)), run(d(0) * d(3)), run(d(0) * d(3) * d(2))};
      case Op::scatter_add:
        return {run(d(0) * d(3)), run(d(0) * d(3) * d(2)), run(d(0) * d(1) * d(2))};
      case Op::uniform: {
        std::vector<Reach> out(i.in.size(), run(1));
        out.push_back(run(d(0) * d(1)));
        return out;
      }
      case Op::range:
        return {run(d(0))};
      case Op::size:
        return {run(1)};
      case Op::conv:
      case Op::conv_kernel:
      case Op::pool:
      case Op::unpool:
        return windows(i);
      case Op::scan:
        return loop(i);
      case Op::strip:  // names what its code names
        return std::vector<Reach>(i.in.size() + i.out.size(), nothing);
      case Op::count_:
        break;
    }
    fail(i, "is unknown");
  }

  std::vector<Reach> strided(const Instruction& i, size_t operands) const {
    const size_t axes = size_t(flag(i, 0));
    if (i.program.in.size() != i.in.size() || i.program.out.size() != i.out.size())
      fail(i, "has a program for other operands");
    std::vector<Reach> out;
    for (size_t n = 0; n < operands; ++n) {
      std::vector<Axis> walked;
      for (size_t a = 0; a < axes; ++a) walked.push_back({size(i, a), size(i, axes * (n + 1) + a)});
      out.push_back(walk(0, walked));
    }
    return out;
  }

  std::vector<Reach> windows(const Instruction& i) const {
    size(i, i.op == Op::conv || i.op == Op::conv_kernel ? 14 : 13);
    const Window w = window(i, sizes_);
    const int64_t places = w.rows * w.out_h * w.out_w;
    const Reach x = run(w.rows * w.height * w.width * w.channels);
    if (i.op == Op::pool) {
      std::vector<Reach> out(i.in.size(), x);
      out.push_back(run(places * w.channels));
      return out;
    }
    if (i.op == Op::unpool) {
      std::vector<Reach> out(i.in.size() - 1, x);
      out.insert(out.end(), {run(places * w.channels), x});
      return out;
    }
    const int64_t filters = size(i, 14);
    const Reach kernel = run(w.kernel_h * w.kernel_w * w.channels * filters), y = run(places * filters);
    if (i.op == Op::conv_kernel) return {x, y, kernel};
    if (i.in.size() > 2) return {x, kernel, run(filters), y};
    return {x, kernel, y};
  }

  // What a body names of the outside is as large as what stands for it inside.
  std::vector<Reach> loop(const Instruction& i) const {
    const Body& body = spec_.bodies[size_t(i.body)];
    const size_t states = body.states.size();
    const int64_t steps = size(i, 0), rows = size(i, 1);
    std::vector<Reach> out, last;
    for (size_t j = 0; j < states; ++j) {
      if (count(body.states[j]) != count(body.new_states[j])) fail(i, "makes a state of another size");
      out.push_back(run(count(body.states[j])));
    }
    last = out;
    for (const int slice : body.slices) out.push_back(run(steps * count(slice)));
    for (const int value : body.captured) out.push_back(run(count(value)));
    if (body.lengths) out.push_back(run(rows));
    for (const int output : body.outputs) last.push_back(run(steps * count(output)));
    for (size_t j = 0; j < states; ++j) {
      if (body.traced[j] < 0) continue;
      const int64_t more = count(body.states[j]);
      Reach& stacked = last[states + size_t(body.traced[j])];
      (body.reverse ? stacked.last : stacked.first) += body.reverse ? more : -more;
    }
    out.insert(out.end(), last.begin(), last.end());
    return out;
  }

  const Spec& spec_;
  const Numbers& sizes_;
};

}  // namespace

void check_reach(const Spec& spec, const Numbers& sizes, bool rows) {
  const Checker checker(spec, sizes);
  for (const Segment& segment : spec.segments)
    for (const Instruction& i : segment.code)
      if (segment.rows == rows) checker.check(i);
  for (const Segment& segment : spec.last)
    for (const Instruction& i : segment.code)
      if (!rows) checker.check(i);
}

}  // namespace elman
