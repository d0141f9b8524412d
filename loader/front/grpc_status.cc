// SPDX-License-Identifier: Apache-2.0
#include "loader/front/grpc_status.h"

#include <algorithm>
#include <chrono>

#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

constexpr size_t kMostText = 4096, kMostPacked = 6144;  // Clients take heads of 8 KiB.
constexpr std::string_view kHex = "0123456789ABCDEF";

bool IsPlain(unsigned char byte) { return byte >= 0x20 && byte < 0x7F && byte != '%'; }

// As much of it as has room when it is packed.
std::string_view CutPacked(std::string_view text, size_t most) {
  size_t packed = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    packed += IsPlain(static_cast<unsigned char>(text[i])) ? 1 : 3;
    if (packed > most) return CutUtf8(text, i);
  }
  return text;
}

}  // namespace

bool IsGrpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!content_type.starts_with(kType)) return false;
  content_type.remove_prefix(kType.size());
  return content_type.empty() || content_type[0] == '+' || content_type[0] == ';';
}

void AddStatus(const GrpcStatus& status, Fields* trailers) {
  if (trailers->empty()) trailers->Reserve(4, 128);
  trailers->Add("grpc-status", std::to_string(static_cast<int>(status.code)));
  if (!status.text.empty())
    trailers->Add("grpc-message",
                  EncodeMessage(CutPacked(CutUtf8(status.text, kMostText), kMostPacked)));
}

std::string EncodeMessage(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsPlain(byte)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

std::optional<Duration> ParseTimeout(std::string_view text) {
  constexpr size_t kDigits = 8;
  constexpr std::chrono::hours kLongest{24 * 3650};
  if (text.size() < 2 || text.size() > kDigits + 1) return std::nullopt;
  int64_t n = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + (c - '0');
  }
  switch (text.back()) {
    case 'H':
      return std::min<int64_t>(n, kLongest.count()) * std::chrono::hours(1);
    case 'M':
      return std::min<int64_t>(n, kLongest.count() * 60) * std::chrono::minutes(1);
    case 'S':
      return std::chrono::seconds(n);
    case 'm':
      return std::chrono::milliseconds(n);
    case 'u':
      return std::chrono::microseconds(n);
    case 'n':
      return std::chrono::nanoseconds(n);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> DecodeBinary(std::string_view text) {
  std::string whole(text.substr(0, text.find(',')));
  const bool padded = whole.find('=') != std::string::npos;
  while (!padded && whole.size() % 4 != 0) whole.push_back('=');
  return DecodeBase64(whole);
}

std::string EncodeBinary(std::string_view bytes) {
  std::string out;
  AppendBase64(&out, bytes);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

}  // namespace aiges
