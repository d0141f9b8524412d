// SPDX-License-Identifier: Apache-2.0
// loader/access/used_signatures.h: signatures that have been taken and cannot be taken again.
//
// One is remembered until its date is too old to be taken anyway: in a slice of all whose date lies
// in the same minute, which goes as a whole. What is older than that was used as far as anyone can
// tell, also where older dates are taken again ([access] hmac_skew_s is hot). Only what was right
// is added, so that nobody without a secret can fill it. Caller synchronises.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>
#include <unordered_set>

namespace aiges {

class UsedSignatures {
 public:
  static constexpr size_t kMost = 1 << 20;  // About 50 MB.

  enum class Answer { kNew, kUsed, kFull };

  // `signature`: at least 8 bytes that nobody can choose. `date`: its own; `oldest`: that is taken
  // now; both in Unix seconds.
  Answer Add(std::string_view signature, int64_t date, int64_t oldest) {
    // A clock that was set back must not make all that is signed from now on a used one.
    if (SliceOf(oldest) < first_ - kMostBack) first_ = SliceOf(oldest);
    first_ = std::max(first_, SliceOf(oldest));
    while (!slices_.empty() && slices_.begin()->first < first_) {
      size_ -= slices_.begin()->second.size();
      slices_.erase(slices_.begin());
    }
    if (SliceOf(date) < first_) return Answer::kUsed;
    uint64_t begin = 0;  // 64 of its bits: two that are equal there do not come by.
    std::memcpy(&begin, signature.data(), sizeof begin);
    if (size_ >= kMost) {
      const auto slice = slices_.find(SliceOf(date));
      const bool used = slice != slices_.end() && slice->second.count(begin) != 0;
      return used ? Answer::kUsed : Answer::kFull;
    }
    if (!slices_[SliceOf(date)].insert(begin).second) return Answer::kUsed;
    ++size_;
    return Answer::kNew;
  }
  size_t size() const { return size_; }

 private:
  static constexpr int64_t kSlice = 60, kMostBack = 24 * 60;  // A day, which no skew reaches.
  static int64_t SliceOf(int64_t t) { return t / kSlice; }

  std::map<int64_t, std::unordered_set<uint64_t>> slices_;
  size_t size_ = 0;
  int64_t first_ = 0;  // Slices before it are gone.
};

}  // namespace aiges
