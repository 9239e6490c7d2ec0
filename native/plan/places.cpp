#include "places.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace elman {
namespace {

void need(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("a plan was lowered wrongly, please report it: ") + what);
}

int operands(PointwiseCode code) {
  if (code <= PointwiseCode::is_inf || (code >= first_row_code && code < PointwiseCode::row_dot)) return 1;
  return code <= PointwiseCode::logical_or || code == PointwiseCode::row_dot ? 2 : 3;
}

// A program reads what was made before, and writes neither what it was given nor constants.
void check_program(const Program& p) {
  std::vector<bool> given(max_registers, false);
  const auto give = [&](int r) {
    need(r < p.registers && p.registers <= max_registers && !given[size_t(r)], "a program is given a register twice");
    given[size_t(r)] = true;
  };
  for (const int r : p.in) give(r);
  for (const PointwiseConstant& c : p.constants) give(c.to);
  std::vector<bool> made = given;
  const auto read = [&](int r) { need(r < p.registers && made[size_t(r)], "a program reads what nothing made"); };
  for (const PointwiseStep& s : p.steps) {
    need(p.rows || (!s.narrow && s.code < first_row_code), "a program without rows takes them together");
    const int count = operands(s.code);
    read(s.a);
    if (count > 1) read(s.b);
    if (count > 2) read(s.c);
    need(s.to < p.registers && !given[s.to], "a program writes what it was given");
    made[s.to] = true;
  }
  need(p.out.size() <= max_registers, "a program has too many results");
  for (const int r : p.out) read(r);
}

class Places {
 public:
  explicit Places(const Spec& spec) : spec_(spec), named_(spec.values.size(), false) {}

  void check() {
    check_values();
    for (const int v : spec_.inputs)
      need(value(v).home == Home::input && (!value(v).rows || by_rows(v)), "an input has no memory of its own");
    for (const Segment& s : spec_.segments) check_code(s.code, s.rows);
    for (const Segment& s : spec_.last) {
      need(!s.rows, "what comes last is of the whole run");
      check_code(s.code, false);
    }
    check_edges();
    for (const Segment& s : spec_.segments) check_locals(s.code);
  }

 private:
  const Value& value(int v) const { return spec_.values[size_t(v)]; }
  int root(int v) const {
    while (value(v).home == Home::part) v = value(v).index;
    return v;
  }

  // Whether it has as many elements for every row of the batch.
  bool by_rows(int v) const {
    const Dim& count = spec_.dims[size_t(value(v).count)];
    return std::all_of(count.begin(), count.end(),
                       [](const Monomial& m) { return std::count(m.symbols.begin(), m.symbols.end(), 0) == 1; });
  }

  bool is_input(int v) const { return std::find(spec_.inputs.begin(), spec_.inputs.end(), v) != spec_.inputs.end(); }

  void check_values() const {
    for (size_t n = 0; n < spec_.values.size(); ++n) {
      const Value& v = spec_.values[n];
      need(v.home < Home::count_ && v.storage <= Storage::code, "a value is of an unknown kind");
      if (v.home == Home::part)
        need(size_t(v.index) < n && value(v.index).storage == v.storage, "a part lies in what it cannot lie in");
      if (v.lengths >= 0)
        need(is_input(v.lengths) && value(v.lengths).storage == Storage::index && value(v.lengths).rows,
             "lengths must be whole numbers of an input, one a row");
    }
  }

  // A value of the batch lies in the memory of shards, which only their own code finds.
  void check_name(int v, bool rows) {
    const Value& home = value(root(v));
    need(rows || !home.rows, "what runs once names a value of the batch");
    named_[size_t(root(v))] = true;
  }

  void check_code(const std::vector<Instruction>& code, bool rows) {
    for (const Instruction& i : code) {
      for (const int v : i.in) check_name(v, rows);
      for (const int v : i.out) check_name(v, rows);
      for (const int v : i.out)
        need(value(root(v)).home != Home::constant && !left_where_it_lies(root(v)),
             "a constant or an input is written");
      check_program_of(i);
      if (i.op == Op::strip) {
        check_named(i);
        check_code(spec_.strips[size_t(i.body)].code, rows);
      }
      if (i.op == Op::scan) check_loop(i, rows, int(spec_.bodies.size()));
    }
  }

  static void check_program_of(const Instruction& i) {
    if (i.op == Op::pointwise || i.op == Op::integer) check_program(i.program);
  }

  // How long memory is needed is read off a strip, not off its code.
  void check_named(const Instruction& strip) const {
    std::vector<bool> named(spec_.values.size(), false);
    for (const auto* list : {&strip.in, &strip.out})
      for (const int v : *list) named[size_t(root(v))] = true;
    for (const Instruction& i : spec_.strips[size_t(strip.body)].code)
      for (const auto* list : {&i.in, &i.out})
        for (const int v : *list) need(named[size_t(root(v))], "a strip does not name what its code names");
  }

  bool left_where_it_lies(int v) const {
    const auto at = size_t(std::find(spec_.inputs.begin(), spec_.inputs.end(), v) - spec_.inputs.begin());
    return at < spec_.input_rows.size() && spec_.input_rows[at];
  }

