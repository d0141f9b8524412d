// SPDX-License-Identifier: Apache-2.0
// loader/access/names.h: [access] certificates_file: what clients may by the names in their
// certificates, which [tls] client_ca has signed.
//
//   # name                          what it may
//   alice                           call
//   DNS:worker7.example             call:svcName
//   URI:spiffe://cluster/ns/asr     call,admin
//   CN:Alice%20Smith                call
//
// A name without its kind may be any of the three; spaces are %20. Immutable; thread-safe.
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

class NameTable {
 public:
  static constexpr size_t kMostLines = 10'000;

  static Status Parse(std::string_view text, std::shared_ptr<const NameTable>* out);

  // `names`: with their kinds, as Peer has them. The first that has a line; nullptr: none has.
  const Grant* Find(const std::vector<std::string>& names) const;
  size_t size() const { return grants_.size(); }

 private:
  Status Add(const std::vector<std::string_view>& words);

  std::unordered_map<std::string, Grant, KeyedHash, std::equal_to<>> grants_;
};

class NameFile : public RuleFile<NameTable> {
 public:
  // Empty: certificates give no rights.
  explicit NameFile(std::string path)
      : RuleFile("certificates_file", std::move(path), "names", &NameTable::Parse) {}
};

}  // namespace aiges
