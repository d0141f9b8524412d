// SPDX-License-Identifier: Apache-2.0
// loader/front/out_queue.h: what a connection has to write, as one list for one writev.
//
// Small things are copied behind one another; large ones stay where they are and are kept alive.
// Belongs to its connection.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/bytes.h"

namespace aiges {

// Of one answer: bytes not out beyond which its protocol has said enough, and down to which there
// is room again.
inline constexpr size_t kEnoughOut = 64 * 1024;
inline constexpr size_t kRoomOut = 16 * 1024;

class OutQueue {
 public:
  // Up to here a copy is cheaper than one more piece for the kernel and its owner's count.
  static constexpr size_t kCopied = 2048;
  static constexpr size_t kKept = 16 * 1024;  // Of memory, while there is nothing to write.

  void Copy(std::string_view bytes) {
    if (bytes.empty()) return;
    if (pieces_.empty() || pieces_.back().owned.data() != nullptr) {
      pieces_.push_back({text_.size(), 0, {}});
    }
    text_.append(bytes);
    pieces_.back().size += bytes.size();
    size_ += bytes.size();
  }
  void Add(Bytes bytes) {
    if (bytes.size() <= kCopied) return Copy(bytes.view());
    size_ += bytes.size();
    const size_t size = bytes.size();
    pieces_.push_back({0, size, std::move(bytes)});
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The first pieces, `most` at most. Good until the queue changes. Out: how many.
  size_t Fill(iovec* out, size_t most) const {
    size_t count = 0;
    for (size_t i = first_; i < pieces_.size() && count < most; ++i, ++count) {
      const Piece& p = pieces_[i];
      const char* begin = p.owned.data() != nullptr ? p.owned.data() : text_.data() + p.begin;
      const size_t skip = i == first_ ? written_ : 0;
      out[count] = {const_cast<char*>(begin) + skip, p.size - skip};
    }
    return count;
  }
  // n bytes have been written.
  void Drop(size_t n) {
    size_ -= n;
    written_ += n;
    while (first_ < pieces_.size() && written_ >= pieces_[first_].size) {
      written_ -= pieces_[first_].size;
      pieces_[first_++].owned = {};
    }
    if (size_ == 0) Clear();
  }

 private:
  struct Piece {
    size_t begin;  // In text_, where nobody owns it.
    size_t size;
    Bytes owned;
  };

  void Clear() {
    pieces_.clear();
    first_ = written_ = 0;
    text_.clear();
    if (text_.capacity() > kKept) text_ = {};
  }

  std::string text_;
  std::vector<Piece> pieces_;
  size_t first_ = 0;    // Before it all is written,
  size_t written_ = 0;  // and of it so much.
  size_t size_ = 0;
};

}  // namespace aiges
