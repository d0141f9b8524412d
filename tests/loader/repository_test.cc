// SPDX-License-Identifier: Apache-2.0
#include "loader/models/repository.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace aiges {
namespace {

namespace fs = std::filesystem;

class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    char name[] = "/tmp/aiges-repository-XXXXXX";
    folder = ::mkdtemp(name);
  }
  ~RepositoryTest() override { fs::remove_all(folder); }

  void Add(const std::string& path) const {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    std::ofstream(folder + "/" + path) << "x";
  }

  std::string folder;
};

TEST_F(RepositoryTest, VersionsAreDecimalNumbersInOrder) {
  for (const char* version : {"10", "2", "1", "01", "0", "x", "-3", "2a"}) {
    Add(std::string("ocr/") + version + "/wrapper.py");
  }
  const FoundModels found = FindModels({folder});
  ASSERT_EQ(found.models.size(), 1u);
  std::vector<uint64_t> numbers;
  for (const auto& version : found.models[0].versions) numbers.push_back(version.number);
  EXPECT_EQ(numbers, (std::vector<uint64_t>{1, 2, 10}));
  EXPECT_TRUE(found.problems.empty());
}

TEST_F(RepositoryTest, AModelWithoutVersionsIsVersionOne) {
  Add("plain/wrapper.py");
  Add("graph/model.onnx");
  Add("java/engine.jar");
  Add("nothing/readme.txt");
  const FoundModels found = FindModels({folder});
  ASSERT_EQ(found.models.size(), 3u);
  EXPECT_EQ(found.models[0].name, "graph");
  EXPECT_EQ(found.models[1].name, "java");
  EXPECT_EQ(found.models[2].name, "plain");
  EXPECT_EQ(found.models[2].versions[0].folder, found.models[2].folder);
}

TEST_F(RepositoryTest, WhatIsNoNameIsLeftOutAndSaid) {
  Add("has space/1/wrapper.py");
  Add(".hidden/1/wrapper.py");
  const FoundModels found = FindModels({folder});
  EXPECT_TRUE(found.models.empty());
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_NE(found.problems[0].find("has space"), std::string::npos);
}

TEST_F(RepositoryTest, TheFirstFolderWithANameCounts) {
  Add("a/one/1/wrapper.py");
  Add("b/one/2/wrapper.py");
  const FoundModels found = FindModels({folder + "/a", folder + "/b"});
  ASSERT_EQ(found.models.size(), 1u);
  EXPECT_EQ(found.models[0].versions[0].number, 1u);
  EXPECT_EQ(found.problems.size(), 1u);
  EXPECT_EQ(FindModel({folder + "/a", folder + "/b"}, "one").versions[0].number, 1u);
}

TEST_F(RepositoryTest, AFolderThatIsNotThereIsSaid) {
  const FoundModels found = FindModels({folder + "/absent"});
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_NE(found.problems[0].find("absent"), std::string::npos);
}

TEST_F(RepositoryTest, NamesLeadNowhereElse) {
  Add("m/1/wrapper.py");
  for (const char* name : {"..", "../m", "m/1", "", ".", "/etc", "m\n"}) {
    EXPECT_TRUE(FindModel({folder}, name).versions.empty()) << name;
    EXPECT_FALSE(IsModelName(name)) << name;
  }
  EXPECT_TRUE(IsModelName("ocr.det-v2_x"));
}

}  // namespace
}  // namespace aiges
