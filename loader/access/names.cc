// SPDX-License-Identifier: Apache-2.0
#include "loader/access/names.h"

#include <utility>

#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"
#include "loader/front/http_types.h"

namespace aiges {
namespace {

// "DNS:a" -> "a".
std::string_view WithoutKind(std::string_view name) {
  for (const std::string_view kind : {"CN:", "DNS:", "URI:"}) {
    if (name.starts_with(kind)) return name.substr(kind.size());
  }
  return name;
}

}  // namespace

Status NameTable::Add(const std::vector<std::string_view>& words) {
  if (words.size() != 2) {
    return WrongRule(StrCat("expected a name and what it may, got ", words.size(), " words"));
  }
  const std::string name = PercentDecode(words[0], /*plus_is_space=*/false);
  Grant grant;
  grant.id = WithoutKind(name);
  if (grant.id.empty()) {
    return WrongRule(StrCat("expected a name, got \"", VisibleRule(words[0]), '"'));
  }
  Status status = ReadRights(words[1], &grant);
  if (status.ok() && !grants_.try_emplace(name, std::move(grant)).second) {
    return WrongRule(StrCat("expected each name once, got \"", VisibleRule(name), "\" again"));
  }
  return status;
}

Status NameTable::Parse(std::string_view text, std::shared_ptr<const NameTable>* out) {
  auto table = std::make_shared<NameTable>();
  Status status = EachRule(text, kMostLines, [&](const auto& words) { return table->Add(words); });
  if (status.ok()) *out = std::move(table);
  return status;
}

const Grant* NameTable::Find(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    auto found = grants_.find(name);
    const std::string_view bare = WithoutKind(name);
    // A CN may be any text, also one that looks like a name of another kind.
    if (found == grants_.end() && WithoutKind(bare) == bare) found = grants_.find(bare);
    if (found != grants_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace aiges
