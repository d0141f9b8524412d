// SPDX-License-Identifier: Apache-2.0
#include "xtest/resources.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "loader/base/fd.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr std::chrono::seconds kLookAgain{1};
constexpr size_t kMostSamples = 1'000'000;  // Two days.

bool ReadSmall(const std::string& path, std::string* out) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return false;
  out->clear();
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
    out->append(buffer, static_cast<size_t>(n));
  }
  return !out->empty();
}

template <class Each>
void ForNumbers(const std::string& folder, Each&& each) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (dir == nullptr) return;
  while (const dirent* entry = ::readdir(dir.get())) {
    int number = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto r = std::from_chars(entry->d_name, end, number);
    if (r.ec == std::errc() && r.ptr == end) each(number);
  }
}

// The fields of /proc/<pid>/stat behind the name, which may have blanks and brackets in it: the
// first is the state, field 3 of proc(5).
bool ReadStat(pid_t pid, std::vector<std::string>* fields) {
  std::string text;
  if (!ReadSmall(StrCat("/proc/", pid, "/stat"), &text)) return false;
  size_t at = text.rfind(')');
  if (at == std::string::npos) return false;
  fields->clear();
  while (++at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    if (end > at) fields->push_back(text.substr(at, end - at));
    at = end;
  }
  return fields->size() > 21;
}

uint64_t Number(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Kernels without /proc/<pid>/task/<tid>/children: all processes are looked at.
void AddByParents(std::set<pid_t>* tree) {
  std::multimap<pid_t, pid_t> children;
  std::vector<std::string> fields;
  ForNumbers("/proc", [&](int pid) {
    if (ReadStat(pid, &fields)) children.emplace(static_cast<pid_t>(Number(fields[1])), pid);
  });
  std::vector<pid_t> open(tree->begin(), tree->end());
  while (!open.empty()) {
    const pid_t pid = open.back();
    open.pop_back();
    for (auto [at, end] = children.equal_range(pid); at != end; ++at) {
      if (tree->insert(at->second).second) open.push_back(at->second);
    }
  }
}

std::set<std::string> ListeningInodes(uint16_t port) {
  std::set<std::string> out;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::string text;
    if (!ReadSmall(table, &text)) continue;
    size_t at = text.find('\n');
    while (at != std::string::npos && at + 1 < text.size()) {
      const size_t end = std::min(text.find('\n', at + 1), text.size());
      const std::string line = text.substr(at + 1, end - at - 1);
      at = end;
      char local[80] = "";
      unsigned state = 0;
      char inode[32] = "";
      if (std::sscanf(line.c_str(), "%*s %79s %*s %x %*s %*s %*s %*s %*s %31s", local, &state,
                      inode) != 3) {
        continue;
      }
      const char* colon = std::strrchr(local, ':');
      constexpr unsigned kListen = 0x0A;
      if (state == kListen && colon != nullptr && std::strtoul(colon + 1, nullptr, 16) == port) {
        out.insert(inode);
      }
    }
  }
  return out;
}

double TotalMemory() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::set<pid_t> ProcessTree(pid_t root) {
  std::set<pid_t> tree;
  struct stat info{};
  if (root <= 0 || ::stat(StrCat("/proc/", root).c_str(), &info) != 0) return tree;
  tree.insert(root);
  if (::stat(StrCat("/proc/", root, "/task/", root, "/children").c_str(), &info) != 0) {
    AddByParents(&tree);
    return tree;
  }
  std::vector<pid_t> open = {root};
  std::string text;
  while (!open.empty()) {
    const pid_t pid = open.back();
    open.pop_back();
    const std::string tasks = StrCat("/proc/", pid, "/task");
    ForNumbers(tasks, [&](int thread) {
      if (!ReadSmall(StrCat(tasks, "/", thread, "/children"), &text)) return;
      for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find(' ', at), text.size());
        const auto child = static_cast<pid_t>(Number(text.substr(at, end - at)));
        if (child > 0 && tree.insert(child).second) open.push_back(child);
        at = end + 1;
      }
    });
  }
  return tree;
}

bool ReadProcess(pid_t pid, ProcessFigures* out) {
  std::vector<std::string> fields;
  if (!ReadStat(pid, &fields)) return false;
  // Fields 14, 15, 22 and 24 of proc(5); the first here is field 3.
  out->cpu_ticks = Number(fields[11]) + Number(fields[12]);
  out->start = Number(fields[19]);
  out->rss_bytes = Number(fields[21]) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return fields[0] != "Z";
}

