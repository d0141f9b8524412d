// SPDX-License-Identifier: Apache-2.0
// loader/access/secrets.h: [access] hmac_file: who signs requests, and with which secret.
//
//   # api key   secret                  what it may
//   a1b2c3      MDkyZjE4..              call
//   d4e5f6      @/run/secrets/d4e5f6    call:svcName
//
// Unlike keys, secrets are needed as they are: the file is for the loader's eyes alone. One behind
// '@' is what the file of that name has, without the line's end. An API key may have several lines:
// a secret is replaced by having both for a while. Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/access/grant.h"
#include "loader/access/rule_file.h"
#include "loader/base/file_mark.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/status.h"

namespace aiges {

class SecretTable {
 public:
  static constexpr size_t kMostLines = 10'000, kMostFiles = 1000;
  static constexpr size_t kMostOfOne = 4;  // Each costs every request of it a signature.

  struct Line {
    std::string secret;
    Grant grant;
  };

  // Not ok: the line that is wrong. Never the secret.
  static Status Parse(std::string_view text, std::shared_ptr<const SecretTable>* out);

  // nullptr: nobody's.
  const std::vector<Line>* Find(std::string_view api_key) const;
  size_t size() const { return size_; }
  // Whether a file of a secret is another one by now.
  bool Changed() const;

 private:
  Status Add(const std::vector<std::string_view>& words);
  Status ReadSecret(std::string_view word, std::string* out);

  std::unordered_map<std::string, std::vector<Line>, KeyedHash, std::equal_to<>> lines_;
  std::vector<std::pair<std::string, FileMark>> files_;
  size_t size_ = 0;
};

class SecretFile : public RuleFile<SecretTable> {
 public:
  // Empty: no signatures are taken.
  explicit SecretFile(std::string path)
      : RuleFile("hmac_file", std::move(path), "secrets", &SecretTable::Parse) {}
};

}  // namespace aiges
