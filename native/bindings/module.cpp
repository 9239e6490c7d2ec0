// elman._native: with what it includes, the only C++ that knows Python. Takes a lowered graph (read.h), hands buffers to its plan (runs.h).
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

#include "borrowed.h"
#include "plan.h"
#include "read.h"
#include "runs.h"
#include "words.h"

namespace nb = nanobind;
using namespace elman;

namespace {

template <class R>
class NativePlan {
 public:
  NativePlan(nb::dict d, std::vector<OwnedArray> variables, std::vector<AnyArray> constants, int isa, int64_t limit)
      : variables_(std::move(variables)) {
    Spec s = read_spec(d);
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
  std::tuple<int64_t, bool> run(nb::handle arrays, const std::vector<bool>& batched, Numbers symbols, nb::object order,
                                int64_t batch, int threads, nb::handle outputs) {
    const Borrowed given(arrays, false), made(outputs, true);
    int64_t rows = -1;
    std::vector<Array> views = inputs(given, batched, symbols, rows);
    const Order list(order, rows);
    const auto apart = rows_apart(given, list, views);
    if (list.given()) rows = list.size();
    else if (rows < 0) rows = batch = symbols[0];  // no array has the batch first: its size is known from another axis
    if (rows < 0) throw nb::value_error("a batch has at least no rows");
    const std::vector<char*> into = places(made, symbols, rows);
    if (batch <= 0) batch = std::max<int64_t>(rows, 1);
    if (!into.empty() && rows > batch) throw nb::value_error("results of several batches have no one place");
    const Outcome o = run_into(*plan_, views, symbols, list.data(), rows, batch, threads, into);
    return {o.steps, o.diverged};
  }

  // Runs of one batch like these arrays; outputs: arrays like the results.
  std::unique_ptr<RunAgain<R>> again(nb::handle arrays, const std::vector<bool>& batched, Numbers symbols, int threads,
                                     nb::handle outputs, bool look,
                                     const std::vector<std::tuple<size_t, double, double>>& limits) {
    const Borrowed given(arrays, false), made(outputs, true);
    int64_t rows = -1;
    std::vector<Array> views = inputs(given, batched, symbols, rows);
    if (rows < 0) rows = symbols[0];
    if (rows < 0) throw nb::value_error("a batch has at least no rows");
    places(made, symbols, rows);
    std::vector<Limits> between;
    for (const auto& [input, low, high] : limits) {
      const Spec& s = plan_->spec();
      if (input >= views.size() || s.values[size_t(s.inputs[input])].storage != Storage::real)
        throw nb::value_error("limits of what is no input of real numbers");
      between.push_back({input, low, high});
    }
    return std::make_unique<RunAgain<R>>(*plan_, arrays, outputs, std::move(views), std::move(symbols), rows, threads,
                                         look, std::move(between));
  }

  // A run for each of `epochs` parts of the order. After each, the variables `sums` are copied to the next place of
  // `into` (one array a sum, `epochs` values in each) and set to zero. sizes: None, or by batch of all epochs the numbers of all
  // symbols, of which the arrays have at least as many; then runs end before a batch whose memory is refused, unless it is the first.
  std::tuple<int64_t, bool> run_epochs(nb::handle arrays, const std::vector<bool>& batched, const Numbers& symbols,
                                       nb::object order, int64_t epochs, int64_t batch, int threads, const Ints& sums,
                                       nb::handle into, nb::object sizes) {
    const Borrowed given(arrays, false), record(into, true);
    int64_t rows = -1;
    std::vector<Array> views = inputs(given, batched, symbols, rows);
    const Order list(order, rows);
    const auto apart = rows_apart(given, list, views);
    within(sums, variables_.size(), "a sum is an unknown variable");
    if (!list.given() || batch < 1 || epochs < 1 || list.size() % epochs != 0 || record.size() != sums.size())
      throw nb::value_error("an order, sums or places that do not fit the epochs");
    for (size_t i = 0; i < sums.size(); ++i) {
      if (record.bytes(i) != epochs * int64_t(variables_[size_t(sums[i])].nbytes()))
        throw nb::value_error("a place for sums does not have their size");
    }
    rows = list.size() / epochs;
    const int64_t each = (rows + batch - 1) / batch;
    const std::vector<Lengths> lengths = lengths_of(sizes, given, views, symbols.size(), epochs, each);
    std::vector<std::pair<char*, size_t>> watched;
    for (int v : sums)
      watched.push_back({static_cast<char*>(variables_[size_t(v)].data()), variables_[size_t(v)].nbytes()});
    const auto run = [&]() -> std::tuple<int64_t, bool> {
      PythonHost host;
      const Released released;
      std::lock_guard lock(plan_->turns());
      int64_t steps = 0;
      for (int64_t e = 0; e < epochs; ++e) {
        const Lengths* const own = lengths.empty() ? nullptr : &lengths[size_t(e)];
        Outcome o{0, false};
        try {
          o = plan_->run(views, symbols, list.data() + e * rows, rows, batch, threads, &host, {}, own);
        } catch (const MemoryShortage&) {
          if (own == nullptr || e == 0) throw;
        }
        for (Array& a : views) a.apart += a.apart == nullptr ? 0 : rows;
        steps += o.steps;
        if (o.diverged || (own != nullptr && o.steps < each)) return {steps, o.diverged};
        for (size_t i = 0; i < watched.size(); ++i) {
          const auto [sum, bytes] = watched[i];
          std::memcpy(record.data(i) + e * int64_t(bytes), sum, bytes);
          std::memset(sum, 0, bytes);
        }
      }
      return {steps, false};
    };
    const auto done = run();
    tell_of_threads(threads);
    return done;
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
    const Released released;
    std::lock_guard lock(plan_->turns());
    for (size_t i = 0; i < to.size(); ++i) {
      if (to.bytes(i) != plan_->output_bytes(i)) throw nb::value_error("an output does not fit the array");
      plan_->read(i, to.data(i));
    }
  }

  // Nobody waits for the plan and holds Python meanwhile: a run asks Python for signals.
  std::vector<double> profile(int repeats) {
    const Released released;
    std::lock_guard lock(plan_->turns());
    return plan_->profile(repeats);
  }
  Numbers shards() const { return plan_->shards(); }
  int64_t arena_bytes() const { return plan_->arena_bytes(); }
  int64_t needed(const Numbers& symbols) {
    if (symbols.size() != size_t(std::max(plan_->spec().symbols, 1))) throw nb::value_error("sizes that do not fit");
    const Released released;
    std::lock_guard lock(plan_->turns());
    return plan_->needed(symbols);
  }
  void release() {
    const Released released;
    std::lock_guard lock(plan_->turns());
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
      if (arrays.apart(i)) {
        if (!batched[i]) throw nb::value_error("rows that lie apart must be rows of the batch");
        views.push_back({nullptr, own, own > 0 ? expected / own : 0, 0});
        continue;
      }
      if (arrays.bytes(i) != expected) throw nb::value_error("an array does not have the size of its input");
      if (!batched[i] && !arrays.in_one_piece(i)) throw nb::value_error("an array must lie in one piece");
      views.push_back({arrays.data(i), own, own > 0 ? expected / own : expected, batched[i] ? arrays.stride(i) : 0});
    }
    return views;
  }

