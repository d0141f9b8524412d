// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/usage_record.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "loader/base/strings.h"
#include "loader/base/trace_context.h"
#include "loader/base/utf8.h"

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
  std::string_view Text() {
    const size_t n = Number<uint8_t>();
    if (left_.size() < n) return Fail(), std::string_view();
    const std::string_view text = left_.substr(0, n);
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

// Members of an object, with a comma behind each.
class Members {
 public:
  explicit Members(std::string* out) : out_(*out) {}

  template <class T>
  void Number(std::string_view key, T value) {
    Key(key);
    Value(value);
  }
  // Of somebody else, who may use any letters.
  void Counted(std::string_view key, uint64_t value) {
    AppendJsonText(&out_, key);
    out_ += ':';
    Value(value);
  }
  void Ms(std::string_view key, int64_t us) { Number(key, static_cast<double>(us) / 1000); }
  void Flag(std::string_view key, bool value) {
    Key(key);
    out_ += value ? "true," : "false,";
  }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    AppendJsonText(&out_, value);
    out_ += ',';
  }
  // One of ours, in which nothing must be escaped.
  void Key(std::string_view key) {
    out_ += '"';
    out_ += key;
    out_ += "\":";
  }

 private:
  template <class T>
  void Value(T value) {
    char text[32];
    out_.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    out_ += ',';
  }

  std::string& out_;
};

std::string HeadOf(const UsageSource& source) {
  return StrCat("{\"specversion\":\"1.0\",\"source\":\"urn:aiges:instance:", source.instance,
                "\",\"type\":\"org.aiges.usage.v1\",\"datacontenttype\":\"application/json\",",
                "\"id\":\"", source.instance, "-");
}

std::string EndOf(const UsageSource& source) {
  std::string end;
  Members members(&end);
  members.Text("service", source.service);
  members.Text("host", source.host);
  end.back() = '}';
  return end + "}\n";
}

}  // namespace

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

UsageEvents::UsageEvents(const UsageSource& source) : head_(HeadOf(source)), end_(EndOf(source)) {}

// RFC 3339. Records come by the thousand of a second.
void UsageEvents::AppendTime(int64_t unix_us, std::string* out) {
  const int64_t second = unix_us / 1'000'000;
  if (second != second_) {
    const std::time_t seconds = second;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[40];
    second_text_.assign(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc));
    second_ = second;
  }
  char digits[] = "000000Z";
  int64_t left = unix_us % 1'000'000;
  for (int i = 5; left > 0; --i, left /= 10) digits[i] = static_cast<char>('0' + left % 10);
  *out += second_text_;
  *out += digits;
}

bool UsageEvents::Append(uint64_t number, std::string_view bytes, std::string* out) {
  Reader in(bytes);
  if (in.Number<uint8_t>() != kVersion) return false;
  const size_t begin = out->size();
  const auto flags = in.Number<uint8_t>();
  const auto code = in.Number<int32_t>();
  const auto unix_us = in.Number<int64_t>(), total = in.Number<int64_t>(),
             queue = in.Number<int64_t>(), engine = in.Number<int64_t>(),
             gpu = in.Number<int64_t>();
  const auto bytes_in = in.Number<uint64_t>(), bytes_out = in.Number<uint64_t>(),
             outputs = in.Number<uint64_t>();
  TraceContext trace;
  trace.trace_high = in.Number<uint64_t>();
  trace.trace_low = in.Number<uint64_t>();
  const std::string_view caller = in.Text();

  std::string& event = *out;
  StrAppend(&event, head_, number, "\",\"time\":\"");
  AppendTime(unix_us, &event);
  event += "\",";
  Members members(&event);
  if (!caller.empty()) members.Text("subject", caller);
  members.Key("data");
  event += '{';
  members.Number("code", code);
  members.Ms("total_ms", total);
  if ((flags & kTimed) != 0) {
    members.Ms("queue_ms", queue);
    members.Ms("engine_ms", engine);
    members.Ms("gpu_ms", gpu);
  }
  members.Number("bytes_in", bytes_in);
  members.Number("bytes_out", bytes_out);
  members.Number("outputs", outputs);
  members.Text("caller", caller);
  members.Text("model", in.Text());
  members.Text("model_version", in.Text());
  members.Text("request_id", in.Text());
  members.Text("protocol", in.Text());
  if (trace.valid()) members.Text("trace_id", TraceIdText(trace));
  members.Flag("session", (flags & kSession) != 0);
  members.Flag("replayed", (flags & kReplayed) != 0);
  members.Flag("refused", (flags & kRefused) != 0);
  members.Key("meters");
  event += '{';
  for (unsigned n = in.Number<uint8_t>(); n > 0 && in.ok(); --n) {
    const std::string_view key = in.Text();
    members.Counted(key, in.Number<uint64_t>());
  }
  if (event.back() == ',') event.pop_back();
  event += "},";
  event += end_;
  if (!in.ok()) event.resize(begin);
  return in.ok();
}

}  // namespace aiges
