// A lowered graph as Python writes it, read into a Spec, and every number in it checked before anything is done with it.
#pragma once
#include <nanobind/nanobind.h>

#include <vector>

#include "elman/spec.h"

namespace elman {

using Ints = std::vector<int>;

Spec read_spec(nanobind::dict d);

// Raises: ValueError: a number names what does not exist, or an instruction asks for what it cannot have.
void check(const Spec& spec, size_t variables, size_t constants);
void within(const Ints& numbers, size_t size, const char* what);  // each of them names one of so many

}  // namespace elman
