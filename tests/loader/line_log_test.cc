// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/line_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

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

TEST_F(LineLogTest, ATracebackIsAnError) {
  log.Add(
      "before\nTraceback (most recent call last):\n  File \"a.py\", line 1\n    x()\n"
      "NameError: x\nafter\n");
  FlushLog();
  std::string levels;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) levels += line[line.find(" [worker0]") - 1];
  EXPECT_EQ(levels, "IEEEEI");
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

TEST_F(LineLogTest, OfAProgressBarTheLastStateIsLogged) {
  log.Add("\r 10%\r 50%\r100%\ndone\r\nafter\n");
  EXPECT_EQ(Written(), (Lines{" 50%", "100%", "done", "after"}));
}

TEST_F(LineLogTest, CarriageReturnCannotHideTheBeginningOfALine) {
  log.Add("text: a\r2026-01-01 00:00:00.000 E [main] all is lost\n");
  EXPECT_EQ(Written(), (Lines{"text: a", "2026-01-01 00:00:00.000 E [main] all is lost"}));
}

TEST_F(LineLogTest, ControlCharactersAreMadeVisible) {
  log.Add("a\x1b]0;title\x07 \x1b[1;31mred\x1b[0m \xc2\x9b \t\x7f \xc3\xa4\n");
  EXPECT_EQ(Written(), Lines{"a\\x1b]0;title\\x07 red \\x9b \t\\x7f \xc3\xa4"});
  EXPECT_EQ(log.Tail().find('\x1b'), std::string::npos);
}

// A pipe in place of stderr, which nobody reads until Read.
class Pipe {
 public:
  Pipe() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  ~Pipe() {
    Restore();
    ::close(ends_[0]);
    ::close(before_);
  }
  void Restore() { ::dup2(before_, STDERR_FILENO); }
  // Until the last writer has closed it.
  std::string Read() {
    std::string all;
    char bytes[4096];
    for (ssize_t n; (n = ::read(ends_[0], bytes, sizeof bytes)) > 0;) {
      all.append(bytes, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
  int before_;
};

// A bug once: the end of the process waited for it.
TEST_F(LineLogTest, StderrThatNobodyReadsIsGivenUp) {
  Pipe pipe;
  for (int i = 0; i < 1000; ++i) LogInfo("worker0", std::string(1000, 'x'));
  EXPECT_TRUE(FlushLog());
}

TEST_F(LineLogTest, DroppedLinesAreCountedAndTold) {
  Pipe pipe;
  for (int i = 0; i < 12'000; ++i) LogInfo("worker0", "x");
  std::string all;
  std::thread reader([&] { all = pipe.Read(); });
  FlushLog();
  pipe.Restore();
  reader.join();
  EXPECT_NE(all.find(" older lines were dropped: stderr is read too slowly"), std::string::npos);
}

TEST_F(LineLogTest, LineOfTheLoaderStaysOneLineOfBoundedLength) {
  LogInfo("worker0", "one\ntwo");
  LogInfo("worker0", std::string(100'000, 'x'));
  const Lines lines = Written();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "one\\ntwo");
  EXPECT_LT(lines[1].size(), 20'000u);
  EXPECT_NE(lines[1].find("bytes more)"), std::string::npos);
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
