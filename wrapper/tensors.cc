// SPDX-License-Identifier: Apache-2.0
#include "wrapper/tensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <vector>

#include "wrapper/dlpack.h"
#include "wrapper/py_error.h"
#include "wrapper/tensor_types.h"

namespace aiges::shim {
namespace {

// As numpy 1, and more than anybody has.
constexpr size_t kMostDimensions = 32;
constexpr size_t kMostText = 1024;  // Of a shape.

struct Names {
  Ref datatype = Ref::Steal(PyUnicode_InternFromString("datatype"));
  Ref shape = Ref::Steal(PyUnicode_InternFromString("shape"));
  Ref numpy = Ref::Steal(PyUnicode_InternFromString("numpy"));
};

const Names& GetNames() {
  static const Names* const names = new Names;  // The interpreter is never taken down.
  return *names;
}

// What of numpy is used; set once it is imported. With the GIL.
struct Numpy {
  Ref module, ndarray, generic;
  Ref dtypes[kTensorTypeCount];
};
const Numpy* g_numpy = nullptr;
PyObject* g_bfloat16 = nullptr;  // Its dtype.

// NULL with an exception set. `module` has been imported.
const Numpy* Learn(PyObject* module) {
  const auto made = new Numpy;
  made->module = Ref::Borrow(module);
  made->ndarray = Ref::Steal(PyObject_GetAttrString(module, "ndarray"));
  made->generic = Ref::Steal(PyObject_GetAttrString(module, "generic"));
  bool ok = made->ndarray && made->generic && PyType_Check(made->ndarray.get()) != 0 &&
            PyType_Check(made->generic.get()) != 0;
  for (size_t i = 0; i < kTensorTypeCount && ok; ++i) {
    made->dtypes[i] = Ref::Steal(PyObject_CallMethod(module, "dtype", "s", kTensorTypes[i].numpy));
    ok = static_cast<bool>(made->dtypes[i]);
  }
  if (!ok) {
    delete made;
    if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_ImportError, "numpy is not whole");
    return nullptr;
  }
  if (g_numpy == nullptr) g_numpy = made;  // Another thread may have been here too.
  return g_numpy;
}

// NULL with an exception set: it cannot be imported.
const Numpy* ImportNumpy() {
  if (g_numpy != nullptr) return g_numpy;
  const Ref module = Ref::Steal(PyImport_ImportModule("numpy"));
  return module ? Learn(module.get()) : nullptr;
}

// NULL: user code has not imported it, so nothing can be an array.
const Numpy* ImportedNumpy() {
  if (g_numpy != nullptr) return g_numpy;
  PyObject* found = PyDict_GetItemWithError(PyImport_GetModuleDict(), GetNames().numpy.get());
  // In the middle of its import it has no types yet.
  const Numpy* numpy = found == nullptr ? nullptr : Learn(found);
  PyErr_Clear();
  return numpy;
}

// numpy has no such numbers: those of the package ml_dtypes, else their bits, where that is not
// installed.
PyObject* DtypeOf(const Numpy& numpy, const TensorType& type) {
  PyObject* bits = numpy.dtypes[&type - kTensorTypes].get();
  if (!type.is_bf16()) return bits;
  if (g_bfloat16 != nullptr) return g_bfloat16;
  const Ref module = Ref::Steal(PyImport_ImportModule("ml_dtypes"));
  const Ref scalar =
      Ref::Steal(module ? PyObject_GetAttrString(module.get(), "bfloat16") : nullptr);
  Ref dtype = Ref::Steal(
      scalar ? PyObject_CallMethod(numpy.module.get(), "dtype", "O", scalar.get()) : nullptr);
  PyErr_Clear();
  if (!dtype) dtype = Ref::Borrow(bits);
  if (g_bfloat16 == nullptr) g_bfloat16 = dtype.release();
  return g_bfloat16;
}

bool IsA(PyObject* value, const Ref& type) {
  return PyObject_TypeCheck(value, reinterpret_cast<PyTypeObject*>(type.get())) != 0;
}

// Returns NULL, for `return Refuse(..)`.
Ref Refuse(PyObject* key, const std::string& text) {
  const Ref module = Ref::Steal(PyImport_ImportModule("aiges.errors"));
  Ref kind = Ref::Steal(module ? PyObject_GetAttrString(module.get(), "BadInput") : nullptr);
  PyErr_Clear();
  if (!kind) kind = Ref::Borrow(PyExc_ValueError);  // A package aiges of the user's own.
  PyErr_Format(kind.get(), "payload \"%S\": %s", key, text.c_str());
  return Ref();
}

// "[1, 64]"
std::string Shown(const std::vector<Py_ssize_t>& shape) {
  std::string text = "[";
  for (const Py_ssize_t size : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + "]";
}

// Of "1,64". False: it is none, or of more elements than there can be.
bool ParseShape(const char* text, std::vector<Py_ssize_t>* shape, size_t* elements) {
  *elements = 1;
  bool none = false;  // A dimension of 0: the others may be large.
  for (const char* at = text; *at != '\0';) {
    size_t size = 0;
    const char* const begin = at;
    for (; *at >= '0' && *at <= '9'; ++at) {
      size = size * 10 + static_cast<size_t>(*at - '0');
      if (size > std::numeric_limits<uint32_t>::max()) return false;
    }
    if (at == begin || (*at != ',' && *at != '\0') || shape->size() == kMostDimensions)
      return false;
    shape->push_back(static_cast<Py_ssize_t>(size));
    none = none || size == 0;
    if (size > 0 && *elements > std::numeric_limits<uint32_t>::max() / size) return false;
    *elements *= std::max<size_t>(size, 1);
    if (*at == ',' && *++at == '\0') return false;
  }
  if (none) *elements = 0;
  return true;
}

Ref ShapeTuple(const std::vector<Py_ssize_t>& shape) {
  Ref tuple = Ref::Steal(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  for (size_t i = 0; i < shape.size() && tuple; ++i) {
    PyObject* number = PyLong_FromSsize_t(shape[i]);
    if (number == nullptr) return Ref();
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), number);
  }
  return tuple;
}

// The elements of BYTES as a list; NULL with an exception set.
Ref Elements(const TensorInput& input, size_t elements, const std::string& shape) {
  const std::string expected = "expected " + std::to_string(elements) + " elements for BYTES " +
                               shape + ", each with its " + "length before it, got ";
  if (elements > input.size / sizeof(uint32_t)) {
    return Refuse(input.key, expected + std::to_string(input.size) + " bytes");
  }
  Ref list = Ref::Steal(PyList_New(static_cast<Py_ssize_t>(elements)));
  size_t at = 0;
  for (size_t i = 0; i < elements && list; ++i) {
    uint32_t length = 0;
    if (input.size - at < sizeof length) {
      return Refuse(input.key, expected + std::to_string(i));
    }
    std::memcpy(&length, input.data + at, sizeof length);
    at += sizeof length;
    if (input.size - at < length) {
      return Refuse(input.key, expected + std::to_string(i) + " and the begin of another");
    }
    PyObject* element = PyBytes_FromStringAndSize(input.data + at, Py_ssize_t{length});
    if (element == nullptr) return Ref();
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), element);
    at += length;
  }
  if (list && at < input.size) {
    return Refuse(input.key,
                  expected + std::to_string(input.size - at) + " bytes more than these have");
  }
  return list;
}

