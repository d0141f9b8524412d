// SPDX-License-Identifier: Apache-2.0
// loader/config/toml_file.h: reads values out of TOML text, and remembers all that is wrong.
//
// The reader never stops at the first mistake: every wrong value becomes one line of errors()
// ("file:line: [section] key: expected ..., got ..."), so that a person mends them in one go.
// Caller synchronises.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/settings.h"
#include "loader/base/strings.h"

namespace aiges {

class TomlFile {
 public:
  // Neither text needs to be complete TOML; a syntax error is an entry of errors(), and so is a
  // text that is too deep or too large to be parsed (toml_guard.h). `fallback` (-dc) gives the keys
  // that `text` lacks, `first` (-oc) those that go before it. Section "": what
  // stands in none.
  TomlFile(std::string name, const std::string& text, const std::string& fallback,
           const std::string& first = {}, const std::string& first_name = "-oc");
  ~TomlFile();

  // Each reads section.key into *out when it is there. A number may also stand in quotes, as the
  // old loader allowed.
  bool Int(std::string_view section, std::string_view key, int64_t min, int64_t max, int64_t* out);
  bool Bool(std::string_view section, std::string_view key, bool* out);
  bool String(std::string_view section, std::string_view key, std::string* out);
  bool Strings(std::string_view section, std::string_view key, std::vector<std::string>* out);

  // A table flattened to text for the engine: [section] alone, or every section as "section.key".
  Pairs Flatten(std::string_view section);
  Pairs FlattenAll();

  // The tables in [section], by name, each as TOML of its own.
  std::map<std::string, std::string> Tables(std::string_view section);
  bool IsInteger(std::string_view section, std::string_view key) const;

  // The sections that have addresses, and are none of ours.
  std::vector<std::string> Services() const;
  bool HasSection(std::string_view section) const;
  // "[section] key" of everything nobody asked for. In a table of ours (known_names.h), `service`
  // among them, that is an error unless the earlier loader knew the key; so is a table whose name
  // is nearly that of one of ours. Each names what was probably meant.
  std::vector<std::string> Unread(const std::string& service);

  // The same where a file may have these keys in no section, and these sections: all else is an
  // error.
  void RefuseUnread(const std::vector<std::string>& keys, const std::vector<std::string>& sections);

  // "file:line" of a key, "default" when it is absent.
  std::string Origin(std::string_view section, std::string_view key) const;
  void AddError(std::string_view section, std::string_view key, std::string_view text);
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  struct Impl;
  std::string UnknownKey(std::string_view section, std::string_view key) const;

  std::unique_ptr<Impl> impl_;
  std::string name_;
  std::vector<std::string> errors_;
};

}  // namespace aiges
