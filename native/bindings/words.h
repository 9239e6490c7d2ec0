// The names of enumerators, as the compiler knows them: what Python compares its own tables with.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace elman {

// GCC and Clang spell the function they are in as "... [with auto value = elman::Op::matmul; ...]".
template <auto value>
constexpr std::string_view word() {
  constexpr std::string_view mark = "value = ";
  std::string_view told = __PRETTY_FUNCTION__;
  told.remove_prefix(told.find(mark) + mark.size());
  told = told.substr(0, told.find_first_of(";]"));
  return told.substr(told.rfind(':') + 1);
}

// All words of an enumeration that ends with count_, in their order, a space between.
template <class E>
std::string words() {
  return []<size_t... i>(std::index_sequence<i...>) {
    std::string all;
    ((all.append(i == 0 ? "" : " ").append(word<E(i)>())), ...);
    return all;
  }(std::make_index_sequence<size_t(E::count_)>());
}

}  // namespace elman
