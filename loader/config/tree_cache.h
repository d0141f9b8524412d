// SPDX-License-Identifier: Apache-2.0
// loader/config/tree_cache.h: the config centre's files on disk.
//
//   <folder>/<service>/tree-<revision>/...   files of a tree that was pulled
//   <folder>/<service>/current               a link to the tree that is in force
//   <folder>/<service>/tree-<revision>.lock  held (flock, shared) by loaders whose workers read it
// Files are written beside and renamed, the link is swapped: whatever dies in between leaves a
// whole tree. The link is what a loader starts from while the centre is away. Caller synchronises.
#pragma once

#include <optional>
#include <string>

#include "loader/base/fd.h"
#include "loader/base/status.h"
#include "loader/base/strings.h"

namespace aiges {

class TreeCache {
 public:
  TreeCache(const std::string& folder, const std::string& service);

  // Writes the files; *out is the folder they are in. kInvalid for a path that leaves it.
  Status Stage(const std::string& revision, const Pairs& files, std::string* out);
  // The tree that the workers of this process read: it stays until another is held.
  void Hold(const std::string& revision);
  // From now on this tree is the current one. Removes old trees that nobody holds.
  Status Accept(const std::string& revision);
  // Ok when the files but `except` are the same as those of `revision`; else names one that
  // differs.
  Status SameBut(const std::string& revision, const Pairs& files, const std::string& except) const;
  // Folder and revision of the current one, if there is one.
  struct Current {
    std::string folder, revision;
  };
  std::optional<Current> Find() const;

 private:
  std::string Place(const std::string& revision) const;

  const std::string folder_;
  Fd held_;
};

}  // namespace aiges
