// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limits.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "tests/fakes/fake_clock.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using AllowanceRef = std::unique_ptr<Allowance>;

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() : file_(std::filesystem::temp_directory_path() / StrCat("limits-", ::getpid())) {}
  ~LimitsTest() override { std::filesystem::remove(file_); }

  void Write(const std::string& text) { std::ofstream(file_) << text; }
  void Use(const std::string& text) {
    Write(text);
    const Status status = limits.Use(file_.string());
    ASSERT_TRUE(status.ok()) << status.text;
  }

  struct Asked {
    Status status;
    AllowanceRef allowance;
    LimitNote::Said said;
    bool ok() const { return status.ok(); }
  };
  Asked Ask(const std::string& caller, std::string_view model = "m", uint64_t bytes = 0,
            bool session = false) {
    Origin origin;
    origin.caller = caller;
    origin.limits = std::make_shared<LimitNote>();
    Asked asked;
    asked.status = limits.Admit({model, &origin, bytes, session, false}, &asked.allowance);
    asked.said = origin.limits->Get();
    return asked;
  }
  // A call that is over at once.
  bool Calls(const std::string& caller, std::string_view model = "m", uint64_t bytes = 0) {
    const Asked asked = Ask(caller, model, bytes);
    if (asked.allowance != nullptr) asked.allowance->Charge({bytes, {}, nullptr});
    return asked.ok();
  }
  int CallsUntilRefused(const std::string& caller, std::string_view model = "m") {
    int n = 0;
    while (n < 1000 && Calls(caller, model)) ++n;
    return n;
  }

  FakeClock clock;
  Limits limits{&clock};
  std::filesystem::path file_;
};

TEST_F(LimitsTest, ALongBurstEndsToo) {
  Use("* * calls=1/366d,burst=3\n");
  EXPECT_EQ(CallsUntilRefused("alice"), 3);
}

TEST_F(LimitsTest, WithoutAFileNobodyIsLimited) {
  EXPECT_FALSE(limits.on());
  const Asked asked = Ask("alice");
  EXPECT_TRUE(asked.ok());
  EXPECT_EQ(asked.allowance, nullptr);
  EXPECT_TRUE(asked.said.limits.empty());
}

TEST_F(LimitsTest, ABucketGivesItsBurstAndThenItsRate) {
  Use("* * calls=60/1m,burst=10");
  EXPECT_EQ(CallsUntilRefused("alice"), 10);
  const Asked refused = Ask("alice");
  EXPECT_EQ(refused.status.code, kCodeLimited);
  EXPECT_EQ(refused.status.kind, StatusKind::kOverloaded);
  EXPECT_EQ(HttpStatusOf(refused.status), 429);
  EXPECT_EQ(refused.status.text,
            "the limit calls=60/1m,burst=10 of alice is used up: try again in 1.0 s");
  EXPECT_TRUE(refused.said.refused);
  EXPECT_EQ(refused.said.wait, milliseconds(1000));
  EXPECT_EQ(refused.said.text, refused.status.text);
  ASSERT_EQ(refused.said.limits.size(), 1u);
  EXPECT_EQ(refused.said.limits[0].left, 0u);
  EXPECT_EQ(refused.said.limits[0].quota, 60u);
  EXPECT_EQ(refused.said.limits[0].full_s, 10u);
  clock.Advance(milliseconds(999));
  EXPECT_FALSE(Calls("alice"));
  clock.Advance(milliseconds(1));
  EXPECT_TRUE(Calls("alice"));
  EXPECT_FALSE(Calls("alice"));
  clock.Advance(seconds(3600));
  EXPECT_EQ(CallsUntilRefused("alice"), 10) << "no more than the burst is saved";
}

