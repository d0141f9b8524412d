// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/json_tensor.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "loader/base/strings.h"
#include "loader/front/json_string.h"

namespace aiges::oip {
namespace {

using simdjson::dom::element;

constexpr int kDeepest = 100;

bool CountLeaves(const element& data, int depth, uint64_t* count) {
  simdjson::dom::array list;
  if (data.get_array().get(list) != simdjson::SUCCESS) {
    ++*count;
    return true;
  }
  if (depth == kDeepest) return false;
  for (const element& inner : list) {
    if (!CountLeaves(inner, depth + 1, count)) return false;
  }
  return true;
}

// Calls `take` with each element; false: it did not want one.
template <class Take>
bool ForEach(const element& data, const Take& take) {
  simdjson::dom::array list;
  if (data.get_array().get(list) != simdjson::SUCCESS) return take(data);
  for (const element& inner : list) {
    if (!ForEach(inner, take)) return false;
  }
  return true;
}

template <class T>
bool ReadInteger(const element& value, T* out) {
  if constexpr (std::is_signed_v<T>) {
    int64_t number = 0;
    if (value.get_int64().get(number) != simdjson::SUCCESS ||
        number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
      return false;
    }
    *out = static_cast<T>(number);
  } else {
    uint64_t number = 0;
    if (value.get_uint64().get(number) != simdjson::SUCCESS ||
        number > std::numeric_limits<T>::max()) {
      return false;
    }
    *out = static_cast<T>(number);
  }
  return true;
}

bool ReadFloat(const element& value, double* out) {
  if (value.get_double().get(*out) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return false;
  if (text == "NaN") {
    *out = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity") {
    *out = std::numeric_limits<double>::infinity();
  } else if (text == "-Infinity") {
    *out = -std::numeric_limits<double>::infinity();
  } else {
    return false;
  }
  return true;
}

template <class T>
void Put(char* to, uint64_t index, T value) {
  std::memcpy(to + index * sizeof(T), &value, sizeof(T));
}

template <class T>
bool StoreInteger(const element& value, char* to, uint64_t index) {
  T number = 0;
  if (!ReadInteger(value, &number)) return false;
  Put(to, index, number);
  return true;
}

bool Store(Datatype type, const element& value, char* to, uint64_t index) {
  double number = 0;
  bool truth = false;
  switch (type) {
    case Datatype::kBool:
      if (value.get_bool().get(truth) != simdjson::SUCCESS) return false;
      Put(to, index, static_cast<uint8_t>(truth));
      return true;
    case Datatype::kUint8:
      return StoreInteger<uint8_t>(value, to, index);
    case Datatype::kUint16:
      return StoreInteger<uint16_t>(value, to, index);
    case Datatype::kUint32:
      return StoreInteger<uint32_t>(value, to, index);
    case Datatype::kUint64:
      return StoreInteger<uint64_t>(value, to, index);
    case Datatype::kInt8:
      return StoreInteger<int8_t>(value, to, index);
    case Datatype::kInt16:
      return StoreInteger<int16_t>(value, to, index);
    case Datatype::kInt32:
      return StoreInteger<int32_t>(value, to, index);
    case Datatype::kInt64:
      return StoreInteger<int64_t>(value, to, index);
    case Datatype::kBytes:
      return false;
    default:
      break;
  }
  if (!ReadFloat(value, &number)) return false;
  const auto single = static_cast<float>(number);
  if (type == Datatype::kFp64) Put(to, index, number);
  if (type == Datatype::kFp32) Put(to, index, single);
  if (type == Datatype::kFp16) Put(to, index, HalfOfFloat(single));
  if (type == Datatype::kBf16) Put(to, index, Bf16OfFloat(single));
  return true;
}

std::string Shown(const element& value) {
  const std::string text = simdjson::minify(value);
  return std::string(CutUtf8(text, 100));
}

Status Wrong(const Tensor& tensor, uint64_t index, const element& value) {
  return Invalid(StrCat("input '", tensor.name, "': data[", index, "]: expected ",
                        tensor.datatype == Datatype::kBytes ? "a string" : "a value of ",
                        tensor.datatype == Datatype::kBytes ? "" : NameOf(tensor.datatype),
                        ", got ", Shown(value)));
}

Status ReadStrings(const element& data, const Memory& memory, Tensor* tensor) {
  uint64_t size = 0, index = 0;
  Status status;
  const bool fine = ForEach(data, [&](const element& value) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) {
      status = Wrong(*tensor, index, value);
      return false;
    }
    size += sizeof(uint32_t) + text.size();
    ++index;
    return true;
  });
  if (!fine) return status;
  std::optional<Buffer> buffer = memory.Take(size);
  if (!buffer) return memory.NoRoom();
  char* to = buffer->data;
  ForEach(data, [&to](const element& value) {
    const std::string_view text = value.get_string().value_unsafe();
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(to, &length, sizeof length);
    if (!text.empty()) std::memcpy(to + sizeof length, text.data(), text.size());
    to += sizeof length + text.size();
    return true;
  });
  tensor->data = std::move(*buffer).Freeze();
  return Status::Ok();
}

// ---- writing ----

template <class T>
T At(std::string_view data, uint64_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void AppendNumber(std::string* out, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return void(*out += "NaN");
    if (std::isinf(value)) return void(*out += value > 0 ? "Infinity" : "-Infinity");
  }
  std::array<char, 32> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const std::string_view shown(text.data(), static_cast<size_t>(end - text.data()));
  *out += shown;
  // A number with a fraction stays one.
  if (std::is_floating_point_v<T> && shown.find_first_of(".e") == std::string_view::npos) {
    *out += ".0";
  }
}

void AppendElementOf(std::string* out, Datatype type, std::string_view data, uint64_t i) {
  switch (type) {
    case Datatype::kBool:
      *out += At<uint8_t>(data, i) != 0 ? "true" : "false";
      return;
    case Datatype::kUint8:
      return AppendNumber(out, unsigned{At<uint8_t>(data, i)});
    case Datatype::kUint16:
      return AppendNumber(out, At<uint16_t>(data, i));
    case Datatype::kUint32:
      return AppendNumber(out, At<uint32_t>(data, i));
    case Datatype::kUint64:
      return AppendNumber(out, At<uint64_t>(data, i));
    case Datatype::kInt8:
      return AppendNumber(out, int{At<int8_t>(data, i)});
    case Datatype::kInt16:
      return AppendNumber(out, At<int16_t>(data, i));
    case Datatype::kInt32:
      return AppendNumber(out, At<int32_t>(data, i));
    case Datatype::kInt64:
      return AppendNumber(out, At<int64_t>(data, i));
    case Datatype::kFp16:
      return AppendNumber(out, FloatOfHalf(At<uint16_t>(data, i)));
    case Datatype::kBf16:
      return AppendNumber(out, FloatOfBf16(At<uint16_t>(data, i)));
    case Datatype::kFp32:
      return AppendNumber(out, At<float>(data, i));
    case Datatype::kFp64:
      return AppendNumber(out, At<double>(data, i));
    case Datatype::kBytes:
      return;
  }
}

}  // namespace

