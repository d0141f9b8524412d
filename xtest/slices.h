// SPDX-License-Identifier: Apache-2.0
// xtest/slices.h: what a session sends: the data of each stream cut into packets, and when each
// packet leaves.
//
// Slices is immutable and shared by all threads; a PacketCursor belongs to one session.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "xtest/plan.h"

namespace aiges {

class Slices {
 public:
  explicit Slices(const Plan& plan);

  // Of one stream, for the session with this loopIndex. Never empty; a slice may be.
  const std::vector<std::string_view>& Of(size_t stream, uint64_t index) const {
    const auto& files = streams_[stream];
    return files[index % files.size()];
  }
  size_t streams() const { return streams_.size(); }
  // From the first packet to the last, of the longest session.
  uint64_t LongestMs(const Plan& plan) const;

 private:
  // By stream, by file (a session of files: one), by packet.
  std::vector<std::vector<std::vector<std::string_view>>> streams_;
};

// One access unit of H.264 (Annex B) per slice; all of it when there are no start codes.
std::vector<std::string_view> CutAccessUnits(std::string_view video);
// One slice per line, without the line's end; the last line may lack one.
std::vector<std::string_view> CutLines(std::string_view text);
std::vector<std::string_view> CutBytes(std::string_view data, size_t bytes);

struct Packet {
  struct Part {
    size_t stream = 0;
    std::string_view data;
    int status = 1;  // 0 begins the stream, 1 goes on, 2 ends it (also when it is the only one).
    uint64_t seq = 0;
  };
  std::vector<Part> parts;
  uint64_t at_ms = 0;   // After the session's start.
  int32_t sync_id = 0;  // 1, 2, 3, .. over all streams, in the order of sending.
};

// Streams whose packets fall on the same time share one.
class PacketCursor {
 public:
  void Begin(const Plan* plan, const Slices* slices, uint64_t index);
  bool done() const { return left_ == 0; }
  uint64_t next_ms() const { return next_ms_; }  // When !done().
  void Take(Packet* out);                        // When !done().

 private:
  void FindNext();

  const Plan* plan_ = nullptr;
  const Slices* slices_ = nullptr;
  uint64_t index_ = 0, next_ms_ = 0;
  std::vector<size_t> sent_;  // By stream.
  size_t left_ = 0;           // Slices of all streams.
  int32_t sync_id_ = 0;
};

}  // namespace aiges
