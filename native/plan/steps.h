// Instructions made ready: a kernel call with its arguments filled in. A step knows nothing of values or plans.
//
// The pointers inside steps are the plan's to fill, once per binding, or once per time step for what moves along a sequence.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "elman/kernels.h"
#include "elman/spec.h"

namespace elman {

// What a run asks of the outside now and then: whether to stop. Called by one thread only.
struct Host {
  virtual ~Host() = default;
  virtual bool stop() = 0;  // a signal came, for example
};

struct Interrupted {};  // thrown to unwind a run that Host::stop() ended

// An index outside a table.
struct IndexFailure {
  std::string where;
  int64_t position, index, rows;
};

// Asks the host every few milliseconds, whatever a step costs, without reading the clock at every step. Shards of one
// run share `stopped`: when one is told to stop, all do.
class Watch {
 public:
  explicit Watch(Host* host, std::atomic<bool>* stopped = nullptr)
      : host_(host), stopped_(stopped), last_(host != nullptr ? Clock::now() : Clock::time_point{}) {}
  void tick() {
    if (stopped_ != nullptr && stopped_->load(std::memory_order_relaxed)) throw Interrupted{};
    if (host_ != nullptr && --left_ <= 0) look();
  }

 private:
  using Clock = std::chrono::steady_clock;
  void look();

  Host* host_;
  std::atomic<bool>* stopped_;
  Clock::time_point last_;
  double since_asked_ = 0;
  int left_ = 1, stride_ = 1;
};

struct Step {
  virtual ~Step() = default;
  virtual void run(Watch& watch) = 0;
  // The same step of several shards, this that of the first, whether it is among them or not. What all read may then be read once.
  virtual void run_together(Step* const* all, int count, Watch& watch) {
    for (int i = 0; i < count; ++i) all[i]->run(watch);
  }
  // Bytes of the matrices that a loop reads at every time step, and that its shards could read once; `worth_together` where they gain
  // in any case
  virtual int64_t reread() const { return 0; }
  // Bytes of the matrix that it multiplies one row with; and told of how many bytes such matrices are, all that run in turn with it
  virtual int64_t matrix() const { return 0; }
  virtual void among([[maybe_unused]] int64_t bytes) {}
  // How many of what it walks outermost, where it may be told to take fewer
  virtual int64_t* rows() { return nullptr; }
};
using Steps = std::vector<std::unique_ptr<Step>>;
inline constexpr int most_together = 4;
inline constexpr int64_t worth_together = 2 << 20;  // bytes read at every step of a loop: no second cache keeps them
// Lists of one code, made for several shards: each step of them all before the next. first: the first shard's, which may have no rows left.
void run_together(const Steps& first, Steps* const* all, int count, Watch& watch);

template <class R>
struct MatmulStep final : Step {
  void (*product)(const Matmul<R>&);
  void (*together)(const Matmul<R>*, int64_t) = nullptr;
  Matmul<R> call{};
  int64_t batch = 1, a_batch = 0, b_batch = 0, init_batch = 0, c_batch = 0;
  bool fills = false;  // whether rows of several shards fill tiles that those of one do not
  void run(Watch&) override;  // there and back in turn, see Matmul::back
  void run_together(Step* const* all, int count, Watch& watch) override;
  int64_t reread() const override {
    if (call.packed == nullptr || together == nullptr) return 0;
    return fills ? worth_together : call.k * call.n * int64_t(sizeof(R));
  }
  int64_t matrix() const override { return call.m == 1 && batch == 1 ? call.k * call.n * int64_t(sizeof(R)) : 0; }
  void among(int64_t bytes) override { call.others = bytes - matrix(); }
  int64_t* rows() override { return batch == 1 ? &call.m : nullptr; }
};

template <class R>
struct PackStep final : Step {
  Products<R> products;
  R* packed = nullptr;
  const R* b = nullptr;
  int64_t b_row = 0, b_col = 0, k = 0, n = 0;
  void run(Watch&) override { products.pack(packed, b, b_row, b_col, k, n); }
  void run_together(Step* const*, int, Watch& watch) override { run(watch); }  // all read what the first has packed
};

// How an operand is walked along axes of these sizes. Neighbouring axes that it walks as one become one.
template <class Strided>
void collapse(int64_t axes, const int64_t* size, const int64_t* stride, Strided& operand) {
  int used = 0;
  int64_t count = 1;
  for (int64_t a = 0; a < axes; ++a) {
    count *= size[a];
    if (size[a] == 1) continue;
    if (used > 0 && operand.stride[used - 1] == stride[a] * size[a]) {
      operand.size[used - 1] *= size[a];
      operand.stride[used - 1] = stride[a];
      continue;
    }
    if (used == max_axes) throw std::runtime_error("a pointwise operand has too many axes");
    operand.size[used] = size[a];
    operand.stride[used] = stride[a];
    ++used;
  }
  const bool whole = count <= 1 || (used == 1 && operand.stride[0] == 1);
  operand.axes = uint8_t(whole ? 0 : used);
}

template <class R>
struct PointwiseStepRun final : Step {
  const Kernels<R>* kernels;
  Pointwise<R> call{};
  Laid laid{};
  std::vector<PointwiseInput> inputs;
  std::vector<PointwiseOutput> outputs;
  std::vector<const void*> in;
  std::vector<void*> out;
  void run(Watch&) override { kernels->pointwise(call); }
  int64_t* rows() override { return &call.count; }
};

struct IntegerStep final : Step {  // whole numbers: exact, where floats would round
  std::vector<PointwiseInput> inputs;  // as in Pointwise
  Program program;
  std::vector<const void*> in;
  std::vector<void*> out;
  int64_t count = 0;
  void run(Watch&) override;

