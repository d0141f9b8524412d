// SPDX-License-Identifier: Apache-2.0
// wrapper/python_ptr.h: owned references and the GIL, for the code that talks to CPython directly.
//
// The hot path (contract_v1, convert) uses the C API: one call costs a few microseconds in all, and
// a generic binding layer would be a visible part of it. Everything cold uses pybind11.
#pragma once

#include <Python.h>

#include <utility>

namespace aiges::shim {

// One owned reference. Needs the GIL wherever it is made, copied into or destroyed.
class Ref {
 public:
  Ref() = default;
  static Ref Steal(PyObject* object) { return Ref(object); }
  static Ref Borrow(PyObject* object) {
    Py_XINCREF(object);
    return Ref(object);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit Ref(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

// Holds the GIL on a thread that Python may never have seen.
class Gil {
 public:
  Gil() : state_(PyGILState_Ensure()) {}
  ~Gil() { PyGILState_Release(state_); }
  Gil(const Gil&) = delete;
  Gil& operator=(const Gil&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace aiges::shim
