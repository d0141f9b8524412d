// SPDX-License-Identifier: Apache-2.0
// loader/channel/wire.h: writes and reads the elements of frame.h.
//
// The reader trusts nothing: every length is checked against what is left, and after the first
// violation it stays failed and returns empty values. Belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "loader/base/strings.h"
#include "loader/channel/frame.h"

namespace aiges {

// Appends frames to a byte buffer.
class WireWriter {
 public:
  explicit WireWriter(std::string* out) : out_(*out) {}

  void Begin(FrameType type, uint64_t id) {
    start_ = out_.size();
    FrameHeader header{0, type, {}, id};
    out_.append(reinterpret_cast<const char*>(&header), sizeof header);
  }
  // False when the body is larger than a frame may be; the frame is taken out again.
  bool End() {
    const size_t length = out_.size() - start_ - sizeof(FrameHeader);
    if (length > kMaxFrame) {
      out_.resize(start_);
      return false;
    }
    const auto length32 = static_cast<uint32_t>(length);
    std::memcpy(out_.data() + start_, &length32, sizeof length32);
    return true;
  }

  template <class T>
  void Number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Text(std::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    out_.append(text);
    out_.push_back('\0');
  }
  void KeyValues(const Pairs& pairs) {
    Number(static_cast<uint32_t>(pairs.size()));
    for (const auto& [key, value] : pairs) {
      Text(key);
      Text(value);
    }
  }
  void InlineData(std::string_view data) {
    Number(DataPlace::kInline);
    Text(data);
  }
  void SharedData(uint64_t offset, uint64_t length) {
    Number(DataPlace::kShared);
    Number(offset);
    Number(length);
  }

 private:
  std::string& out_;
  size_t start_ = 0;
};

class WireReader {
 public:
  explicit WireReader(std::string_view body) : rest_(body) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }
  // For a check outside that failed: nothing more is read.
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  template <class T>
  T Number() {
    T value{};
    if (rest_.size() < sizeof value) {
      Fail();
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  // The view is NUL terminated just behind its end.
  std::string_view Text() {
    const auto length = Number<uint32_t>();
    if (!ok_ || rest_.size() < size_t{length} + 1 || rest_[length] != '\0') {
      Fail();
      return std::string_view("", 0);
    }
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(size_t{length} + 1);
    return text;
  }
  // A count of elements of at least min_size bytes each: bounded by what can still follow.
  uint32_t Count(size_t min_size) {
    const auto count = Number<uint32_t>();
    if (count > rest_.size() / min_size) {
      Fail();
      return 0;
    }
    return count;
  }
  Pairs KeyValues() {
    Pairs pairs;
    const uint32_t count = Count(10);
    pairs.reserve(count);
    for (uint32_t i = 0; i < count && ok_; ++i) {
      const std::string_view key = Text();
      pairs.emplace_back(std::string(key), std::string(Text()));
    }
    return pairs;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace aiges