 private:
  int64_t compute(const PointwiseStep& s) const;
  std::vector<int64_t> registers_;
};

// Any kernel whose arguments are one struct.
template <class Call, class Function>
struct CallStep final : Step {
  Function function;
  Call call{};
  explicit CallStep(Function f) : function(f) {}
  void run(Watch&) override { function(call); }
  int64_t* rows() override {
    if constexpr (requires { call.outer; }) return &call.outer;
    return nullptr;
  }
};

struct CopyStep final : Step {
  void (*copy)(const Copy&);
  Copy call{};
  std::vector<int64_t> size, to_stride, from_stride;
  int64_t to_offset = 0, from_offset = 0;  // bytes
  int64_t clear = 0;  // bytes of the output to zero first
  const void* from = nullptr;
  void* to = nullptr;
  void run(Watch&) override;
  int64_t* rows() override { return size.data(); }
};

struct GatherStep final : Step {
  int64_t (*gather)(const Gather&);
  Gather call{};
  std::string where;
  void run(Watch&) override;
};

template <class R>
struct ScatterStep final : Step {
  const Kernels<R>* kernels;
  ScatterAdd<R> call{};
  std::string where;
  void run(Watch&) override;
};

template <class R>
struct LinearCrossEntropyStep final : Step {
  int64_t (*function)(const LinearCrossEntropy<R>&);
  LinearCrossEntropy<R> call{};
  std::string where;
  void run(Watch&) override;
};

template <class R>
struct UniformStep final : Step {
  const Kernels<R>* kernels;
  Uniform<R> call{};
  const int32_t *seed = nullptr, *step = nullptr,
                *first = nullptr;  // first: number of the first row, where it is given
  int64_t rows_before = 0;  // in other shards
  void run(Watch&) override;
};

template <class R>
struct FillStep final : Step {  // a range (count numbers from 0) or one number
  Storage storage = Storage::real;
  bool range = false;
  int64_t count = 0, value = 0;
  void* to = nullptr;
  void run(Watch&) override;
};

// A pointer inside a step that moves along a sequence.
struct Field {
  void** at;
  int64_t offset;
};

// By time step, how many rows all steps before it have together, each up to its last unfinished one; one more: of all steps.
void row_starts(std::vector<int64_t>& start, const int32_t* lengths, int64_t rows, int64_t steps);

struct ScanStep final : Step {
  struct Slide {  // a slice of a sequence, or of a stacked output
    char* base = nullptr;
    int64_t stride = 0;  // bytes from one t to the next
    int64_t row = 0;  // bytes of a row of the batch; with lengths
    bool local = false;  // base is the first time step of this walk, not of all
    bool gapless = false;  // Value::lengths
    std::vector<Field> fields;
    char* now = nullptr;
  };
  struct State {
    const char* initial = nullptr;
    char* last = nullptr;
    char* buffer[2] = {nullptr, nullptr};  // turn about; unused when shared
    int64_t bytes = 0;
    int shared = -1;  // the output slide that holds the new state
    int trace = -1;  // the output slide whose neighbour, one step before the first, holds the initial state
    std::vector<Field> in, out;  // readers of the state before, writers of the state after the step
    const char* before = nullptr;
    char* after = nullptr;
  };
  struct Duplicate {  // a result wanted in a second place
    const void* from = nullptr;
    void* to = nullptr;
    int64_t bytes = 0;
  };
  struct Share {  // of a step's work: so much for every row of the batch
    int64_t* at;
    int64_t each;
  };
  std::vector<Slide> slides;  // sequences, then outputs
  int sequences = 0;
  std::vector<State> states;
  std::vector<std::unique_ptr<Duplicate>> duplicates;
  Steps first, body;  // before the loop (packing), and for each t
  std::vector<Share> shares;  // what shrinks when the last rows are finished; none: a step takes all rows or none
  int64_t steps = 0, rows = 0;
  bool reverse = false;
  const int32_t* lengths = nullptr;
  void run(Watch& watch) override {
    begin(watch);
    walk(0, steps, watch);
    end();
  }
  void run_together(Step* const* all, int count, Watch& watch) override;
  int64_t reread() const override;
  // The same in parts: walks that follow each other, from one step (counted in the loop's direction) to another.
  void begin(Watch& watch);
  void walk(int64_t from, int64_t to, Watch& watch);
  // Loops of several shards side by side. lowest: by loop, the first time step of the walk that is local to it
  static void begin_together(ScanStep* const* all, int count, Watch& watch);
  static void walk_together(ScanStep* const* all, int count, const int64_t* lowest, int64_t from, int64_t to,
                            Watch& watch);
  int64_t start(int64_t t) const { return start_[size_t(t)]; }  // with lengths, of step t among the rows of all
  void end();

 private:
  void remember();
  bool goes_on(int64_t t);
  void move(int64_t i, int64_t t, int64_t lowest);
  void pass_on(int64_t i, int64_t t);
  void take(int64_t count);
  void finish(int64_t t, int64_t count, int64_t& settled);
  void clear(int64_t from);

  std::vector<int64_t> start_;  // with lengths: row_starts
  int64_t taken_ = -1;  // rows that steps take
  int64_t settled_[2] = {0, 0};  // by buffer of the states: rows from here on hold what stays while they are finished
};

}  // namespace elman