  // By epoch, the lengths of its batches; none where sizes are None.
  std::vector<Lengths> lengths_of(nb::object sizes, const Borrowed& arrays, const std::vector<Array>& views,
                                  size_t symbols, int64_t epochs, int64_t each) const {
    std::vector<Lengths> found;
    if (sizes.is_none()) return found;
    const auto all = nb::cast<nb::ndarray<const int64_t, nb::ndim<2>, nb::c_contig>>(sizes);
    if (each == 0 || int64_t(all.shape(0)) != epochs * each || all.shape(1) != symbols)
      throw nb::value_error("sizes that do not fit the batches");
    for (size_t b = 0; b < all.shape(0); ++b) {
      if (b % size_t(each) == 0) found.emplace_back();
      const int64_t* const first = all.data() + b * symbols;
      found.back().symbols.emplace_back(first, first + symbols);
      found.back().bytes.push_back(row_bytes(arrays, views, found.back().symbols.back()));
    }
    return found;
  }

  // By input, the bytes that batches of these sizes read of a row: the first of it.
  Numbers row_bytes(const Borrowed& arrays, const std::vector<Array>& views, const Numbers& symbols) const {
    Numbers found, one = symbols;
    one[0] = 1;
    for (size_t i = 0; i < views.size(); ++i) {
      const Array& a = views[i];
      found.push_back(bytes_of(plan_->spec().inputs[i], a.rows < 0 ? symbols : one));
      const bool fits = a.rows < 0 ? found.back() == a.bytes : arrays.apart(i) || found.back() <= a.bytes;
      if (!fits || found.back() < 0) throw nb::value_error("a batch is longer than its arrays");
    }
    return found;
  }

