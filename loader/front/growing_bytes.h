// SPDX-License-Identifier: Apache-2.0
// loader/front/growing_bytes.h: bytes that come one after the other, and no one knows how many.
//
// Memory is taken as they come, not as they are announced or could be: a first piece, then four
// times what is there (so all are copied once more by a third at most). Where there are many, it is
// memory that the workers can read. All of it is counted in an account. Belongs to its holder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/base/bytes.h"

namespace aiges {

class GrowingBytes {
 public:
  GrowingBytes(BufferPool* pool, Account* account)
      : pool_(*pool), account_(account), share_(account) {}

  // So many will come, it is said: that much is taken with the first of them, up to a bound.
  static constexpr uint64_t kMostAnnounced = 64 * 1024;
  void Announce(uint64_t length) { announced_ = std::min(length, kMostAnnounced); }
  // Room for at least `least` bytes more, of `most` that will be wanted at most. False: no room in
  // the account.
  bool Reserve(size_t least, uint64_t most);
  char* end() { return buffer_.data + size_; }
  size_t room() const { return buffer_.size - size_; }
  void Added(size_t n) { size_ += n; }
  bool Append(std::string_view data, uint64_t most);

  size_t size() const { return size_; }
  // What is there; empty afterwards. It is counted until its last holder lets go.
  Bytes Take();

 private:
  BufferPool& pool_;
  Account* const account_;
  Share share_;
  Buffer buffer_;
  size_t size_ = 0;
  uint64_t announced_ = 0;
};

}  // namespace aiges
