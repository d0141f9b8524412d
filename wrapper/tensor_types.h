// SPDX-License-Identifier: Apache-2.0
// wrapper/tensor_types.h: the datatypes of tensors, and which of them an element in memory has.
// Pure.
#pragma once

#include <cstddef>
#include <cstring>
#include <iterator>

namespace aiges::shim {

struct TensorType {
  const char* name;   // Of the Open Inference Protocol.
  const char* numpy;  // Its dtype there.
  size_t size;        // Of an element; 0: each has its own.
  bool is_bytes() const { return size == 0; }
  bool is_bf16() const { return name[0] == 'B' && name[1] == 'F'; }
};

inline constexpr TensorType kTensorTypes[] = {
    {"BOOL", "?", 1},    {"UINT8", "u1", 1}, {"UINT16", "u2", 2}, {"UINT32", "u4", 4},
    {"UINT64", "u8", 8}, {"INT8", "i1", 1},  {"INT16", "i2", 2},  {"INT32", "i4", 4},
    {"INT64", "i8", 8},  {"FP16", "f2", 2},  {"FP32", "f4", 4},   {"FP64", "f8", 8},
    {"BF16", "u2", 2},   {"BYTES", "O", 0},
};
inline constexpr size_t kTensorTypeCount = std::size(kTensorTypes);

// NULL: there is none of that name.
inline const TensorType* FindTensorType(const char* name) {
  for (const TensorType& type : kTensorTypes) {
    if (std::strcmp(type.name, name) == 0) return &type;
  }
  return nullptr;
}

// Of a kind ('b' BOOL, 'i', 'u', 'f') and a size. NULL: there is none.
inline const TensorType* FindTensorType(char kind, size_t size) {
  constexpr const char* kKinds = "buuuuiiiifff";  // As in the table.
  for (size_t i = 0; kKinds[i] != '\0'; ++i) {
    if (kKinds[i] == kind && kTensorTypes[i].size == size) return &kTensorTypes[i];
  }
  return nullptr;
}

// What a buffer says of its elements (PEP 3118).
class ElementFormat {
 public:
  ElementFormat(const char* format, ptrdiff_t size) : size_(static_cast<size_t>(size)) {
    if (format == nullptr) format = "B";
    big_endian_ = (*format == '>' || *format == '!') && size > 1;
    if (*format != '\0' && std::strchr("@=<>!", *format) != nullptr) ++format;
    while (*format >= '0' && *format <= '9') ++format, counted_ = true;
    // One element and nothing behind it.
    code_ = *format != '\0' && format[1] == '\0' ? *format : '\0';
  }
  // Strings of a fixed length, or objects, which may be strings.
  bool is_text() const { return code_ == 's' || code_ == 'w' || (code_ == 'O' && !counted_); }
  bool is_big_endian() const { return big_endian_; }
  const TensorType* type() const {
    if (counted_ || code_ == '\0') return nullptr;
    if (code_ == '?') return FindTensorType('b', size_);
    if (std::strchr("bhilq", code_) != nullptr) return FindTensorType('i', size_);
    if (std::strchr("BHILQ", code_) != nullptr) return FindTensorType('u', size_);
    if (std::strchr("efd", code_) != nullptr) return FindTensorType('f', size_);
    return nullptr;
  }

 private:
  size_t size_;
  char code_ = '\0';
  bool big_endian_ = false, counted_ = false;
};

}  // namespace aiges::shim
