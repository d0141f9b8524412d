// SPDX-License-Identifier: Apache-2.0
// loader/models/overlays.h: folders of models that a client has loaded with a configuration, or
// with files, of its own.
//
// Such a folder lies where temporary files do, and is like one of a repository: config.pbtxt is the
// client's; versions are the client's files, or else links to those of the repository. It counts
// until the model is loaded again without one. All are removed at the end.
// Threads: one.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/models.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/models/repository.h"

namespace aiges {

class Overlays {
 public:
  Overlays() = default;
  ~Overlays() { Clear(); }
  Overlays(const Overlays&) = delete;
  Overlays& operator=(const Overlays&) = delete;

  // Makes the folder that a wish describes; `base`: the model in the repository, or one without
  // versions. Out: the model there. kInvalid: a path that leaves the folder; kNotFound: no files
  // are given and there is no such model.
  Status Make(const std::string& name, const LoadWish& wish, const FoundModel& base,
              FoundModel* model);
  // The folder of that model counts from now on; the one before it is removed `at` that time, when
  // nobody works in it any more. Empty: that of the repository.
  void Use(const std::string& name, const std::string& folder, TimePoint at);
  // One that Make has made is of no use.
  void Drop(const std::string& folder);
  bool Has(const std::string& name) const { return folders_.count(name) > 0; }
  // The one that counts; no versions: that of the repository.
  FoundModel Find(const std::string& name) const;
  void Tidy(TimePoint now);
  // Of all folders nothing is left.
  void Clear();

 private:
  Status Room(std::string* room);

  std::string root_;  // Made with the first.
  unsigned next_ = 0;
  std::map<std::string, std::string> folders_;  // By name of the model.
  std::vector<std::pair<TimePoint, std::string>> left_;
};

}  // namespace aiges
