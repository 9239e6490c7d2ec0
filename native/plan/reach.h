// Nothing that an instruction reads or writes lies outside its values: asked once a binding, where all sizes are numbers.
//
// Whoever lowers a graph writes strides and offsets as numbers; a wrong one ends here, in an error, and not in another value's memory.
// That every value has memory is asked in places.h.
#pragma once
#include "layout.h"

namespace elman {

// Throws std::logic_error, which says where. rows: of the batch, or of the shard. by_row: the code that runs once a shard; else all other.
void check_reach(const Spec& spec, const Numbers& sizes, int64_t rows, bool by_row);

}  // namespace elman