  // In a loop's body are what it walks along, what it was given, what it makes, and what lies outside the memory of runs.
  void check_loop(const Instruction& i, bool rows, int before) {
    need(i.body < before, "a loop runs in itself");
    const Body& body = spec_.bodies[size_t(i.body)];
    std::vector<bool> inside(spec_.values.size(), false);
    for (const auto* list : {&body.states, &body.slices, &body.captured})
      for (const int v : *list) {
        need(value(v).home != Home::part && !inside[size_t(v)], "a body is given a value in part, or twice");
        inside[size_t(v)] = true;
      }
    const auto moving = [&](int v) {
      return std::find(body.states.begin(), body.states.end(), v) != body.states.end() ||
             std::find(body.slices.begin(), body.slices.end(), v) != body.slices.end();
    };
    for (const Instruction& one : body.code)
      for (const int v : one.out) {
        need(!moving(root(v)), "a body writes what it walks along");
        inside[size_t(root(v))] = true;
      }
    const auto check = [&](int v) {
      const Home home = value(root(v)).home;
      const bool lasting = home == Home::constant || home == Home::variable || home == Home::once;
      need(inside[size_t(root(v))] || (lasting && (rows || !value(root(v)).rows)),
           "a body names what it was not given");
    };
    for (const Instruction& one : body.code) {
      for (const int v : one.in) check(v);
      for (const int v : one.out) check(v);
      check_program_of(one);
      if (one.op == Op::matmul && one.flags[0] != 0) need(stays(body, one), "what is packed before a loop moves in it");
      need(one.op != Op::strip, "a strip is in a loop");
      if (one.op == Op::scan) check_loop(one, rows, i.body);
    }
    for (const auto* list : {&body.new_states, &body.outputs})
      for (const int v : *list) check(v);
    for (const auto* list : {&i.in, &i.out})
      for (const int v : *list)
        need(value(v).lengths < 0 || body.lengths, "a loop without lengths walks what has them");
  }

  // Whether the matrix of a product in a body is what the body was given, or lies outside the memory of runs.
  bool stays(const Body& body, const Instruction& product) const {
    const int matrix = root(product.in.size() > 1 ? product.in[1] : product.out[0]);
    const bool lasting = value(matrix).home != Home::temporary && value(matrix).home != Home::input;
    return lasting || std::find(body.captured.begin(), body.captured.end(), matrix) != body.captured.end();
  }

  void check_edges() {
    for (const int v : spec_.inputs) named_[size_t(v)] = true;
    for (const int v : spec_.outputs) {
      need(value(v).rows == value(root(v)).rows, "an output is a part of what is another's");
      need(!value(v).rows || by_rows(v), "an output of the batch has no rows");
      named_[size_t(root(v))] = true;
    }
    need(spec_.partials.size() == spec_.partial_segment.size(), "a partial sum has no segment");
    for (size_t n = 0; n < spec_.partials.size(); ++n) {
      const int v = spec_.partials[n], segment = spec_.partial_segment[n];
      need(segment >= 0 && size_t(segment) < spec_.segments.size() && spec_.segments[size_t(segment)].rows,
           "a partial sum is made by no shard");
      need(own_sum(v), "a partial sum has no memory of its own");
    }
    for (const Update& u : spec_.updates) {
      need(value(u.variable_value).home == Home::variable, "an update is of no variable");
      check_name(u.from, false);
    }
    if (spec_.guard < 0) return;
    need(value(spec_.guard).storage == Storage::real, "a guard is no real number");
    check_name(spec_.guard, false);
  }

  bool own_sum(int v) const {
    const Value& home = value(root(v));
    return home.home == Home::temporary && home.storage == Storage::real && !home.rows && named_[size_t(root(v))];
  }

  // There is memory for some steps only of what is local to a strip, so nobody else may name it, nor the strip a part of it.
  void check_locals(const std::vector<Instruction>& code) const {
    for (const Instruction& i : code) {
      if (i.op != Op::strip) continue;
      const Strip& strip = spec_.strips[size_t(i.body)];
      for (const int local : strip.local) {
        need(value(local).home == Home::temporary, "what is local to a strip has no memory of its own");
        need(count(spec_.segments, local) + count(spec_.last, local) == count(strip.code, local, true),
             "what is local to a strip is named elsewhere, or in part");
        const auto is = [&](int v) { return root(v) == local; };
        const bool edge =
            std::any_of(spec_.outputs.begin(), spec_.outputs.end(), is) ||
            std::any_of(spec_.partials.begin(), spec_.partials.end(), is) ||
            std::any_of(spec_.updates.begin(), spec_.updates.end(), [&](const Update& u) { return is(u.from); }) ||
            (spec_.guard >= 0 && is(spec_.guard));
        need(!edge, "what is local to a strip is read behind it");
      }
    }
  }

  // How often a root is named, in the code of strips, too; whole: not by its parts.
  int64_t count(const std::vector<Instruction>& code, int of, bool whole = false) const {
    const auto is = [&](int v) { return whole ? v == of : root(v) == of; };
    int64_t found = 0;
    for (const Instruction& i : code) {
      if (i.op == Op::strip) found += count(spec_.strips[size_t(i.body)].code, of, whole);
      else found += std::count_if(i.in.begin(), i.in.end(), is) + std::count_if(i.out.begin(), i.out.end(), is);
    }
    return found;
  }
  int64_t count(const std::vector<Segment>& segments, int of) const {
    int64_t found = 0;
    for (const Segment& s : segments) found += count(s.code, of);
    return found;
  }

  const Spec& spec_;
  std::vector<bool> named_;  // by root: whether code outside bodies names it, or it is an input or an output
};

}  // namespace

Spec placed(Spec spec) {
  Places(spec).check();
  return spec;
}

}  // namespace elman