pid_t FindListener(uint16_t port) {
  const std::set<std::string> inodes = ListeningInodes(port);
  if (inodes.empty()) return 0;
  std::set<pid_t> holders;
  ForNumbers("/proc", [&](int pid) {
    const std::string folder = StrCat("/proc/", pid, "/fd");
    ForNumbers(folder, [&](int fd) {
      char target[64];
      const ssize_t n = ::readlink(StrCat(folder, "/", fd).c_str(), target, sizeof target);
      const std::string_view name(target, n < 0 ? 0 : static_cast<size_t>(n));
      if (name.substr(0, 8) != "socket:[" || name.back() != ']') return;
      if (inodes.count(std::string(name.substr(8, name.size() - 9))) != 0) holders.insert(pid);
    });
  });
  // A child may have inherited the socket: the server is who has no holder above.
  for (pid_t pid : holders) {
    std::vector<std::string> fields;
    if (ReadStat(pid, &fields) && holders.count(static_cast<pid_t>(Number(fields[1]))) == 0)
      return pid;
  }
  return 0;
}

bool IsLocal(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host.substr(0, 4) == "127." || host == "::1" || host == "0.0.0.0")
    return true;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    char name[NI_MAXHOST] = "";
    if (::getnameinfo(at->ifa_addr, size, name, sizeof name, nullptr, 0, NI_NUMERICHOST) == 0 &&
        host == name) {
      return true;
    }
  }
  return false;
}

ResourceSampler::ResourceSampler(std::function<pid_t()> find, std::unique_ptr<GpuMeter> gpu)
    : find_(std::move(find)), gpu_(std::move(gpu)) {}

ResourceSampler::~ResourceSampler() { Stop(); }

void ResourceSampler::Start(TimePoint start) {
  start_ = start;
  thread_ = std::thread([this] { Run(); });
}

void ResourceSampler::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::vector<ResourceSample> ResourceSampler::Take() {
  std::lock_guard lock(mutex_);
  return samples_;
}

ResourceSample ResourceSampler::last() {
  std::lock_guard lock(mutex_);
  return samples_.empty() ? ResourceSample{} : samples_.back();
}

std::string ResourceSampler::problem() {
  std::lock_guard lock(mutex_);
  if (!samples_.empty()) return "";
  return "no server process to watch here (-pid says which)";
}

void ResourceSampler::Run() {
  std::unique_lock lock(mutex_);
  TimePoint next = std::chrono::steady_clock::now();
  while (!stopping_) {
    lock.unlock();
    Sample(std::chrono::steady_clock::now());
    lock.lock();
    // A sample that took long is not made up for.
    next = std::max(next + kInterval, std::chrono::steady_clock::now());
    wake_.wait_until(lock, next, [this] { return stopping_; });
  }
}

void ResourceSampler::Sample(TimePoint now) {
  std::set<pid_t> tree = ProcessTree(root_);
  if (tree.empty()) {
    known_.clear();
    if (looked_ != TimePoint{} && now - looked_ < kLookAgain) return;
    looked_ = now;
    root_ = find_();
    tree = ProcessTree(root_);
    if (tree.empty()) return;
  }
  ResourceSample sample;
  std::map<pid_t, ProcessFigures> figures;
  uint64_t ticks = 0, rss = 0;
  for (pid_t pid : tree) {
    ProcessFigures f;
    if (!ReadProcess(pid, &f)) continue;
    rss += f.rss_bytes;
    const auto old = known_.find(pid);
    const bool same = old != known_.end() && old->second.start == f.start;
    // Of a child started since the last sample all its time is new; at the first sample none is.
    if (same && f.cpu_ticks >= old->second.cpu_ticks) {
      ticks += f.cpu_ticks - old->second.cpu_ticks;
    } else if (!known_.empty()) {
      ticks += f.cpu_ticks;
    }
    figures.emplace(pid, f);
  }
  const bool first = known_.empty();
  const double seconds = std::chrono::duration<double>(now - sampled_).count();
  known_ = std::move(figures);
  sampled_ = now;
  // A figure of CPU needs two looks. A root that died in this moment is a zombie, or gone.
  if (first || known_.count(root_) == 0 || seconds <= 0) {
    if (known_.count(root_) == 0) root_ = 0;
    return;
  }
  const double per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  sample.at_s = std::chrono::duration<double>(now - start_).count();
  sample.cpu_percent = static_cast<double>(ticks) / per_second / seconds * 100;
  sample.rss_mb = static_cast<double>(rss) / (1 << 20);
  sample.memory_percent = static_cast<double>(rss) / TotalMemory() * 100;
  if (gpu_ != nullptr) sample.gpu_mb = gpu_->UsedMb(tree);
  std::lock_guard lock(mutex_);
  if (samples_.size() < kMostSamples) samples_.push_back(sample);
}

}  // namespace aiges
