// elman._native: the only C++ that knows Python. Parses a lowered graph, checks every number in it, and hands buffers to the plan.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "held.h"
#include "plan.h"
#include "words.h"

namespace nb = nanobind;
using namespace elman;

namespace {

using Ints = std::vector<int>;
using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using OwnedArray = nb::ndarray<nb::c_contig, nb::device::cpu>;

// ---- from Python lists to a Spec ------------------------------------------------------------------------------------

template <class T>
T item(nb::handle sequence, size_t i) {
  return nb::cast<T>(sequence[i]);
}

Program program(nb::handle p) {
  Program out;
  for (nb::handle c : p[0]) out.constants.push_back({uint8_t(item<int>(c, 0)), item<double>(c, 1)});
  for (nb::handle s : p[1]) {
    const int code = item<int>(s, 0);
    if (code < 0 || code >= int(PointwiseCode::count_)) throw nb::value_error("unknown pointwise code");
    out.steps.push_back({PointwiseCode(code), uint8_t(item<int>(s, 1)), uint8_t(item<int>(s, 2)),
                         uint8_t(item<int>(s, 3)), uint8_t(item<int>(s, 4)), item<bool>(s, 5)});
  }
  for (nb::handle r : p[2]) out.in.push_back(uint8_t(nb::cast<int>(r)));
  for (nb::handle r : p[3]) out.out.push_back(uint8_t(nb::cast<int>(r)));
  out.registers = item<int>(p, 4);
  out.rows = item<bool>(p, 5);
  return out;
}

Instruction instruction(nb::handle i) {
  Instruction out;
  const int op = item<int>(i, 0);
  if (op < 0 || op >= int(Op::count_)) throw nb::value_error("unknown instruction");
  out.op = Op(op);
  out.in = item<Ints>(i, 1);
  out.out = item<Ints>(i, 2);
  out.dims = item<Ints>(i, 3);
  out.flags = item<std::vector<int64_t>>(i, 4);
  if (!nb::handle(i[5]).is_none()) out.program = program(i[5]);
  out.body = item<int>(i, 6);
  out.where = item<std::string>(i, 7);
  return out;
}

std::vector<Instruction> code(nb::handle list) {
  std::vector<Instruction> out;
  for (nb::handle i : list) out.push_back(instruction(i));
  return out;
}

Spec spec(nb::dict d) {
  Spec s;
  for (nb::handle dim : d["dims"]) {
    Dim sum;
    for (nb::handle m : dim) sum.push_back({item<int64_t>(m, 0), item<Ints>(m, 1)});
    s.dims.push_back(std::move(sum));
  }
  s.symbols = nb::cast<int>(d["symbols"]);
  for (nb::handle v : d["values"]) {
    s.values.push_back({Home(item<int>(v, 0)), Storage(item<int>(v, 1)), item<int>(v, 2), item<int>(v, 3),
                        item<int>(v, 4), item<bool>(v, 5), item<int>(v, 6)});
  }
  for (nb::handle g : d["segments"]) s.segments.push_back({item<bool>(g, 0), code(g[1])});
  for (nb::handle g : d["last"]) s.last.push_back({item<bool>(g, 0), code(g[1])});
  for (nb::handle u : d["updates"]) s.updates.push_back({item<int>(u, 0), item<int>(u, 1)});
  for (nb::handle b : d["bodies"]) {
    s.bodies.push_back({code(b[0]), item<Ints>(b, 1), item<Ints>(b, 2), item<Ints>(b, 3), item<Ints>(b, 4),
                        item<Ints>(b, 5), item<bool>(b, 6), item<bool>(b, 7), item<bool>(b, 8), item<Ints>(b, 9)});
  }
  for (nb::handle t : d["strips"]) s.strips.push_back({code(t[0]), item<Ints>(t, 1), item<Ints>(t, 2)});
  s.inputs = nb::cast<Ints>(d["inputs"]);
  s.input_steps = nb::cast<Ints>(d["input_steps"]);
  s.input_rows = nb::cast<std::vector<bool>>(d["input_rows"]);
  s.outputs = nb::cast<Ints>(d["outputs"]);
  s.output_given = nb::cast<std::vector<bool>>(d["output_given"]);
  s.partials = nb::cast<Ints>(d["partials"]);
  s.partial_segment = nb::cast<Ints>(d["partial_segment"]);
  s.guard = nb::cast<int>(d["guard"]);
  s.shardable = nb::cast<bool>(d["shardable"]);
  s.row_work = nb::cast<int>(d["row_work"]);
  for (nb::handle r : d["ragged"]) s.ragged.push_back({item<int>(r, 0), item<int>(r, 1), item<int>(r, 2)});
  return s;
}

// ---- every number refers to something that exists -------------------------------------------------------------------

void within(const Ints& numbers, size_t size, const char* what) {
  for (int n : numbers)
    if (n < 0 || size_t(n) >= size) throw nb::value_error(what);
}

void check(const std::vector<Instruction>& list, const Spec& s) {
  for (const Instruction& i : list) {
    within(i.in, s.values.size(), "an instruction reads an unknown value");
    within(i.out, s.values.size(), "an instruction writes an unknown value");
    within(i.dims, s.dims.size(), "an instruction uses an unknown size");
    if (i.op == Op::matmul && i.flags.size() < 2) throw nb::value_error("a product lacks its flags");
    if (i.op == Op::linear_cross_entropy && i.flags.empty()) throw nb::value_error("a loss lacks its flags");
    if (i.op == Op::scan) within({i.body}, s.bodies.size(), "a scan has an unknown body");
    if (i.op == Op::strip) within({i.body}, s.strips.size(), "a strip has an unknown code");
    const Program& p = i.program;
    if (p.registers < 0 || p.registers > max_registers)
      throw nb::value_error("a pointwise program has too many registers");
    auto one = [&](int r) {
      if (r >= p.registers) throw nb::value_error("a pointwise program uses an unknown register");
    };
    for (const auto& c : p.constants) one(c.to);
    for (const auto& t : p.steps) one(t.to), one(t.a), one(t.b), one(t.c);
    for (int r : p.in) one(r);
    for (int r : p.out) one(r);
    if ((i.op == Op::pointwise || i.op == Op::integer) &&
        (p.in.size() != i.in.size() || p.out.size() != i.out.size() ||
         i.dims.size() < size_t(i.flags.at(0)) * (1 + i.in.size() + i.out.size()))) {
      throw nb::value_error("a pointwise program does not fit its operands");
    }
  }
}

// Whether copies make a value of the batch, and nothing else names it or a part of it.
bool only_copied(const Spec& s, int value) {
  int named = 0, copied = 0;
  const auto names = [&](int n) {
    while (s.values[size_t(n)].home == Home::part) n = s.values[size_t(n)].index;
    return n == value;
  };
  const auto look = [&](const std::vector<Instruction>& list) {
    for (const Instruction& i : list) {
      if (i.op == Op::strip) continue;  // names what its code names
      named += int(std::count_if(i.in.begin(), i.in.end(), names) + std::count_if(i.out.begin(), i.out.end(), names));
      copied += i.op == Op::copy ? int(std::count(i.out.begin(), i.out.end(), value)) : 0;
    }
  };
  for (const Segment& g : s.segments) look(g.code);
  for (const Segment& g : s.last) look(g.code);
  for (const Strip& t : s.strips) look(t.code);
  const Value& v = s.values[size_t(value)];
  return v.home == Home::temporary && v.rows && named > 0 && named == copied;
}

void check(const Spec& s, size_t variables, size_t constants) {
  for (const Dim& d : s.dims)
    for (const Monomial& m : d) within(m.symbols, size_t(s.symbols), "a size uses an unknown symbol");
  for (size_t n = 0; n < s.values.size(); ++n) {
    const Value& v = s.values[n];
    within({v.count}, s.dims.size(), "a value has an unknown size");
    if (v.home == Home::variable) within({v.index}, variables, "a value is an unknown variable");
    if (v.home == Home::constant) within({v.index}, constants, "a value is an unknown constant");
    if (v.lengths >= 0) within({v.lengths}, s.values.size(), "a value has unknown lengths");
    if (v.home == Home::part) {
      within({v.index}, s.values.size(), "a value lies in an unknown value");
      within({v.offset}, s.dims.size(), "a value lies at an unknown offset");
    }
  }
  for (const Segment& g : s.segments) check(g.code, s);
  for (const Segment& g : s.last) check(g.code, s);
  for (const Body& b : s.bodies) {
    check(b.code, s);
    for (const Ints* list : {&b.states, &b.slices, &b.captured, &b.new_states, &b.outputs})
      within(*list, s.values.size(), "a body uses an unknown value");
    if (b.states.size() != b.new_states.size()) throw nb::value_error("a body must make each state anew");
    if (b.traced.size() != b.states.size()) throw nb::value_error("a body must say which states it traces");
    const auto one = [&](int d) {
      const Dim& size = s.dims[size_t(d)];
      return size.size() == 1 && size[0].coefficient == 1 && size[0].symbols.empty();
    };
    const auto can = [&](const Instruction& i) {
      if (i.op == Op::matmul) return !i.dims.empty() && one(i.dims[0]);  // rows of one product
      if (i.op == Op::copy) return i.flags.size() > 1 && i.flags[1] > 0;
      return i.op == Op::pointwise || i.op == Op::reduce;
    };
    const auto shrinks = [&](const Instruction& i) {
      return !i.out.empty() && (can(i) || !s.values[size_t(i.out[0])].rows);
    };
    const auto of_batch = [&](int v) { return s.values[size_t(v)].rows; };
    if (b.by_row && !(std::all_of(b.code.begin(), b.code.end(), shrinks) &&
                      std::all_of(b.states.begin(), b.states.end(), of_batch)))
      throw nb::value_error("a body walks rows that it cannot walk");
    for (int output : b.traced)
      if (output >= int(b.outputs.size())) throw nb::value_error("a body traces a state in an unknown output");
  }
  for (const Strip& t : s.strips) {
    check(t.code, s);
    within(t.local, s.values.size(), "a strip uses an unknown value");
    const auto scans =
        std::count_if(t.code.begin(), t.code.end(), [](const Instruction& i) { return i.op == Op::scan; });
    if (scans != 1) throw nb::value_error("a strip must have one loop");
    for (const Instruction& i : t.code) {
      if (i.op != Op::scan && i.op != Op::matmul && i.op != Op::reduce && i.op != Op::pointwise)
        throw nb::value_error("a strip must have products, sums and element-wise work beside its loop");
      const bool timed = i.op != Op::pointwise || (i.flags.size() > 1 && i.flags[1] >= 0 && i.flags[1] < i.flags[0]);
      if (!timed) throw nb::value_error("a pointwise program in a strip must say which axis is time");
    }
  }
  within(s.inputs, s.values.size(), "unknown input");
  if (s.input_steps.size() != s.inputs.size() || s.input_rows.size() != s.inputs.size())
    throw nb::value_error("every input must say how it is to lie");
  for (int d : s.input_steps)
    if (d >= 0) within({d}, s.dims.size(), "unknown size");
  within(s.outputs, s.values.size(), "unknown output");
  if (s.output_given.size() != s.outputs.size()) throw nb::value_error("every output must say where it may lie");
  for (size_t o = 0; o < s.outputs.size(); ++o)
    if (s.output_given[o] && !only_copied(s, s.outputs[o]))
      throw nb::value_error("an output that lies with the caller must be written by copies and read by nobody");
  within(s.partials, s.values.size(), "unknown partial sum");
  for (const Ragged& r : s.ragged) {
    within({r.steps, r.work, s.row_work}, s.dims.size(), "unknown size");
    const bool input = std::find(s.inputs.begin(), s.inputs.end(), r.lengths) != s.inputs.end();
    if (!input || !s.values[size_t(r.lengths)].rows || s.values[size_t(r.lengths)].storage != Storage::index)
      throw nb::value_error("lengths must be whole numbers of an input, one a row");
  }
  if (s.guard >= 0) within({s.guard}, s.values.size(), "unknown guard");
}

// ---- the class ------------------------------------------------------------------------------------------------------

struct PythonHost final : Host {
  bool stop() override {
    nb::gil_scoped_acquire held;
    return PyErr_CheckSignals() != 0;
  }
};

// Arrays of Python, borrowed for the time of a call: the cheapest way to their memory. Those that are written are C-contiguous,
// and of the others each row.
class Borrowed {
 public:
  Borrowed(nb::handle list, bool written) {
    const size_t count = nb::len(list);
    views_.reserve(count);  // a view may point into itself, so it must not move
    for (size_t i = 0; i < count; ++i) {
      nb::object one = list[i];
      views_.emplace_back();
      if (PyObject_GetBuffer(one.ptr(), &views_.back(),
                             written ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_STRIDES) != 0) {
        views_.pop_back();
        release();
        throw nb::python_error();
      }
      if (!rows_in_one_piece(views_.back())) {
        release();
        throw nb::value_error("a row of an array must lie in one piece");
      }
    }
  }
  ~Borrowed() { release(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  size_t size() const { return views_.size(); }
  char* data(size_t i) const { return static_cast<char*>(views_[i].buf); }
  int64_t bytes(size_t i) const { return int64_t(views_[i].len); }
  int64_t rows(size_t i) const { return views_[i].ndim > 0 ? int64_t(views_[i].shape[0]) : -1; }
  int64_t stride(size_t i) const { return views_[i].ndim > 0 ? int64_t(views_[i].strides[0]) : 0; }
  bool in_one_piece(size_t i) const { return PyBuffer_IsContiguous(&views_[i], 'C') != 0; }

 private:
  static bool rows_in_one_piece(const Py_buffer& v) {
    Py_ssize_t bytes = v.itemsize;
    for (int axis = v.ndim - 1; axis > 0 && v.len > 0; --axis) {
      if (v.shape[axis] != 1 && v.strides[axis] != bytes) return false;
      bytes *= v.shape[axis];
    }
    return true;
  }
  void release() {
    for (Py_buffer& v : views_) PyBuffer_Release(&v);
  }
  std::vector<Py_buffer> views_;
};

constexpr int64_t brief = 1 << 18;  // bytes that a step reads and writes in some microseconds

// A plan, and arrays of Python that it reads and fills at each call. An array may be both: then it carries a state on.
template <class R>
class BoundPlan {
 public:
  // given: what an x for `step` must be like, a view of one of the arrays. answer: what `step` returns a copy of. Either may be None.
  // bytes: of weights.
  BoundPlan(Plan<R>& plan, std::vector<AnyArray> arrays, Numbers symbols, std::vector<OwnedArray> outputs,
            nb::handle given, nb::handle answer, int64_t bytes, int threads)
      : plan_(plan), arrays_(std::move(arrays)), outputs_(std::move(outputs)), given_(given), answer_(answer) {
    fixed_.symbols = std::move(symbols);
    fixed_.threads = threads;
    for (auto& a : arrays_) fixed_.arrays.push_back({static_cast<const char*>(a.data()), -1, int64_t(a.nbytes())});
    for (auto& a : outputs_) fixed_.outputs.push_back(static_cast<char*>(a.data()));
    for (auto& a : arrays_) bytes += int64_t(a.nbytes());
    for (auto& a : outputs_) bytes += int64_t(a.nbytes());
    brief_ = bytes <= brief;
  }

  void run() {
    // To let other threads of Python in costs as much as a short step.
    if (brief_ && plan_.mutex().try_lock()) {
      std::lock_guard lock(plan_.mutex(), std::adopt_lock);
      return plan_.run(fixed_);
    }
    nb::gil_scoped_release released;
    std::lock_guard lock(plan_.mutex());
    plan_.run(fixed_);
  }

  // `run` with x in the place of `given`, then a copy of `answer`. None, and nothing done, unless x is an array like `given` in one piece.
  nb::object step(nb::handle x) {
    if (!given_.take(x)) return nb::none();
    run();
    return answer_.copy();
  }

 private:
  Plan<R>& plan_;  // of the NativePlan, which Python keeps alive
  std::vector<AnyArray> arrays_;  // held, as their memory is written below
  std::vector<OwnedArray> outputs_;
  Held given_, answer_;
  Fixed fixed_;
  bool brief_ = false;
};

template <class R>
class NativePlan {
 public:
  NativePlan(nb::dict d, std::vector<OwnedArray> variables, std::vector<AnyArray> constants, int isa, int64_t limit)
      : variables_(std::move(variables)) {
    Spec s = spec(d);
    check(s, variables_.size(), constants.size());
    std::vector<char*> memory;
    for (auto& v : variables_) memory.push_back(static_cast<char*>(v.data()));
    std::vector<std::vector<char>> copies;
    for (auto& c : constants) {
      const auto* from = static_cast<const char*>(c.data());
      copies.emplace_back(from, from + c.nbytes());
    }
    sizes_of_memory(s, constants);
    plan_ = std::make_unique<Plan<R>>(std::move(s), std::move(memory), std::move(copies), Isa(isa), limit);
  }

  // arrays: one an input. batched[i]: its first axis is the batch. symbols: numbers of the open sizes, the batch ignored.
  std::tuple<int64_t, bool, bool> run(nb::handle arrays, const std::vector<bool>& batched, Numbers symbols,
                                      nb::object order, int64_t batch, int threads, nb::handle outputs) {
    const Borrowed given(arrays, false), made(outputs, true);
    int64_t rows = -1;
    const std::vector<Array> views = inputs(given, batched, symbols, rows);
    const Order list(order, rows);
    if (list.given()) rows = list.size();
    else if (rows < 0) rows = batch = symbols[0];  // no array has the batch first: its size is known from another axis
    const std::vector<char*> into = places(made, symbols, rows);
    if (batch <= 0) batch = std::max<int64_t>(rows, 1);
    if (!into.empty() && rows > batch) throw nb::value_error("results of several batches have no one place");
    PythonHost host;
    nb::gil_scoped_release released;
    std::lock_guard lock(plan_->mutex());
    const Outcome o = plan_->run(views, std::move(symbols), list.data(), rows, batch, threads, &host, into);
    for (size_t i = 0; i < into.size(); ++i)
      if (!plan_->spec().output_given[i]) plan_->read(i, into[i]);
    return {o.steps, o.diverged, o.finite};
  }

  // A run for each of `epochs` parts of the order. After each, the variables `sums` are copied to the next place of
  // `into` (one array a sum, `epochs` values in each) and set to zero.
  std::tuple<int64_t, bool> run_epochs(nb::handle arrays, const std::vector<bool>& batched, Numbers symbols,
                                       nb::object order, int64_t epochs, int64_t batch, int threads, const Ints& sums,
                                       nb::handle into) {
    const Borrowed given(arrays, false), record(into, true);
    int64_t rows = -1;
    const std::vector<Array> views = inputs(given, batched, symbols, rows);
    const Order list(order, rows);
    within(sums, variables_.size(), "a sum is an unknown variable");
    if (!list.given() || batch < 1 || epochs < 1 || list.size() % epochs != 0 || record.size() != sums.size())
      throw nb::value_error("an order, sums or places that do not fit the epochs");
    for (size_t i = 0; i < sums.size(); ++i) {
      if (record.bytes(i) != epochs * int64_t(variables_[size_t(sums[i])].nbytes()))
        throw nb::value_error("a place for sums does not have their size");
    }
    rows = list.size() / epochs;
    std::vector<std::pair<char*, size_t>> watched;
    for (int v : sums)
      watched.push_back({static_cast<char*>(variables_[size_t(v)].data()), variables_[size_t(v)].nbytes()});
    PythonHost host;
    nb::gil_scoped_release released;
    std::lock_guard lock(plan_->mutex());
    int64_t steps = 0;
    for (int64_t e = 0; e < epochs; ++e) {
      const Outcome o = plan_->run(views, symbols, list.data() + e * rows, rows, batch, threads, &host);
      steps += o.steps;
      if (o.diverged) return {steps, true};
      for (size_t i = 0; i < watched.size(); ++i) {
        const auto [sum, bytes] = watched[i];
        std::memcpy(record.data(i) + e * int64_t(bytes), sum, bytes);
        std::memset(sum, 0, bytes);
      }
    }
    return {steps, false};
  }

  // The plan on arrays that stay: see BoundPlan. All sizes are those of the arrays; the first axis is no batch.
  std::unique_ptr<BoundPlan<R>> bound(std::vector<AnyArray> arrays, Numbers symbols, std::vector<OwnedArray> outputs,
                                      nb::handle given, nb::handle answer, int threads) {
    const Spec& s = plan_->spec();
    symbols.resize(size_t(std::max(s.symbols, 1)));
    if (arrays.size() != s.inputs.size() || outputs.size() != s.outputs.size())
      throw nb::value_error("arrays do not fit the plan");
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (s.values[size_t(s.inputs[i])].rows || int64_t(arrays[i].nbytes()) != bytes_of(s.inputs[i], symbols))
        throw nb::value_error("an array does not fit its input");
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (int64_t(outputs[i].nbytes()) != bytes_of(s.outputs[i], symbols))
        throw nb::value_error("an array does not fit its output");
    }
    int64_t weights = 0;
    for (const OwnedArray& v : variables_) weights += int64_t(v.nbytes());
    return std::make_unique<BoundPlan<R>>(*plan_, std::move(arrays), std::move(symbols), std::move(outputs), given,
                                          answer, weights, threads);
  }

  // Copies of the outputs of the last run, one array each.
  void read(nb::handle arrays) {
    const Borrowed to(arrays, true);
    if (to.size() != plan_->spec().outputs.size()) throw nb::value_error("there must be one array for each output");
    for (size_t i = 0; i < to.size(); ++i) {
      if (to.bytes(i) != plan_->output_bytes(i)) throw nb::value_error("an output does not fit the array");
      plan_->read(i, to.data(i));
    }
  }

  std::vector<double> profile(int repeats) { return plan_->profile(repeats); }
  Numbers shards() const { return plan_->shards(); }
  int64_t arena_bytes() const { return plan_->arena_bytes(); }
  int64_t needed(const Numbers& symbols) {
    if (symbols.size() != size_t(std::max(plan_->spec().symbols, 1))) throw nb::value_error("sizes that do not fit");
    std::lock_guard lock(plan_->mutex());
    return plan_->needed(symbols);
  }
  void release() {
    std::lock_guard lock(plan_->mutex());
    plan_->release();
  }

 private:
  // Row numbers, each checked to lie in the data; or None.
  class Order {
   public:
    Order(nb::object order, int64_t rows) {
      if (order.is_none()) return;
      list_ = nb::cast<nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig>>(order);
      given_ = true;
      for (size_t i = 0; i < list_.size(); ++i)
        if (list_.data()[i] < 0 || list_.data()[i] >= rows) throw nb::index_error("a row number is outside the data");
    }
    bool given() const { return given_; }
    const int64_t* data() const { return given_ ? list_.data() : nullptr; }
    int64_t size() const { return int64_t(list_.size()); }

   private:
    nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig> list_;
    bool given_ = false;
  };

  // The arrays as the plan reads them, each checked to have the size of its input; `rows`: of the batch, -1: none has it.
  std::vector<Array> inputs(const Borrowed& arrays, const std::vector<bool>& batched, const Numbers& symbols,
                            int64_t& rows) const {
    const Spec& s = plan_->spec();
    if (arrays.size() != s.inputs.size() || batched.size() != arrays.size() ||
        symbols.size() != size_t(std::max(s.symbols, 1))) {
      throw nb::value_error("arrays do not fit the plan's inputs");
    }
    std::vector<Array> views;
    Numbers sizes = symbols;
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (s.values[size_t(s.inputs[i])].rows && !batched[i])
        throw nb::value_error("an input of the batch must have the batch as its first axis");
      const int64_t own = batched[i] ? arrays.rows(i) : -1;
      if (batched[i] && (own < 0 || (rows >= 0 && own != rows)))
        throw nb::value_error("arrays have different numbers of rows");
      if (batched[i]) rows = own;
      sizes[0] = batched[i] ? own : symbols[0];
      const int64_t expected = bytes_of(s.inputs[i], sizes);
      if (arrays.bytes(i) != expected) throw nb::value_error("an array does not have the size of its input");
      if (!batched[i] && !arrays.in_one_piece(i)) throw nb::value_error("an array must lie in one piece");
      views.push_back({arrays.data(i), own, own > 0 ? expected / own : expected, batched[i] ? arrays.stride(i) : 0});
    }
    return views;
  }

