// SPDX-License-Identifier: Apache-2.0
#include "loader/front/prpc_frames.h"

#include <algorithm>

namespace aiges {
namespace {

constexpr size_t kMostText = 4096;

uint32_t BigEndian(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

void AppendBigEndian(std::string* out, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>(number >> shift & 0xff);
}

void AppendVarint(std::string* out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) *out += static_cast<char>((number & 0x7f) | 0x80);
  *out += static_cast<char>(number);
}

void AppendField(std::string* out, uint32_t field, std::string_view bytes) {
  AppendVarint(out, uint64_t{field} << 3 | 2);
  AppendVarint(out, bytes.size());
  *out += bytes;
}

void AppendField(std::string* out, uint32_t field, uint64_t number) {
  AppendVarint(out, uint64_t{field} << 3);
  AppendVarint(out, number);
}

// The fields of a message, one after the other.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  // False: that was the last, or the bytes are broken().
  bool Next() {
    if (rest_.empty() || broken_) return false;
    uint64_t tag = 0, length = 0;
    if (!Varint(&tag) || tag >> 3 == 0) return Break();
    field_ = tag >> 3;
    number_ = 0;
    text_ = {};
    switch (tag & 7) {
      case 0:
        return Varint(&number_) || Break();
      case 1:
        return Skip(8) || Break();
      case 2:
        return (Varint(&length) && Skip(length)) || Break();
      case 5:
        return Skip(4) || Break();
      default:  // Groups, which nobody writes.
        return Break();
    }
  }
  bool broken() const { return broken_; }
  uint64_t field() const { return field_; }
  uint64_t number() const { return number_; }
  std::string_view text() const { return text_; }

 private:
  bool Break() {
    broken_ = true;
    return false;
  }
  bool Varint(uint64_t* out) {
    *out = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      *out |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Skip(uint64_t n) {
    if (n > rest_.size()) return false;
    text_ = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return true;
  }

  std::string_view rest_, text_;
  uint64_t field_ = 0, number_ = 0;
  bool broken_ = false;
};

bool ReadRequest(std::string_view bytes, PrpcCall* out) {
  Reader r(bytes);
  while (r.Next()) {
    if (r.field() == 1) out->service = r.text();
    if (r.field() == 2) out->method = r.text();
    if (r.field() == 8) {
      out->timeout_ms = static_cast<int32_t>(r.number()) > 0 ? r.number() : 0;
    }
  }
  return !r.broken();
}

}  // namespace

std::optional<PrpcSizes> ReadPrpcHeader(std::string_view bytes) {
  if (bytes.size() < kPrpcHeader || !bytes.starts_with(kPrpcMagic)) return std::nullopt;
  const PrpcSizes sizes{BigEndian(bytes.substr(4, 4)), BigEndian(bytes.substr(8, 4))};
  if (sizes.meta > sizes.body || sizes.meta > kMostPrpcMeta) return std::nullopt;
  return sizes;
}

std::optional<PrpcCall> ReadPrpcMeta(std::string_view meta) {
  PrpcCall call;
  bool request = false;
  Reader r(meta);
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        if (!ReadRequest(r.text(), &call)) return std::nullopt;
        request = true;
        break;
      case 3:
        call.compress_type = static_cast<int32_t>(r.number());
        break;
      case 4:
        call.correlation_id = static_cast<int64_t>(r.number());
        break;
      case 5:
        call.attachment_size = static_cast<int32_t>(r.number());
        break;
      case 7:
        call.authentication = r.text();
        break;
      default:
        break;
    }
  }
  if (r.broken() || !request || call.attachment_size < 0) return std::nullopt;
  return call;
}

std::string WritePrpcAnswer(int64_t correlation_id, const GrpcStatus& status, size_t message) {
  std::string response, meta;
  if (!status.ok()) {
    message = 0;
    AppendField(&response, 1, static_cast<uint64_t>(PrpcError(status.code)));
    AppendField(&response, 2, std::string_view(status.text).substr(0, kMostText));
  }
  AppendField(&meta, 2, response);
  AppendField(&meta, 4, static_cast<uint64_t>(correlation_id));
  std::string out(kPrpcMagic);
  AppendBigEndian(&out, static_cast<uint32_t>(meta.size() + message));
  AppendBigEndian(&out, static_cast<uint32_t>(meta.size()));
  return out + meta;
}

int PrpcError(GrpcCode code) {
  switch (code) {
    case GrpcCode::kOk:
      return 0;
    case GrpcCode::kUnimplemented:
    case GrpcCode::kNotFound:
      return 1002;  // ENOMETHOD
    case GrpcCode::kInvalidArgument:
    case GrpcCode::kOutOfRange:
    case GrpcCode::kFailedPrecondition:
    case GrpcCode::kAlreadyExists:
      return 1003;  // EREQUEST
    case GrpcCode::kPermissionDenied:
    case GrpcCode::kUnauthenticated:
      return 1004;  // ERPCAUTH
    case GrpcCode::kDeadlineExceeded:
      return 1008;  // ERPCTIMEDOUT
    case GrpcCode::kResourceExhausted:
      return 2004;  // ELIMIT
    case GrpcCode::kUnavailable:
      return 2003;  // ELOGOFF
    default:
      return 2001;  // EINTERNAL
  }
}

}  // namespace aiges
