// SPDX-License-Identifier: Apache-2.0
// loader/access/jwks_source.h: [access] jwks: where the keys of who signs tokens come from.
//
// A file is read again when it has changed. A URL is asked on a thread of its own: at the start,
// every [access] jwt_refresh_s, and for a key that is not known, at most every ten seconds. What
// cannot be had or used changes nothing, and is said in the log.
// Threads: Load and Look belong to one thread at a time; Now and Miss are for any. The destructor
// waits for a request in progress to be dropped: not on the lane.
#pragma once

#include <memory>

#include "loader/access/jwk_set.h"
#include "loader/access/rule_file.h"
#include "loader/api/access_settings.h"

namespace aiges {

class JwksSource {
 public:
  explicit JwksSource(const JwtSettings& settings);
  ~JwksSource();

  // Not ok: a file that cannot be used. Does not wait for a URL. `before`: that of the settings
  // before, or nothing: what has come from the same URL stays in force.
  Status Load(const JwksSource* before = nullptr);
  void Look() { file_.Look(); }
  // Null: none are there yet.
  std::shared_ptr<const JwkSet> Now() const;
  // A token has named a key that is not there.
  void Miss();

 private:
  class Fetcher;

  const JwtSettings settings_;
  const bool url_;
  RuleFile<JwkSet> file_;
  std::shared_ptr<Fetcher> fetcher_;  // Of a URL, after Load.
};

}  // namespace aiges
