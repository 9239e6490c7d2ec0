#include "read.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

namespace nb = nanobind;

namespace elman {
namespace {

// ---- from Python lists to a Spec ------------------------------------------------------------------------------------

template <class T>
T item(nb::handle sequence, size_t i) {
  return nb::cast<T>(sequence[i]);
}

Program program(nb::handle p) {
  Program out;
  for (nb::handle c : p[0]) out.constants.push_back({uint8_t(item<int>(c, 0)), item<double>(c, 1)});
  for (nb::handle s : p[1]) {
    const int code = item<int>(s, 0);
    if (code < 0 || code >= int(PointwiseCode::count_)) throw nb::value_error("unknown pointwise code");
    out.steps.push_back({PointwiseCode(code), uint8_t(item<int>(s, 1)), uint8_t(item<int>(s, 2)),
                         uint8_t(item<int>(s, 3)), uint8_t(item<int>(s, 4)), item<bool>(s, 5)});
  }
  for (nb::handle r : p[2]) out.in.push_back(uint8_t(nb::cast<int>(r)));
  for (nb::handle r : p[3]) out.out.push_back(uint8_t(nb::cast<int>(r)));
  out.registers = item<int>(p, 4);
  out.rows = item<bool>(p, 5);
  return out;
}

Instruction instruction(nb::handle i) {
  Instruction out;
  const int op = item<int>(i, 0);
  if (op < 0 || op >= int(Op::count_)) throw nb::value_error("unknown instruction");
  out.op = Op(op);
  out.in = item<Ints>(i, 1);
  out.out = item<Ints>(i, 2);
  out.dims = item<Ints>(i, 3);
  out.flags = item<std::vector<int64_t>>(i, 4);
  if (!nb::handle(i[5]).is_none()) out.program = program(i[5]);
  out.body = item<int>(i, 6);
  out.where = item<std::string>(i, 7);
  return out;
}

std::vector<Instruction> code(nb::handle list) {
  std::vector<Instruction> out;
  for (nb::handle i : list) out.push_back(instruction(i));
  return out;
}

}  // namespace

Spec read_spec(nb::dict d) {
  Spec s;
  for (nb::handle dim : d["dims"]) {
    Dim sum;
    for (nb::handle m : dim) sum.push_back({item<int64_t>(m, 0), item<Ints>(m, 1)});
    s.dims.push_back(std::move(sum));
  }
  s.symbols = nb::cast<int>(d["symbols"]);
  for (nb::handle v : d["values"]) {
    s.values.push_back({Home(item<int>(v, 0)), Storage(item<int>(v, 1)), item<int>(v, 2), item<int>(v, 3),
                        item<int>(v, 4), item<bool>(v, 5), item<int>(v, 6)});
  }
  for (nb::handle g : d["segments"]) s.segments.push_back({item<bool>(g, 0), code(g[1])});
  for (nb::handle g : d["last"]) s.last.push_back({item<bool>(g, 0), code(g[1])});
  for (nb::handle u : d["updates"]) s.updates.push_back({item<int>(u, 0), item<int>(u, 1)});
  for (nb::handle b : d["bodies"]) {
    s.bodies.push_back({code(b[0]), item<Ints>(b, 1), item<Ints>(b, 2), item<Ints>(b, 3), item<Ints>(b, 4),
                        item<Ints>(b, 5), item<bool>(b, 6), item<bool>(b, 7), item<bool>(b, 8), item<Ints>(b, 9)});
  }
  for (nb::handle t : d["strips"]) s.strips.push_back({code(t[0]), item<Ints>(t, 1), item<Ints>(t, 2)});
  s.inputs = nb::cast<Ints>(d["inputs"]);
  s.input_steps = nb::cast<Ints>(d["input_steps"]);
  s.input_rows = nb::cast<std::vector<bool>>(d["input_rows"]);
  s.outputs = nb::cast<Ints>(d["outputs"]);
  s.output_given = nb::cast<std::vector<bool>>(d["output_given"]);
  s.partials = nb::cast<Ints>(d["partials"]);
  s.partial_segment = nb::cast<Ints>(d["partial_segment"]);
  s.guard = nb::cast<int>(d["guard"]);
  s.shardable = nb::cast<bool>(d["shardable"]);
  s.row_work = nb::cast<int>(d["row_work"]);
  for (nb::handle r : d["ragged"]) s.ragged.push_back({item<int>(r, 0), item<int>(r, 1), item<int>(r, 2)});
  return s;
}

// ---- every number refers to something that exists -------------------------------------------------------------------

void within(const Ints& numbers, size_t size, const char* what) {
  for (int n : numbers)
    if (n < 0 || size_t(n) >= size) throw nb::value_error(what);
}

namespace {

void check(const std::vector<Instruction>& list, const Spec& s) {
  for (const Instruction& i : list) {
    within(i.in, s.values.size(), "an instruction reads an unknown value");
    within(i.out, s.values.size(), "an instruction writes an unknown value");
    within(i.dims, s.dims.size(), "an instruction uses an unknown size");
    if (i.op == Op::matmul && i.flags.size() < 2) throw nb::value_error("a product lacks its flags");
    if (i.op == Op::linear_cross_entropy && i.flags.empty()) throw nb::value_error("a loss lacks its flags");
    if (i.op == Op::scan) within({i.body}, s.bodies.size(), "a scan has an unknown body");
    if (i.op == Op::strip) within({i.body}, s.strips.size(), "a strip has an unknown code");
    const Program& p = i.program;
    if (p.registers < 0 || p.registers > max_registers)
      throw nb::value_error("a pointwise program has too many registers");
    auto one = [&](int r) {
      if (r >= p.registers) throw nb::value_error("a pointwise program uses an unknown register");
    };
    for (const auto& c : p.constants) one(c.to);
    for (const auto& t : p.steps) one(t.to), one(t.a), one(t.b), one(t.c);
    for (int r : p.in) one(r);
    for (int r : p.out) one(r);
    if ((i.op == Op::pointwise || i.op == Op::integer) &&
        (p.in.size() != i.in.size() || p.out.size() != i.out.size() ||
         i.dims.size() < size_t(i.flags.at(0)) * (1 + i.in.size() + i.out.size()))) {
      throw nb::value_error("a pointwise program does not fit its operands");
    }
  }
}

// Whether copies make a value of the batch, and nothing else names it or a part of it.
bool only_copied(const Spec& s, int value) {
  int named = 0, copied = 0;
  const auto names = [&](int n) {
    while (s.values[size_t(n)].home == Home::part) n = s.values[size_t(n)].index;
    return n == value;
  };
  const auto look = [&](const std::vector<Instruction>& list) {
    for (const Instruction& i : list) {
      if (i.op == Op::strip) continue;  // names what its code names
      named += int(std::count_if(i.in.begin(), i.in.end(), names) + std::count_if(i.out.begin(), i.out.end(), names));
      copied += i.op == Op::copy ? int(std::count(i.out.begin(), i.out.end(), value)) : 0;
    }
  };
  for (const Segment& g : s.segments) look(g.code);
  for (const Segment& g : s.last) look(g.code);
  for (const Strip& t : s.strips) look(t.code);
  const Value& v = s.values[size_t(value)];
  return v.home == Home::temporary && v.rows && named > 0 && named == copied;
}

}  // namespace

void check(const Spec& s, size_t variables, size_t constants) {
  if (s.symbols < 0) throw nb::value_error("a plan has at least no symbols");
  for (const Dim& d : s.dims)
    for (const Monomial& m : d) within(m.symbols, size_t(s.symbols), "a size uses an unknown symbol");
  for (size_t n = 0; n < s.values.size(); ++n) {
    const Value& v = s.values[n];
    within({v.count}, s.dims.size(), "a value has an unknown size");
    if (v.home == Home::variable) within({v.index}, variables, "a value is an unknown variable");
    if (v.home == Home::constant) within({v.index}, constants, "a value is an unknown constant");
    if (v.lengths >= 0) within({v.lengths}, s.values.size(), "a value has unknown lengths");
    if (v.home == Home::part) {
      within({v.index}, s.values.size(), "a value lies in an unknown value");
      within({v.offset}, s.dims.size(), "a value lies at an unknown offset");
    }
  }
  for (const Segment& g : s.segments) check(g.code, s);
  for (const Segment& g : s.last) check(g.code, s);
  for (const Body& b : s.bodies) {
    check(b.code, s);
    for (const Ints* list : {&b.states, &b.slices, &b.captured, &b.new_states, &b.outputs})
      within(*list, s.values.size(), "a body uses an unknown value");
    if (b.states.size() != b.new_states.size()) throw nb::value_error("a body must make each state anew");
    if (b.traced.size() != b.states.size()) throw nb::value_error("a body must say which states it traces");
    const auto one = [&](int d) {
      const Dim& size = s.dims[size_t(d)];
      return size.size() == 1 && size[0].coefficient == 1 && size[0].symbols.empty();
    };
    const auto can = [&](const Instruction& i) {
      if (i.op == Op::matmul) return !i.dims.empty() && one(i.dims[0]);  // rows of one product
      if (i.op == Op::copy) return i.flags.size() > 1 && i.flags[1] > 0;
      return i.op == Op::pointwise || i.op == Op::reduce;
    };
    const auto shrinks = [&](const Instruction& i) {
      return !i.out.empty() && (can(i) || !s.values[size_t(i.out[0])].rows);
    };
    const auto of_batch = [&](int v) { return s.values[size_t(v)].rows; };
    if (b.by_row && !(std::all_of(b.code.begin(), b.code.end(), shrinks) &&
                      std::all_of(b.states.begin(), b.states.end(), of_batch)))
      throw nb::value_error("a body walks rows that it cannot walk");
    for (int output : b.traced)
      if (output >= int(b.outputs.size())) throw nb::value_error("a body traces a state in an unknown output");
  }
  for (const Strip& t : s.strips) {
    check(t.code, s);
    within(t.local, s.values.size(), "a strip uses an unknown value");
    const auto scans =
        std::count_if(t.code.begin(), t.code.end(), [](const Instruction& i) { return i.op == Op::scan; });
    if (scans != 1) throw nb::value_error("a strip must have one loop");
    for (const Instruction& i : t.code) {
      if (i.op != Op::scan && i.op != Op::matmul && i.op != Op::reduce && i.op != Op::pointwise)
        throw nb::value_error("a strip must have products, sums and element-wise work beside its loop");
      const bool timed = i.op != Op::pointwise || (i.flags.size() > 1 && i.flags[1] >= 0 && i.flags[1] < i.flags[0]);
      if (!timed) throw nb::value_error("a pointwise program in a strip must say which axis is time");
    }
  }
  within(s.inputs, s.values.size(), "unknown input");
  if (s.input_steps.size() != s.inputs.size() || s.input_rows.size() != s.inputs.size())
    throw nb::value_error("every input must say how it is to lie");
  for (int d : s.input_steps)
    if (d >= 0) within({d}, s.dims.size(), "unknown size");
  within(s.outputs, s.values.size(), "unknown output");
  if (s.output_given.size() != s.outputs.size()) throw nb::value_error("every output must say where it may lie");
  for (size_t o = 0; o < s.outputs.size(); ++o)
    if (s.output_given[o] && !only_copied(s, s.outputs[o]))
      throw nb::value_error("an output that lies with the caller must be written by copies and read by nobody");
  within(s.partials, s.values.size(), "unknown partial sum");
  for (const Update& u : s.updates) within({u.variable_value, u.from}, s.values.size(), "unknown update");
  if (s.row_work >= 0 || !s.ragged.empty()) within({s.row_work}, s.dims.size(), "unknown size");
  for (const Ragged& r : s.ragged) {
    within({r.steps, r.work}, s.dims.size(), "unknown size");
    const bool input = std::find(s.inputs.begin(), s.inputs.end(), r.lengths) != s.inputs.end();
    if (!input || !s.values[size_t(r.lengths)].rows || s.values[size_t(r.lengths)].storage != Storage::index)
      throw nb::value_error("lengths must be whole numbers of an input, one a row");
  }
  if (s.guard >= 0) within({s.guard}, s.values.size(), "unknown guard");
}

}  // namespace elman
