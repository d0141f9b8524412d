// SPDX-License-Identifier: Apache-2.0
#include "loader/base/rule_lines.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostBytes = 4 << 20;
constexpr size_t kMostShown = 64;

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') break;
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find_first_of(" \t\r")));
    line.remove_prefix(words.back().size());
  }
  return words;
}

}  // namespace

Status WrongRule(std::string text) { return Status::Error(StatusKind::kInvalid, std::move(text)); }

std::string VisibleRule(std::string_view text) {
  std::string out;
  AppendVisible(&out, text.substr(0, kMostShown));
  return out;
}

Status EachRule(std::string_view text, size_t most,
                const std::function<Status(const std::vector<std::string_view>&)>& take) {
  size_t number = 0, rules = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    const std::vector<std::string_view> words = WordsOf(line);
    if (words.empty()) continue;
    Status status = ++rules <= most
                        ? take(words)
                        : WrongRule(StrCat("expected at most ", most, " lines, got more"));
    if (status.ok()) continue;
    status.text = StrCat("line ", number, ": ", status.text);
    return status;
  }
  return Status::Ok();
}

Status ReadRuleFile(const std::string& path, std::string* text) {
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) return WrongRule(ErrnoText(errno));
  if (!S_ISREG(s.st_mode)) return WrongRule("expected a file");  // A pipe might never end.
  if (s.st_size > static_cast<off_t>(kMostBytes)) {
    return WrongRule(StrCat("expected at most ", kMostBytes, " bytes, got ", s.st_size));
  }
  std::ifstream in(path, std::ios::binary);
  text->assign(std::istreambuf_iterator<char>(in), {});
  return in.bad() || !in.is_open() ? WrongRule("cannot be read") : Status::Ok();
}

}  // namespace aiges
