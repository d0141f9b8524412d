// SPDX-License-Identifier: Apache-2.0
#include "loader/front/grpc_frames.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

// Up to here a message that is there whole is one allocation and one copy.
constexpr size_t kSmall = 16 * 1024;

// The bytes and what counts them, in one.
struct Small {
  Small(Account* account, size_t size)
      : share(account), data(std::make_unique_for_overwrite<char[]>(size)) {}
  Share share;
  std::unique_ptr<char[]> data;
};

}  // namespace

// "larger than max": gRPC's own words, by which clients tell it from a loader that is full.
GrpcStatus TooLarge(std::string_view size, uint64_t most) {
  return {GrpcCode::kResourceExhausted, StrCat("the message is larger than max: ", size,
                                               ", [limits] max_message_bytes = ", most)};
}

GrpcStatus GrpcReader::TakeHead() {
  const auto flag = static_cast<unsigned char>(head_[0]);
  length_ = GrpcFrameLength(head_);
  packed_ = flag == 1;
  if (flag > 1) {
    return {GrpcCode::kInternal,
            StrCat("expected 0 or 1 as the first byte of a message, got ", static_cast<int>(flag))};
  }
  if (length_ > most_) {
    return TooLarge(StrCat(length_, " bytes"), most_);
  }
  return {};
}

GrpcStatus GrpcReader::NoRoom() const { return {GrpcCode::kResourceExhausted, account_->Text()}; }

GrpcStatus GrpcReader::Read(std::string_view piece, std::vector<GrpcMessage>* out) {
  while (!piece.empty()) {
    if (head_size_ < kGrpcFrameHead) {
      const size_t n = std::min(piece.size(), kGrpcFrameHead - head_size_);
      std::memcpy(head_ + head_size_, piece.data(), n);
      head_size_ += n;
      piece.remove_prefix(n);
      if (head_size_ < kGrpcFrameHead) return {};
      GrpcStatus status = TakeHead();
      if (!status.ok()) return status;
    }
    const auto n = static_cast<size_t>(std::min<uint64_t>(piece.size(), length_ - large_.size()));
    const std::string_view data = piece.substr(0, n);
    piece.remove_prefix(n);
    if (n == length_ && n <= kSmall) {
      auto small = std::make_shared<Small>(account_, n);
      if (!small->share.TrySet(n)) return NoRoom();
      if (n > 0) std::memcpy(small->data.get(), data.data(), n);
      const std::string_view view(small->data.get(), n);
      out->push_back({Bytes(view, std::move(small)), packed_});
    } else {
      if (!large_.Append(data, length_)) return NoRoom();
      if (large_.size() < length_) return {};
      out->push_back({large_.Take(), packed_});
    }
    head_size_ = 0;
  }
  return {};
}

GrpcStatus GrpcReader::End() const {
  if (head_size_ == 0) return {};
  return {GrpcCode::kInternal, "the request has ended in the middle of a message"};
}

std::optional<Coding> ParseCoding(std::string_view name) {
  if (name.empty() || name == "identity") return Coding::kIdentity;
  if (name == "gzip") return Coding::kGzip;
  if (name == "deflate") return Coding::kDeflate;
  return std::nullopt;
}

bool AcceptsGzip(std::string_view accepted) {
  while (!accepted.empty()) {
    const std::string_view name = accepted.substr(0, accepted.find(','));
    accepted.remove_prefix(std::min(accepted.size(), name.size() + 1));
    if (Trimmed(name) == "gzip") return true;
  }
  return false;
}

GrpcStatus UnknownCoding(std::string_view name) {
  return {GrpcCode::kUnimplemented,
          StrCat("grpc-encoding: expected one of ", kCodings, ", got ", name)};
}

Bytes FrameHead(size_t size, bool packed) {
  const char head[] = {packed ? '\1' : '\0', static_cast<char>(size >> 24 & 0xFF),
                       static_cast<char>(size >> 16 & 0xFF), static_cast<char>(size >> 8 & 0xFF),
                       static_cast<char>(size & 0xFF)};
  return Bytes::Own(std::string(head, sizeof head));
}

}  // namespace aiges
