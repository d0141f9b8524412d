// SPDX-License-Identifier: Apache-2.0
#include "xtest/toml_reader.h"

#include <toml++/toml.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace aiges {
namespace {

// The form in which keys are compared.
std::string Folded(std::string_view key) {
  std::string out;
  for (char c : key) {
    if (c == '-' || c == '_') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

std::optional<std::string> AsText(const toml::node& node) {
  if (auto* s = node.as_string()) return s->get();
  if (auto* i = node.as_integer()) return std::to_string(i->get());
  if (auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  if (auto* f = node.as_floating_point()) {
    // Shortest decimal without an exponent, as engines in the field parse it.
    char text[512];
    const auto r = std::to_chars(text, text + sizeof text, f->get(), std::chars_format::fixed);
    return std::string(text, r.ptr);
  }
  return std::nullopt;
}

std::string Shown(const toml::node& node) {
  if (auto* s = node.as_string()) return StrCat("\"", s->get(), "\"");
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  return AsText(node).value_or("a date or time");
}

bool WholeNumber(const std::string& text, int64_t* out) {
  const char* end = text.data() + text.size();
  const auto r = std::from_chars(text.data(), end, *out);
  return r.ec == std::errc() && r.ptr == end && !text.empty();
}

}  // namespace

struct TomlReader::Impl {
  toml::table table;
  std::set<const toml::node*> read;
  std::set<const toml::node*> respelled;

  const toml::table* Section(std::string_view section) const {
    if (const toml::table* exact = table.get_as<toml::table>(section)) return exact;
    for (const auto& [name, node] : table) {
      if (node.is_table() && Folded(name.str()) == Folded(section)) return node.as_table();
    }
    return nullptr;
  }

  const toml::node* Get(std::string_view section, std::string_view key,
                        std::string* spelling) const {
    const toml::table* t = Section(section);
    if (t == nullptr) return nullptr;
    *spelling = key;
    if (const toml::node* exact = t->get(key)) return exact;
    for (const auto& [name, node] : *t) {
      if (Folded(name.str()) != Folded(key)) continue;
      *spelling = name.str();
      return &node;
    }
    return nullptr;
  }

  // As Get, and marks the value as read; the first time another spelling is a notice.
  const toml::node* Take(TomlReader* reader, std::string_view section, std::string_view key) {
    std::string spelling;
    const toml::node* node = Get(section, key, &spelling);
    if (node == nullptr) return nullptr;
    read.insert(node);
    if (spelling != key && respelled.insert(node).second) {
      reader->AddNotice(section, key, StrCat("is read although it is written ", spelling));
    }
    return node;
  }
};

TomlReader::TomlReader(std::string file, const std::string& text)
    : impl_(std::make_unique<Impl>()), file_(std::move(file)) {
  try {
    impl_->table = toml::parse(text, file_);
  } catch (const toml::parse_error& e) {
    errors_.push_back(
        StrCat(file_, ":", e.source().begin.line, ": not valid TOML: ", e.description()));
  }
}

TomlReader::~TomlReader() = default;

std::string TomlReader::Place(std::string_view section, std::string_view key) const {
  std::string spelling;
  const toml::node* node = impl_->Get(section, key, &spelling);
  if (node == nullptr) node = impl_->Section(section);
  std::string place = file_;
  if (node != nullptr) place += StrCat(":", node->source().begin.line);
  return StrCat(place, ": [", section, "]", key.empty() ? "" : " ", key, ": ");
}

void TomlReader::AddError(std::string_view section, std::string_view key, std::string_view text) {
  errors_.push_back(StrCat(Place(section, key), text));
}

void TomlReader::AddNotice(std::string_view section, std::string_view key, std::string_view text) {
  std::string line = StrCat(Place(section, key), text);
  for (const std::string& said : notices_) {
    if (said == line) return;
  }
  notices_.push_back(std::move(line));
}

bool TomlReader::Int(std::string_view section, std::string_view key, int64_t min, int64_t max,
                     int64_t* out) {
  const toml::node* node = impl_->Take(this, section, key);
  if (node == nullptr) return false;
  std::optional<int64_t> value;
  bool bent = true;
  int64_t number = 0;
  if (auto* i = node->as_integer()) {
    value = i->get();
    bent = false;
  } else if (auto* b = node->as_boolean()) {
    value = b->get() ? 1 : 0;
  } else if (auto* s = node->as_string()) {
    if (WholeNumber(s->get(), &number)) value = number;
  } else if (auto* f = node->as_floating_point()) {
    // Beyond 2^53 a float is no exact whole number any more.
    if (std::abs(f->get()) < 9e15 && f->get() == std::floor(f->get())) {
      value = static_cast<int64_t>(f->get());
    }
  }
  if (!value || *value < min || *value > max) {
    const std::string range =
        max == INT64_MAX ? StrCat("of at least ", min) : StrCat("from ", min, " to ", max);
    AddError(section, key, StrCat("expected a whole number ", range, ", got ", Shown(*node)));
    return false;
  }
  if (bent) AddNotice(section, key, StrCat(Shown(*node), " is read as ", *value));
  *out = *value;
  return true;
}

bool TomlReader::Bool(std::string_view section, std::string_view key, bool* out) {
  std::string spelling;
  const toml::node* node = impl_->Get(section, key, &spelling);
  if (!Switch(section, key, out)) return false;
  if (!node->is_boolean()) {
    AddNotice(section, key, StrCat(Shown(*node), " is read as ", *out ? "true" : "false"));
  }
  return true;
}

bool TomlReader::Switch(std::string_view section, std::string_view key, bool* out) {
  const toml::node* node = impl_->Take(this, section, key);
  if (node == nullptr) return false;
  const std::string text = AsText(*node).value_or("");
  if (text == "true" || text == "1") {
    *out = true;
  } else if (text == "false" || text == "0") {
    *out = false;
  } else {
    AddError(section, key, StrCat("expected true or false, got ", Shown(*node)));
    return false;
  }
  return true;
}

bool TomlReader::Text(std::string_view section, std::string_view key, std::string* out) {
  const toml::node* node = impl_->Take(this, section, key);
  if (node == nullptr) return false;
  const std::optional<std::string> value = AsText(*node);
  if (!value || node->is_boolean()) {
    AddError(section, key, StrCat("expected text, got ", Shown(*node)));
    return false;
  }
  *out = *value;
  return true;
}

Pairs TomlReader::Flatten(std::string_view section) {
  Pairs out;
  const toml::table* table = impl_->Section(section);
  if (table == nullptr) return out;
  for (const auto& [key, node] : *table) {
    impl_->read.insert(&node);
    if (std::optional<std::string> text = AsText(node)) {
      out.emplace_back(key.str(), *text);
    } else {
      AddError(section, key.str(),
               StrCat("expected text, a number or true or false (it is sent as text), got ",
                      Shown(node)));
    }
  }
  return out;
}

bool TomlReader::Skip(std::string_view section) {
  const toml::table* table = impl_->Section(section);
  if (table == nullptr) return false;
  for (const auto& [key, node] : *table) impl_->read.insert(&node);
  return !table->empty();
}

bool TomlReader::HasSection(std::string_view section) const {
  return impl_->Section(section) != nullptr;
}

bool TomlReader::Has(std::string_view section, std::string_view key) const {
  std::string spelling;
  return impl_->Get(section, key, &spelling) != nullptr;
}

void TomlReader::NoticeUnread() {
  for (const auto& [section, node] : impl_->table) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      errors_.push_back(StrCat(file_, ":", node.source().begin.line, ": ", section.str(),
                               ": expected to stand in a [section]; move it below one"));
      continue;
    }
    std::string keys;
    const toml::node* first = nullptr;
    for (const auto& [key, value] : *table) {
      if (impl_->read.count(&value) != 0) continue;
      if (first == nullptr || value.source().begin.line < first->source().begin.line) {
        first = &value;
      }
      keys += StrCat(keys.empty() ? "" : ", ", key.str());
    }
    if (first == nullptr) continue;
    notices_.push_back(StrCat(file_, ":", first->source().begin.line, ": [", section.str(), "] ",
                              keys, ": not used here, ignored"));
  }
}

}  // namespace aiges
