// SPDX-License-Identifier: Apache-2.0
#include "loader/access/grant.h"

#include <algorithm>

#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostName = 64, kMostVisible = 128;

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMostName &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("._@+-").find(c) != std::string_view::npos;
         });
}

bool IsVisibleId(std::string_view text) {
  return !text.empty() && text.size() <= kMostVisible &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

bool Grant::MayCall(std::string_view model) const {
  return calls_all || std::find(models.begin(), models.end(), model) != models.end();
}

bool Grant::AddRight(std::string_view right) {
  constexpr std::string_view kCall = "call:";
  if (right == "call") {
    calls_all = true;
  } else if (right == "admin") {
    admin = true;
  } else if (right.starts_with(kCall) && IsName(right.substr(kCall.size()))) {
    models.emplace_back(right.substr(kCall.size()));
  } else {
    return false;
  }
  return true;
}

Status ReadRights(std::string_view text, Grant* grant) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view right = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), right.size() + 1));
    if (grant->AddRight(right)) continue;
    return WrongRule(StrCat("expected call, call:<service> or admin, with commas, got \"",
                            VisibleRule(right), '"'));
  }
  return Status::Ok();
}

}  // namespace aiges