  // Where the results of a batch of so many rows are to lie; nowhere where there are no places for them.
  std::vector<char*> places(const Borrowed& outputs, Numbers symbols, int64_t rows) const {
    const Spec& s = plan_->spec();
    std::vector<char*> into;
    symbols[0] = rows;
    if (outputs.size() != 0 && outputs.size() != s.outputs.size())
      throw nb::value_error("there must be one array for each output");
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs.bytes(i) != bytes_of(s.outputs[i], symbols))
        throw nb::value_error("an output does not fit the array");
      into.push_back(outputs.data(i));
    }
    return into;
  }

  int64_t bytes_of(int value, const Numbers& symbols) const { return bytes_of(plan_->spec(), value, symbols); }

  static int64_t bytes_of(const Spec& s, int value, const Numbers& symbols) {
    const Value& v = s.values[size_t(value)];
    int64_t count = 0;
    for (const Monomial& m : s.dims[size_t(v.count)]) {
      int64_t product = m.coefficient;
      for (int n : m.symbols) product *= symbols[size_t(n)];
      count += product;
    }
    return count * item_bytes<R>(v.storage);
  }

  void sizes_of_memory(const Spec& s, const std::vector<AnyArray>& constants) const {
    const Numbers none(size_t(std::max(s.symbols, 1)), 0);
    for (size_t n = 0; n < s.values.size(); ++n) {
      const Value& v = s.values[n];
      const bool variable = v.home == Home::variable, constant = v.home == Home::constant;
      if (!variable && !constant) continue;
      const size_t bytes = variable ? variables_[size_t(v.index)].nbytes() : constants[size_t(v.index)].nbytes();
      if (int64_t(bytes) != bytes_of(s, int(n), none))
        throw nb::value_error("a variable or constant does not have the size of its value");
    }
  }

  std::vector<OwnedArray> variables_;  // held: the plan writes into their memory
  std::unique_ptr<Plan<R>> plan_;
};

