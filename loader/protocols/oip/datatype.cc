// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/datatype.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges::oip {
namespace {

struct Row {
  const char* name;
  const char* config;
  size_t size;
};

// In the order of Datatype.
constexpr std::array<Row, 14> kRows = {{{"BOOL", "TYPE_BOOL", 1},
                                        {"UINT8", "TYPE_UINT8", 1},
                                        {"UINT16", "TYPE_UINT16", 2},
                                        {"UINT32", "TYPE_UINT32", 4},
                                        {"UINT64", "TYPE_UINT64", 8},
                                        {"INT8", "TYPE_INT8", 1},
                                        {"INT16", "TYPE_INT16", 2},
                                        {"INT32", "TYPE_INT32", 4},
                                        {"INT64", "TYPE_INT64", 8},
                                        {"FP16", "TYPE_FP16", 2},
                                        {"FP32", "TYPE_FP32", 4},
                                        {"FP64", "TYPE_FP64", 8},
                                        {"BYTES", "TYPE_STRING", 0},
                                        {"BF16", "TYPE_BF16", 2}}};

const Row& RowOf(Datatype type) { return kRows[static_cast<size_t>(type)]; }

constexpr size_t kLengthSize = 4;  // Of an element of BYTES.

}  // namespace

std::optional<Datatype> DatatypeOf(std::string_view name) {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (name == kRows[i].name) return static_cast<Datatype>(i);
  }
  return std::nullopt;
}

const char* NameOf(Datatype type) { return RowOf(type).name; }
const char* ConfigNameOf(Datatype type) { return RowOf(type).config; }
size_t SizeOf(Datatype type) { return RowOf(type).size; }

std::optional<uint64_t> CountOf(const Shape& shape) {
  // Room for the size of an element behind it.
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / 8);
  uint64_t count = 1;
  bool none = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    none = none || dimension == 0;
  }
  if (none) return 0;
  for (const int64_t dimension : shape) {
    if (count > kMost / static_cast<uint64_t>(dimension)) return std::nullopt;
    count *= static_cast<uint64_t>(dimension);
  }
  return count;
}

std::string WriteShape(const Shape& shape) {
  std::string text;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    StrAppend(&text, shape[i]);
  }
  return text;
}

std::string ShapeText(const Shape& shape) { return StrCat('[', WriteShape(shape), ']'); }

std::optional<Shape> ReadShape(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    int64_t dimension = 0;
    if (shape.size() == kMostDimensions || !ReadWhole(text.substr(0, comma), &dimension) ||
        dimension < 0) {
      return std::nullopt;
    }
    shape.push_back(dimension);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) return std::nullopt;
  }
  return shape;
}

std::optional<std::string_view> TakeElement(std::string_view* rest) {
  if (rest->size() < kLengthSize) return std::nullopt;
  uint32_t length = 0;
  std::memcpy(&length, rest->data(), kLengthSize);
  if (length > rest->size() - kLengthSize) return std::nullopt;
  const std::string_view element = rest->substr(kLengthSize, length);
  rest->remove_prefix(kLengthSize + length);
  return element;
}

void AppendElement(std::string* out, std::string_view element) {
  const auto length = static_cast<uint32_t>(element.size());
  char bytes[kLengthSize];
  std::memcpy(bytes, &length, kLengthSize);
  out->append(bytes, kLengthSize);
  out->append(element);
}

bool AreElements(std::string_view data, uint64_t count) {
  while (count > 0 && TakeElement(&data)) --count;
  return count == 0 && data.empty();
}

float FloatOfHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t HalfOfFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7e00);
  const float size = std::fabs(value);
  if (size >= 65520.0F) return static_cast<uint16_t>(sign | 0x7c00);
  // The default rounding of the processor: to the nearest, halves to even.
  if (size < 0x1p-14F) {
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(size * 0x1p24F)));
  }
  int exponent = 0;
  const float fraction = std::frexp(size, &exponent);  // In [0.5, 1).
  // A fraction that rounds up to 2048 carries into the exponent, as it should.
  const auto mantissa = static_cast<uint32_t>(std::nearbyint(fraction * 2048.0F));
  return static_cast<uint16_t>(sign + (static_cast<uint32_t>(exponent + 13) << 10) + mantissa);
}

uint16_t Bf16OfFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace aiges::oip
