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
  // None: nothing is like it, and a copy of it is None.
  explicit Held(nanobind::handle array) : object_(nanobind::borrow(array)) {
    if (array.is_none()) return;
    if (!PyArray_CheckExact(array.ptr()) || !PyArray_ISCARRAY(get(array)))
      throw nanobind::value_error("an array that is held must lie in one piece");
    array_ = get(array);
    bytes_ = size_t(PyArray_NBYTES(array_));
  }

  // Whether x is an array of the same type and shape in one piece; then it was copied to this one.
  bool take(nanobind::handle x) {
    if (array_ == nullptr || !PyArray_CheckExact(x.ptr())) return false;
    PyArrayObject* from = get(x);
    const int axes = PyArray_NDIM(array_);
    if (PyArray_DESCR(from) != PyArray_DESCR(array_) || PyArray_NDIM(from) != axes || !PyArray_IS_C_CONTIGUOUS(from) ||
        !std::equal(PyArray_DIMS(from), PyArray_DIMS(from) + axes, PyArray_DIMS(array_)))
      return false;
    std::memmove(PyArray_DATA(array_), PyArray_DATA(from), bytes_);
    return true;
  }

  nanobind::object copy() const {
    if (array_ == nullptr) return nanobind::none();
    PyArray_Descr* type = PyArray_DESCR(array_);
    Py_INCREF(type);  // the new array takes it
    PyObject* made = PyArray_NewFromDescr(&PyArray_Type, type, PyArray_NDIM(array_), PyArray_DIMS(array_), nullptr,
                                          nullptr, 0, nullptr);
    if (made == nullptr) throw nanobind::python_error();
    std::memcpy(PyArray_DATA(get(made)), PyArray_DATA(array_), bytes_);
    return nanobind::steal(made);
  }

 private:
  static PyArrayObject* get(nanobind::handle array) { return reinterpret_cast<PyArrayObject*>(array.ptr()); }

  nanobind::object object_;
  PyArrayObject* array_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace elman
