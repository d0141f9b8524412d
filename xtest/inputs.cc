// SPDX-License-Identifier: Apache-2.0
#include "xtest/inputs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "loader/base/fd.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kNamed = 5;  // Skipped entries that a notice names.

Status Failed(std::string_view what, std::string_view path) {
  const int error = errno;
  return Status::Error(StatusKind::kInvalid,
                       StrCat("cannot ", what, " ", path, ": ", ErrnoText(error)));
}

Status ReadFile(const std::string& path, std::shared_ptr<const std::string>* out) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("open", path);
  std::string text;
  Status status = ReadWhole(fd.get(), path, &text);
  *out = std::make_shared<const std::string>(std::move(text));
  return status;
}

std::string Named(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < kNamed; ++i)
    out += StrCat(i == 0 ? "" : ", ", names[i]);
  if (names.size() > kNamed) out += StrCat(" and ", names.size() - kNamed, " more");
  return out;
}

struct Listing {
  std::vector<std::string> files, folders, empty, other;
};

Status List(const std::string& path, Listing* out) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (dir == nullptr) return Failed("read the folder", path);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): own DIR.
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(::dirfd(dir.get()), entry->d_name, &info, 0) != 0) {
      return Failed("look at", StrCat(path, "/", name));
    }
    if (S_ISDIR(info.st_mode)) {
      out->folders.push_back(name);
    } else if (!S_ISREG(info.st_mode)) {
      out->other.push_back(name);  // Opening a pipe would wait for ever.
    } else if (info.st_size == 0) {
      out->empty.push_back(name);
    } else {
      out->files.push_back(name);
    }
  }
  return errno == 0 ? Status::Ok() : Failed("read the folder", path);
}

void Sort(const InputOrder& order, std::vector<std::string>* files) {
  // The whole name decides between equal keys: no file is lost, and the order is always the same.
  std::sort(files->begin(), files->end(), [&](const std::string& a, const std::string& b) {
    const std::string x = SortKey(a, order.cut_at), y = SortKey(b, order.cut_at);
    if (x.size() != y.size()) return x.size() < y.size();
    return x != y ? x < y : a < b;
  });
  if (order.sorted == InputOrder::Sorted::kDescending) std::reverse(files->begin(), files->end());
  if (order.sorted == InputOrder::Sorted::kShuffled) {
    // Not std::shuffle: its result differs from one standard library to the next.
    std::mt19937_64 random(order.seed);
    for (size_t i = files->size(); i > 1; --i) std::swap((*files)[i - 1], (*files)[random() % i]);
  }
}

Status ReadFolder(const std::string& path, const InputOrder& order, InputData* out) {
  Listing listing;
  if (Status status = List(path, &listing); !status.ok()) return status;
  const std::pair<const char*, const std::vector<std::string>*> skipped[] = {
      {"empty files", &listing.empty},
      {"folders inside", &listing.folders},
      {"entries that are no files", &listing.other}};
  for (const auto& [what, names] : skipped) {
    if (names->empty()) continue;
    std::vector<std::string> sorted = *names;
    std::sort(sorted.begin(), sorted.end());
    out->notices.push_back(StrCat(path, ": skipped ", what, ": ", Named(sorted)));
  }
  if (listing.files.empty()) {
    return Status::Error(
        StatusKind::kInvalid,
        StrCat("expected a folder with files that have content, got ", path, " with none"));
  }
  Sort(order, &listing.files);
  if (order.sorted == InputOrder::Sorted::kShuffled && listing.files.size() > 1) {
    out->notices.push_back(
        StrCat(path, ": ", listing.files.size(), " files, shuffled with -seed=", order.seed));
  }
  for (const std::string& name : listing.files) {
    std::shared_ptr<const std::string> data;
    if (Status status = ReadFile(StrCat(path, "/", name), &data); !status.ok()) return status;
    if (data->empty()) continue;  // Emptied since it was listed.
    out->data.push_back(std::move(data));
    out->files.push_back(name);
  }
  return Status::Ok();
}

}  // namespace

Status ReadWhole(int fd, const std::string& name, std::string* out) {
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return Status::Ok();
    if (n > 0) {
      out->append(buffer, static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return Failed("read", name);
    }
  }
}

std::string SortKey(const std::string& file, const std::string& cut_at) {
  std::string key = file.substr(0, file.rfind('.'));
  if (!cut_at.empty()) key = key.substr(0, key.find(cut_at));
  return key;
}

Status ReadInputs(const std::string& path, const InputOrder& order, InputData* out) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return Failed("read", path);
  if (S_ISDIR(info.st_mode)) {
    if (Status status = ReadFolder(path, order, out); !status.ok()) return status;
  } else {
    std::shared_ptr<const std::string> data;
    if (Status status = ReadFile(path, &data); !status.ok()) return status;
    if (!data->empty()) {
      out->data.push_back(std::move(data));
      out->files.push_back(path.substr(path.rfind('/') + 1));
    }
  }
  if (!out->data.empty()) return Status::Ok();
  return Status::Error(StatusKind::kInvalid,
                       StrCat("expected a file with content, got the empty ", path));
}

}  // namespace aiges