TEST_F(LimitsTest, EachCallerHasABucketOfHisOwnAndThoseWithoutANameHaveOne) {
  Use("* * calls=2/1m\nalice * calls=3/1m\nops * unlimited");
  EXPECT_EQ(CallsUntilRefused("alice"), 3);
  EXPECT_EQ(CallsUntilRefused("bob"), 2);
  EXPECT_EQ(CallsUntilRefused("carol"), 2);
  EXPECT_EQ(CallsUntilRefused(""), 2);
  EXPECT_NE(Ask("").status.text.find("of callers without a name"), std::string::npos);
  EXPECT_EQ(CallsUntilRefused("ops"), 1000);
  AllowanceRef allowance;
  EXPECT_FALSE(limits.Admit({.model = "m"}, &allowance).ok()) << "of no known origin";
}

TEST_F(LimitsTest, TheModelAndAllModelsMustBothHaveRoom) {
  Use("* * calls=5/1m\n* llm calls=2/1m");
  EXPECT_EQ(CallsUntilRefused("alice", "llm"), 2);
  EXPECT_NE(Ask("alice", "llm").status.text.find("for the model llm"), std::string::npos);
  EXPECT_EQ(CallsUntilRefused("alice", "asr"), 3) << "what was refused has taken nothing";
  EXPECT_EQ(Ask("bob", "llm").said.limits[0].limit->name, "model-calls-1m");
  EXPECT_EQ(Ask("bob", "llm").said.limits[1].limit->name, "calls-1m");
}

TEST_F(LimitsTest, WhatRunsAtOneTimeIsBounded) {
  Use("* * concurrent=2 sessions=1");
  Asked first = Ask("alice"), session = Ask("alice", "m", 0, true);
  ASSERT_TRUE(first.ok() && session.ok());
  EXPECT_EQ(session.said.limits[0].left, 0u);
  const Asked third = Ask("alice");
  EXPECT_EQ(third.status.text, "the limit concurrent=2 of alice is reached: end one first");
  EXPECT_EQ(third.said.wait, milliseconds(1000));
  first.allowance.reset();
  EXPECT_NE(Ask("alice", "m", 0, true).status.text.find("sessions=1"), std::string::npos);
  EXPECT_TRUE(Ask("alice").ok()) << "a call is no session";
  session.allowance->Charge({});
  session.allowance.reset();
  EXPECT_TRUE(Ask("alice", "m", 0, true).ok());
}

TEST_F(LimitsTest, BytesAndMetersMayLeaveADebt) {
  Use("* * bytes=1000/10s tokens=100/10s seconds=10/10s");
  Asked asked = Ask("alice", "m", 400);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked.said.limits[0].left, 600u);
  MeterCounts meters;
  meters.Add("tokens", 300);
  meters.Add("pictures", 5);
  asked.allowance->Charge({900, seconds(2), &meters});
  asked.allowance.reset();
  const Asked refused = Ask("alice");
  EXPECT_NE(refused.status.text.find("tokens=100/10s"), std::string::npos) << refused.status.text;
  EXPECT_EQ(refused.said.limits[0].left, 100u) << "900 of the bytes, in and out";
  EXPECT_EQ(refused.said.limits[1].left, 0u);
  EXPECT_EQ(refused.said.limits[1].full_s, 30u);
  EXPECT_EQ(refused.said.limits[2].left, 8u);
  clock.Advance(milliseconds(19'999));
  EXPECT_FALSE(Ask("alice").ok()) << "the debt is paid first";
  clock.Advance(milliseconds(2));
  EXPECT_TRUE(Calls("alice", "m", 1'000'000)) << "one that is too long for any may come, once";
  EXPECT_FALSE(Ask("alice", "m", 1).ok());
}

TEST_F(LimitsTest, AnyCountIsTakenForWhatCanBeKept) {
  Use("* * tokens=1/366d");
  for (int i = 0; i < 3; ++i) {
    Asked asked = Ask("alice");
    MeterCounts meters;
    meters.Add("tokens", UINT64_MAX);
    if (asked.allowance != nullptr) asked.allowance->Charge({UINT64_MAX, seconds(1), &meters});
  }
  const Asked refused = Ask("alice");
  EXPECT_FALSE(refused.ok());
  EXPECT_LE(refused.said.limits[0].full_s, 366u * 86'400 + 1);
}

TEST_F(LimitsTest, WhatNeverBeganHasTakenNothing) {
  Use("* * calls=1/1m bytes=10/1m");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Ask("alice", "m", 100).ok());
  EXPECT_TRUE(Calls("alice", "m", 100));
  EXPECT_FALSE(Ask("alice").ok());
}

TEST_F(LimitsTest, NestedCallsAreTheirCallersAlready) {
  Use("* * calls=1/1m");
  Origin origin;
  origin.caller = "alice";
  AllowanceRef allowance;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(limits.Admit({"m", &origin, 0, false, true}, &allowance).ok());
    EXPECT_EQ(allowance, nullptr);
  }
  EXPECT_TRUE(Calls("alice"));
}

