// SPDX-License-Identifier: Apache-2.0
// loader/front/paced_writer.h: writes what a connection has to say, as the client takes it, and
// knows whether that is fast enough.
//
// Belongs to its connection, which outlives what it waits for.
#pragma once

#include <cstdint>
#include <utility>

#include "loader/front/byte_stream.h"
#include "loader/front/out_queue.h"
#include "loader/front/pace.h"

namespace aiges {

class PacedWriter {
 public:
  // As much of *out as goes now, and kTurn at most: others of the lane want their turn, too. Where
  // some is left `then` is called when more would go; it keeps the connection alive. False: the
  // connection is lost.
  template <class Then>
  bool Write(ByteStream* stream, OutQueue* out, Then then) {
    if (!waits_ && !out->empty()) {
      if (!Push(stream, out)) return false;
      if (!out->empty()) {
        waits_ = true;
        stream->WaitWritable([this, then = std::move(then)]() mutable {
          waits_ = false;
          then();
        });
      }
    }
    Note(*stream, !out->empty());
    return true;
  }
  // For room in the socket.
  bool waits() const { return waits_; }
  // Something waits for the client.
  bool pacing() const { return pacing_; }
  // It does, and the client has taken too little since.
  bool TooSlow(TimePoint now, const ByteStream& stream, Duration stall, bool budget_short);

 private:
  bool Push(ByteStream* stream, OutQueue* out);
  void Note(const ByteStream& stream, bool left);
  uint64_t Taken(const ByteStream& stream) const;

  bool waits_ = false, pacing_ = false;
  Pace pace_;
  uint64_t written_ = 0, paced_from_ = 0;
};

}  // namespace aiges
