// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/usage_record.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "loader/base/strings.h"
#include "loader/base/trace_context.h"

namespace aiges {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMostCaller = 200;
enum Flag : uint8_t { kSession = 1, kReplayed = 2, kRefused = 4, kTimed = 8 };

int64_t Us(std::chrono::nanoseconds d) {
  return std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count(), 0);
}

// Reads what UsageBytes has written; after a mistake all is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <class T>
  T Number() {
    T value{};
    if (left_.size() < sizeof value) return Fail(), T{};
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  std::string Text() {
    const size_t n = Number<uint8_t>();
    if (left_.size() < n) return Fail(), std::string();
    std::string text(left_.substr(0, n));
    left_.remove_prefix(n);
    return text;
  }
  bool ok() const { return ok_; }

 private:
  void Fail() {
    ok_ = false;
    left_ = {};
  }
  std::string_view left_;
  bool ok_ = true;
};

std::string TimeText(int64_t unix_us) {
  const std::time_t seconds = unix_us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + n, sizeof text - n, ".%06dZ", static_cast<int>(unix_us % 1'000'000));
  return text;
}

double Ms(int64_t us) { return static_cast<double>(us) / 1000; }

}  // namespace

void UsageBytes::Raw(const void* bytes, size_t n) {
  if (n == 0 || size_ + n > kSize) return;  // Too long cannot be: each text has its bound.
  std::memcpy(data_ + size_, bytes, n);
  size_ += n;
}

void UsageBytes::Text(std::string_view text, size_t most) {
  text = CutUtf8(text, most);
  Number(static_cast<uint8_t>(text.size()));
  Raw(text.data(), text.size());
}

UsageBytes::UsageBytes(const CallRecord& record, int64_t unix_us) {
  const Origin* origin = record.origin.get();
  const TraceContext none;
  const TraceContext& trace = origin == nullptr ? none : origin->trace;
  const int64_t engine_us = Us(record.times.engine);
  Number(kVersion);
  Number(static_cast<uint8_t>((record.session ? kSession : 0) | (record.replayed ? kReplayed : 0) |
                              (record.refused ? kRefused : 0) | (record.session ? 0 : kTimed)));
  Number(static_cast<int32_t>(record.code));
  Number(unix_us);
  Number(Us(record.total));
  Number(Us(record.times.queue));
  Number(engine_us);
  Number(engine_us * static_cast<int64_t>(record.gpus));
  Number(record.bytes_in);
  Number(record.bytes_out);
  Number(record.outputs);
  Number(trace.trace_high);
  Number(trace.trace_low);
  Text(origin == nullptr ? std::string_view() : std::string_view(origin->caller), kMostCaller);
  Text(record.model.view(), 255);
  Text(record.version.view(), 255);
  Text(record.id.view(), 255);
  Text(record.protocol, 32);
  const size_t meters = record.meters == nullptr ? 0 : record.meters->all().size();
  Number(static_cast<uint8_t>(meters));
  if (meters == 0) return;
  for (const auto& [key, count] : record.meters->all()) {
    Text(key, MeterCounts::kMostKey);
    Number(count);
  }
}

std::string UsageEvent(const UsageSource& source, uint64_t number, std::string_view bytes) {
  using nlohmann::ordered_json;
  Reader in(bytes);
  if (in.Number<uint8_t>() != kVersion) return {};
  const auto flags = in.Number<uint8_t>();
  ordered_json data;
  data["code"] = in.Number<int32_t>();
  const auto unix_us = in.Number<int64_t>();
  data["total_ms"] = Ms(in.Number<int64_t>());
  const auto queue = in.Number<int64_t>(), engine = in.Number<int64_t>(),
             gpu = in.Number<int64_t>();
  if ((flags & kTimed) != 0) {
    data["queue_ms"] = Ms(queue);
    data["engine_ms"] = Ms(engine);
    data["gpu_ms"] = Ms(gpu);
  }
  data["bytes_in"] = in.Number<uint64_t>();
  data["bytes_out"] = in.Number<uint64_t>();
  data["outputs"] = in.Number<uint64_t>();
  TraceContext trace;
  trace.trace_high = in.Number<uint64_t>();
  trace.trace_low = in.Number<uint64_t>();
  const std::string caller = in.Text();
  data["caller"] = caller;
  data["model"] = in.Text();
  data["model_version"] = in.Text();
  data["request_id"] = in.Text();
  data["protocol"] = in.Text();
  if (trace.valid()) data["trace_id"] = TraceIdText(trace);
  data["session"] = (flags & kSession) != 0;
  data["replayed"] = (flags & kReplayed) != 0;
  data["refused"] = (flags & kRefused) != 0;
  ordered_json meters = ordered_json::object();
  for (unsigned n = in.Number<uint8_t>(); n > 0 && in.ok(); --n) {
    std::string key = in.Text();
    meters[std::move(key)] = in.Number<uint64_t>();
  }
  data["meters"] = std::move(meters);
  data["service"] = source.service;
  data["host"] = source.host;
  if (!in.ok()) return {};
  ordered_json event;
  event["specversion"] = "1.0";
  event["id"] = StrCat(source.instance, "-", number);
  event["source"] = StrCat("urn:aiges:instance:", source.instance);
  event["type"] = "org.aiges.usage.v1";
  event["time"] = TimeText(unix_us);
  if (!caller.empty()) event["subject"] = caller;
  event["datacontenttype"] = "application/json";
  event["data"] = std::move(data);
  return event.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace aiges
