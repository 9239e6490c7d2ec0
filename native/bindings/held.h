// What arrays of NumPy are like, and one that is held, through NumPy's C interface: to ask whether an array is like another takes
// some loads, and a copy one allocation. By the buffer protocol, or by calling methods, each takes as long as a short step of a stream.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstring>
#include <vector>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

namespace elman {

inline PyArrayObject* as_array(nanobind::handle array) { return reinterpret_cast<PyArrayObject*>(array.ptr()); }
inline char* data_of(nanobind::handle array) { return static_cast<char*>(PyArray_DATA(as_array(array))); }

// A type and a shape, of arrays in one piece. The array they were taken from is not kept: it may be large, and become another.
class Header {
 public:
  // None: nothing is like it, and a fresh one is None.
  explicit Header(nanobind::handle array) {
    if (array.is_none()) return;
    if (!PyArray_CheckExact(array.ptr()) || !PyArray_ISCARRAY_RO(as_array(array)))
      throw nanobind::value_error("an array that others are to be like must lie in one piece");
    type_ = nanobind::borrow(reinterpret_cast<PyObject*>(PyArray_DESCR(as_array(array))));
    shape_.assign(PyArray_DIMS(as_array(array)), PyArray_DIMS(as_array(array)) + PyArray_NDIM(as_array(array)));
  }

  bool like(nanobind::handle x) const {
    if (!type_.is_valid() || !PyArray_CheckExact(x.ptr())) return false;
    PyArrayObject* other = as_array(x);
    return reinterpret_cast<PyObject*>(PyArray_DESCR(other)) == type_.ptr() &&
           size_t(PyArray_NDIM(other)) == shape_.size() && PyArray_ISCARRAY_RO(other) &&
           std::equal(shape_.begin(), shape_.end(), PyArray_DIMS(other));
  }

  // A new array, whose numbers are nobody's
  nanobind::object fresh() const {
    if (!type_.is_valid()) return nanobind::none();
    Py_INCREF(type_.ptr());  // the new array takes it
    PyObject* made = PyArray_NewFromDescr(&PyArray_Type, reinterpret_cast<PyArray_Descr*>(type_.ptr()),
                                          int(shape_.size()), shape_.data(), nullptr, nullptr, 0, nullptr);
    if (made == nullptr) throw nanobind::python_error();
    return nanobind::steal(made);
  }

 private:
  nanobind::object type_;
  std::vector<npy_intp> shape_;
};

class Held {
 public:
  // None: nothing is like it, and a copy of it is None. written: by `take`
  Held(nanobind::handle array, bool written) : object_(nanobind::borrow(array)), header_(array) {
    if (array.is_none()) return;
    if (written && !PyArray_ISCARRAY(as_array(array)))
      throw nanobind::value_error("an array must let itself be written to");
    data_ = data_of(array);
    bytes_ = size_t(PyArray_NBYTES(as_array(array)));
  }

  // Whether x is like this array; then it was copied to this one.
  bool take(nanobind::handle x) {
    if (!header_.like(x)) return false;
    std::memmove(data_, data_of(x), bytes_);
    return true;
  }

  nanobind::object copy() const {
    nanobind::object made = header_.fresh();
    if (data_ != nullptr) std::memcpy(data_of(made), data_, bytes_);
    return made;
  }

 private:
  nanobind::object object_;
  Header header_;
  char* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace elman
