// SPDX-License-Identifier: Apache-2.0
// loader/registry/folder_loaders.h: how many loaders there are, by files in a folder that all of
// them see.
//
// Each keeps an empty file there while it takes calls, and touches it every second; one that was
// not touched for 5 s counts no more. Ages are differences between files, as the file system dates
// them: clocks of hosts may differ. A thread of its own; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "loader/base/fd.h"
#include "loader/base/mutex.h"

namespace aiges {

class FolderLoaders {
 public:
  // `changed`: at each change of the number, this loader among them. On the thread.
  FolderLoaders(std::string folder, std::function<void(unsigned)> changed);
  ~FolderLoaders();  // Takes its file away.

  // It takes calls, under that name; empty: it does not.
  void SetSelf(const std::string& id);

 private:
  void Run(const std::stop_token& stop);
  bool Touch(const std::string& name);
  unsigned Count(const std::string& name, int64_t now_ns);

  const std::string folder_;
  const std::function<void(unsigned)> changed_;
  Mutex mu_;
  std::string self_ GUARDED_BY(mu_);
  int64_t touched_ns_ = 0;  // As the file system says. The thread's.
  std::string problem_;     // The same.
  std::jthread thread_;
};

}  // namespace aiges
