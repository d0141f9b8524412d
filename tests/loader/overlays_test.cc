// SPDX-License-Identifier: Apache-2.0
// Folders of models that clients describe.
#include "loader/models/overlays.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

std::string Text(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class OverlaysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(repository_);
    fs::create_directories(repository_ / "m" / "1");
    std::ofstream(repository_ / "m" / "1" / "model.py") << "code";
    std::ofstream(repository_ / "m" / "config.pbtxt") << "old";
    std::ofstream(repository_ / "m" / "labels.txt") << "cat";
  }
  void TearDown() override { fs::remove_all(repository_); }
  FoundModel Base() { return FindModel({repository_.string()}, "m"); }

  const fs::path repository_ =
      fs::path(::testing::TempDir()) / StrCat("aiges-overlays-", ::getpid());
  const TimePoint now_ = TimePoint() + std::chrono::hours(1);
  std::unique_ptr<Overlays> overlays_ = std::make_unique<Overlays>();
  FoundModel model_;
};

TEST_F(OverlaysTest, AConfigurationStandsBesideWhatTheRepositoryHas) {
  ASSERT_TRUE(overlays_->Make("m", {"new", {}}, Base(), &model_).ok());
  EXPECT_EQ(Text(fs::path(model_.folder) / "config.pbtxt"), "new");
  EXPECT_EQ(Text(fs::path(model_.folder) / "labels.txt"), "cat");
  ASSERT_EQ(model_.versions.size(), 1u);
  EXPECT_EQ(Text(fs::path(model_.versions.front().folder) / "model.py"), "code");
  EXPECT_EQ(Text(repository_ / "m" / "config.pbtxt"), "old");
}

TEST_F(OverlaysTest, FilesAreAllThatThereIs) {
  ASSERT_TRUE(overlays_->Make("m", {"new", {{"7/model.py", "mine"}}}, Base(), &model_).ok());
  ASSERT_EQ(model_.versions.size(), 1u);
  EXPECT_EQ(model_.versions.front().number, 7u);
  EXPECT_FALSE(fs::exists(fs::path(model_.folder) / "labels.txt"));
}

TEST_F(OverlaysTest, PathsStayInside) {
  for (const char* path : {"", "../x", "1/../../x", "/tmp/x", "1/", ".."}) {
    const Status status = overlays_->Make("m", {"new", {{path, "x"}}}, Base(), &model_);
    EXPECT_EQ(status.kind, StatusKind::kInvalid) << path;
  }
  EXPECT_EQ(overlays_->Make("../m", {"new", {{"1/x", "x"}}}, {}, &model_).kind,
            StatusKind::kInvalid);
  EXPECT_EQ(overlays_->Make("n", {"new", {}}, {}, &model_).kind, StatusKind::kNotFound);
}

TEST_F(OverlaysTest, TheOneBeforeGoesWhenItsTimeHasCome) {
  EXPECT_TRUE(overlays_->Find("m").versions.empty());
  ASSERT_TRUE(overlays_->Make("m", {"new", {}}, Base(), &model_).ok());
  const std::string first = model_.folder;
  overlays_->Use("m", first, now_);
  EXPECT_EQ(overlays_->Find("m").folder, first);
  overlays_->Use("m", "", now_ + std::chrono::seconds(1));
  EXPECT_FALSE(overlays_->Has("m"));
  overlays_->Tidy(now_);
  EXPECT_TRUE(fs::exists(first));
  overlays_->Tidy(now_ + std::chrono::seconds(1));
  EXPECT_FALSE(fs::exists(first));
}

TEST_F(OverlaysTest, NothingIsLeftAtTheEnd) {
  ASSERT_TRUE(overlays_->Make("m", {"new", {}}, Base(), &model_).ok());
  const fs::path root = fs::path(model_.folder).parent_path().parent_path();
  EXPECT_TRUE(fs::exists(root));
  overlays_.reset();
  EXPECT_FALSE(fs::exists(root));
  EXPECT_TRUE(fs::exists(repository_ / "m" / "1" / "model.py"));
}

}  // namespace
}  // namespace aiges
