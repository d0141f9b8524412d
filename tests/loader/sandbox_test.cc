// SPDX-License-Identifier: Apache-2.0
// What a worker gives up, each in a process of its own.
#include "loader/worker/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "loader/base/landlock.h"
#include "loader/base/strings.h"
#include "loader/worker/system_calls.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

// The program ends with 0 where `check` is true.
#define EXPECT_IN_CHILD(...) \
  EXPECT_EXIT(::_exit((__VA_ARGS__)() ? 0 : 1), testing::ExitedWithCode(0), "")

bool Opens(const fs::path& path, int how) {
  const int fd = ::open(path.c_str(), how, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "fast");
    std::string name = ::testing::TempDir() + "/sandboxXXXXXX";
    folder_ = fs::canonical(::mkdtemp(name.data()));
    for (const char* file : {"own/keys", "own/wrapper.py", "own/deep/secret", "own/deep/code",
                             "read/file", "write/file", "other/file"}) {
      fs::create_directories((folder_ / file).parent_path());
      std::ofstream(folder_ / file) << "x";
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(SandboxTest, LimitsAreThoseSaid) {
  EXPECT_IN_CHILD([] {
    Confinement c;
    c.no_core = c.no_new_privs = true;
    c.open_files = 100;
    c.file_bytes = 1 << 20;
    rlimit core{}, files{}, bytes{};
    return EnterSandbox(c).empty() && ::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
           ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == 100 &&
           ::getrlimit(RLIMIT_FSIZE, &bytes) == 0 && bytes.rlim_cur == 1 << 20 &&
           ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  });
}

TEST_F(SandboxTest, CpusThatAreNotThereAreNamed) {
  EXPECT_IN_CHILD([] {
    Confinement c;
    c.cpus = "4000";
    return EnterSandbox(c).starts_with("[instances] cpus: cannot run on 4000: Invalid argument");
  });
}

TEST_F(SandboxTest, WithoutNetworkThereAreSocketsOfTheFileSystemOnly) {
  EXPECT_IN_CHILD([] {
    Confinement c;
    c.network = false;
    return EnterSandbox(c).empty() && ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
           ::socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM &&
           ::socket(AF_INET6, SOCK_DGRAM, 0) < 0 && ::socket(AF_NETLINK, SOCK_RAW, 0) < 0;
  });
}

TEST_F(SandboxTest, StrictLeavesThreadsAndForks) {
  EXPECT_IN_CHILD([] {
    Confinement c;
    c.strict = true;
    if (!EnterSandbox(c).empty()) return false;
    bool ran = false;
    std::thread([&ran] { ran = true; }).join();
    return ran && std::system("true") == 0 && ::socket(AF_INET, SOCK_STREAM, 0) >= 0;
  });
}

TEST_F(SandboxTest, StrictTakesNamespacesAndCapabilities) {
  EXPECT_IN_CHILD([] {
    Confinement c;
    c.strict = true;
    return EnterSandbox(c).empty() && ::unshare(CLONE_NEWUSER) < 0 && errno == EPERM &&
           ::unshare(CLONE_FILES) < 0 && ::chroot("/") < 0 &&
           std::system("unshare --user true 2>/dev/null") != 0;
  });
}

TEST_F(SandboxTest, StrictLeavesTheNamedFoldersAlone) {
  if (LandlockAbi() == 0) GTEST_SKIP() << "expected a kernel with Landlock";
  EXPECT_IN_CHILD([this] {
    Confinement c;
    c.strict = true;
    c.read = {folder_ / "read"};
    c.write = {folder_ / "write"};
    return EnterSandbox(c).empty() && CloseFolders(c, folder_ / "own/libwrapper.so").empty() &&
           Opens(folder_ / "read/file", O_RDONLY) && !Opens(folder_ / "read/file", O_WRONLY) &&
           !Opens(folder_ / "read/new", O_CREAT | O_WRONLY) &&
           Opens(folder_ / "write/new", O_CREAT | O_RDWR) &&
           Opens(folder_ / "own/keys", O_RDONLY) && !Opens(folder_ / "other/file", O_RDONLY) &&
           !Opens("/etc/shadow", O_RDONLY) && Opens("/dev/null", O_RDWR) &&
           Opens("/proc/self/stat", O_RDONLY) && Opens("/usr/bin/env", O_RDONLY);
  });
}

TEST_F(SandboxTest, StrictHidesTheLoadersFilesAmongThoseThatAreRead) {
  if (LandlockAbi() == 0) GTEST_SKIP() << "expected a kernel with Landlock";
  fs::create_symlink(folder_ / "other", folder_ / "own/link");
  EXPECT_IN_CHILD([this] {
    Confinement c;
    c.strict = true;
    c.read = {folder_ / "own"};
    c.hidden = {folder_ / "own/keys", folder_ / "own/deep/secret", folder_ / "none"};
    return EnterSandbox(c).empty() && CloseFolders(c, "").empty() &&
           Opens(folder_ / "own/wrapper.py", O_RDONLY) &&
           Opens(folder_ / "own/deep/code", O_RDONLY) && Opens(folder_ / "own", O_RDONLY) &&
           !Opens(folder_ / "own/keys", O_RDONLY) && !Opens(folder_ / "own/keys", O_WRONLY) &&
           !Opens(folder_ / "own/deep/secret", O_RDONLY) &&
           !Opens(folder_ / "own/link/file", O_RDONLY);
  });
}

TEST_F(SandboxTest, FoldersThatAreNotThereOrHoldKeysAreNamed) {
  if (LandlockAbi() == 0) GTEST_SKIP() << "expected a kernel with Landlock";
  EXPECT_IN_CHILD([this] {
    Confinement c;
    c.strict = true;
    c.read = {folder_ / "none"};
    return CloseFolders(c, "") ==
           StrCat("[sandbox] read: ", (folder_ / "none").string(), ": No such file or directory");
  });
  EXPECT_IN_CHILD([this] {
    Confinement c;
    c.strict = true;
    c.write = {folder_ / "own"};
    c.hidden = {folder_ / "own/keys"};
    return CloseFolders(c, "").find("holds files of AIService's own") != std::string::npos;
  });
}

TEST_F(SandboxTest, AnotherUserIsForRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "expected root";
  Confinement c;
  c.uid = 65529;
  c.gid = 65530;
  c.groups = {"65530", "65531"};
  EXPECT_IN_CHILD([&c] {
    int signal = 0;
    return EnterSandbox(c).empty() && ::getuid() == 65529 && ::geteuid() == 65529 &&
           ::getegid() == 65530 && ::getgroups(0, nullptr) == 2 && ::setuid(0) != 0 &&
           ::prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGKILL &&
           Opens("/proc/self/environ", O_RDONLY);
  });
  EXPECT_IN_CHILD([&c] {
    if (!EnterSandbox(c).empty()) return false;
    Confinement back;
    back.uid = back.gid = 0;
    return EnterSandbox(back).find("(AIService must run as root") != std::string::npos;
  });
}

TEST_F(SandboxTest, PythonOfAnEnvironmentComesWithWhatItIsMadeFrom) {
  fs::create_directories(folder_ / "base/bin");
  fs::create_directories(folder_ / "venv/bin");
  std::ofstream(folder_ / "base/bin/python3.11") << "x";
  fs::create_symlink("python3.11", folder_ / "base/bin/python3");
  fs::create_symlink(folder_ / "base/bin/python3", folder_ / "venv/bin/python");
  std::ofstream(folder_ / "venv/pyvenv.cfg")
      << "home = " << (folder_ / "made/bin").string() << "\n";
  const std::vector<std::string> folders = PythonFolders(folder_ / "venv/bin/python");
  for (const char* expected : {"venv", "base", "made"}) {
    EXPECT_NE(std::find(folders.begin(), folders.end(), folder_ / expected), folders.end())
        << expected;
  }
  for (const std::string& folder : PythonFolders("/bin/sh")) EXPECT_NE(folder, "/");
}

}  // namespace
}  // namespace aiges
