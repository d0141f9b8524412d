// SPDX-License-Identifier: Apache-2.0
// Control groups in a folder that is none of the kernel's: what is written where.
#include "loader/instances/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/cgroupXXXXXX";
    root_ = ::mkdtemp(name.data());
    fs::create_directories(root_ / "given");
    fs::create_directories(root_ / "system.slice/aiges.service");
    std::ofstream(root_ / "proc") << "1:cpu:/elsewhere\n0::/system.slice/aiges.service\n";
  }
  void TearDown() override { fs::remove_all(root_); }
  static std::string Read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
};

TEST_F(CgroupTest, NoneIsMadeWhereNoneIsWished) {
  Cgroups groups(root_ / "proc", root_);
  std::string folder = "x";
  EXPECT_TRUE(groups.Make({}, &folder).ok());
  EXPECT_EQ(folder, "");
}

TEST_F(CgroupTest, EachWorkerHasOneWithItsBounds) {
  Cgroups groups(root_ / "proc", root_);
  std::string first, second;
  const CgroupWish wish{root_ / "given", 1 << 20, 150, 20};
  ASSERT_TRUE(groups.Make(wish, &first).ok());
  ASSERT_TRUE(groups.Make(wish, &second).ok());
  EXPECT_NE(first, second);
  EXPECT_EQ(first, StrCat((root_ / "given").string(), "/aiges-", ::getpid(), "-1"));
  EXPECT_EQ(Read(first + "/memory.max"), "1048576");
  EXPECT_EQ(Read(first + "/cpu.max"), "150000 100000");
  EXPECT_EQ(Read(first + "/pids.max"), "20");
}

TEST_F(CgroupTest, OnlyWhatIsWishedIsAskedFor) {
  Cgroups groups(root_ / "proc", root_);
  std::ofstream(root_ / "given/cgroup.subtree_control") << "cpuset memory pids\n";
  std::string folder;
  ASSERT_TRUE(groups.Make({root_ / "given", 1 << 20, 0, 0}, &folder).ok());
  EXPECT_EQ(Read(root_ / "given/cgroup.subtree_control"), "cpuset memory pids\n") << "it is there";
  EXPECT_FALSE(fs::exists(folder + "/pids.max"));
  ASSERT_TRUE(groups.Make({root_ / "given", 0, 50, 0}, &folder).ok());
  EXPECT_TRUE(Read(root_ / "given/cgroup.subtree_control").starts_with("+cpu"));
}

TEST_F(CgroupTest, InItsOwnGroupTheLoaderMakesRoom) {
  Cgroups groups(root_ / "proc", root_);
  std::string folder;
  ASSERT_TRUE(groups.Make({"own", 0, 0, 5}, &folder).ok());
  const fs::path own = root_ / "system.slice/aiges.service";
  EXPECT_TRUE(folder.starts_with(own.string()));
  EXPECT_EQ(Read(own / "aiges-loader/cgroup.procs"), std::to_string(::getpid()));
  fs::remove_all(own / "aiges-loader");
  ASSERT_TRUE(groups.Make({"own", 0, 0, 5}, &folder).ok());
  EXPECT_FALSE(fs::exists(own / "aiges-loader")) << "once";
}

TEST_F(CgroupTest, FoldersThatCannotBeUsedAreNamed) {
  Cgroups groups(root_ / "proc", root_);
  std::string folder;
  const std::string none = root_ / "none";
  const Status status = groups.Make({none, 1, 0, 0}, &folder);
  EXPECT_TRUE(status.text.starts_with(
      StrCat("[sandbox] cgroup: ", none, "/cgroup.subtree_control: No such file")))
      << status.text;
  EXPECT_NE(status.text.find("Delegate=yes"), std::string::npos);
  std::ofstream(root_ / "proc") << "1:cpu:/elsewhere\n";
  EXPECT_FALSE(Cgroups(root_ / "proc", root_).Make({"own", 1, 0, 0}, &folder).ok());
}

TEST_F(CgroupTest, WhatIsLeftInAGroupIsKilledAndItsFolderGoesWhenItCan) {
  Cgroups groups(root_ / "proc", root_);
  std::string folder;
  ASSERT_TRUE(groups.Make({root_ / "given", 0, 0, 0}, &folder).ok());
  std::ofstream(folder + "/cgroup.kill") << "";
  groups.Remove(folder);
  EXPECT_EQ(Read(folder + "/cgroup.kill"), "1");
  EXPECT_TRUE(fs::exists(folder)) << "as while something in it dies";
  fs::remove(folder + "/cgroup.kill");
  groups.Tidy();
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace aiges
