// SPDX-License-Identifier: Apache-2.0
// loader/access/keys.h: [access] keys_file: who may call, by hashes of their keys.
//
//   # id    hash of the key                 what it may
//   alice   sha256:<64 hex digits>          call
//   bob     sha256:<salt>:<64 hex digits>   call:svcName,admin
//
// The hash is of the key's bytes, behind the salt's where there is one. Several lines may have one
// id: a key is replaced by having both for a while.
//
// Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/access/grant.h"
#include "loader/access/rule_file.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/status.h"

namespace aiges {

class KeyTable {
 public:
  static constexpr size_t kMostLines = 10'000;
  // Each of them costs every request a hash.
  static constexpr size_t kMostSalted = 100;

  // Not ok: the line that is wrong, what was expected there and what came. Never the hash.
  static Status Parse(std::string_view text, std::shared_ptr<const KeyTable>* out);

  // nullptr: nobody's. The time does not tell how much of a key is right.
  const Grant* Find(std::string_view key) const;
  size_t size() const { return plain_.size() + salted_.size(); }

 private:
  struct Salted {
    std::string salt, hash;
    Grant grant;
  };

  Status Add(const std::vector<std::string_view>& words);

  std::unordered_map<std::string, Grant, KeyedHash> plain_;  // By the hash, as bytes.
  std::vector<Salted> salted_;
};

class KeyFile : public RuleFile<KeyTable> {
 public:
  // Empty: no keys are in force.
  explicit KeyFile(std::string path)
      : RuleFile("keys_file", std::move(path), "keys", &KeyTable::Parse) {}
};

}  // namespace aiges
