// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/datatype.h: the types of tensors, their sizes, shapes and elements.
//
// Data are little-endian and row-major, without padding. An element of BYTES is its length (uint32)
// and so many bytes. Pure functions; thread-safe.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiges::oip {

enum class Datatype : uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kFp32,
  kFp64,
  kBytes,
  kBf16,
};

using Shape = std::vector<int64_t>;
inline constexpr size_t kMostDimensions = 32;

std::optional<Datatype> DatatypeOf(std::string_view name);
const char* NameOf(Datatype type);        // "FP32".
const char* ConfigNameOf(Datatype type);  // "TYPE_FP32".
// Bytes of an element; 0: BYTES, where each has its own.
size_t SizeOf(Datatype type);

// How many elements there are. Nothing: a dimension is negative, or they are more than memory has.
std::optional<uint64_t> CountOf(const Shape& shape);
std::string ShapeText(const Shape& shape);  // "[1,64]", as clients of OIP see it.

// "1,64", as an engine has it; "" is a scalar. Nothing: it is none.
std::optional<Shape> ReadShape(std::string_view text);
std::string WriteShape(const Shape& shape);

// Takes the next element of BYTES from *rest. Nothing: *rest begins with none.
std::optional<std::string_view> TakeElement(std::string_view* rest);
void AppendElement(std::string* out, std::string_view element);
// Whether `data` are so many elements of BYTES, and nothing else.
bool AreElements(std::string_view data, uint64_t count);

// IEEE 754 half precision, and the upper half of a float.
float FloatOfHalf(uint16_t half);
uint16_t HalfOfFloat(float value);
inline float FloatOfBf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
uint16_t Bf16OfFloat(float value);  // To the nearest, halves to even.

}  // namespace aiges::oip
