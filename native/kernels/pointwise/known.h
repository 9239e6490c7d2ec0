// Programs that built-in layers, losses and optimizers come down to so often that they are compiled ahead of time.
#pragma once
#include "elman/kernels.h"

namespace elman {

constexpr int max_known_constants = 8, max_known_steps = 40;

// A program without its numbers: which registers hold constants and inputs, what the steps are, which registers are outputs.
struct KnownProgram {
  int n_constants, n_inputs, n_steps, n_outputs, registers;
  uint8_t constants[max_known_constants], inputs[max_known_operands], outputs[max_known_operands];
  PointwiseStep steps[max_known_steps];
};

struct Known {
  using enum PointwiseCode;
  static constexpr KnownProgram programs[] = {
#include "pointwise/known.inc"
  };
  static constexpr int count = int(sizeof(programs) / sizeof(programs[0]));
};

}  // namespace elman
