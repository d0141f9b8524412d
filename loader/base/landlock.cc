// SPDX-License-Identifier: Apache-2.0
#include "loader/base/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "loader/base/strings.h"

namespace aiges {
namespace {

// The numbers are the same on all machines.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

// As the kernel has them.
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3;
constexpr uint64_t kRefer = 1 << 13, kTruncate = 1 << 14, kIoctl = 1 << 15;
constexpr uint64_t kFirst = (1 << 13) - 1;  // Of ABI 1.
constexpr uint64_t kTcp = 3;                // Bind and connect.
constexpr uint64_t kScopes = 3;             // Abstract sockets, signals.

struct RulesetAttributes {
  uint64_t files = 0, tcp = 0, scopes = 0;
};
struct PathAttributes {
  uint64_t allowed;
  int32_t folder;
} __attribute__((packed));

uint64_t FilesOf(int abi) {
  uint64_t all = kFirst;
  if (abi >= 2) all |= kRefer;
  if (abi >= 3) all |= kTruncate;
  if (abi >= 5) all |= kIoctl;
  return all;
}

uint64_t RightsOf(LandlockRules::Access access) {
  switch (access) {
    case LandlockRules::Access::kList:
      return kReadDir;
    case LandlockRules::Access::kRead:
      return kReadDir | kReadFile | kExecute;
    case LandlockRules::Access::kWrite:
      return kFirst | kRefer | kTruncate;
    case LandlockRules::Access::kDevice:
      return kReadDir | kReadFile | kWriteFile | kTruncate | kIoctl;
  }
  return 0;
}

}  // namespace

int LandlockAbi() {
  const long abi = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

LandlockRules::LandlockRules(int abi, bool tcp) : handled_(FilesOf(abi)) {
  RulesetAttributes attributes;
  attributes.files = handled_;
  if (abi >= 4 && !tcp) attributes.tcp = kTcp;
  if (abi >= 6) attributes.scopes = kScopes;
  // Older kernels know the beginning of it.
  const size_t known = abi >= 6 ? sizeof attributes : abi >= 4 ? 16 : 8;
  rules_ = Fd(static_cast<int>(::syscall(kCreateRuleset, &attributes, known, 0)));
  if (!rules_.valid()) wrong_ = StrCat("landlock_create_ruleset: ", ErrnoText(errno));
}

std::string LandlockRules::Allow(const std::string& path, Access access) {
  if (!wrong_.empty()) return wrong_;
  const Fd at(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info{};
  if (!at.valid() || ::fstat(at.get(), &info) != 0) return StrCat(path, ": ", ErrnoText(errno));
  uint64_t rights = RightsOf(access) & handled_;
  // Rights of folders are refused at a file.
  if (!S_ISDIR(info.st_mode)) rights &= kExecute | kWriteFile | kReadFile | kTruncate | kIoctl;
  if (rights == 0) return "";
  const PathAttributes rule{rights, at.get()};
  if (::syscall(kAddRule, rules_.get(), kPathBeneath, &rule, 0) != 0) {
    return StrCat(path, ": landlock_add_rule: ", ErrnoText(errno));
  }
  return "";
}

std::string LandlockRules::Restrict() {
  if (!wrong_.empty()) return wrong_;
  if (::syscall(kRestrictSelf, rules_.get(), 0) == 0) return "";
  return StrCat("landlock_restrict_self: ", ErrnoText(errno));
}

}  // namespace aiges
