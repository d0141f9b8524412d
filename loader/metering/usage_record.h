// SPDX-License-Identifier: Apache-2.0
// loader/metering/usage_record.h: what is kept of a call for who pays for it, in two forms.
//
// On disk it is bytes, version first (docs/metering.md has the layout, sdk/aiges/metering reads it,
// too); outside it is a CloudEvent. Neither holds what a call carried.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "loader/api/call_record.h"

namespace aiges {

// A buffer that a record fits in, so that the thread that answers allocates nothing.
class UsageBytes {
 public:
  static constexpr size_t kSize = 2560;

  // unix_us: when the call ended.
  UsageBytes(const CallRecord& record, int64_t unix_us);
  std::string_view view() const { return {data_, size_}; }

 private:
  void Raw(const void* bytes, size_t n) {
    if (n == 0 || size_ + n > kSize) return;  // Too long cannot be: each text has its bound.
    std::memcpy(data_ + size_, bytes, n);
    size_ += n;
  }
  template <class T>
  void Number(T value) {
    Raw(&value, sizeof value);
  }
  void Text(std::string_view text, size_t most);

  char data_[kSize];
  size_t size_ = 0;
};

// Who and where, the same for all records of a loader.
struct UsageSource {
  std::string instance;  // Of the folder: with the number it names a record for ever.
  std::string service, host;
};

// Makes events of records. One thread at a time.
class UsageEvents {
 public:
  explicit UsageEvents(const UsageSource& source);

  // Appends it as a line of JSON with its end. False: these bytes are no record that this version
  // knows, and nothing is appended.
  // Written by hand: a loader may have a hundred thousand calls a second, and a tree of JSON for
  // each would take a share of them that can be seen.
  bool Append(uint64_t number, std::string_view bytes, std::string* out);

 private:
  void AppendTime(int64_t unix_us, std::string* out);

  const std::string head_, end_;  // What is the same in each.
  int64_t second_ = -1;           // That second_text_ is of.
  std::string second_text_;
};

}  // namespace aiges
