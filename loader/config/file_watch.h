// SPDX-License-Identifier: Apache-2.0
// loader/config/file_watch.h: notices that aiges.toml or the engine's code has changed.
//
// Code is every .py file below a folder that has one of them itself, but for packages of an
// environment and hidden folders, and the plugin that [instances] library names, and each .jar that
// lies in such a folder. A folder of PYTHONPATH is looked at only where it has a wrapper.py: others
// are libraries. Looks at what stat says, a few hundred calls at most, whenever it is asked;
// belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loader/base/file_mark.h"

namespace aiges {

class FileWatch {
 public:
  static constexpr size_t kMostFiles = 2000;

  // `folders` and those of PYTHONPATH, and the current one, are where the code may be. `files`
  // are watched, too.
  FileWatch(std::vector<std::string> files, std::vector<std::string> folders);

  // A file that has changed since the last look, or appeared; empty when none has. A file that is
  // gone is being replaced: its successor will be noticed.
  std::string Changed();

 private:
  using Marks = std::map<std::string, FileMark>;

  Marks Look() const;
  static void LookAt(const std::string& path, Marks* out);
  static void LookAtJars(const std::string& folder, Marks* out);
  static void LookBelow(const std::string& folder, Marks* out);

  std::vector<std::string> files_, folders_, libraries_;
  Marks seen_;
};

}  // namespace aiges
