// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limit_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {
namespace {

std::shared_ptr<const LimitTable> Parsed(std::string_view text) {
  std::shared_ptr<const LimitTable> table;
  const Status status = LimitTable::Parse(text, &table);
  EXPECT_TRUE(status.ok()) << status.text;
  return table;
}

std::string Problem(std::string_view text) {
  std::shared_ptr<const LimitTable> table;
  const Status status = LimitTable::Parse(text, &table);
  EXPECT_EQ(table == nullptr, !status.ok());
  return status.text;
}

std::string WhoOf(const LimitLineRef& line) { return line == nullptr ? "none" : line->who; }

TEST(LimitTableTest, TheLineOfACallerStandsInThePlaceOfThatForAll) {
  const auto table = Parsed(
      "# who model limits\n"
      "*      *    calls=100/1m concurrent=8\n"
      "*      llm  tokens=20k/1h\n"
      "alice  *    calls=10k/1m,burst=500 bytes=10MB/1h\r\n"
      "-      llm  calls=1/1s\n"
      "ops    *    unlimited\n"
      "Alice%20B%20Smith * calls=1/s\n");
  EXPECT_EQ(table->size(), 6u);
  EXPECT_EQ(WhoOf(table->Find("*", "bob")), "*");
  EXPECT_EQ(WhoOf(table->Find("*", "alice")), "alice");
  EXPECT_EQ(WhoOf(table->Find("llm", "alice")), "*");
  EXPECT_EQ(WhoOf(table->Find("llm", "-")), "-");
  EXPECT_EQ(WhoOf(table->Find("asr", "alice")), "none");
  EXPECT_EQ(WhoOf(table->Find("*", "Alice B Smith")), "Alice B Smith");
  EXPECT_TRUE(table->Find("*", "ops")->limits.empty());
  EXPECT_TRUE(table->Names("ops") && table->Names("-"));
  EXPECT_FALSE(table->Names("bob") || table->Names("*"));
}

TEST(LimitTableTest, ReadsAmountsTimesAndNames) {
  struct Case {
    std::string_view text, name;
    uint64_t quota, window_s, burst;
    LimitUnit unit;
  };
  for (const Case& c : std::vector<Case>{
           {"calls=100/1m", "calls-1m", 100, 60, 100, LimitUnit::kCalls},
           {"calls=100/m", "calls-1m", 100, 60, 100, LimitUnit::kCalls},
           {"calls=5/90s,burst=20", "calls-90s", 5, 90, 20, LimitUnit::kCalls},
           {"calls=2M/1d", "calls-1d", 2'000'000, 86'400, 2'000'000, LimitUnit::kCalls},
           {"bytes=10MB/1h", "bytes-1h", 10'000'000, 3600, 10'000'000, LimitUnit::kBytes},
           {"bytes=1GiB/2h,burst=1kB", "bytes-2h", 1 << 30, 7200, 1000, LimitUnit::kBytes},
           {"tokens=20k/60s", "tokens-1m", 20'000, 60, 20'000, LimitUnit::kMeter},
           {"meter:calls=3/s", "calls-1s", 3, 1, 3, LimitUnit::kMeter},
           {"seconds=30/1m", "seconds-1m", 30, 60, 30, LimitUnit::kSeconds},
           {"concurrent=8", "concurrent", 8, 0, 0, LimitUnit::kConcurrent},
           {"sessions=2", "sessions", 2, 0, 0, LimitUnit::kSessions}}) {
    Limit limit;
    const Status status = ReadLimit(c.text, &limit);
    ASSERT_TRUE(status.ok()) << c.text << ": " << status.text;
    EXPECT_EQ(limit.shown.name, c.name) << c.text;
    EXPECT_EQ(limit.shown.quota, c.quota) << c.text;
    EXPECT_EQ(limit.shown.window_s, c.window_s) << c.text;
    EXPECT_EQ(limit.burst, c.burst) << c.text;
    EXPECT_EQ(limit.shown.unit, c.unit) << c.text;
    EXPECT_EQ(limit.text, c.text);
  }
  Limit odd;
  ASSERT_TRUE(ReadLimit("a\"b\\\xc3\xa9=1/1s", &odd).ok());
  EXPECT_EQ(odd.shown.meter, "a\"b\\\xc3\xa9");
  EXPECT_EQ(odd.shown.name, "a_b___-1s") << "harmless in a head";
}

TEST(LimitTableTest, EachBadLineIsSaidWithWhatWasExpected) {
  const std::string name(257, 'a');
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"alice", "line 1: expected who, a model and limits, got 1 words"},
           {"\n#\nalice *", "line 3: expected who, a model and limits, got 2 words"},
           {name + " * calls=1/s", "expected an id of 256 bytes at most, - or *, got \"aaa"},
           {"* " + name + " calls=1/s", "expected a model's name of 256 bytes at most, or *"},
           {"* * calls", "expected a limit as calls=100/1m, concurrent=8 or unlimited"},
           {"* * =1/s", "expected a limit as calls=100/1m"},
           {"* * unlimited calls=1/s", "expected a limit as calls=100/1m"},
           {"* * call=1/s", "expected calls=, or meter:call= for what engines count"},
           {"* * conccurrent=1", "expected concurrent=, or meter:"},
           {"* * calls=", "expected a number and its time of s, m, h or d, as calls=100/1m"},
           {"* * calls=1", "expected a number and its time"},
           {"* * calls=0/s", "expected a number and its time"},
           {"* * calls=-1/s", "expected a number and its time"},
           {"* * calls=1.5/s", "expected a number and its time"},
           {"* * calls=1MB/s", "expected a number and its time"},
           {"* * calls=1/", "expected a number and its time"},
           {"* * calls=1/0s", "expected a number and its time"},
           {"* * calls=1/w", "expected a number and its time"},
           {"* * calls=1/367d", "expected a number and its time"},
           {"* * calls=1/99999999999999999999s", "expected a number and its time"},
           {"* * calls=1000000000000001/s", "expected a number and its time"},
           {"* * calls=99999999999999999999/s", "expected a number and its time"},
           {"* * calls=1/s,", "expected ,burst=<number> behind calls=1/s"},
           {"* * calls=1/s,20", "expected ,burst=<number>"},
           {"* * calls=1/s,burst=0", "expected ,burst=<number>"},
           {"* * concurrent=8/1m", "expected a number at one time, as concurrent=8"},
           {"* * concurrent=0", "expected a number at one time"},
           {"* * calls=1/60s calls=2/1m",
            "expected each limit once, got \"calls=1/60s\" and \"calls=2/1m\""},
           {"a b calls=1/s\na b bytes=1/s",
            "line 2: expected one line of each who and model, got one of \"a\" and \"b\" again"}}) {
    EXPECT_NE(Problem(text).find(expected), std::string::npos) << text << "\n" << Problem(text);
  }
  std::string many = "* *";
  for (int i = 1; i <= 17; ++i) StrAppend(&many, " x", i, "y=1/s");
  EXPECT_NE(Problem(many).find("expected at most 16 limits, got 17"), std::string::npos);
  EXPECT_NE(Problem("* * calls=1/366d,burst=4").find("come back after at most three years"),
            std::string::npos);
  std::string lines;
  for (size_t i = 0; i <= LimitTable::kMostLines; ++i) StrAppend(&lines, "u", i, " * calls=1/s\n");
  EXPECT_NE(Problem(lines).find("expected at most 10000 lines"), std::string::npos);
}

// Of a file that is cut or has one byte changed, whatever comes is a table or a reason.
TEST(LimitTableTest, NoBytesDoHarm) {
  const std::string good = "*\ta calls=10/1m,burst=2 bytes=1MB/h\nb * meter:x=1/s sessions=1";
  for (size_t i = 0; i < good.size(); ++i) {
    Problem(std::string_view(good).substr(0, i));
    std::string changed = good;
    for (int c = 0; c < 256; ++c) {
      changed[i] = static_cast<char>(c);
      const std::string problem = Problem(changed);
      EXPECT_TRUE(problem.empty() || problem.find("expected") != std::string::npos) << problem;
    }
  }
}

}  // namespace
}  // namespace aiges
