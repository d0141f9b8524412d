// SPDX-License-Identifier: Apache-2.0
#include "loader/config/tree_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace aiges {
namespace {

namespace fs = std::filesystem;

class TreeCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder = fs::path(::testing::TempDir()) / ("cache_" + name);
    fs::remove_all(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  static std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  fs::path folder;
};

TEST_F(TreeCacheTest, AcceptedTreeIsFoundByTheNextStart) {
  TreeCache cache(folder.string(), "svc");
  EXPECT_FALSE(cache.Find().has_value());
  std::string place;
  ASSERT_TRUE(cache.Stage("r1", {{"aiges.toml", "a"}, {"labels/x.txt", "b"}}, &place).ok());
  EXPECT_FALSE(cache.Find().has_value()) << "staged is not yet in force";
  ASSERT_TRUE(cache.Accept("r1").ok());
  const auto found = TreeCache(folder.string(), "svc").Find();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->revision, "r1");
  EXPECT_EQ(Read(fs::path(found->folder) / "labels/x.txt"), "b");
}

TEST_F(TreeCacheTest, RefusedTreeLeavesTheOldOneInForce) {
  TreeCache cache(folder.string(), "svc");
  std::string place;
  ASSERT_TRUE(cache.Stage("r1", {{"aiges.toml", "a"}}, &place).ok());
  ASSERT_TRUE(cache.Accept("r1").ok());
  ASSERT_TRUE(cache.Stage("r2", {{"aiges.toml", "b"}}, &place).ok());
  EXPECT_EQ(cache.Find()->revision, "r1");
  EXPECT_TRUE(fs::exists(cache.Find()->folder));
}

TEST_F(TreeCacheTest, PathThatLeavesTheFolderIsRefused) {
  TreeCache cache(folder.string(), "svc");
  for (const char* path : {"../evil", "/etc/evil", "a/../../evil", "", "a//../..", "./x"}) {
    std::string place;
    const Status status = cache.Stage("r", {{path, "x"}}, &place);
    EXPECT_FALSE(status.ok()) << path;
    EXPECT_NE(status.text.find("relative path"), std::string::npos) << status.text;
  }
  EXPECT_FALSE(fs::exists(folder / "evil"));
}

TEST_F(TreeCacheTest, OldTreeStaysWhileSomebodyHoldsIt) {
  TreeCache cache(folder.string(), "svc"), other(folder.string(), "svc");
  std::string place;
  for (const char* revision : {"r1", "r2", "r3"}) {
    ASSERT_TRUE(cache.Stage(revision, {{"aiges.toml", revision}}, &place).ok());
    fs::last_write_time(place, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  other.Hold("r1");
  cache.Hold("r2");
  ASSERT_TRUE(cache.Accept("r3").ok());
  EXPECT_TRUE(fs::exists(folder / "svc" / "tree-r1")) << "of another loader in the same folder";
  EXPECT_TRUE(fs::exists(folder / "svc" / "tree-r2")) << "our own workers still read it";
  cache.Hold("r3");
  other.Hold("r3");
  ASSERT_TRUE(cache.Accept("r3").ok());
  EXPECT_FALSE(fs::exists(folder / "svc" / "tree-r1"));
  EXPECT_FALSE(fs::exists(folder / "svc" / "tree-r2"));
  EXPECT_TRUE(fs::exists(folder / "svc" / "tree-r3"));
}

TEST_F(TreeCacheTest, SaysWhichFileOfThePluginDiffers) {
  TreeCache cache(folder.string(), "svc");
  const Pairs files{{"aiges.toml", "a"}, {"x", "1"}};
  std::string place;
  ASSERT_TRUE(cache.Stage("r1", files, &place).ok());
  EXPECT_TRUE(cache.SameBut("r1", {{"aiges.toml", "other"}, {"x", "1"}}, "aiges.toml").ok());
  EXPECT_EQ(cache.SameBut("r1", {{"x", "2"}}, "aiges.toml").text, "the file x");
  EXPECT_EQ(cache.SameBut("r1", {{"x", "1"}, {"y", ""}}, "aiges.toml").text, "the file y");
  EXPECT_EQ(cache.SameBut("r1", {{"aiges.toml", "a"}}, "aiges.toml").text, "the file x")
      << "one that is gone";
}

}  // namespace
}  // namespace aiges
