// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/infer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "loader/base/strings.h"
#include "loader/front/json_string.h"

namespace aiges::oip {
namespace {

// The shortest that reads back as the same.
std::string NumberText(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

std::string TextOf(const ParamValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        if constexpr (std::is_same_v<T, double>) return NumberText(v);
        return StrCat(v);
      },
      value);
}

void AppendJson(std::string* out, const ParamValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return AppendJsonString(out, *text);
  const auto* number = std::get_if<double>(&value);
  if (number != nullptr && !std::isfinite(*number)) {
    return AppendJsonString(out, NumberText(*number));
  }
  std::string text = TextOf(value);
  // A number with a fraction stays one.
  if (number != nullptr && text.find_first_of(".e") == std::string::npos) text += ".0";
  *out += text;
}

void AppendJson(std::string* out, const Params& params) {
  *out += '{';
  for (const auto& param : params) {
    if (&param != params.data()) *out += ',';
    AppendJsonString(out, param.first);
    *out += ':';
    AppendJson(out, param.second);
  }
  *out += '}';
}

}  // namespace aiges::oip
