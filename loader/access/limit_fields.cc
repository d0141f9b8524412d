// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limit_fields.h"

#include <algorithm>
#include <string>

#include "loader/base/strings.h"
#include "loader/front/grpc_status.h"

namespace aiges {
namespace {

constexpr uint64_t kMsPerS = 1000;

// As the draft names units (its parameter qu), or in words of our own; empty: requests, which is
// what it means unsaid.
std::string_view QuotaUnit(const LimitShown& limit) {
  switch (limit.unit) {
    case LimitUnit::kBytes:
      return "content-bytes";
    case LimitUnit::kConcurrent:
    case LimitUnit::kSessions:
      return "concurrent-requests";
    case LimitUnit::kSeconds:
    case LimitUnit::kMeter:
      return limit.units;
    case LimitUnit::kCalls:
      break;
  }
  return {};
}

// Of several that fit the one with the least left.
template <class Fits>
const LimitLeft* Tightest(const LimitNote::Said& said, const Fits& fits) {
  const LimitLeft* found = nullptr;
  for (const LimitLeft& each : said.limits) {
    if (fits(*each.limit) && (found == nullptr || each.left < found->left)) found = &each;
  }
  return found;
}

// "1m30s", as Go writes times: clients of OpenAI read that.
std::string GoTime(uint64_t seconds) {
  std::string out;
  if (seconds >= 3600) StrAppend(&out, seconds / 3600, 'h');
  if (seconds >= 60) StrAppend(&out, seconds / 60 % 60, 'm');
  StrAppend(&out, seconds % 60, 's');
  return out;
}

void AddOpenAi(const LimitLeft* limit, std::string_view what, Fields* head) {
  if (limit == nullptr) return;
  head->Add(StrCat("x-ratelimit-limit-", what), std::to_string(limit->quota));
  head->Add(StrCat("x-ratelimit-remaining-", what), std::to_string(limit->left));
  head->Add(StrCat("x-ratelimit-reset-", what), GoTime(limit->full_s));
}

void PutVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}
void PutNumber(std::string* out, unsigned field, uint64_t value) {
  if (value == 0) return;
  PutVarint(out, field << 3);
  PutVarint(out, value);
}
void PutText(std::string* out, unsigned field, std::string_view text) {
  PutVarint(out, field << 3 | 2);
  PutVarint(out, text.size());
  out->append(text);
}

}  // namespace

uint64_t RetryAfterOf(const LimitNote::Said& said) {
  const auto ms = static_cast<uint64_t>(std::max<int64_t>(said.wait.count(), 1));
  return (ms + kMsPerS - 1) / kMsPerS;
}

void AddLimitFields(const LimitNote::Said& said, bool openai, Fields* head) {
  if (said.limits.empty()) return;
  std::string policy, state;
  for (const LimitLeft& each : said.limits) {
    const LimitShown& limit = *each.limit;
    const char* const between = policy.empty() ? "" : ", ";
    StrAppend(&policy, between, '"', limit.name, "\";q=", each.quota);
    const std::string_view unit = QuotaUnit(limit);
    if (!unit.empty()) StrAppend(&policy, ";qu=\"", unit, '"');
    if (limit.window_s > 0) StrAppend(&policy, ";w=", limit.window_s);
    StrAppend(&state, between, '"', limit.name, "\";r=", each.left);
    if (limit.window_s > 0) StrAppend(&state, ";t=", each.full_s);
  }
  head->Add("ratelimit-policy", policy);
  head->Add("ratelimit", state);
  if (!openai) return;
  AddOpenAi(Tightest(said, [](const LimitShown& l) { return l.unit == LimitUnit::kCalls; }),
            "requests", head);
  AddOpenAi(Tightest(said,
                     [](const LimitShown& l) {
                       return l.meter == "tokens" || l.meter == "total_tokens";
                     }),
            "tokens", head);
}

void AddRetryInfo(const LimitNote::Said& said, Fields* trailers) {
  const auto ms = static_cast<uint64_t>(std::max<int64_t>(said.wait.count(), 1));
  std::string delay;  // google.protobuf.Duration
  PutNumber(&delay, 1, ms / kMsPerS);
  PutNumber(&delay, 2, ms % kMsPerS * 1'000'000);
  std::string info;  // google.rpc.RetryInfo
  PutText(&info, 1, delay);
  std::string any;
  PutText(&any, 1, "type.googleapis.com/google.rpc.RetryInfo");
  PutText(&any, 2, info);
  std::string status;  // google.rpc.Status
  PutNumber(&status, 1, static_cast<uint64_t>(GrpcCode::kResourceExhausted));
  PutText(&status, 2, CutUtf8(said.text, 512));
  PutText(&status, 3, any);
  trailers->Add("grpc-status-details-bin", EncodeBinary(status));
  trailers->Add("grpc-retry-pushback-ms", std::to_string(ms));
}

}  // namespace aiges
