// SPDX-License-Identifier: Apache-2.0
// xtest/toml_reader.h: reads values out of xtest.toml as old files have them, and remembers what
// is wrong (errors) and what was bent to fit (notices).
//
// It never stops at the first mistake, so that a person mends the file in one go. Keys match
// without regard to case, "-" and "_", because the old tool's did in part. A number may stand in
// quotes and a switch may be 0 or 1; each such correction is one notice. Caller synchronises.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {

class TomlReader {
 public:
  TomlReader(std::string file, const std::string& text);
  ~TomlReader();

  // Each reads section.key into *out when it is there and right; false otherwise.
  bool Int(std::string_view section, std::string_view key, int64_t min, int64_t max, int64_t* out);
  bool Bool(std::string_view section, std::string_view key, bool* out);
  bool Text(std::string_view section, std::string_view key, std::string* out);
  // A switch that old files write as true or as 1: nothing to say about either.
  bool Switch(std::string_view section, std::string_view key, bool* out);

  // A whole section as text, in the order of the file.
  Pairs Flatten(std::string_view section);
  // Marks all of a section as read; true when it has keys.
  bool Skip(std::string_view section);

  bool HasSection(std::string_view section) const;
  bool Has(std::string_view section, std::string_view key) const;
  // One notice for each section with keys that nobody asked for.
  void NoticeUnread();

  void AddError(std::string_view section, std::string_view key, std::string_view text);
  void AddNotice(std::string_view section, std::string_view key, std::string_view text);
  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  struct Impl;
  std::string Place(std::string_view section, std::string_view key) const;

  std::unique_ptr<Impl> impl_;
  std::string file_;
  std::vector<std::string> errors_, notices_;
};

}  // namespace aiges
