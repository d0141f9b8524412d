// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/confinement.h"

#include <algorithm>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kMostCpus = 4096;

// Calls field(name, member) for each.
template <class C, class Function>
void ForEach(C& c, Function field) {
  field("numa", c.numa_node);
  field("cpus", c.cpus);
  field("cgroup", c.cgroup);
  field("no_new_privs", c.no_new_privs);
  field("no_core", c.no_core);
  field("open_files", c.open_files);
  field("file_bytes", c.file_bytes);
  field("processes", c.processes);
  field("uid", c.uid);
  field("gid", c.gid);
  field("group", c.groups);
  field("network", c.network);
  field("strict", c.strict);
  field("read", c.read);
  field("write", c.write);
  field("hidden", c.hidden);
}

struct Writer {
  std::string out;
  void operator()(const char* name, const std::string& text) {
    if (!text.empty()) StrAppend(&out, name, ' ', text, '\n');
  }
  void operator()(const char* name, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) (*this)(name, text);
  }
  void operator()(const char* name, bool value) { (*this)(name, std::string(value ? "1" : "0")); }
  template <class Number>
  void operator()(const char* name, Number value) {
    (*this)(name, std::to_string(value));
  }
};

struct Setter {
  std::string_view name, value;
  bool known = false, sound = true;
  void operator()(const char* field, std::string& text) {
    if (name == field) known = true, text = value;
  }
  void operator()(const char* field, std::vector<std::string>& texts) {
    if (name == field) known = true, texts.emplace_back(value);
  }
  void operator()(const char* field, bool& flag) {
    if (name == field) known = true, flag = value == "1";
  }
  template <class Number>
  void operator()(const char* field, Number& number) {
    if (name == field) known = true, sound = ReadWhole(value, &number);
  }
};

}  // namespace

std::string Confinement::Text() const {
  Writer writer;
  ForEach(*this, [&writer](const char* name, const auto& value) { writer(name, value); });
  return std::move(writer.out);
}

std::optional<Confinement> ReadConfinement(std::string_view text) {
  Confinement out;
  while (!text.empty()) {
    const size_t end = text.find('\n'), blank = text.find(' ');
    if (end == std::string_view::npos || blank >= end) return std::nullopt;
    Setter setter{text.substr(0, blank), text.substr(blank + 1, end - blank - 1)};
    ForEach(out, [&setter](const char* name, auto& value) { setter(name, value); });
    if (!setter.known || !setter.sound) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::vector<int> ReadCpuList(std::string_view text) {
  std::vector<int> out;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const size_t dash = item.find('-');
    int first = 0, last = 0;
    if (!ReadWhole(item.substr(0, dash), &first)) return {};
    last = first;
    if (dash != std::string_view::npos && !ReadWhole(item.substr(dash + 1), &last)) return {};
    if (first < 0 || last < first || last >= kMostCpus) return {};
    for (int cpu = first; cpu <= last; ++cpu) out.push_back(cpu);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace aiges