// An array of Python objects, each of them as it is.
Ref ObjectArray(const Numpy& numpy, const Ref& list, const Ref& shape) {
  const Ref flat =
      Ref::Steal(PyObject_CallMethod(numpy.module.get(), "array", "Os", list.get(), "O"));
  return Ref::Steal(flat ? PyObject_CallMethod(flat.get(), "reshape", "O", shape.get()) : nullptr);
}

// --- results ---

std::string DtypeName(PyObject* array) {
  const Ref dtype = Ref::Steal(PyObject_GetAttrString(array, "dtype"));
  const std::string name = dtype ? ShownText(dtype.get()) : "?";
  PyErr_Clear();
  return name;
}

std::string ShapeText(int dimensions, const Py_ssize_t* shape) {
  std::string text;
  for (int i = 0; i < dimensions; ++i) text += (i > 0 ? "," : "") + std::to_string(shape[i]);
  return text;
}

void NoDatatype(PyObject* array, std::string* wrong) {
  *wrong = "dtype " + DtypeName(array) +
           " has no datatype among BOOL, INT8 to INT64, UINT8 to UINT64, FP16, FP32, FP64, BF16 "
           "and BYTES; convert it first, as with .astype(..)";
}

// The elements of an array of bytes, of str, or of objects that are one of them.
bool FromTexts(PyObject* array, TensorOutput* out, std::string* wrong) {
  const Ref flat = Ref::Steal(PyObject_CallMethod(array, "ravel", nullptr));
  const Ref list = Ref::Steal(flat ? PyObject_CallMethod(flat.get(), "tolist", nullptr) : nullptr);
  if (!list || PyList_Check(list.get()) == 0) return *wrong = TakeQuietly(), false;
  std::vector<Ref> held;
  std::vector<std::pair<const char*, Py_ssize_t>> texts;
  size_t size = 0;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    PyObject* element = PyList_GET_ITEM(list.get(), i);
    const char* bytes = nullptr;
    Py_ssize_t length = 0;
    if (PyBytes_Check(element)) {
      bytes = PyBytes_AS_STRING(element);
      length = PyBytes_GET_SIZE(element);
    } else if (PyUnicode_Check(element)) {
      bytes = PyUnicode_AsUTF8AndSize(element, &length);
    }
    if (bytes == nullptr) {
      PyErr_Clear();
      *wrong = std::string("expected bytes or str in an array of objects, got ") +
               Py_TYPE(element)->tp_name + " at [" + std::to_string(i) + "]";
      return false;
    }
    texts.emplace_back(bytes, length);
    size += sizeof(uint32_t) + static_cast<size_t>(length);
  }
  out->holder = Ref::Steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!out->holder) return *wrong = TakeQuietly(), false;
  char* at = PyBytes_AS_STRING(out->holder.get());
  out->data = at;
  out->size = size;
  out->datatype = "BYTES";
  for (const auto& [bytes, length] : texts) {
    const auto number = static_cast<uint32_t>(length);
    std::memcpy(at, &number, sizeof number);
    std::memcpy(at + sizeof number, bytes, number);
    at += sizeof number + number;
  }
  return true;
}

