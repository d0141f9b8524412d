// SPDX-License-Identifier: Apache-2.0
// loader/config/key_reader.h: reads a key into a setting and notes what is in force. Caller
// synchronises.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/config/toml_file.h"

namespace aiges {

class KeyReader {
 public:
  KeyReader(TomlFile* file, std::vector<EffectiveValue>* effective)
      : file_(*file), effective_(*effective) {}

  void Note(std::string_view section, std::string_view key, std::string value) {
    effective_.push_back(
        {std::string(section), std::string(key), std::move(value), file_.Origin(section, key)});
  }

  template <class T>
  void Int(std::string_view section, std::string_view key, int64_t min, int64_t max, T* out) {
    int64_t value = static_cast<int64_t>(*out);
    if (file_.Int(section, key, min, max, &value)) *out = static_cast<T>(value);
    Note(section, key, std::to_string(*out));
  }
  void Bool(std::string_view section, std::string_view key, bool* out) {
    file_.Bool(section, key, out);
    Note(section, key, *out ? "true" : "false");
  }
  void Text(std::string_view section, std::string_view key, std::string* out) {
    file_.String(section, key, out);
    Note(section, key, StrCat("\"", *out, "\""));
  }
  void Texts(std::string_view section, std::string_view key, std::vector<std::string>* out) {
    file_.Strings(section, key, out);
    std::string joined;
    for (const std::string& item : *out) joined += StrCat(joined.empty() ? "" : ":", item);
    Note(section, key, StrCat("\"", joined, "\""));
  }
  // The same, noted as the list that it is; a string is one of one.
  void List(std::string_view section, std::string_view key, std::vector<std::string>* out) {
    file_.Strings(section, key, out);
    std::string joined;
    for (const std::string& item : *out) {
      joined += StrCat(joined.empty() ? "" : ", ", "\"", item, "\"");
    }
    Note(section, key, StrCat("[", joined, "]"));
  }
  // One of a few words.
  void Word(std::string_view section, std::string_view key, const std::vector<std::string>& words,
            std::string* out) {
    Text(section, key, out);
    std::string expected;
    for (const std::string& word : words) {
      if (word == *out) return;
      expected += StrCat(expected.empty() ? "" : ", ", word);
    }
    file_.AddError(section, key, StrCat("expected one of ", expected, "; got \"", *out, "\""));
  }

  TomlFile& file() { return file_; }
  EffectiveValue& last() { return effective_.back(); }  // What was noted last.

 private:
  TomlFile& file_;
  std::vector<EffectiveValue>& effective_;
};

}  // namespace aiges
