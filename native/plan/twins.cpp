#include "twins.h"

#include <algorithm>
#include <cstring>

namespace elman {
namespace {

constexpr int64_t twin_bytes = 1 << 18;  // of a variable; smaller ones are sooner copied than steps kept twice

// By value, whether a step changes it, or it is read behind the steps
std::vector<bool> changed_or_read(const Spec& spec) {
  std::vector<bool> taken(spec.values.size(), false);
  for (const Update& u : spec.updates) taken[size_t(u.variable_value)] = true;
  for (const Segment& s : spec.last)
    for (const Instruction& i : s.code)
      for (int v : i.out) taken[size_t(v)] = true;
  for (int v : spec.outputs) taken[size_t(v)] = true;
  if (spec.guard >= 0) taken[size_t(spec.guard)] = true;
  return taken;
}

}  // namespace

Twins::Twins(const Spec& spec, const std::vector<char*>& variables, const std::function<int64_t(int)>& bytes,
             const std::vector<bool>& held)
    : spec_(spec), variables_(variables) {
  const auto begin = [&](int v) { return variables_[size_t(spec_.values[size_t(v)].index)]; };
  const auto end = [&](int v) { return begin(v) + bytes(v); };
  const auto inside = [&](int v, int of) { return begin(v) >= begin(of) && end(v) <= end(of); };
  std::vector<int> stored;
  for (size_t v = 0; v < spec_.values.size(); ++v)
    if (spec_.values[v].home == Home::variable) stored.push_back(int(v));
  std::vector<bool> taken = changed_or_read(spec_);
  // Other variables may be views of it, which follow it, but none may reach beyond it or change by itself.
  const auto whole = [&](int variable) {
    return std::all_of(stored.begin(), stored.end(), [&](int v) {
      const bool apart = end(v) <= begin(variable) || begin(v) >= end(variable);
      return v == variable || apart || (inside(v, variable) && !taken[size_t(v)]);
    });
  };
  twin_of_.assign(spec_.values.size(), -1);
  int64_t total = 0;
  for (const Update& u : spec_.updates) {
    const Value& from = spec_.values[size_t(u.from)];
    const bool made = from.home == Home::temporary && !from.rows && !held[size_t(u.from)];
    const bool large = bytes(u.variable_value) >= twin_bytes;
    if (!large || !made || taken[size_t(u.from)] || !whole(u.variable_value)) continue;
    taken[size_t(u.from)] = true;
    twin_of_[size_t(u.from)] = int(twins_.size());
    for (int v : stored)
      if (inside(v, u.variable_value)) twin_of_[size_t(v)] = int(twins_.size());
    twins_.push_back({begin(u.variable_value), total, bytes(u.variable_value)});
    total += aligned(bytes(u.variable_value) + int64_t(padding));
  }
  others_.reserve(total);
}

char* Twins::place(int value, bool away) const {
  const int t = twin_of_[size_t(value)];
  if (t < 0) return nullptr;
  const Twin& twin = twins_[size_t(t)];
  const Value& v = spec_.values[size_t(value)];
  if (v.home != Home::variable) away = !away;  // what it becomes
  char* const at = away ? others_.data() + twin.other : twin.home;
  return v.home == Home::variable ? at + (variables_[size_t(v.index)] - twin.home) : at;
}

bool Twins::made_in_place(const Update& u) const {
  const int t = twin_of_[size_t(u.variable_value)];
  return t >= 0 && t == twin_of_[size_t(u.from)];
}

void Twins::settle() {
  if (!away_) return;
  for (const Twin& t : twins_) std::memcpy(t.home, others_.data() + t.other, size_t(t.bytes));
  away_ = false;
}

}  // namespace elman
