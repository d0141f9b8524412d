// SPDX-License-Identifier: Apache-2.0
#include "loader/config/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "loader/base/nearest.h"
#include "loader/base/numbers.h"
#include "loader/config/known_names.h"
#include "loader/config/toml_guard.h"

namespace aiges {
namespace {

std::string Shown(const toml::node& node) {
  std::ostringstream out;
  if (auto* s = node.as_string()) {
    out << '"' << s->get() << "\" (string)";
  } else if (auto* i = node.as_integer()) {
    out << i->get();
  } else if (auto* f = node.as_floating_point()) {
    out << f->get() << " (float)";
  } else if (auto* b = node.as_boolean()) {
    out << (b->get() ? "true" : "false");
  } else if (node.is_table()) {
    out << "a table";
  } else if (node.is_array()) {
    out << "an array";
  } else {
    out << "a date or time";
  }
  return out.str();
}

std::optional<int64_t> AsInt(const toml::node& node) {
  if (auto* i = node.as_integer()) return i->get();
  if (auto* s = node.as_string()) {
    int64_t value = 0;
    if (ReadWhole(s->get(), &value)) return value;
  }
  return std::nullopt;
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

// What people mistype is off by so many letters at most.

bool IsOurs(const std::string& table) {
  const std::vector<std::string>& ours = TablesOfOurs();
  return std::find(ours.begin(), ours.end(), table) != ours.end();
}

// Of another service: one file may hold several.
bool IsService(const toml::table& table) {
  return table.contains("host") || table.contains("port") || table.contains("http_listen");
}

}  // namespace

struct TomlFile::Impl {
  struct Source {
    std::string name;
    toml::table table;
  };
  std::vector<Source> sources;  // First wins.
  std::set<std::string> read;   // "section\nkey"