TEST_F(LimitsTest, AFileThatHasChangedIsReadAndKeepsWhatWasUsed) {
  Use("* * calls=5/1m bytes=10/1m");
  EXPECT_EQ(CallsUntilRefused("alice"), 5);
  Asked running = Ask("bob");
  Write("# other\n* * bytes=99/1m calls=5/1m concurrent=1\n");
  limits.Look();
  EXPECT_FALSE(Calls("alice")) << "the limit is the same";
  EXPECT_NE(Ask("bob").status.text.find("concurrent=1"), std::string::npos) << "one runs";
  running.allowance->Charge({});
  running.allowance.reset();
  EXPECT_TRUE(Ask("bob").ok());
  Write("* * calls=6/1m\n");
  limits.Look();
  EXPECT_EQ(CallsUntilRefused("alice"), 6) << "another limit begins anew";
}

TEST_F(LimitsTest, ABadFileChangesNothingUntilItIsMended) {
  Write("* * calls=0/1m");
  EXPECT_NE(limits.Use(file_.string()).text.find("[access] limits_file"), std::string::npos);
  EXPECT_FALSE(limits.on());
  EXPECT_NE(limits.Report(0).problem.find("line 1"), std::string::npos);
  Write("* * calls=1/1m");
  limits.Look();
  EXPECT_EQ(CallsUntilRefused("alice"), 1);
  Write("nonsense");
  limits.Look();
  EXPECT_FALSE(Calls("alice"));
  EXPECT_NE(limits.Report(0).problem, "");
  std::filesystem::remove(file_);
  limits.Look();
  EXPECT_FALSE(Calls("alice"));
  EXPECT_NE(limits.Report(0).problem.find("No such file"), std::string::npos);
  EXPECT_FALSE(limits.Use("/nowhere").ok());
  EXPECT_FALSE(Calls("alice"));
  EXPECT_TRUE(limits.Use("").ok());
  EXPECT_TRUE(Calls("alice"));
}

TEST_F(LimitsTest, CallersThatAreAtRestAreForgotten) {
  Use("* * calls=10/10s concurrent=5");
  for (int i = 0; i < 100; ++i) Calls(StrCat("caller", i));
  Asked running = Ask("alice");
  EXPECT_EQ(limits.Report(0).callers, 101u);
  clock.Advance(milliseconds(999));
  limits.Look();
  EXPECT_EQ(limits.Report(0).callers, 101u);
  clock.Advance(milliseconds(1));
  limits.Look();
  EXPECT_EQ(limits.Report(0).callers, 1u) << "whose call runs";
  running.allowance->Charge({});
  running.allowance.reset();
  limits.Look();
  EXPECT_EQ(limits.Report(0).callers, 0u);
}

