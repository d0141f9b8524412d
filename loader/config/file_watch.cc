#include "loader/config/file_watch.h"

#include <sys/stat.h>

#include <cstdlib>
#include <sstream>

#include "loader/base/strings.h"

namespace aiges {
namespace {

long long ChangedNs(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
}

}  // namespace

FileWatch::FileWatch(const std::string& config_path, const std::vector<std::string>& folders) {
  std::vector<std::string> all = folders;
  const char* inherited = std::getenv("PYTHONPATH");
  std::istringstream list(inherited == nullptr ? "" : inherited);
  for (std::string folder; std::getline(list, folder, ':');) {
    if (!folder.empty()) all.push_back(folder);
  }
  all.emplace_back(".");
  files_.push_back({config_path, ChangedNs(config_path)});
  for (const std::string& folder : all) {
    const std::string path = StrCat(folder, "/wrapper.py");
    files_.push_back({path, ChangedNs(path)});
  }
}

std::string FileWatch::Changed() {
  std::string changed;
  for (Seen& file : files_) {
    const long long now = ChangedNs(file.path);
    // A file that is gone is being replaced: its successor will be noticed.
    if (now == 0 || now == file.changed_ns) continue;
    file.changed_ns = now;
    changed = file.path;
  }
  return changed;
}

}  // namespace aiges