  const toml::node* Get(std::string_view section, std::string_view key, const Source** from) const {
    for (const Source& s : sources) {
      const toml::table* t = section.empty() ? &s.table : s.table.get_as<toml::table>(section);
      if (t == nullptr) continue;
      if (const toml::node* node = t->get(key)) {
        *from = &s;
        return node;
      }
    }
    return nullptr;
  }
};

TomlFile::TomlFile(std::string name, const std::string& text, const std::string& fallback,
                   const std::string& first, const std::string& first_name)
    : impl_(std::make_unique<Impl>()), name_(std::move(name)) {
  const std::pair<std::string, const std::string*> inputs[] = {
      {first_name, &first}, {name_, &text}, {"-dc", &fallback}};
  for (const auto& [source, content] : inputs) {
    if (content == &first && first.empty()) continue;
    if (const std::optional<std::string> refusal = TomlRefusal(*content)) {
      errors_.push_back(StrCat(source, ":", *refusal));
      impl_->sources.push_back({source, {}});
      continue;
    }
    try {
      impl_->sources.push_back({source, toml::parse(*content, source)});
    } catch (const toml::parse_error& e) {
      errors_.push_back(
          StrCat(source, ":", e.source().begin.line, ": not valid TOML: ", e.description()));
      impl_->sources.push_back({source, {}});
    }
  }
}

TomlFile::~TomlFile() = default;

std::string TomlFile::Origin(std::string_view section, std::string_view key) const {
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  if (node == nullptr) return "default";
  return StrCat(from->name, ":", node->source().begin.line);
}

void TomlFile::AddError(std::string_view section, std::string_view key, std::string_view text) {
  std::string origin = Origin(section, key);
  errors_.push_back(
      StrCat(origin == "default" ? name_ : origin, ": [", section, "] ", key, ": ", text));
}

bool TomlFile::Int(std::string_view section, std::string_view key, int64_t min, int64_t max,
                   int64_t* out) {
  impl_->read.insert(StrCat(section, "\n", key));
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  if (node == nullptr) return false;
  const std::optional<int64_t> value = AsInt(*node);
  if (!value || *value < min || *value > max) {
    AddError(section, key,
             StrCat("expected an integer from ", min, " to ", max, ", got ", Shown(*node)));
    return false;
  }
  *out = *value;
  return true;
}

bool TomlFile::Bool(std::string_view section, std::string_view key, bool* out) {
  impl_->read.insert(StrCat(section, "\n", key));
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  if (node == nullptr) return false;
  const toml::value<bool>* b = node->as_boolean();
  if (b == nullptr) {
    AddError(section, key, StrCat("expected true or false, got ", Shown(*node)));
    return false;
  }
  *out = b->get();
  return true;
}

bool TomlFile::String(std::string_view section, std::string_view key, std::string* out) {
  impl_->read.insert(StrCat(section, "\n", key));
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  if (node == nullptr) return false;
  const std::optional<std::string> value = AsText(*node);
  if (!value || node->is_boolean()) {
    AddError(section, key, StrCat("expected a string, got ", Shown(*node)));
    return false;
  }
  *out = *value;
  return true;
}

bool TomlFile::Strings(std::string_view section, std::string_view key,
                       std::vector<std::string>* out) {
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  impl_->read.insert(StrCat(section, "\n", key));
  if (node == nullptr) return false;
  if (const toml::value<std::string>* one = node->as_string()) {
    *out = {one->get()};
    return true;
  }
  const toml::array* list = node->as_array();
  if (list == nullptr ||
      !std::all_of(list->begin(), list->end(), [](const auto& n) { return n.is_string(); })) {
    AddError(section, key, StrCat("expected a string or a list of strings, got ", Shown(*node)));
    return false;
  }
  out->clear();
  for (const toml::node& n : *list) out->push_back(n.as_string()->get());
  return true;
}

Pairs TomlFile::Flatten(std::string_view section) {
  Pairs out;
  std::unordered_set<std::string_view> known;  // Points into the sources' keys.
  for (const Impl::Source& source : impl_->sources) {
    const toml::table* table = source.table.get_as<toml::table>(section);
    if (table == nullptr) continue;
    for (const auto& [key, node] : *table) {
      impl_->read.insert(StrCat(section, "\n", key.str()));
      if (!known.insert(key.str()).second) continue;
      if (std::optional<std::string> text = AsText(node)) {
        out.emplace_back(key.str(), *text);
      } else {
        AddError(
            section, key.str(),
            StrCat("expected a string, number or boolean (engines get text), got ", Shown(node)));
      }
    }
  }
  return out;
}

Pairs TomlFile::FlattenAll() {
  Pairs out;
  for (const auto& [section, node] : impl_->sources.front().table) {
    if (!node.is_table()) {
      AddError("", section.str(), "expected only [sections] here");
      continue;
    }
    for (auto& [key, value] : Flatten(section.str())) {
      out.emplace_back(StrCat(section.str(), ".", key), value);
    }
  }
  return out;
}

std::map<std::string, std::string> TomlFile::Tables(std::string_view section) {
  std::map<std::string, std::string> out;
  for (const Impl::Source& source : impl_->sources) {
    const toml::table* table = source.table.get_as<toml::table>(section);
    if (table == nullptr) continue;
    for (const auto& [key, node] : *table) {
      // A service of that name has keys of its own there.
      if (!impl_->read.insert(StrCat(section, "\n", key.str())).second) continue;
      const toml::table* inner = node.as_table();
      if (inner == nullptr) {
        AddError(section, key.str(),
                 StrCat("expected a table [", section, ".", key.str(), "], got ", Shown(node)));
        continue;
      }
      std::ostringstream text;
      text << toml::toml_formatter(*inner);
      out.try_emplace(std::string(key.str()), text.str());
    }
  }
  return out;
}

bool TomlFile::IsInteger(std::string_view section, std::string_view key) const {
  const Impl::Source* from = nullptr;
  const toml::node* node = impl_->Get(section, key, &from);
  return node != nullptr && node->is_integer();
}

void TomlFile::RefuseUnread(const std::vector<std::string>& keys,
                            const std::vector<std::string>& sections) {
  const auto in = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const Impl::Source& source : impl_->sources) {
    for (const auto& [key, node] : source.table) {
      const std::string name(key.str());
      const toml::table* table = node.as_table();
      const std::string meant = Nearest(name, table == nullptr ? keys : sections);
      if (table == nullptr && !in(keys, name)) {
        AddError("", name, StrCat("unknown key of a model", DidYouMean(meant)));
      } else if (table != nullptr && !in(sections, name)) {
        errors_.push_back(StrCat(source.name, ":", node.source().begin.line, ": [", name,
                                 "]: unknown section of a model", DidYouMean(meant)));
      } else if (table != nullptr) {
        for (const auto& [inner, value] : *table) {
          if (impl_->read.count(StrCat(name, "\n", inner.str())) != 0) continue;
          AddError(name, inner.str(), UnknownKey(name, inner.str()));
        }
      }
    }
  }
}

std::vector<std::string> TomlFile::Services() const {
  std::vector<std::string> names;
  for (const Impl::Source& source : impl_->sources) {
    for (const auto& [key, node] : source.table) {
      const std::string name(key.str());
      const toml::table* table = node.as_table();
      if (table == nullptr || !IsService(*table) || IsOurs(name) || name == "wrapper") continue;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

bool TomlFile::HasSection(std::string_view section) const {
  return std::any_of(impl_->sources.begin(), impl_->sources.end(), [&](const Impl::Source& s) {
    return s.table.get_as<toml::table>(section) != nullptr;
  });
}

std::vector<std::string> TomlFile::Unread(const std::string& service) {
  std::vector<std::string> out;
  for (const Impl::Source& source : impl_->sources) {
    for (const auto& [section, node] : source.table) {
      const std::string name(section.str());
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        errors_.push_back(StrCat(source.name, ":", node.source().begin.line, ": ", name,
                                 ": expected to stand in a [section]"));
        continue;
      }
      const bool ours = name == service || IsOurs(name);
      const std::string meant =
          ours || IsService(*table) || IsLegacyTable(name) ? "" : Nearest(name, TablesOfOurs());
      if (!meant.empty() && name != "wrapper") {
        errors_.push_back(StrCat(source.name, ":", node.source().begin.line, ": [", name,
                                 "]: unknown section; did you mean [", meant, "]?"));
        continue;
      }
      for (const auto& [key, value] : *table) {
        if (impl_->read.count(StrCat(name, "\n", key.str())) != 0) continue;
        if (ours && !IsLegacyKey(name, key.str(), service)) {
          AddError(name, key.str(), UnknownKey(name, key.str()));
        } else {
          out.push_back(StrCat("[", name, "] ", key.str()));
        }
      }
    }
  }
  return out;
}

std::string TomlFile::UnknownKey(std::string_view section, std::string_view key) const {
  std::vector<std::string> known;
  const std::string prefix = StrCat(section, "\n");
  for (auto at = impl_->read.lower_bound(prefix);
       at != impl_->read.end() && at->compare(0, prefix.size(), prefix) == 0; ++at) {
    known.push_back(at->substr(prefix.size()));
  }
  const std::string meant = Nearest(key, known);
  if (!meant.empty()) return StrCat("unknown key", DidYouMean(meant));
  return "unknown key (AIService -init writes a file with all keys)";
}

}  // namespace aiges
