// SPDX-License-Identifier: Apache-2.0
#include "loader/base/trace_context.h"

#include <algorithm>

#include "loader/base/strings.h"

namespace aiges {
namespace {

// Section 3.2: version, trace id, parent id and flags, with dashes between.
constexpr size_t kTraceAt = 3, kParentAt = 36, kFlagsAt = 53, kLength = 55;
constexpr std::string_view kDigits = "0123456789abcdef";

// Upper case is not allowed there.
bool ReadHex(std::string_view text, uint64_t* out) {
  uint64_t value = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    value = value << 4 | digit;
  }
  *out = value;
  return true;
}

void AppendHex(uint64_t value, std::string* out) {
  for (int shift = 60; shift >= 0; shift -= 4) out->push_back(kDigits[(value >> shift) & 0xf]);
}

}  // namespace

bool ReadTraceParent(std::string_view text, TraceContext* out) {
  if (text.size() < kLength || text[kTraceAt - 1] != '-' || text[kParentAt - 1] != '-' ||
      text[kFlagsAt - 1] != '-') {
    return false;
  }
  uint64_t version = 0, high = 0, low = 0, parent = 0, flags = 0;
  if (!ReadHex(text.substr(0, 2), &version) || !ReadHex(text.substr(kTraceAt, 16), &high) ||
      !ReadHex(text.substr(kTraceAt + 16, 16), &low) ||
      !ReadHex(text.substr(kParentAt, 16), &parent) || !ReadHex(text.substr(kFlagsAt, 2), &flags)) {
    return false;
  }
  const bool longer = text.size() > kLength;
  if (version == 0xff || (version == 0 && longer) || (longer && text[kLength] != '-')) return false;
  if ((high | low) == 0 || parent == 0) return false;
  out->trace_high = high;
  out->trace_low = low;
  out->parent = parent;
  out->sampled = (flags & 1) != 0;
  return true;
}

bool IsTraceState(std::string_view text) {
  constexpr size_t kMost = 512;  // Section 3.3.1.5: who hands it on must manage that much.
  return !text.empty() && text.size() <= kMost &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string TraceIdText(const TraceContext& trace) {
  std::string text;
  AppendHex(trace.trace_high, &text);
  AppendHex(trace.trace_low, &text);
  return text;
}

std::string SpanIdText(uint64_t span) {
  std::string text;
  AppendHex(span, &text);
  return text;
}

std::string TraceParent(const TraceContext& trace, uint64_t span) {
  return StrCat("00-", TraceIdText(trace), "-", SpanIdText(span), trace.sampled ? "-01" : "-00");
}

}  // namespace aiges
