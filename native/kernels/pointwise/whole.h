// Well-known programs (`known.inc`), each compiled into one loop: every step for one vector before the next vector.
//
// Same steps, same order, same bits as one step at a time, without a pass over memory between two steps: the result of one step is
// rounded before the next reads it, and no multiplication of one melts into an addition of another.
#pragma once
#include "pointwise/known.h"
#include "pointwise/loop.h"

namespace elman::ELMAN_TARGET {
namespace {

template <PointwiseCode code>
struct apply;
#define ELMAN_APPLY(arity, name, expression)                                                                         \
  template <>                                                                                                        \
  struct apply<PointwiseCode::name> {                                                                                \
    template <class R>                                                                                               \
    static ELMAN_INLINE vec<R> to([[maybe_unused]] vec<R> a, [[maybe_unused]] vec<R> b, [[maybe_unused]] vec<R> c) { \
      return expression;                                                                                             \
    }                                                                                                                \
  };
ELMAN_POINTWISE_CODES(ELMAN_APPLY)
#undef ELMAN_APPLY

// Whole numbers known while compiling, as arguments of a function
template <int... i>
struct numbers {};
template <int n, int... i>
struct count_to : count_to<n - 1, n - 1, i...> {};
template <int... i>
struct count_to<0, i...> {
  using type = numbers<i...>;
};

// Registers as they are before the first step, and where each output goes; apart: from row to row, nullptr where there is one.
template <class R>
using WholeFunction = void (*)(const Operand<R>* value, const int64_t* apart, R* const* to, const int64_t* to_apart,
                               int64_t vectors, int64_t rows);

template <class R, int known, int... constant, int... input, int... step, int... output>
ELMAN_INLINE void run_whole(const Operand<R>* value, const int64_t* apart, R* const* to, const int64_t* to_apart,
                            int64_t vectors, int64_t rows, numbers<constant...>, numbers<input...>, numbers<step...>,
                            numbers<output...>) {
  constexpr const KnownProgram& p = Known::programs[known];
  constexpr int W = width<R>;
  const R* from[] = {value[p.inputs[input]].at...};
  const int64_t stride[] = {value[p.inputs[input]].step...};
  R* at[] = {to[output]...};
  vec<R> r[p.registers];
  [[maybe_unused]] const vec<R> fixed[sizeof...(constant) + 1] = {load(value[p.constants[constant]].at)...};
  for (int64_t row = 0;;) {
    for (int64_t i = 0; i < vectors; ++i) {
      ((r[p.constants[constant]] = fixed[constant]), ...);
      ((r[p.inputs[input]] = load(from[input] + i * stride[input])), ...);
      ((r[p.steps[step].to] = settled(
            apply<p.steps[step].code>::template to<R>(r[p.steps[step].a], r[p.steps[step].b], r[p.steps[step].c]))),
       ...);
      (store(at[output] + i * W, r[p.outputs[output]]), ...);
    }
    if (++row >= rows) return;
    ((from[input] += apart[p.inputs[input]]), ...);
    ((at[output] += to_apart[output]), ...);
  }
}

template <class R, int known>
void whole(const Operand<R>* value, const int64_t* apart, R* const* to, const int64_t* to_apart, int64_t vectors,
           int64_t rows) {
  constexpr const KnownProgram& p = Known::programs[known];
  run_whole<R, known>(value, apart, to, to_apart, vectors, rows, typename count_to<p.n_constants>::type{},
                      typename count_to<p.n_inputs>::type{}, typename count_to<p.n_steps>::type{},
                      typename count_to<p.n_outputs>::type{});
}

template <class R, class Numbers>
struct whole_table;
template <class R, int... known>
struct whole_table<R, numbers<known...>> {
  static constexpr WholeFunction<R> functions[] = {whole<R, known>...};
};
template <class R>
constexpr const WholeFunction<R>* whole_functions = whole_table<R, typename count_to<Known::count>::type>::functions;

}  // namespace
}  // namespace elman::ELMAN_TARGET
