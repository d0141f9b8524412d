// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/proto_wire.h"

#include <simdjson.h>

namespace aiges {

void PutVarint(std::string* out, uint64_t value) {
  uint8_t bytes[10];
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}

void PutInt(std::string* out, int field, int64_t value) {
  if (value == 0) return;
  PutVarint(out, static_cast<uint64_t>(field) << 3);
  PutVarint(out, static_cast<uint64_t>(value));
}

void PutLengthHead(std::string* out, int field, size_t length) {
  PutVarint(out, (static_cast<uint64_t>(field) << 3) | 2);
  PutVarint(out, length);
}

void PutBytes(std::string* out, int field, std::string_view bytes) {
  PutLengthHead(out, field, bytes.size());
  out->append(bytes);
}

void PutString(std::string* out, int field, std::string_view text) {
  if (text.empty()) return;
  if (simdjson::validate_utf8(text.data(), text.size())) return PutBytes(out, field, text);
  std::string ascii(text);
  for (char& c : ascii) {
    if ((static_cast<unsigned char>(c) & 0x80) != 0) c = '?';
  }
  PutBytes(out, field, ascii);
}

void PutEntry(std::string* out, int field, std::string_view key, std::string_view value) {
  std::string entry;
  PutString(&entry, 1, key);
  PutString(&entry, 2, value);
  PutBytes(out, field, entry);
}

void WirePieces::Add(const Bytes& bytes) {
  if (bytes.size() < kOwnPiece) {
    text_.append(bytes.view());
  } else {
    Cut();
    size_ += bytes.size();
    pieces_.push_back(bytes);
  }
}

void WirePieces::AddMessage(int field, WirePieces inner) {
  PutLengthHead(&text_, field, inner.size());
  if (inner.text_.size() >= kOwnPiece) inner.Cut();
  for (const Bytes& piece : inner.pieces_) Add(piece);
  text_.append(inner.text_);
}

std::vector<Bytes> WirePieces::Take() {
  Cut();
  return std::move(pieces_);
}

void WirePieces::Cut() {
  if (text_.empty()) return;
  size_ += text_.size();
  pieces_.push_back(Bytes::Own(std::move(text_)));
  text_.clear();
}

}  // namespace aiges