// The same elements in a new array, as method(argument..) makes it; NULL with an exception set.
Ref LittleEndian(PyObject* array) {
  const Ref dtype = Ref::Steal(PyObject_GetAttrString(array, "dtype"));
  const Ref other =
      Ref::Steal(dtype ? PyObject_CallMethod(dtype.get(), "newbyteorder", "s", "<") : nullptr);
  return Ref::Steal(other ? PyObject_CallMethod(array, "astype", "O", other.get()) : nullptr);
}

bool FromNdarray(const Numpy& numpy, PyObject* array, bool again, TensorOutput* out,
                 std::string* wrong) {
  Ref view = Ref::Steal(PyMemoryView_FromObject(array));
  const bool bf16 = !view && DtypeName(array) == "bfloat16";
  if (bf16) {
    PyErr_Clear();
    const Ref bits = Ref::Steal(PyObject_CallMethod(array, "view", "s", "u2"));
    view = Ref::Steal(bits ? PyMemoryView_FromObject(bits.get()) : nullptr);
  }
  if (!view) {  // It has no buffer: dates.
    PyErr_Clear();
    return NoDatatype(array, wrong), false;
  }
  const Py_buffer& buffer = *PyMemoryView_GET_BUFFER(view.get());
  out->shape = ShapeText(buffer.ndim, buffer.shape);
  const ElementFormat format(buffer.format, buffer.itemsize);
  if (format.is_text()) return FromTexts(array, out, wrong);
  const TensorType* type = format.type();
  if (type == nullptr) return NoDatatype(array, wrong), false;
  if (format.is_big_endian() || PyBuffer_IsContiguous(&buffer, 'C') == 0) {
    Ref made =
        format.is_big_endian()
            ? LittleEndian(array)
            : Ref::Steal(PyObject_CallMethod(numpy.module.get(), "ascontiguousarray", "O", array));
    if (!made || again) return *wrong = made ? "it cannot be copied" : TakeQuietly(), false;
    const std::string shape = out->shape;  // ascontiguousarray makes one dimension of none.
    const bool done = FromNdarray(numpy, made.get(), !format.is_big_endian(), out, wrong);
    out->shape = shape;
    return done;
  }
  out->datatype = bf16 ? "BF16" : type->name;
  out->data = static_cast<const char*>(buffer.buf);
  out->size = static_cast<size_t>(buffer.len);
  out->holder = std::move(view);
  return true;
}

}  // namespace

