// SPDX-License-Identifier: Apache-2.0
#include "loader/access/secrets.h"

#include <algorithm>
#include <utility>

#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostSecret = 1024;

}  // namespace

Status SecretTable::ReadSecret(std::string_view word, std::string* out) {
  if (!word.starts_with('@')) {
    *out = word;
  } else {
    std::string path(word.substr(1));
    if (files_.size() >= kMostFiles) {
      return WrongRule(StrCat("expected at most ", kMostFiles, " files of secrets, got more"));
    }
    files_.emplace_back(path, MarkOf(path));
    Status status = ReadRuleFile(path, out);
    if (!status.ok()) {
      status.text = StrCat(VisibleRule(path), ": ", status.text);
      return status;
    }
    out->erase(std::min(out->size(), out->find_last_not_of("\r\n") + 1));
  }
  if (!out->empty() && out->size() <= kMostSecret) return Status::Ok();
  return WrongRule(StrCat("expected a secret of 1 to ", kMostSecret, " bytes"));
}

Status SecretTable::Add(const std::vector<std::string_view>& words) {
  if (words.size() != 3) {
    return WrongRule(
        StrCat("expected an API key, its secret and what it may, got ", words.size(), " words"));
  }
  Line line;
  if (!IsName(words[0])) {
    return WrongRule(StrCat("expected an API key of letters, digits and ._@+-, got \"",
                            VisibleRule(words[0]), '"'));
  }
  line.grant.id = words[0];
  Status status = ReadRights(words[2], &line.grant);
  if (status.ok()) status = ReadSecret(words[1], &line.secret);
  if (!status.ok()) return status;
  std::vector<Line>& its = lines_[line.grant.id];
  if (its.size() >= kMostOfOne) {
    return WrongRule(StrCat("expected at most ", kMostOfOne, " secrets of ", line.grant.id));
  }
  its.push_back(std::move(line));
  ++size_;
  return status;
}

Status SecretTable::Parse(std::string_view text, std::shared_ptr<const SecretTable>* out) {
  auto table = std::make_shared<SecretTable>();
  Status status = EachRule(text, kMostLines, [&](const auto& words) { return table->Add(words); });
  if (status.ok()) *out = std::move(table);
  return status;
}

const std::vector<SecretTable::Line>* SecretTable::Find(std::string_view api_key) const {
  const auto found = lines_.find(api_key);
  return found == lines_.end() ? nullptr : &found->second;
}

bool SecretTable::Changed() const {
  return std::any_of(files_.begin(), files_.end(),
                     [](const auto& file) { return MarkOf(file.first) != file.second; });
}

}  // namespace aiges
