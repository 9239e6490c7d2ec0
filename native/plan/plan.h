// A plan: a lowered graph bound to sizes and run. Thread-safe for callers that have the turn; keeps its memory between runs.
#pragma once
#include <map>
#include <tuple>

#include "build.h"
#include "cuts.h"
#include "feed.h"
#include "turns.h"
#include "twins.h"

namespace elman {

struct Outcome {
  int64_t steps;
  bool diverged;
  bool finite = true;  // all numbers of inputs that products read where they lie (Spec::input_rows)
};

// What the batches of a run differ in, beside their rows: open sizes, and by input the bytes that they read of a row.
struct Lengths {
  std::vector<Numbers> symbols, bytes;
};

// A copy of bytes from one place that stays to another.
struct Move {
  char* to;
  const char* from;
  size_t bytes;
};

// A step on arrays that stay, of a plan without guard and updates. What a run of it comes down to is found by the plan at the
// first run, and found again where the plan has moved its memory since. All pointers are the caller's, for the life of this.
struct Fixed {
  std::vector<Array> arrays;  // the inputs; no rows of a batch
  Numbers symbols;
  std::vector<char*> outputs;  // each the whole of an output
  int threads;
  std::vector<Move> in, out;
  std::vector<Step*> steps;
  int64_t found = -1;  // Plan::moves_ when it was
};

template <class R>
class Plan {
 public:
  // variables: memory of each variable, owned by the caller for the plan's life. constants: copied. memory: the most
  // bytes a run may need; beyond it a run throws MemoryShortage before anything is allocated.
  Plan(Spec spec, std::vector<char*> variables, std::vector<std::vector<char>> constants, Isa isa,
       int64_t memory = INT64_MAX);

  // Steps over batches of the given rows; symbols[0], the batch, is set from each batch. order nullptr: rows 0, 1, ... of one batch.
  // into: by output, where the only batch's result is to lie, its whole shape; those of Spec::output_given are written there, the
  // others are read afterwards. Empty: all are. lengths: of each batch, where they differ; then a run ends before a batch whose memory
  // is refused, unless it is the first, and its results cannot be read.
  Outcome run(const std::vector<Array>& arrays, const Numbers& symbols, const int64_t* order, int64_t rows,
              int64_t batch, int threads, Host* host, const std::vector<char*>& into = {},
              const Lengths* lengths = nullptr);

  // Whether whole arrays of real numbers, each in one piece, hold no NaN and no infinity.
  bool finite(const std::vector<Array>& arrays) const;

  // A step on arrays that stay: their values at this call, and outputs filled.
  void run(Fixed& fixed);

  // Bytes of an output of the last run (-1: there is none), and a copy of it to `to` (C-contiguous, its whole shape).
  int64_t output_bytes(size_t output) const;
  void read(size_t output, char* to) const;

  const Spec& spec() const { return spec_; }
  Numbers output_sizes(const std::vector<int>& dims) const;
  Turns& turns() { return turns_; }
  // Nanoseconds spent in each instruction of the first shard over `repeats` runs of the sizes bound last; updates included.
  std::vector<double> profile(int repeats);
  Numbers shards() const;  // by shard of the last batch, how many rows it had
  int64_t arena_bytes() const;
  // Bytes a run of these sizes needs, symbols[0] the batch; nothing is allocated.
  int64_t needed(const Numbers& symbols) { return needed(*make(symbols, {})); }
  // Gives the memory of values back; the next run takes it anew. What a run gave must have been read.
  void release();

 private:
  struct Given {  // a pointer to an output that may lie with the caller
    Field field;
    size_t output;
    char* own;  // where it lies otherwise
    int64_t before;  // bytes of the rows of other shards
  };
  struct Shard {
    Numbers sizes;
    ArenaLayout layout;
    int64_t first_row = 0, rows = 0;
    std::vector<Steps> segments;  // by segment; empty where the segment is not rows
    std::unordered_map<int, RowsAt> rows_at;  // by value, of Spec::input_rows: where each row lies
    std::vector<Load> loads;  // by the thread that reads them, before the first segment of rows
    std::vector<Given> given;
    Block once;
    std::vector<int64_t> once_at;
  };
  struct Piece {  // of an output
    const char* from;
    size_t bytes;
  };
  struct Binding {
    Numbers symbols, sizes, typical;  // typical: sizes of a shard of like rows
    Cut cut;
    int64_t number = 0;  // of all that were made
    bool away = false;  // whether twins are read in their other place
    Binding* partner = nullptr;  // of the same symbols, for twins where these are not; once it is made
    ArenaLayout layout;
    std::vector<Shard> shards;
    std::vector<Steps> segments;  // by segment; empty where the segment is rows
    Steps last;
    Block once;
    std::vector<int64_t> once_at;
    std::vector<Load> loads;  // of what is one a run
    std::vector<Move> updates;  // of variables that are no twins, after each step
    std::vector<std::vector<Piece>> results;  // by output: a piece a shard, one after another
    const R* guard = nullptr;
    std::vector<bool> together;  // by segment: whether a thread runs the shards it has side by side
  };

  void find(Fixed& fixed) const;  // from the last run, which was of it
  void forget();  // all bindings
  void recover();  // begins anew after a run that a fork cut off, whose memory is left as it is
  void forget_older();  // half of the bindings that are kept
  Binding& bind(const Numbers& symbols, const Cut& cut);
  std::unique_ptr<Binding> make(const Numbers& symbols, const Cut& cut);
  static int64_t needed(const Binding& b);
  bool reserve(const Binding& b);  // memory for it; whether any moved. Throws MemoryShortage, and then holds none
  void build(Binding& b);
  void link(Binding& b);  // what lies at the edges of a step: loads, guard, updates, results
  char* whole(Binding& b, int value);  // where a value or part of one lies, outside the shards
  void once(const Numbers& sizes, bool rows, Block& block, std::vector<int64_t>& at);
  // segment: whose instructions ask. A partial sum is the shard's own in the segment that makes it, and the total everywhere else.
  char* address(Binding& b, Shard* shard, int segment, int value, int part);
  int64_t part_offset(const Numbers& sizes, int& value) const;  // elements from the root; value becomes the root
  bool step(const Feed& feed, int threads, Watch& watch, Host* host);
  void reduce(size_t segment);
  static void give(Binding& b, const std::vector<char*>& into);
  static bool look(Binding& b);  // whether what the last step read was finite

  Spec spec_;
  std::vector<char*> variables_;
  std::vector<Block> constants_;
  const Kernels<R>& kernels_;
  int64_t memory_;
  std::vector<int> partial_of_;  // by value: the segment whose partial sum it is, or -1
  std::vector<bool> holds_partials_;  // by root: whether partial sums lie in it
  Twins twins_;
  std::map<std::tuple<Numbers, Cut, bool>, std::unique_ptr<Binding>> bindings_;  // by symbols, cut, where twins are
  Binding* bound_ = nullptr;
  int64_t bindings_made_ = 0;
  int64_t moves_ = 0;  // how often bindings were forgotten
  int threads_ = 1;  // of the last run
  Numbers asked_;  // symbols of the step that runs
  Block arena_;
  std::vector<Block> arenas_;  // one a shard
  Turns turns_{[this] { recover(); }};
};

}  // namespace elman
