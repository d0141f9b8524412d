// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/classify.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "loader/base/strings.h"

namespace aiges::oip {
namespace {

constexpr uint64_t kMostElements = 1'000'000;  // Of one row, which is sorted.

// Elements may lie at any address.
template <class T>
T At(const char* data, size_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

template <class T>
bool IsNumber(T value) {
  if constexpr (std::is_floating_point_v<T>) return !std::isnan(value);
  return true;
}

template <class T>
void Rows(std::string_view data, uint64_t rows, uint64_t columns, uint64_t count,
          const std::vector<std::string>& labels, std::string* out) {
  std::vector<uint32_t> order(columns);
  for (uint64_t row = 0; row < rows; ++row) {
    const char* values = data.data() + row * columns * sizeof(T);
    std::iota(order.begin(), order.end(), 0U);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end(), [values](uint32_t a, uint32_t b) {
                        const T left = At<T>(values, a), right = At<T>(values, b);
                        // Of equal ones the first; what is no number comes last.
                        if (left > right) return true;
                        if (right > left) return false;
                        const bool left_is = IsNumber(left), right_is = IsNumber(right);
                        return left_is != right_is ? left_is : a < b;
                      });
    for (uint64_t i = 0; i < count; ++i) {
      std::string text = StrCat(std::to_string(At<T>(values, order[i])), ':', order[i]);
      if (order[i] < labels.size() && !labels[order[i]].empty()) {
        StrAppend(&text, ':', labels[order[i]]);
      }
      AppendElement(out, text);
    }
  }
}

}  // namespace

Status Classify(uint64_t count, bool batched, const std::vector<std::string>& labels,
                Tensor* output) {
  const bool has_rows = batched && !output->shape.empty();
  const uint64_t elements = CountOf(output->shape).value_or(0);
  const auto rows = has_rows ? static_cast<uint64_t>(output->shape.front()) : 1;
  const uint64_t columns = rows == 0 ? 0 : elements / rows;
  if (columns > kMostElements) {
    return Invalid(StrCat("classification of output '", output->name, "': expected at most ",
                          kMostElements, " elements, got ", columns));
  }
  count = std::min(count, columns);
  std::string out;
  const std::string_view data = output->data.view();
  switch (output->datatype) {
    case Datatype::kUint8:
      Rows<uint8_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kUint16:
      Rows<uint16_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kUint32:
      Rows<uint32_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kUint64:
      Rows<uint64_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kInt8:
      Rows<int8_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kInt16:
      Rows<int16_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kInt32:
      Rows<int32_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kInt64:
      Rows<int64_t>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kFp32:
      Rows<float>(data, rows, columns, count, labels, &out);
      break;
    case Datatype::kFp64:
      Rows<double>(data, rows, columns, count, labels, &out);
      break;
    default:
      return Invalid(StrCat("class result not available for output '", output->name,
                            "' due to unsupported type '", NameOf(output->datatype), "'"));
  }
  output->datatype = Datatype::kBytes;
  const auto kept = static_cast<int64_t>(count);
  output->shape = has_rows ? Shape{static_cast<int64_t>(rows), kept} : Shape{kept};
  output->data = Bytes::Own(std::move(out));
  return Status::Ok();
}

}  // namespace aiges::oip
