// SPDX-License-Identifier: Apache-2.0
// wrapper/dlpack.h: tensors of libraries that speak DLPack (PyTorch, JAX, CuPy ..), as results.
#pragma once

#include <string>

#include "wrapper/tensors.h"

namespace aiges::shim {

// As FromArray, of a value that IsDlpack. Its memory is used as it lies; it is copied where it is
// not in one piece.
bool FromDlpack(PyObject* value, TensorOutput* out, std::string* wrong);

}  // namespace aiges::shim
