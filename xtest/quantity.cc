// SPDX-License-Identifier: Apache-2.0
#include "xtest/quantity.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace aiges {
namespace {

constexpr size_t kMostSteps = 1000;

Status Wrong(std::string_view expected, std::string_view got) {
  return Status::Error(StatusKind::kInvalid, StrCat("expected ", expected, ", got \"", got, "\""));
}

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find(at, from), text.size());
    out.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return out;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

bool ParseNumber(std::string_view text, double* out) {
  // from_chars knows "inf" and "nan", which are no amounts of anything.
  if (text.empty() || (text[0] != '.' && (text[0] < '0' || text[0] > '9'))) return false;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return false;
  }
  *out = value;
  return true;
}

bool ParseWhole(std::string_view text, uint64_t* out) {
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

Status ParseDuration(std::string_view text, double plain_unit_s, double* seconds) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  std::string_view number = text;
  double unit = plain_unit_s;
  for (const auto& [name, value] : kUnits) {
    if (text.size() > name.size() && text.substr(text.size() - name.size()) == name) {
      number = text.substr(0, text.size() - name.size());
      unit = value;
      break;
    }
  }
  double value = 0;
  if (!ParseNumber(number, &value)) return Wrong("a time like 50ms, 30s or 2m", text);
  *seconds = value * unit;
  return Status::Ok();
}

Status ParseShare(std::string_view text, double* share) {
  std::string_view number = text;
  const bool percent = !text.empty() && text.back() == '%';
  if (percent) number.remove_suffix(1);
  double value = 0;
  if (!ParseNumber(number, &value)) return Wrong("a share like 0.1% or 0.001", text);
  if (percent) value /= 100;
  if (value > 1) return Wrong("a share of at most 100% (1)", text);
  *share = value;
  return Status::Ok();
}

Status ParseRate(std::string_view text, Rate* out) {
  std::string_view rest = text;
  Rate rate;
  if (TakePrefix(&rest, "poisson:")) {
    rate.arrival = Arrival::kPoisson;
  } else {
    TakePrefix(&rest, "constant:");
  }
  std::vector<double> numbers;
  for (std::string_view part : Split(rest, ':')) {
    double value = 0;
    if (!ParseNumber(part, &value) || value <= 0) {
      return Wrong(
          "calls per second like 5000, a sweep from:to:by like 100:5000:100, or poisson:5000",
          text);
    }
    numbers.push_back(value);
  }
  if (numbers.size() == 1) {
    rate.steps = numbers;
  } else if (numbers.size() == 3 && numbers[0] <= numbers[1]) {
    const double count = std::floor((numbers[1] - numbers[0]) / numbers[2] + 1e-9);
    if (count >= kMostSteps) return Wrong("a sweep of at most 1000 rates", text);
    for (double i = 0; i <= count; ++i) rate.steps.push_back(numbers[0] + i * numbers[2]);
    // The end is run too when the steps do not hit it: it is what the reader asked about.
    if (rate.steps.back() < numbers[1] * (1 - 1e-9)) rate.steps.push_back(numbers[1]);
  } else {
    return Wrong("one rate, or a sweep from:to:by that goes upwards like 100:5000:100", text);
  }
  *out = std::move(rate);
  return Status::Ok();
}

Status ParseProtocol(std::string_view text, Protocol* out) {
  for (Protocol p : {Protocol::kXsf, Protocol::kStream, Protocol::kJson, Protocol::kRaw,
                     Protocol::kWebSocket, Protocol::kEvents, Protocol::kHttp, Protocol::kGrpc}) {
    if (text == ProtocolName(p)) {
      *out = p;
      return Status::Ok();
    }
  }
  return Wrong("xsf, stream, json, raw, ws, sse, http or grpc", text);
}

const char* ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kXsf:
      return "xsf";
    case Protocol::kStream:
      return "stream";
    case Protocol::kJson:
      return "json";
    case Protocol::kRaw:
      return "raw";
    case Protocol::kWebSocket:
      return "ws";
    case Protocol::kEvents:
      return "sse";
    case Protocol::kHttp:
      return "http";
    case Protocol::kGrpc:
      return "grpc";
  }
  return "?";
}

const char* ModeName(Mode mode) {
  switch (mode) {
    case Mode::kOnce:
      return "once";
    case Mode::kSession:
      return "session";
    case Mode::kLines:
      return "text by line";
    case Mode::kFiles:
      return "file session";
  }
  return "?";
}

const char* ArrivalName(Arrival arrival) {
  switch (arrival) {
    case Arrival::kClosed:
      return "closed";
    case Arrival::kConstant:
      return "constant";
    case Arrival::kPoisson:
      return "poisson";
  }
  return "?";
}

std::string ShownNanos(double ns) {
  const char* unit = "ns";
  double value = ns;
  for (const char* next : {"us", "ms", "s"}) {
    // 999.5 would be shown as 1000.
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  const int digits = value >= 99.95 || unit[0] == 'n' ? 0 : value >= 9.995 ? 1 : 2;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", digits, value, unit);
  return text;
}

std::string ShownCount(uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

std::string ShownNumber(double value, int digits) {
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string out = text;
  if (out.find('.') == std::string::npos) return out;
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

}  // namespace aiges