  // By input, rows that lie apart in the order in which they are read; the views are told of them.
  static std::vector<std::vector<Row>> rows_apart(const Borrowed& arrays, const Order& order,
                                                  std::vector<Array>& views) {
    std::vector<std::vector<Row>> found(arrays.apart() ? views.size() : 0);
    for (size_t i = 0; i < found.size(); ++i) {
      if (!arrays.apart(i)) continue;
      const int64_t count = order.given() ? order.size() : views[i].rows;
      for (int64_t r = 0; r < count; ++r) found[i].push_back(arrays.row(i, order.given() ? order.data()[r] : r));
      views[i].apart = found[i].data();
    }
    return found;
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
    return evaluate(s.dims[size_t(v.count)], symbols) * item_bytes<R>(v.storage);
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
void bind_plan(nb::module_& m, const char* name, const char* bound, const char* again) {
  nb::class_<RunAgain<R>>(m, again).def("run", &RunAgain<R>::run);
  nb::class_<BoundPlan<R>>(m, bound)
      .def("run", &BoundPlan<R>::run)
      .def("step", &BoundPlan<R>::step, nb::arg("x").none());
  nb::class_<NativePlan<R>>(m, name)
      .def(nb::init<nb::dict, std::vector<OwnedArray>, std::vector<AnyArray>, int, int64_t>())
      .def("run", &NativePlan<R>::run, nb::arg("arrays"), nb::arg("batched"), nb::arg("symbols"),
           nb::arg("order").none(), nb::arg("batch"), nb::arg("threads"), nb::arg("outputs"))
      .def("run_epochs", &NativePlan<R>::run_epochs, nb::arg("arrays"), nb::arg("batched"), nb::arg("symbols"),
           nb::arg("order"), nb::arg("epochs"), nb::arg("batch"), nb::arg("threads"), nb::arg("sums"), nb::arg("into"),
           nb::arg("sizes").none())
      .def("bound", &NativePlan<R>::bound, nb::arg("arrays"), nb::arg("symbols"), nb::arg("outputs"),
           nb::arg("given").none(), nb::arg("answer").none(), nb::arg("threads"), nb::keep_alive<0, 1>())
      .def("again", &NativePlan<R>::again, nb::arg("arrays"), nb::arg("batched"), nb::arg("symbols"),
           nb::arg("threads"), nb::arg("outputs"), nb::arg("look"), nb::arg("limits"), nb::keep_alive<0, 1>())
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
        } catch (const Reentered&) {
          const nb::object error = nb::module_::import_("elman.executors.native").attr("reentered")();
          PyErr_SetObject(error.type().ptr(), error.ptr());
        } catch (const MemoryShortage& m) {
          PyErr_SetObject(PyExc_MemoryError, nb::make_tuple(m.needed, m.limit, m.rows).ptr());
        } catch (const IndexFailure& f) {
          PyErr_SetObject(PyExc_IndexError, nb::make_tuple(f.where, f.position, f.index, f.rows).ptr());
        }
      },
      nullptr);
  Released::stay_out_at_exit();
  m.def("isa_supported", [](int isa) { return isa_supported(Isa(isa)); });
  m.def("bfloat16_unit", [](int isa) { return kernels<float>(Isa(isa)).bfloat16_unit; });
  m.def("best_isa", [] { return int(best_isa()); });
  // What spec and programs are written in: Python compares its own tables with these.
  m.attr("HOMES") = words<Home>();
  m.attr("OPS") = words<Op>();
  m.attr("CODES") = words<PointwiseCode>();
  bind_plan<float>(m, "PlanFloat32", "BoundPlanFloat32", "RunAgainFloat32");
  bind_plan<double>(m, "PlanFloat64", "BoundPlanFloat64", "RunAgainFloat64");
}
