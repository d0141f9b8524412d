// loader/config/file_watch.h: notices that aiges.toml or a wrapper.py has changed.
//
// Looks at the times of change, a few stat calls, whenever it is asked; belongs to one thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace aiges {

class FileWatch {
 public:
  // `folders` and those of PYTHONPATH, and the current one, are where wrapper.py may be.
  FileWatch(const std::string& config_path, const std::vector<std::string>& folders);

  // The file that has changed since the last look, or appeared; empty when none has.
  std::string Changed();

 private:
  struct Seen {
    std::string path;
    long long changed_ns = 0;  // 0: not there.
  };
  std::vector<Seen> files_;
};

}  // namespace aiges
