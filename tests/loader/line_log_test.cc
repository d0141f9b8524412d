#include "loader/instances/line_log.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

// TSan does not see the synchronisation inside the system's libspdlog.
extern "C" const char* __tsan_default_suppressions() { return "race:spdlog::\n"; }

namespace aiges {
namespace {

// What the lines of a worker look like in the log file.
class LineLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path = ::testing::TempDir() + "line_log_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::remove(path.c_str());
    InitLog(LogLevel::kInfo, path);
  }
  void TearDown() override { std::remove(path.c_str()); }

  std::vector<std::string> Written() {
    FlushLog();
    std::vector<std::string> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      const size_t at = line.find("[worker0] ");
      EXPECT_NE(at, std::string::npos) << line;
      lines.push_back(line.substr(at + 10));
    }
    return lines;
  }

  std::string path;
  LineLog log{"worker0"};
};

using Lines = std::vector<std::string>;

TEST_F(LineLogTest, LinesComeOutWholeHoweverTheBytesAreCut) {
  log.Add("on");
  log.Add("e\ntwo\nth");
  log.Add("ree");
  log.Flush();
  EXPECT_EQ(Written(), (Lines{"one", "two", "three"}));
}

TEST_F(LineLogTest, EmptyLinesAndNulBytesAreLeftOut) {
  log.Add(std::string_view("a\0b\n\n\nc\n", 8));
  EXPECT_EQ(Written(), (Lines{"ab", "c"}));
}

TEST_F(LineLogTest, LineThatNeverEndsIsCut) {
  log.Add(std::string(LineLog::kLongest + 5, 'x') + "\nafter\n");
  EXPECT_EQ(Written(), (Lines{std::string(LineLog::kLongest, 'x'), "xxxxx", "after"}));
}

TEST_F(LineLogTest, PercentAndBracesAreNoFormat) {
  log.Add("100% {} {0} %s\n");
  EXPECT_EQ(Written(), Lines{"100% {} {0} %s"});
}

TEST_F(LineLogTest, LastLinesAreKeptWithinBounds) {
  log.Add("first\n");
  EXPECT_EQ(log.Tail(), "first\n");
  for (int i = 0; i < 100; ++i) log.Add(std::to_string(i) + "\n");
  EXPECT_EQ(log.Tail().rfind("60\n61\n", 0), 0u) << log.Tail();
  for (int i = 0; i < 40; ++i) log.Add(std::string(1000, 'x') + "\n");
  EXPECT_LE(log.Tail().size(), LineLog::kTailBytes + LineLog::kTailLines);
  log.ForgetTail();
  log.Add("half a");
  EXPECT_EQ(log.Tail(), "");
  log.Flush();
  EXPECT_EQ(log.Tail(), "half a\n");
}

}  // namespace
}  // namespace aiges
