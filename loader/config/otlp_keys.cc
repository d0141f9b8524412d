// SPDX-License-Identifier: Apache-2.0
#include "loader/config/otlp_keys.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "loader/base/log.h"
#include "loader/base/numbers.h"

namespace aiges {
namespace {

constexpr const char* kSection = "otlp";

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(Trimmed(value));
}

// The one of traces, else the one of all signals.
std::string OtlpVariable(const char* name) {
  const std::string own = Variable(StrCat("OTEL_EXPORTER_OTLP_TRACES_", name).c_str());
  return own.empty() ? Variable(StrCat("OTEL_EXPORTER_OTLP_", name).c_str()) : own;
}

void Doubt(std::string_view name, std::string_view expected, std::string_view got) {
  std::string shown;
  AppendVisible(&shown, got.substr(0, 100));
  LogWarn("otlp", name, ": expected ", expected, ", got \"", shown, "\"; it is left out");
}

void ReadNumber(const char* name, uint64_t least, uint64_t most, uint64_t* out) {
  const std::string text = Variable(name);
  if (text.empty()) return;
  uint64_t value = 0;
  if (!ReadWhole(text, &value) || value < least || value > most) {
    return Doubt(name, StrCat("a number from ", least, " to ", most), text);
  }
  *out = value;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (text[i] == '%' && low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// "key=value".
std::optional<std::pair<std::string, std::string>> PairOf(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view key = Trimmed(text.substr(0, equals));
  const auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != ':'; };
  if (key.empty() || !std::all_of(key.begin(), key.end(), fits)) return std::nullopt;
  std::string value(Trimmed(text.substr(equals + 1)));
  const auto visible = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (!std::all_of(value.begin(), value.end(), visible)) return std::nullopt;
  return std::pair(std::string(key), std::move(value));
}

// "a=b,c=d%20e". What is wrong is not shown: it may be a secret.
void ReadPairs(const char* name, std::string_view text, Pairs* out) {
  while (!text.empty()) {
    const std::string_view item = Trimmed(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(
        text.size(), text.find(',') == std::string_view::npos ? text.size() : text.find(',') + 1));
    if (item.empty()) continue;
    if (auto pair = PairOf(Decoded(item))) {
      out->push_back(*std::move(pair));
    } else {
      LogWarn("otlp", name, ": expected name=value, with commas between; one of them is left out");
    }
  }
}

bool ReadSampler(const std::string& name, const std::string& argument, OtlpSettings* out,
                 std::string* expected) {
  constexpr std::string_view kParentBased = "parentbased_";
  std::string_view own = name;
  const bool parent = own.starts_with(kParentBased);
  if (parent) own.remove_prefix(kParentBased.size());
  double ratio = 1;
  if (own == "always_off") {
    ratio = 0;
  } else if (own == "traceidratio") {
    if (!argument.empty() && (!ReadWhole(argument, &ratio) || !(ratio >= 0 && ratio <= 1))) {
      *expected = "a number from 0 to 1";
      return false;
    }
  } else if (own != "always_on") {
    *expected = "always_on, always_off, traceidratio, or one of them behind parentbased_";
    return false;
  }
  out->parent_based = parent;
  out->ratio = ratio;
  return true;
}

bool IsUrl(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

void ReadProtocol(OtlpSettings* out) {
  const std::string protocol = OtlpVariable("PROTOCOL");
  if (protocol.empty() || out->endpoint.empty()) return;
  if (protocol == "http/json" || protocol == "http/protobuf") {
    out->protobuf = protocol == "http/protobuf";
    return;
  }
  Doubt("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf or http/json (port 4318 of a collector)",
        protocol);
  out->endpoint.clear();  // What stands there is for another protocol.
}

void FromEnvironment(OtlpSettings* out) {
  if (Variable("OTEL_SDK_DISABLED") == "true") return;
  out->endpoint = Variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (std::string base = Variable("OTEL_EXPORTER_OTLP_ENDPOINT");
      out->endpoint.empty() && !base.empty()) {
    while (base.ends_with('/')) base.pop_back();
    out->endpoint = StrCat(base, "/v1/traces");
  }
  const std::string exporter = Variable("OTEL_TRACES_EXPORTER");
  if (exporter == "none") {
    out->propagate = !out->endpoint.empty();
    out->endpoint.clear();
  } else if (!exporter.empty() && exporter != "otlp") {
    Doubt("OTEL_TRACES_EXPORTER", "otlp or none", exporter);
  }
  if (!out->endpoint.empty() && !IsUrl(out->endpoint)) {
    Doubt("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:port or https://host:port", out->endpoint);
    out->endpoint.clear();
  }
  ReadProtocol(out);
  ReadPairs("OTEL_EXPORTER_OTLP_HEADERS", OtlpVariable("HEADERS"), &out->headers);
  ReadPairs("OTEL_RESOURCE_ATTRIBUTES", Variable("OTEL_RESOURCE_ATTRIBUTES"), &out->resource);
  out->service_name = Variable("OTEL_SERVICE_NAME");
  for (auto i = out->resource.begin(); i != out->resource.end();) {
    if (i->first != "service.name") {
      ++i;
      continue;
    }
    if (out->service_name.empty()) out->service_name = i->second;
    i = out->resource.erase(i);
  }
  out->ca_file = OtlpVariable("CERTIFICATE");
  out->cert_file = OtlpVariable("CLIENT_CERTIFICATE");
  out->key_file = OtlpVariable("CLIENT_KEY");
  ReadNumber("OTEL_EXPORTER_OTLP_TIMEOUT", 1, 600'000, &out->timeout_ms);
  ReadNumber("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 1, 600'000, &out->timeout_ms);
  ReadNumber("OTEL_BSP_SCHEDULE_DELAY", 1, 600'000, &out->delay_ms);
  ReadNumber("OTEL_BSP_MAX_QUEUE_SIZE", 1, 1'000'000, &out->max_queue);
  ReadNumber("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, 100'000, &out->max_batch);
}

std::string SamplerOf(const OtlpSettings& s) {
  const std::string begin = s.parent_based ? "parentbased_" : "";
  if (s.ratio >= 1) return begin + "always_on";
  return begin + (s.ratio <= 0 ? "always_off" : "traceidratio");
}

void ReadSampling(KeyReader* keys, OtlpSettings* out) {
  std::string expected;
  std::string name = Variable("OTEL_TRACES_SAMPLER"),
              argument = Variable("OTEL_TRACES_SAMPLER_ARG");
  if (!name.empty() && !ReadSampler(name, argument, out, &expected)) {
    Doubt("OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG", expected, StrCat(name, " ", argument));
    name.clear();
    argument.clear();
  }
  if (name.empty()) name = SamplerOf(*out);
  keys->Text(kSection, "sampler", &name);
  keys->Text(kSection, "sampler_arg", &argument);
  if (!ReadSampler(name, argument, out, &expected)) {
    const bool number = expected.starts_with("a number");
    keys->file().AddError(kSection, number ? "sampler_arg" : "sampler",
                          StrCat("expected ", expected, "; got \"", number ? argument : name, '"'));
  }
}

void ReadList(KeyReader* keys, const char* key, Pairs* out, bool secret) {
  std::vector<std::string> items;
  keys->List(kSection, key, &items);
  if (secret && !items.empty()) keys->last().value = "\"***\"";
  if (items.empty()) return;
  out->clear();
  for (const std::string& item : items) {
    if (auto pair = PairOf(item)) {
      out->push_back(*std::move(pair));
    } else {
      keys->file().AddError(kSection, key, "expected texts \"name=value\"");
    }
  }
}

}  // namespace

void ReadOtlp(KeyReader* keys, OtlpSettings* out) {
  FromEnvironment(out);
  keys->Text(kSection, "endpoint", &out->endpoint);
  if (!out->endpoint.empty() && !IsUrl(out->endpoint)) {
    keys->file().AddError(
        kSection, "endpoint",
        StrCat("expected a URL like http://collector:4318/v1/traces, got \"", out->endpoint, '"'));
  }
  keys->Bool(kSection, "propagate", &out->propagate);
  std::string protocol = out->protobuf ? "http/protobuf" : "http/json";
  keys->Word(kSection, "protocol", {"http/protobuf", "http/json"}, &protocol);
  out->protobuf = protocol == "http/protobuf";
  ReadSampling(keys, out);
  keys->Text(kSection, "service_name", &out->service_name);
  ReadList(keys, "resource", &out->resource, /*secret=*/false);
  ReadList(keys, "headers", &out->headers, /*secret=*/true);
  keys->Int(kSection, "timeout_ms", 1, 600'000, &out->timeout_ms);
  keys->Int(kSection, "delay_ms", 1, 600'000, &out->delay_ms);
  keys->Int(kSection, "max_queue", 1, 1'000'000, &out->max_queue);
  keys->Int(kSection, "max_batch", 1, 100'000, &out->max_batch);
  keys->Text(kSection, "ca_file", &out->ca_file);
  keys->Text(kSection, "cert_file", &out->cert_file);
  keys->Text(kSection, "key_file", &out->key_file);
}

}  // namespace aiges
