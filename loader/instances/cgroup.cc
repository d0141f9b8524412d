// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "loader/base/fd.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr uint64_t kPeriodUs = 100'000;

Status Wrong(const std::string& path, int error) {
  return Status::Error(StatusKind::kInvalid,
                       StrCat("[sandbox] cgroup: ", path, ": ", ErrnoText(error),
                              " (expected a folder of cgroup v2 that AIService may write, as "
                              "systemd makes one with Delegate=yes)"));
}

Status WriteTo(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return Wrong(path, errno);
  const ssize_t n = ::write(file.get(), text.data(), text.size());
  return n == static_cast<ssize_t>(text.size()) ? Status::Ok() : Wrong(path, errno);
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return Status::Ok();
  return Wrong(path, errno);
}

}  // namespace

Cgroups::Cgroups(std::string proc, std::string root)
    : proc_(std::move(proc)), root_(std::move(root)) {}

// "0::/path" is the line of version 2.
Status Cgroups::MoveToOwn(std::string* base) {
  if (own_.empty()) {
    const std::string text = TextOf(proc_);
    const size_t line = text.starts_with("0::/") ? 0 : text.find("\n0::/");
    if (line == std::string::npos) return Wrong(proc_, ENOENT);
    const size_t begin = text.find("0::", line) + 3;
    std::string own = root_ + text.substr(begin, text.find('\n', begin) - begin);
    while (own.ends_with('/')) own.pop_back();
    const std::string room = own + "/aiges-loader";
    Status status = MakeFolder(room);
    if (status.ok()) status = WriteTo(room + "/cgroup.procs", std::to_string(::getpid()));
    if (!status.ok()) return status;
    own_ = own;
  }
  *base = own_;
  return Status::Ok();
}

// Lets groups below have what is wished for.
Status Cgroups::Prepare(const CgroupWish& wish, std::string* base) {
  *base = wish.folder;
  if (wish.folder == "own") {
    const Status moved = MoveToOwn(base);
    if (!moved.ok()) return moved;
  }
  std::string enabled = StrCat(" ", TextOf(*base + "/cgroup.subtree_control"), " ");
  std::replace(enabled.begin(), enabled.end(), '\n', ' ');
  for (const auto& [name, wanted] :
       {std::pair("memory", wish.memory_bytes > 0), std::pair("cpu", wish.cpu_percent > 0),
        std::pair("pids", wish.pids > 0)}) {
    if (!wanted || enabled.find(StrCat(" ", name, " ")) != std::string::npos) continue;
    Status status = WriteTo(*base + "/cgroup.subtree_control", StrCat("+", name));
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status Cgroups::Make(const CgroupWish& wish, std::string* folder) {
  folder->clear();
  if (wish.folder.empty()) return Status::Ok();
  std::string base;
  Status status = Prepare(wish, &base);
  if (!status.ok()) return status;
  const std::string made = StrCat(base, "/aiges-", ::getpid(), "-", ++next_);
  status = MakeFolder(made);
  if (status.ok() && wish.memory_bytes > 0) {
    status = WriteTo(made + "/memory.max", std::to_string(wish.memory_bytes));
  }
  if (status.ok() && wish.cpu_percent > 0) {
    const uint64_t quota = wish.cpu_percent * kPeriodUs / 100;
    status = WriteTo(made + "/cpu.max", StrCat(quota, " ", kPeriodUs));
  }
  if (status.ok() && wish.pids > 0) {
    status = WriteTo(made + "/pids.max", std::to_string(wish.pids));
  }
  if (status.ok()) {
    *folder = made;
  } else {
    Remove(made);
  }
  return status;
}

void Cgroups::Remove(const std::string& folder) {
  if (folder.empty()) return;
  if (::access((folder + "/cgroup.kill").c_str(), W_OK) == 0) {  // Linux 5.14.
    (void)WriteTo(folder + "/cgroup.kill", "1");
  }
  left_.push_back(folder);
  Tidy();
}

// Not while something in it dies.
void Cgroups::Tidy() {
  std::erase_if(left_, [](const std::string& folder) {
    return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
  });
}

}  // namespace aiges
