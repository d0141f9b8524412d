// SPDX-License-Identifier: Apache-2.0
// Lines of the sink "file": each once, also when the process ended in the middle of a line.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "loader/base/strings.h"
#include "loader/metering/sink.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

class FileSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<UsageSink> Open(uint64_t file_bytes = 1 << 20) const {
    Status status;
    auto sink = MakeFileSink(folder_, "me", file_bytes, &status);
    EXPECT_TRUE(status.ok()) << status.text;
    return sink;
  }
  static std::string Line(uint64_t number) {
    return StrCat("{\"specversion\":\"1.0\",\"id\":\"me-", number, "\",\"data\":{}}");
  }
  static void Deliver(UsageSink* sink, uint64_t first, uint64_t last) {
    UsageBatch batch{.lines = "", .events = last - first + 1, .first = first, .last = last};
    for (uint64_t n = first; n <= last; ++n) StrAppend(&batch.lines, Line(n), "\n");
    std::string why;
    EXPECT_EQ(sink->Deliver(batch, &why), Delivered::kYes) << why;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }
  static std::string TextOf(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
};

TEST_F(FileSinkTest, ALaterStartKnowsWhatHasArrived) {
  EXPECT_EQ(Open()->Arrived(), 0u);
  Deliver(Open().get(), 1, 3);
  auto sink = Open();
  EXPECT_EQ(sink->Arrived(), 3u);
  Deliver(sink.get(), 4, 4);
  ASSERT_EQ(Files().size(), 1u);
  EXPECT_EQ(TextOf(Files()[0]), StrCat(Line(1), "\n", Line(2), "\n", Line(3), "\n", Line(4), "\n"));
}

TEST_F(FileSinkTest, ALineThatWasNotFinishedIsTakenAway) {
  Deliver(Open().get(), 1, 2);
  std::ofstream(Files()[0], std::ios::app | std::ios::binary) << Line(3).substr(0, 30);
  auto sink = Open();
  EXPECT_EQ(sink->Arrived(), 2u);
  Deliver(sink.get(), 3, 3);
  EXPECT_EQ(TextOf(Files()[0]), StrCat(Line(1), "\n", Line(2), "\n", Line(3), "\n"));
}

TEST_F(FileSinkTest, ANewFileBeginsWhenOneIsFull) {
  auto sink = Open(100);
  for (uint64_t n = 1; n <= 6; ++n) Deliver(sink.get(), n, n);
  EXPECT_EQ(Files().size(), 2u);
  EXPECT_EQ(Open(100)->Arrived(), 6u);
}

}  // namespace
}  // namespace aiges
