// All that a plan names has memory where it is named: asked once a plan, as sizes do not matter. What does matter is asked in reach.h.
#pragma once
#include "elman/spec.h"

namespace elman {

// The spec as it is, whose numbers refer to something. Throws std::invalid_argument, which says what has no place.
Spec placed(Spec spec);

}  // namespace elman
