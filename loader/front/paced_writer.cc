// SPDX-License-Identifier: Apache-2.0
#include "loader/front/paced_writer.h"

#include <algorithm>
#include <chrono>

namespace aiges {
namespace {

constexpr size_t kTurn = 512 * 1024;
constexpr size_t kPieces = 64;  // Of one write.

}  // namespace

bool PacedWriter::Push(ByteStream* stream, OutQueue* out) {
  iovec pieces[kPieces];
  size_t turn = 0;
  while (!out->empty() && turn < kTurn) {
    size_t count = out->Fill(pieces, kPieces);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      pieces[i].iov_len = std::min(pieces[i].iov_len, kTurn - size);
      size += pieces[i].iov_len;
      if (size == kTurn) count = i + 1;
    }
    const ByteStream::Moved put = stream->Write(pieces, count);
    if (put.result == ByteStream::Result::kAgain) return true;
    if (put.result != ByteStream::Result::kDone) return false;
    turn += put.n;
    written_ += put.n;
    out->Drop(put.n);
  }
  return true;
}

void PacedWriter::Note(const ByteStream& stream, bool left) {
  if (left && !pacing_) {
    pace_.Begin(std::chrono::steady_clock::now());
    paced_from_ = Taken(stream);
  }
  pacing_ = left;
}

uint64_t PacedWriter::Taken(const ByteStream& stream) const {
  return written_ - std::min<uint64_t>(written_, stream.Unconfirmed());
}

bool PacedWriter::TooSlow(TimePoint now, const ByteStream& stream, Duration stall,
                          bool budget_short) {
  if (!pacing_) return false;
  const uint64_t taken = Taken(stream);
  return pace_.TooSlow(now, taken - std::min(taken, paced_from_), stall, budget_short);
}

}  // namespace aiges
