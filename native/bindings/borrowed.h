// What Python lends to a plan for the time of a call.
#pragma once
#include <nanobind/nanobind.h>

#include <utility>
#include <vector>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

#include "feed.h"

namespace elman {

// Arrays of Python, borrowed for the time of a call: the cheapest way to their memory. Those that are written are C-contiguous,
// and of the others each row. What has no buffer has `parts`, a tuple of C-contiguous arrays: rows that lie apart.
class Borrowed {
 public:
  Borrowed(nanobind::handle list, bool written) {
    const size_t count = nanobind::len(list);
    views_.reserve(count);  // a view may point into itself, so it must not move
    for (size_t i = 0; i < count; ++i) {
      nanobind::object one = list[i];
      views_.emplace_back();
      if (!written && PyObject_CheckBuffer(one.ptr()) == 0) {
        nanobind::object parts = nanobind::getattr(one, "parts", nanobind::none());
        if (PyTuple_CheckExact(parts.ptr())) {
          parts_.resize(count);
          parts_[i] = std::move(parts);
          continue;
        }
      }
      if (PyObject_GetBuffer(one.ptr(), &views_.back(),
                             written ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_STRIDES) != 0) {
        views_.pop_back();
        release();
        throw nanobind::python_error();
      }
      if (!rows_in_one_piece(views_.back())) {
        release();
        throw nanobind::value_error("a row of an array must lie in one piece");
      }
    }
  }
  ~Borrowed() { release(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  size_t size() const { return views_.size(); }
  char* data(size_t i) const { return static_cast<char*>(views_[i].buf); }
  int64_t bytes(size_t i) const { return int64_t(views_[i].len); }
  int64_t rows(size_t i) const {
    if (apart(i)) return int64_t(PyTuple_GET_SIZE(parts_[i].ptr()));
    return views_[i].ndim > 0 ? int64_t(views_[i].shape[0]) : -1;
  }
  int64_t stride(size_t i) const { return views_[i].ndim > 0 ? int64_t(views_[i].strides[0]) : 0; }
  bool in_one_piece(size_t i) const { return PyBuffer_IsContiguous(&views_[i], 'C') != 0; }

  // Whether rows lie apart; of one array, or of any.
  bool apart(size_t i) const { return apart() && parts_[i].is_valid(); }
  bool apart() const { return !parts_.empty(); }
  Row row(size_t i, int64_t r) const {
    PyObject* one = PyTuple_GET_ITEM(parts_[i].ptr(), r);
    if (!PyArray_CheckExact(one) || !PyArray_IS_C_CONTIGUOUS(reinterpret_cast<PyArrayObject*>(one)))
      throw nanobind::value_error("a row that lies apart must be an array in one piece");
    auto* array = reinterpret_cast<PyArrayObject*>(one);
    return {PyArray_BYTES(array), int64_t(PyArray_NBYTES(array))};
  }

 private:
  static bool rows_in_one_piece(const Py_buffer& v) {
    Py_ssize_t bytes = v.itemsize;
    for (int axis = v.ndim - 1; axis > 0 && v.len > 0; --axis) {
      if (v.shape[axis] != 1 && v.strides[axis] != bytes) return false;
      bytes *= v.shape[axis];
    }
    return true;
  }
  void release() {
    for (Py_buffer& v : views_) PyBuffer_Release(&v);
  }
  std::vector<Py_buffer> views_;  // empty for rows that lie apart
  std::vector<nanobind::object> parts_;  // held; none where no rows lie apart
};

}  // namespace elman
