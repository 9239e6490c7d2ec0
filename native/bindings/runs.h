// Runs of a plan that Python asks for: one, one like one before, and those on arrays that stay.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "held.h"
#include "interpreter.h"
#include "plan.h"
#include "threads.h"

namespace elman {

namespace nb = nanobind;

using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using OwnedArray = nb::ndarray<nb::c_contig, nb::device::cpu>;

struct PythonHost final : Host {
  bool stop() override {
    const Taken taken;
    return PyErr_CheckSignals() != 0;
  }
};

// Warns, once, that the system has refused threads.
inline void tell_of_threads(int threads) {
  const int missing = threads_missing();
  if (missing == 0) return;
  const nb::object warning = nb::module_::import_("elman.errors").attr("threads_warning")(threads, missing);
  nb::module_::import_("warnings").attr("warn")(warning);
}

// A run, and what it made copied to where it is to lie. Other threads of Python go on meanwhile.
template <class R>
Outcome run_into(Plan<R>& plan, const std::vector<Array>& arrays, const Numbers& symbols, const int64_t* order,
                 int64_t rows, int64_t batch, int threads, const std::vector<char*>& into) {
  Outcome o{0, false};
  {
    PythonHost host;
    const Released released;
    std::lock_guard lock(plan.turns());
    o = plan.run(arrays, symbols, order, rows, batch, threads, &host, into);
    for (size_t i = 0; i < into.size(); ++i)
      if (!plan.spec().output_given[i]) plan.read(i, into[i]);
  }
  tell_of_threads(threads);
  return o;
}

// Between which numbers those of an input must lie.
struct Limits {
  size_t input;
  double low, high;
};

// A run like one before, told by the headers of its arrays: their sizes were checked then, and nothing is looked up or converted.
template <class R>
class RunAgain {
 public:
  // look: for NaN and infinity in arrays of real numbers, as the plan does not. limits: of inputs of real numbers
  RunAgain(Plan<R>& plan, nb::handle arrays, nb::handle outputs, std::vector<Array> views, Numbers symbols,
           int64_t rows, int threads, bool look, std::vector<Limits> limits)
      : plan_(plan),
        views_(std::move(views)),
        symbols_(std::move(symbols)),
        rows_(rows),
        threads_(threads),
        look_(look),
        limits_(std::move(limits)) {
    for (nb::handle a : arrays) given_.emplace_back(a);
    for (nb::handle a : outputs) made_.emplace_back(a);
  }

  // New arrays of results; an empty list where the numbers were refused; None, and nothing done, unless all arrays are like those before
  // and within their limits.
  nb::object run(nb::args arrays) const {
    std::vector<Array> views = views_;
    if (arrays.size() != given_.size()) return nb::none();
    for (size_t i = 0; i < given_.size(); ++i) {
      if (!given_[i].like(arrays[i])) return nb::none();
      views[i].data = data_of(arrays[i]);
    }
    for (const Limits& b : limits_)
      if (!inside(views[b.input], b)) return nb::none();
    nb::list made;
    std::vector<char*> into;
    if (look_ && !finite(views)) return made;
    for (const Header& one : made_) {
      made.append(one.fresh());
      into.push_back(data_of(made[into.size()]));
    }
    const Outcome o = run_into(plan_, views, symbols_, nullptr, rows_, std::max<int64_t>(rows_, 1), threads_, into);
    return o.diverged || !o.finite ? nb::list() : made;
  }

 private:
  bool finite(const std::vector<Array>& views) const {
    const Released released;
    return plan_.finite(views);
  }

  static bool inside(const Array& array, const Limits& limits) {
    const R* const x = reinterpret_cast<const R*>(array.data);
    const R low = R(limits.low), high = R(limits.high);
    const int64_t count = (array.rows < 0 ? array.bytes : array.rows * array.bytes) / int64_t(sizeof(R));
    bool all = true;
    for (int64_t i = 0; i < count; ++i) all &= !(x[i] < low) & !(x[i] > high);  // NaN is the guard's
    return all;
  }

  Plan<R>& plan_;  // of the NativePlan, which Python keeps alive
  std::vector<Header> given_, made_;  // what arrays are to be like
  std::vector<Array> views_;  // of those before, which may be gone
  Numbers symbols_;
  int64_t rows_;
  int threads_;
  bool look_;
  std::vector<Limits> limits_;
};

inline constexpr int64_t brief = 1 << 18;  // bytes that a step reads and writes in some microseconds

// A plan, and arrays of Python that it reads and fills at each call. An array may be both: then it carries a state on.
template <class R>
class BoundPlan {
 public:
  // given: what an x for `step` must be like, a view of one of the arrays. answer: what `step` returns a copy of. Either may be None.
  // bytes: of weights.
  BoundPlan(Plan<R>& plan, std::vector<AnyArray> arrays, Numbers symbols, std::vector<OwnedArray> outputs,
            nb::handle given, nb::handle answer, int64_t bytes, int threads)
      : plan_(plan),
        arrays_(std::move(arrays)),
        outputs_(std::move(outputs)),
        given_(given, true),
        answer_(answer, false) {
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
    if (brief_ && plan_.turns().try_lock()) {
      std::lock_guard lock(plan_.turns(), std::adopt_lock);
      return plan_.run(fixed_);
    }
    const Released released;
    std::lock_guard lock(plan_.turns());
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

}  // namespace elman