template <class R>
void bind_plan(nb::module_& m, const char* name, const char* bound) {
  nb::class_<BoundPlan<R>>(m, bound)
      .def("run", &BoundPlan<R>::run)
      .def("step", &BoundPlan<R>::step, nb::arg("x").none());
  nb::class_<NativePlan<R>>(m, name)
      .def(nb::init<nb::dict, std::vector<OwnedArray>, std::vector<AnyArray>, int, int64_t>())
      .def("run", &NativePlan<R>::run, nb::arg("arrays"), nb::arg("batched"), nb::arg("symbols"),
           nb::arg("order").none(), nb::arg("batch"), nb::arg("threads"), nb::arg("outputs"))
      .def("run_epochs", &NativePlan<R>::run_epochs, nb::arg("arrays"), nb::arg("batched"), nb::arg("symbols"),
           nb::arg("order"), nb::arg("epochs"), nb::arg("batch"), nb::arg("threads"), nb::arg("sums"), nb::arg("into"))
      .def("bound", &NativePlan<R>::bound, nb::arg("arrays"), nb::arg("symbols"), nb::arg("outputs"),
           nb::arg("given").none(), nb::arg("answer").none(), nb::arg("threads"), nb::keep_alive<0, 1>())
      .def("read", &NativePlan<R>::read)
      .def("profile", &NativePlan<R>::profile)
      .def("needed", &NativePlan<R>::needed)
      .def("release", &NativePlan<R>::release)
      .def("shards", &NativePlan<R>::shards)
      .def("arena_bytes", &NativePlan<R>::arena_bytes);
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "The native executor of elman.";
  nb::set_leak_warnings(false);
  if (PyArray_ImportNumPyAPI() < 0) throw nb::python_error();
  nb::register_exception_translator(
      [](const std::exception_ptr& p, void*) {
        try {
          std::rethrow_exception(p);
        } catch (const Interrupted&) {
          if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_KeyboardInterrupt);
        } catch (const MemoryShortage& m) {
          PyErr_SetObject(PyExc_MemoryError, nb::make_tuple(m.needed, m.limit, m.rows).ptr());
        } catch (const IndexFailure& f) {
          PyErr_SetObject(PyExc_IndexError, nb::make_tuple(f.where, f.position, f.index, f.rows).ptr());
        }
      },
      nullptr);
  m.def("isa_supported", [](int isa) { return isa_supported(Isa(isa)); });
  m.def("bfloat16_unit", [](int isa) { return kernels<float>(Isa(isa)).bfloat16_unit; });
  m.def("best_isa", [] { return int(best_isa()); });
  // What spec and programs are written in: Python compares its own tables with these.
  m.attr("HOMES") = words<Home>();
  m.attr("OPS") = words<Op>();
  m.attr("CODES") = words<PointwiseCode>();
  bind_plan<float>(m, "PlanFloat32", "BoundPlanFloat32");
  bind_plan<double>(m, "PlanFloat64", "BoundPlanFloat64");
}
