// An array of NumPy that is held, through NumPy's C interface: to ask another array whether it is like it takes some loads, and a
// copy one allocation. By the buffer protocol, or by calling methods, each takes as long as a short step of a stream.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstring>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

namespace elman {

class Held {
 public:
  // None: nothing is like it, and a copy of it is None. written: by `take`
  Held(nanobind::handle array, bool written) : object_(nanobind::borrow(array)) {
    if (array.is_none()) return;
    if (!PyArray_CheckExact(array.ptr()) || !(written ? PyArray_ISCARRAY(get(array)) : PyArray_ISCARRAY_RO(get(array))))
      throw nanobind::value_error("an array that is held must lie in one piece");
    array_ = get(array);
    bytes_ = size_t(PyArray_NBYTES(array_));
  }

  // Whether x is an array of the same type and shape in one piece.
  bool like(nanobind::handle x) const {
    if (array_ == nullptr || !PyArray_CheckExact(x.ptr())) return false;
    PyArrayObject* other = get(x);
    const int axes = PyArray_NDIM(array_);
    return PyArray_DESCR(other) == PyArray_DESCR(array_) && PyArray_NDIM(other) == axes && PyArray_ISCARRAY_RO(other) &&
           std::equal(PyArray_DIMS(other), PyArray_DIMS(other) + axes, PyArray_DIMS(array_));
  }

  // Whether x is like this array; then it was copied to this one.
  bool take(nanobind::handle x) {
    if (!like(x)) return false;
    std::memmove(PyArray_DATA(array_), data(x), bytes_);
    return true;
  }

  // A new array like this one, whose numbers are nobody's
  nanobind::object fresh() const {
    if (array_ == nullptr) return nanobind::none();
    PyArray_Descr* type = PyArray_DESCR(array_);
    Py_INCREF(type);  // the new array takes it
    PyObject* made = PyArray_NewFromDescr(&PyArray_Type, type, PyArray_NDIM(array_), PyArray_DIMS(array_), nullptr,
                                          nullptr, 0, nullptr);
    if (made == nullptr) throw nanobind::python_error();
    return nanobind::steal(made);
  }

  nanobind::object copy() const {
    nanobind::object made = fresh();
    if (array_ != nullptr) std::memcpy(data(made), PyArray_DATA(array_), bytes_);
    return made;
  }

  static char* data(nanobind::handle array) { return static_cast<char*>(PyArray_DATA(get(array))); }

 private:
  static PyArrayObject* get(nanobind::handle array) { return reinterpret_cast<PyArrayObject*>(array.ptr()); }

  nanobind::object object_;
  PyArrayObject* array_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace elman
