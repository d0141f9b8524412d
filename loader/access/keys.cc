// SPDX-License-Identifier: Apache-2.0
#include "loader/access/keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "loader/access/sha256.h"
#include "loader/base/numbers.h"
#include "loader/base/secret.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr std::string_view kScheme = "sha256:";

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() != 2 * SHA256_DIGEST_LENGTH) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

}  // namespace

Status KeyTable::Add(const std::vector<std::string_view>& words) {
  if (words.size() != 3) {
    return WrongRule(
        StrCat("expected an id, the hash of a key and what it may, got ", words.size(), " words"));
  }
  Grant grant;
  if (!IsName(words[0])) {
    return WrongRule(
        StrCat("expected an id of letters, digits and ._@+-, got \"", VisibleRule(words[0]), '"'));
  }
  grant.id = words[0];
  const Status rights = ReadRights(words[2], &grant);
  if (!rights.ok()) return rights;
  std::string_view hex = words[1];
  const bool known = hex.starts_with(kScheme);
  if (known) hex.remove_prefix(kScheme.size());
  const size_t colon = hex.find(':');
  const std::string_view salt =
      colon == std::string_view::npos ? std::string_view() : hex.substr(0, colon);
  if (colon != std::string_view::npos) hex.remove_prefix(colon + 1);
  std::optional<std::string> hash = FromHex(hex);
  if (!known || !hash) {
    return WrongRule(StrCat("expected sha256:<64 hex digits> or sha256:<salt>:<64 hex digits> for ",
                            grant.id, ", got something else"));
  }
  if (!salt.empty()) {
    salted_.push_back({std::string(salt), *std::move(hash), std::move(grant)});
    if (salted_.size() <= kMostSalted) return Status::Ok();
    return WrongRule(StrCat("expected at most ", kMostSalted, " hashes with a salt, got more"));
  }
  const auto [found, is_new] = plain_.try_emplace(*std::move(hash), std::move(grant));
  if (is_new) return Status::Ok();
  return WrongRule(StrCat("expected each key once, got that of ", found->second.id, " again"));
}

Status KeyTable::Parse(std::string_view text, std::shared_ptr<const KeyTable>* out) {
  auto table = std::make_shared<KeyTable>();
  Status status = EachRule(text, kMostLines, [&](const auto& words) { return table->Add(words); });
  if (status.ok()) *out = std::move(table);
  return status;
}

const Grant* KeyTable::Find(std::string_view key) const {
  const auto found = plain_.find(Sha256(key));
  const Grant* grant = found == plain_.end() ? nullptr : &found->second;
  for (const Salted& salted : salted_) {
    if (IsSameSecret(Sha256(StrCat(salted.salt, key)), salted.hash)) grant = &salted.grant;
  }
  return grant;
}

}  // namespace aiges
