// A strip: a loop, what makes its sequences and what reads its stacks, some time steps at a time.
//
// What passes between them is read again while it lies in the second cache. A value that only they read is `local`: each
// strip of time uses the same memory for it. Sums over time go on where the strip before left them, in the loop's order.
#pragma once
#include "steps.h"

namespace elman {

// What stands beside the loop, for `count` time steps, or rows of them all, from t on. first: no strip ran before.
struct StripPart {
  virtual ~StripPart() = default;
  virtual void run(int64_t t, int64_t count, bool first) = 0;
};

// Elements from one time step, or row, to the next; 0 for what is local or the same at all of them.
template <class R>
struct StripProduct final : StripPart {
  void (*product)(const Matmul<R>&) = nullptr;
  void (*pack)(R*, const R*, int64_t, int64_t, int64_t, int64_t) = nullptr;  // of a sum's b, for all sums that read it
  R* packed = nullptr;  // where to
  Matmul<R> whole{};
  bool sums = false;  // over time; otherwise row by row
  int64_t each = 0;  // rows of the product then, or terms of its sums
  int64_t a = 0, b = 0, init = 0, c = 0;
  const char* const* rows_at = nullptr;  // of an a that stays where it lies: each row of the batch there
  std::vector<const R*> rows;  // of one strip
  void run(int64_t t, int64_t count, bool first) override;
};

template <class R>
struct StripSum final : StripPart {
  void (*reduce)(const Reduce<R>&) = nullptr;
  Reduce<R> whole{};
  int64_t rows = 0, from = 0;  // rows then; elements from one to the next
  std::vector<R> sum;  // of what is added
  void run(int64_t t, int64_t count, bool first) override;
  void add(const R* terms, int64_t count, bool first, R* to);  // the sum of `count` steps, to what is there or not
};

// Element-wise work that has time as one of its axes. Where the first is that of the batch, its rows are walked one after another if
// then all operands lie in place.
template <class R>
struct StripPointwise final : StripPart {
  struct Operand {
    std::vector<int64_t> stride;  // by axis
    char* base;  // at the first time step; of what is local: at the first of a strip
    int64_t each, row;  // bytes from one time step to the next, and along the first axis
    bool local;
    const char* const* rows;  // where each row of the batch lies, or nullptr: from base on
  };
  std::unique_ptr<PointwiseStepRun<R>> step;
  std::vector<int64_t> size;  // by axis; that of time is set at every run
  size_t axis = 0;  // of time
  std::vector<Operand> operands;  // inputs, then outputs
  void run(int64_t t, int64_t count, bool first) override;
  // `count` steps of a strip that begins at t; what they make lies at the start of its memory
  void run_steps(int64_t t, int64_t from, int64_t count);

 private:
  bool shape();  // of the call, by `size`: whether all operands lie in place then
  void call(int64_t t, int64_t from, int64_t row);
};

inline constexpr int64_t added_bytes = 16 * 1024;  // of results that are held to be added up

// Element-wise work that is only added up over time: a few time steps at a time, so that its results are read where they still are.
template <class R>
struct StripAdded final : StripPart {
  std::unique_ptr<StripPointwise<R>> work;
  std::vector<std::unique_ptr<StripSum<R>>> sums;
  std::vector<std::vector<R>> totals;  // by sum, of one strip
  int64_t most = 1;  // steps at a time
  void run(int64_t t, int64_t count, bool first) override;
};

struct StripStep final : Step {
  Steps packing;  // of the matrices that rows are multiplied with
  std::vector<std::unique_ptr<StripPart>> before, after;
  std::unique_ptr<ScanStep> loop;
  int64_t rows = 1;  // of the loop, a time step
  bool gapless = false;  // what it walks: then the parts count rows
  void run(Watch& watch) override;
  void run_together(Step* const* all, int count, Watch& watch) override;
  int64_t reread() const override { return loop->reread(); }

 private:
  void cut();
  void run_parts(const std::vector<std::unique_ptr<StripPart>>& parts, int64_t from, int64_t to);

  std::vector<int64_t> ends_;
};

}  // namespace elman
