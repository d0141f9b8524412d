// SPDX-License-Identifier: Apache-2.0
#include "wrapper/dlpack.h"

#include <cstdint>
#include <cstring>

#include "wrapper/py_error.h"
#include "wrapper/tensor_types.h"

namespace aiges::shim {
namespace {

// The structures of DLPack 0.x, which every producer gives that is asked for no version. Their
// layout is a binary contract between libraries.
struct Device {
  int32_t type, id;
};
struct Element {
  uint8_t code, bits;
  uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  int32_t dimensions;
  Element element;
  const int64_t* shape;
  const int64_t* strides;  // In elements; NULL: in one piece.
  uint64_t byte_offset;
};
struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};
static_assert(sizeof(Tensor) == 48 && sizeof(ManagedTensor) == 64);

constexpr int32_t kCpu = 1;
constexpr int32_t kMostDimensions = 32;
constexpr int64_t kMostBytes = 0x7fff'0000;  // A result cannot hold more.
enum Code : uint8_t { kInt = 0, kUint = 1, kFloat = 2, kBfloat = 4, kBool = 6 };

const TensorType* TypeOf(Element element) {
  if (element.lanes != 1 || element.bits % 8 != 0) return nullptr;
  const size_t size = element.bits / 8;
  switch (element.code) {
    case kInt:
      return FindTensorType('i', size);
    case kUint:
      return FindTensorType('u', size);
    case kFloat:
      return FindTensorType('f', size);
    case kBool:
      return FindTensorType('b', size);
    case kBfloat:
      return size == 2 ? FindTensorType("BF16") : nullptr;
    default:
      return nullptr;
  }
}

bool InOnePiece(const Tensor& tensor) {
  int64_t expected = 1;
  for (int32_t i = tensor.dimensions - 1; tensor.strides != nullptr && i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Row by row, from dimension `i` on; returns the end of what was written.
char* CopyRows(const Tensor& tensor, size_t size, int32_t i, const char* from, char* to) {
  if (i == tensor.dimensions) {
    std::memcpy(to, from, size);
    return to + size;
  }
  const auto step = static_cast<ptrdiff_t>(tensor.strides[i]) * static_cast<ptrdiff_t>(size);
  for (int64_t k = 0; k < tensor.shape[i]; ++k, from += step) {
    to = CopyRows(tensor, size, i + 1, from, to);
  }
  return to;
}

// The text of the shape, and how many elements it has; false: no result can be so large.
bool ReadShape(const Tensor& tensor, std::string* text, int64_t* elements) {
  *elements = 1;
  if (tensor.dimensions < 0 || tensor.dimensions > kMostDimensions) return false;
  for (int32_t i = 0; i < tensor.dimensions; ++i) {
    const int64_t size = tensor.shape[i];
    if (size < 0 || (size > 0 && *elements > kMostBytes / size)) return false;
    *text += (i > 0 ? "," : "") + std::to_string(size);
    *elements *= size;
  }
  return true;
}

bool Refuse(const std::string& text, std::string* wrong) {
  *wrong = text;
  return false;
}

// Asked before the tensor is: one that lies elsewhere may be brought here only to be refused.
bool IsHere(PyObject* value, std::string* wrong) {
  const Ref device = Ref::Steal(PyObject_CallMethod(value, "__dlpack_device__", nullptr));
  PyObject* type = device && PyTuple_Check(device.get()) != 0 && PyTuple_GET_SIZE(device.get()) == 2
                       ? PyTuple_GET_ITEM(device.get(), 0)
                       : nullptr;
  const long number = type == nullptr ? -1 : PyLong_AsLong(type);
  if (PyErr_Occurred() != nullptr) return Refuse(TakeQuietly(), wrong);
  if (number == kCpu) return true;
  return Refuse(std::string("expected a ") + Py_TYPE(value)->tp_name +
                    " in the memory of the CPU, got one on DLPack device " +
                    std::to_string(number) + "; bring it here first, as with .cpu()",
                wrong);
}

}  // namespace

bool IsDlpack(PyObject* value) {
  const bool found =
      PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(value)), "__dlpack__") != 0;
  return found;
}

bool FromDlpack(PyObject* value, TensorOutput* out, std::string* wrong) {
  if (!IsHere(value, wrong)) return false;
  Ref capsule = Ref::Steal(PyObject_CallMethod(value, "__dlpack__", nullptr));
  const auto* managed =
      capsule ? static_cast<ManagedTensor*>(PyCapsule_GetPointer(capsule.get(), "dltensor"))
              : nullptr;
  if (managed == nullptr) return Refuse(TakeQuietly(), wrong);
  const Tensor& tensor = managed->tensor;
  const TensorType* type = TypeOf(tensor.element);
  if (type == nullptr) {
    return Refuse("a " + std::string(Py_TYPE(value)->tp_name) + " of DLPack type " +
                      std::to_string(tensor.element.code) + " with " +
                      std::to_string(tensor.element.bits) + " bits has no datatype; convert it",
                  wrong);
  }
  int64_t elements = 0;
  if (!ReadShape(tensor, &out->shape, &elements) ||
      elements > kMostBytes / static_cast<int64_t>(type->size)) {
    return Refuse("expected at most 32 dimensions and 2 GiB, got more", wrong);
  }
  out->datatype = type->name;
  out->size = static_cast<size_t>(elements) * type->size;
  const char* data = static_cast<const char*>(tensor.data) + tensor.byte_offset;
  if (elements == 0 || InOnePiece(tensor)) {
    out->data = elements == 0 ? "" : data;
    out->holder = std::move(capsule);  // Whose end gives the memory back.
    return true;
  }
  out->holder = Ref::Steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(out->size)));
  if (!out->holder) return Refuse(TakeQuietly(), wrong);
  char* room = PyBytes_AS_STRING(out->holder.get());
  CopyRows(tensor, type->size, 0, data, room);
  out->data = room;
  return true;
}

}  // namespace aiges::shim
