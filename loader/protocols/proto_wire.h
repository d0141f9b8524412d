// SPDX-License-Identifier: Apache-2.0
// loader/protocols/proto_wire.h: messages of protobuf, read and written field by field.
//
// For the messages that carry payloads: generated classes would copy each once on the way in and
// once on the way out. What is read points into the message; what is written is a list of pieces,
// in which large data are not copied.
// Pure values; they belong to their holder.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/bytes.h"

namespace aiges {

// What protobuf's own classes take.
inline constexpr size_t kLongestMessage = std::numeric_limits<int>::max();

// Walks the fields of one message, of at most kLongestMessage bytes. After a violation ok() is
// false and Next() ends.
class WireFields {
  using WireFormat = google::protobuf::internal::WireFormatLite;

 public:
  explicit WireFields(std::string_view message)
      : message_(message),
        in_(reinterpret_cast<const uint8_t*>(message.data()), static_cast<int>(message.size())) {}

  bool ok() const { return ok_; }

  bool Next() {
    if (!ok_ || in_.CurrentPosition() >= static_cast<int>(message_.size())) return false;
    tag_ = in_.ReadTag();
    return ok_ = tag_ != 0;
  }
  int field() const { return WireFormat::GetTagFieldNumber(tag_); }
  bool IsBytes() const {
    return WireFormat::GetTagWireType(tag_) == WireFormat::WIRETYPE_LENGTH_DELIMITED;
  }
  bool IsVarint() const { return WireFormat::GetTagWireType(tag_) == WireFormat::WIRETYPE_VARINT; }
  bool IsFixed64() const {
    return WireFormat::GetTagWireType(tag_) == WireFormat::WIRETYPE_FIXED64;
  }
  bool IsFixed32() const {
    return WireFormat::GetTagWireType(tag_) == WireFormat::WIRETYPE_FIXED32;
  }

  std::string_view Bytes() {
    uint32_t length = 0;
    if (!IsBytes() || !in_.ReadVarint32(&length)) return Fail();
    const auto at = static_cast<size_t>(in_.CurrentPosition());
    if (length > message_.size() - at || !in_.Skip(static_cast<int>(length))) return Fail();
    return message_.substr(at, length);
  }
  uint64_t Varint64() {
    uint64_t value = 0;
    if (!IsVarint() || !in_.ReadVarint64(&value)) Fail();
    return value;
  }
  int32_t Varint() { return static_cast<int32_t>(Varint64()); }
  // The bytes of it as they lie there.
  std::string_view Fixed() {
    const size_t size = IsFixed64() ? 8 : 4;
    const auto at = static_cast<size_t>(in_.CurrentPosition());
    if ((!IsFixed64() && !IsFixed32()) || message_.size() - at < size ||
        !in_.Skip(static_cast<int>(size))) {
      return Fail();
    }
    return message_.substr(at, size);
  }
  void Skip() {
    if (!WireFormat::SkipField(&in_, tag_)) Fail();
  }
  std::string_view Fail() {
    ok_ = false;
    return {};
  }

 private:
  std::string_view message_;
  google::protobuf::io::CodedInputStream in_;
  uint32_t tag_ = 0;
  bool ok_ = true;
};

// ---- writing ----

void PutVarint(std::string* out, uint64_t value);
// Nothing for 0: the default is not written (proto3).
void PutInt(std::string* out, int field, int64_t value);
void PutLengthHead(std::string* out, int field, size_t length);
void PutBytes(std::string* out, int field, std::string_view bytes);
// Nothing for "". proto3 strings must be UTF-8, or the client refuses the whole message; engines
// return anything: bytes of others become "?".
void PutString(std::string* out, int field, std::string_view text);
// Of a map<string, string>.
void PutEntry(std::string* out, int field, std::string_view key, std::string_view value);

// Bytes in order, small ones gathered.
class WirePieces {
 public:
  // Data of at least this size becomes a piece of its own.
  static constexpr size_t kOwnPiece = 8 * 1024;

  std::string& text() { return text_; }
  size_t size() const { return size_ + text_.size(); }
  void Add(const Bytes& bytes);
  // Appends all of `inner` as field `field`.
  void AddMessage(int field, WirePieces inner);
  std::vector<Bytes> Take();

 private:
  void Cut();

  std::vector<Bytes> pieces_;
  std::string text_;
  size_t size_ = 0;
};

}  // namespace aiges
