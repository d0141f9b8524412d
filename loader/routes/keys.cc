// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostBytes = 4 << 20;
constexpr size_t kMostName = 64;
constexpr std::string_view kScheme = "sha256:";

std::string Sha256(std::string_view salt, std::string_view key) {
  std::string text(salt);
  text.append(key);
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

bool IsSame(const std::string& a, const std::string& b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

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

// Of ids and models: what stands in logs and configuration without quotes.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMostName &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("._@+-").find(c) != std::string_view::npos;
         });
}

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

std::string Visible(std::string_view text) {
  std::string out;
  AppendVisible(&out, text.substr(0, kMostName));
  return out;
}

Status Wrong(std::string text) { return Status::Error(StatusKind::kInvalid, std::move(text)); }

Status ReadRights(std::string_view text, Grant* grant) {
  constexpr std::string_view kCall = "call:";
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view right = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), right.size() + 1));
    if (right == "call") {
      grant->calls_all = true;
    } else if (right == "admin") {
      grant->admin = true;
    } else if (right.starts_with(kCall) && IsName(right.substr(kCall.size()))) {
      grant->models.emplace_back(right.substr(kCall.size()));
    } else {
      return Wrong(StrCat("expected call, call:<service> or admin, with commas, got \"",
                          Visible(right), '"'));
    }
  }
  return Status::Ok();
}

}  // namespace

bool Grant::MayCall(std::string_view model) const {
  return calls_all || std::find(models.begin(), models.end(), model) != models.end();
}

Status KeyTable::Add(const std::vector<std::string_view>& words) {
  if (words.size() != 3) {
    return Wrong(
        StrCat("expected an id, the hash of a key and what it may, got ", words.size(), " words"));
  }
  Grant grant;
  if (!IsName(words[0])) {
    return Wrong(
        StrCat("expected an id of letters, digits and ._@+-, got \"", Visible(words[0]), '"'));
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
    return Wrong(StrCat("expected sha256:<64 hex digits> or sha256:<salt>:<64 hex digits> for ",
                        grant.id, ", got something else"));
  }
  if (!salt.empty()) {
    salted_.push_back({std::string(salt), *std::move(hash), std::move(grant)});
    if (salted_.size() <= kMostSalted) return Status::Ok();
    return Wrong(StrCat("expected at most ", kMostSalted, " hashes with a salt, got more"));
  }
  const auto [found, is_new] = plain_.try_emplace(*std::move(hash), std::move(grant));
  if (is_new) return Status::Ok();
  return Wrong(StrCat("expected each key once, got that of ", found->second.id, " again"));
}

Status KeyTable::Parse(std::string_view text, std::shared_ptr<const KeyTable>* out) {
  auto table = std::make_shared<KeyTable>();
  size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    const std::vector<std::string_view> words = WordsOf(line);
    if (words.empty()) continue;
    Status status = table->size() < kMostLines
                        ? table->Add(words)
                        : Wrong(StrCat("expected at most ", kMostLines, " keys, got more"));
    if (status.ok()) continue;
    status.text = StrCat("line ", number, ": ", status.text);
    return status;
  }
  *out = std::move(table);
  return Status::Ok();
}

const Grant* KeyTable::Find(std::string_view key) const {
  const auto found = plain_.find(Sha256("", key));
  const Grant* grant = found == plain_.end() ? nullptr : &found->second;
  for (const Salted& salted : salted_) {
    if (IsSame(Sha256(salted.salt, key), salted.hash)) grant = &salted.grant;
  }
  return grant;
}

Status KeyFile::Read(std::string* text) const {
  struct stat s{};
  if (::stat(path_.c_str(), &s) != 0) return Wrong(ErrnoText(errno));
  if (!S_ISREG(s.st_mode)) return Wrong("expected a file");  // A pipe might never end.
  if (s.st_size > static_cast<off_t>(kMostBytes)) {
    return Wrong(StrCat("expected at most ", kMostBytes, " bytes, got ", s.st_size));
  }
  std::ifstream in(path_, std::ios::binary);
  text->assign(std::istreambuf_iterator<char>(in), {});
  return in.bad() || !in.is_open() ? Wrong("cannot be read") : Status::Ok();
}

Status KeyFile::Load() {
  if (!on()) return Status::Ok();
  mark_ = MarkOf(path_);
  std::string text;
  std::shared_ptr<const KeyTable> table;
  Status status = Read(&text);
  if (status.ok()) status = KeyTable::Parse(text, &table);
  if (!status.ok()) {
    status.text = StrCat("[access] keys_file ", path_, ": ", status.text);
    return status;
  }
  LogInfo("access", table->size(), " keys of ", path_, " are in force");
  MutexLock lock(mu_);
  table_ = std::move(table);
  return status;
}

void KeyFile::Look() {
  if (!on() || MarkOf(path_) == mark_) return;
  const Status status = Load();
  if (status.ok()) {
    refused_.clear();
  } else if (status.text != refused_) {
    LogError("access", status.text, "; the keys of before stay in force");
    refused_ = status.text;
  }
}

}  // namespace aiges