Status ReadJsonData(const element& data, const Memory& memory, Tensor* tensor) {
  uint64_t leaves = 0;
  if (!CountLeaves(data, 0, &leaves)) {
    return Invalid(
        StrCat("input '", tensor->name, "': expected 'data' to be at most ", kDeepest, " deep"));
  }
  const std::optional<uint64_t> count = CountOf(tensor->shape);
  if (!count || *count != leaves) {
    return Invalid("Unable to parse 'data': Shape does not match true shape of 'data' field");
  }
  if (tensor->datatype == Datatype::kBytes) return ReadStrings(data, memory, tensor);
  std::optional<Buffer> buffer = memory.Take(leaves * SizeOf(tensor->datatype));
  if (!buffer) return memory.NoRoom();
  uint64_t index = 0;
  Status status;
  ForEach(data, [&](const element& value) {
    if (Store(tensor->datatype, value, buffer->data, index++)) return true;
    status = Wrong(*tensor, index - 1, value);
    return false;
  });
  tensor->data = std::move(*buffer).Freeze();
  return status;
}

void AppendJsonData(std::string* out, const Tensor& tensor, bool scalar) {
  const uint64_t count = CountOf(tensor.shape).value_or(0);
  std::string_view rest = tensor.data.view();
  const bool list = !scalar || count != 1;
  if (list) *out += '[';
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) *out += ',';
    if (tensor.datatype == Datatype::kBytes) {
      AppendJsonString(out, TakeElement(&rest).value_or(""));
    } else {
      AppendElementOf(out, tensor.datatype, rest, i);
    }
  }
  if (list) *out += ']';
}

std::string QuoteBareNumbers(std::string_view json) {
  if (json.find("NaN") == std::string_view::npos &&
      json.find("Infinity") == std::string_view::npos) {
    return "";
  }
  std::string out;
  out.reserve(json.size() + json.size() / 2);
  bool within = false, found = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (within && c == '\\' && i + 1 < json.size()) {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') within = !within;
    std::string_view token;
    for (const std::string_view bare : {"NaN", "Infinity", "-Infinity"}) {
      if (!within && json.substr(i, bare.size()) == bare) token = bare;
    }
    if (token.empty()) {
      out += c;
      continue;
    }
    StrAppend(&out, '"', token, '"');
    i += token.size() - 1;
    found = true;
  }
  return found ? out : std::string();
}

}  // namespace aiges::oip
