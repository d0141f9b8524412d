// SPDX-License-Identifier: Apache-2.0
// wrapper/tensors.h: payloads with a datatype and a shape <-> arrays of numpy.
//
// A payload is a tensor where its desc has `datatype` (a name of the Open Inference Protocol) and
// `shape` ("1,64"; "": a scalar); its data are the elements, little-endian and row by row. Of BYTES
// each element is a u32 of its length and its bytes. sdk/aiges/tensors.py is the same in Python.
//
// numpy is the user's: nothing here imports it before user code has, or asks for an array. All need
// the GIL.
#pragma once

#include <cstddef>
#include <string>

#include "wrapper/convert.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// The elements of a request's tensor. `holder` has them as a buffer, and lives as long as the
// array.
struct TensorInput {
  PyObject* key;   // str, for the texts of errors.
  PyObject* desc;  // dict
  PyObject* holder;
  const char* data;
  size_t size;
};
// An array that is a view of them, and cannot be written to; of BYTES an array of bytes objects.
// NULL with an exception set: BadInput where they are no tensor, or not as many bytes as it has.
Ref ToNumpy(const TensorInput& input);

// An array or scalar of numpy.
bool IsArray(PyObject* value);
// What has __dlpack__: a tensor of another library.
bool IsDlpack(PyObject* value);

// A result as a tensor. What its data point to is `holder`'s.
struct TensorOutput {
  std::string datatype, shape;
  Ref holder;
  const char* data = nullptr;
  size_t size = 0;
};
// False: it has none of the datatypes, and `wrong` says so. No exception is left set.
bool FromArray(PyObject* value, TensorOutput* out, std::string* wrong);

}  // namespace aiges::shim
