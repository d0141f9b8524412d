// SPDX-License-Identifier: Apache-2.0
// loader/front/h2_data_heads.h: finds the heads of DATA frames in what a client sends.
//
// nghttp2 passes over data for streams that are gone, and tells nobody. Whoever wants to know looks
// first, when nghttp2 has all that came before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiges {

class DataHeads {
 public:
  // `before`: bytes of the client before its first frame.
  explicit DataHeads(size_t before) : skip_(before) {}

  // Goes on at bytes[*at]; where it stops is behind a head, or the end. Returns the head's stream,
  // or -1 where there is none.
  int32_t Next(std::string_view bytes, size_t* at) {
    while (*at < bytes.size()) {
      if (skip_ > 0) {
        const size_t n = std::min(skip_, bytes.size() - *at);
        skip_ -= n;
        *at += n;
        continue;
      }
      head_[have_++] = static_cast<uint8_t>(bytes[(*at)++]);
      if (have_ < sizeof head_) continue;
      have_ = 0;
      skip_ = size_t{head_[0]} << 16 | size_t{head_[1]} << 8 | head_[2];
      if (head_[3] == kData) {
        return (head_[5] & 0x7f) << 24 | head_[6] << 16 | head_[7] << 8 | head_[8];
      }
    }
    return -1;
  }

 private:
  static constexpr uint8_t kData = 0;

  size_t skip_;  // Up to the next head.
  size_t have_ = 0;
  uint8_t head_[9] = {};
};

}  // namespace aiges