TEST_F(LimitsTest, MoreCallersThanThereIsRoomForAreCountedTogether) {
  Limits few(&clock, 2 * Limits::kShards);
  Write("* * calls=1/1m\nvip * calls=2/1m");
  ASSERT_TRUE(few.Use(file_.string()).ok());
  const auto call = [&](const std::string& caller) {
    Origin origin;
    origin.caller = caller;
    AllowanceRef allowance;
    const bool ok = few.Admit({"m", &origin, 0, false, false}, &allowance).ok();
    if (allowance != nullptr) allowance->Charge({});
    return ok;
  };
  int taken = 0;
  for (int i = 0; i < 5000; ++i) taken += call(StrCat("caller", i)) ? 1 : 0;
  EXPECT_EQ(taken, 3 * static_cast<int>(Limits::kShards)) << "two and the crowd in each shard";
  EXPECT_TRUE(call("vip") && call("vip"));
  EXPECT_FALSE(call("vip"));
  EXPECT_EQ(few.Report(0).callers, 2 * Limits::kShards + 1);
  EXPECT_GT(few.Report(0).crowded, 4000u);
  clock.Advance(seconds(60));
  few.Look();
  EXPECT_TRUE(call("newcomer"));
  EXPECT_EQ(few.Report(0).callers, 1u) << "the newcomer";
}

TEST_F(LimitsTest, LoadersThatShareGiveTheirPartEach) {
  Use("* * calls=60/1m,burst=9 bytes=3000/1m concurrent=4 sessions=1");
  limits.SetHosts(3);
  EXPECT_EQ(limits.Report(0).hosts, 3u);
  const Asked asked = Ask("alice", "m", 400, true);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked.said.limits[0].quota, 20u);
  EXPECT_EQ(asked.said.limits[0].left, 2u);
  EXPECT_EQ(asked.said.limits[1].left, 600u);
  EXPECT_EQ(asked.said.limits[2].quota, 1u) << "at least one";
  EXPECT_EQ(asked.said.limits[3].quota, 1u);
  EXPECT_EQ(CallsUntilRefused("bob"), 3);
  clock.Advance(seconds(3));
  EXPECT_EQ(CallsUntilRefused("bob"), 1) << "a third of the rate";
  limits.SetHosts(100);
  EXPECT_EQ(CallsUntilRefused("carol"), 1) << "a share below one call gives one, when all is there";
  clock.Advance(seconds(99));
  EXPECT_EQ(CallsUntilRefused("carol"), 0);
  clock.Advance(seconds(1));
  EXPECT_EQ(CallsUntilRefused("carol"), 1);
  limits.SetHosts(0);
  EXPECT_EQ(limits.Report(0).hosts, 1u);
}

TEST_F(LimitsTest, TheReportHasThoseWithTheLeastLeft) {
  Use("* * calls=10/1m\n* m concurrent=4");
  for (int i = 0; i < 20; ++i) Calls(StrCat("caller", i), "x");
  CallsUntilRefused("alice", "x");
  Asked running = Ask("bob");
  Calls("alice", "x");
  const LimitsReport report = limits.Report(3);
  EXPECT_TRUE(report.on);
  EXPECT_EQ(report.lines, 2u);
  EXPECT_EQ(report.file, file_.string());
  EXPECT_EQ(report.refused[static_cast<size_t>(LimitUnit::kCalls)], 2u);
  ASSERT_EQ(report.states.size(), 3u);
  EXPECT_EQ(report.states[0].caller, "alice");
  EXPECT_EQ(report.states[0].limit, "calls=10/1m");
  EXPECT_EQ(report.states[0].left, 0u);
  EXPECT_EQ(report.states[1].caller, "bob");
  EXPECT_EQ(report.states[1].model, "m");
  EXPECT_EQ(report.states[1].left, 3u);
  EXPECT_EQ(report.states[2].left, 9u);
}

TEST_F(LimitsTest, ThreadsTogetherGetWhatOneWould) {
  Use("* * calls=1000/1d concurrent=64");
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 1000; ++i) {
          if (Calls(i % 2 == 0 ? "alice" : StrCat("bob", t))) ++taken;
          if (i % 100 == 0) limits.Look();
        }
      });
    }
  }
  EXPECT_EQ(taken, 1000 + 4 * 500);
  for (const LimitState& s : limits.Report(100).states) {
    if (s.limit != "concurrent=64") continue;
    EXPECT_EQ(s.left, 64u);
  }
}

}  // namespace
}  // namespace aiges