Ref ToNumpy(const TensorInput& input) {
  const Names& names = GetNames();
  PyObject* datatype = PyDict_GetItemWithError(input.desc, names.datatype.get());
  PyObject* shape = PyDict_GetItemWithError(input.desc, names.shape.get());
  const char* name =
      datatype != nullptr && PyUnicode_Check(datatype) ? PyUnicode_AsUTF8(datatype) : nullptr;
  if (name == nullptr) {
    PyErr_Clear();
    return Refuse(input.key, "expected a tensor (desc with datatype and shape), got " +
                                 std::to_string(input.size) + " bytes without a datatype");
  }
  const TensorType* type = FindTensorType(name);
  if (type == nullptr) {
    return Refuse(input.key, "expected a datatype such as FP32 or BYTES, got \"" +
                                 std::string(name, ::strnlen(name, 40)) + "\"");
  }
  const char* text = shape != nullptr && PyUnicode_Check(shape) ? PyUnicode_AsUTF8(shape) : nullptr;
  std::vector<Py_ssize_t> sizes;
  size_t elements = 0;
  if (text == nullptr || ::strnlen(text, kMostText + 1) > kMostText ||
      !ParseShape(text, &sizes, &elements)) {
    PyErr_Clear();
    return Refuse(input.key,
                  "expected a shape such as \"1,64\" of at most 4294967295 elements, "
                  "got " +
                      (text == nullptr ? std::string("none")
                                       : "\"" + std::string(text, ::strnlen(text, 60)) + "\""));
  }
  const Numpy* numpy = ImportNumpy();
  const Ref tuple = numpy == nullptr ? Ref() : ShapeTuple(sizes);
  if (!tuple) return Ref();
  if (type->is_bytes()) {
    const Ref list = Elements(input, elements, Shown(sizes));
    return list ? ObjectArray(*numpy, list, tuple) : Ref();
  }
  if (elements * type->size != input.size) {
    return Refuse(input.key, "expected " + std::to_string(elements * type->size) + " bytes for " +
                                 type->name + " " + Shown(sizes) + ", got " +
                                 std::to_string(input.size));
  }
  PyObject* dtype = DtypeOf(*numpy, *type);
  if (elements == 0) {  // No bytes to look at, and an array of its own costs nothing.
    return Ref::Steal(
        PyObject_CallFunctionObjArgs(numpy->ndarray.get(), tuple.get(), dtype, nullptr));
  }
  return Ref::Steal(PyObject_CallFunctionObjArgs(numpy->ndarray.get(), tuple.get(), dtype,
                                                 input.holder, nullptr));
}

bool IsArray(PyObject* value) {
  const Numpy* numpy = ImportedNumpy();
  return numpy != nullptr && (IsA(value, numpy->ndarray) || IsA(value, numpy->generic));
}

bool FromArray(PyObject* value, TensorOutput* out, std::string* wrong) {
  if (!IsArray(value)) return FromDlpack(value, out, wrong);
  const Numpy& numpy = *ImportedNumpy();
  if (IsA(value, numpy.ndarray)) return FromNdarray(numpy, value, false, out, wrong);
  const Ref array =
      Ref::Steal(PyObject_CallMethod(numpy.module.get(), "asarray", "O", value));  // A scalar.
  if (!array) return *wrong = TakeQuietly(), false;
  return FromNdarray(numpy, array.get(), false, out, wrong);
}

}  // namespace aiges::shim
