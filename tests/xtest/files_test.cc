// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <regex>

#include "tests/xtest/scratch.h"
#include "xtest/legacy_files.h"
#include "xtest/run_folder.h"

namespace aiges {
namespace {

constexpr std::time_t kNow = 1'700'000'000;

// A limit on the size of files fails writes as a full disk does.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int) = nullptr;
};

TEST(RunFolder, EachRunHasAFolderOfItsOwnAndLatestFollows) {
  Scratch s;
  const std::string log = s / "log";
  RunFolder first, second;
  ASSERT_TRUE(RunFolder::Make("", kNow, &first, log).ok());
  ASSERT_TRUE(WriteFile(first.In("a"), "1").ok());
  ASSERT_TRUE(RunFolder::Make("", kNow, &second, log).ok());
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(std::regex_match(first.path(), std::regex(".*/log/run-\\d{8}-\\d{6}")))
      << first.path();
  EXPECT_EQ(second.path(), first.path() + "-1");
  EXPECT_EQ(std::filesystem::canonical(log + "/latest"), std::filesystem::canonical(second.path()));
  EXPECT_EQ(Slurp(first.In("a")), "1");
}

TEST(RunFolder, ALatestOfTheUserIsLeftAlone) {
  Scratch s;
  s.Write("log/latest", "mine");
  RunFolder folder;
  ASSERT_TRUE(RunFolder::Make("", kNow, &folder, s / "log").ok());
  EXPECT_EQ(Slurp(s / "log/latest"), "mine");
  EXPECT_NE(folder.notice().find("is no link and is left as it is"), std::string::npos);
}

TEST(RunFolder, AWantedFolderThatIsUsedGetsANumber) {
  Scratch s;
  RunFolder folder;
  ASSERT_TRUE(RunFolder::Make(s / "deep/out/", kNow, &folder).ok());
  EXPECT_EQ(folder.path(), s / "deep/out");
  s.Write("deep/out/old", "x");
  ASSERT_TRUE(RunFolder::Make(s / "deep/out", kNow, &folder).ok());
  EXPECT_EQ(folder.path(), s / "deep/out-1");
  EXPECT_NE(folder.notice().find("is in use; this run writes to"), std::string::npos);
}

TEST(RunFolder, WhereNothingCanBeMadeIsNamed) {
  Scratch s;
  s.Write("file", "x");
  RunFolder folder;
  const std::string text = RunFolder::Make("", kNow, &folder, s / "file/log").text;
  EXPECT_NE(text.find("cannot make the folder"), std::string::npos) << text;
  EXPECT_NE(text.find("-out=FOLDER"), std::string::npos) << text;
  EXPECT_FALSE(RunFolder::Make("/proc/xtest", kNow, &folder).ok());
}

TEST(RunFolder, AFolderWhereNobodyMayWriteIsNamed) {
  Scratch s;
  const std::string log = s / "log";
  ASSERT_TRUE(MakeFolders(log).ok());
  ::chmod(log.c_str(), 0555);
  AsNobody nobody(s.path());
  RunFolder folder;
  const std::string text = RunFolder::Make("", kNow, &folder, log).text;
  EXPECT_NE(text.find("cannot make the run folder"), std::string::npos) << text;
  EXPECT_NE(text.find("Permission denied; give a place where you may write with -out=FOLDER"),
            std::string::npos)
      << text;
}

TEST(RunFolder, PathsOfTheOldFileLeadIntoTheRunFolder) {
  Scratch s;
  RunFolder folder;
  ASSERT_TRUE(RunFolder::Make(s / "run", kNow, &folder).ok());
  EXPECT_EQ(folder.Place("./log/result"), folder.In("result"));
  EXPECT_EQ(folder.Place("log/sub/line.png"), folder.In("sub/line.png"));
  EXPECT_EQ(folder.Place(s / "elsewhere.png"), s / "elsewhere.png");
  s.Write("elsewhere.png", "mine");
  EXPECT_EQ(folder.Place(s / "elsewhere.png"), s / "elsewhere-1.png");
  EXPECT_EQ(folder.Place("./log/../../x"), "./log/../../x");
}

TEST(OutFile, NeverWritesOverAFile) {
  Scratch s;
  const std::string path = s.Write("there", "old");
  EXPECT_NE(WriteFile(path, "new").text.find("File exists"), std::string::npos);
  EXPECT_EQ(Slurp(path), "old");
}

TEST(OutFile, AFullDiskIsToldAndWhatWasWrittenStays) {
  Scratch s;
  OutFile file;
  ASSERT_TRUE(file.Make(s / "sub/file").ok());
  FullDisk full(100'000);
  for (int i = 0; i < 5; ++i) file.Write(std::string(50'000, 'x'));
  const Status status = file.Close();
  EXPECT_NE(status.text.find("cannot write"), std::string::npos) << status.text;
  EXPECT_EQ(file.Close().text, status.text);
  EXPECT_EQ(Slurp(s / "sub/file").size(), 100'000u);
}

TEST(OutFile, DevFullIsNoticedAtClose) {
  OutFile file;
  file.Take(Fd(::open("/dev/full", O_WRONLY)), "/dev/full");
  file.Write("x");
  EXPECT_NE(file.Close().text.find("No space left"), std::string::npos);
}

CallRecord Record(const std::string& sid, int code = 0) {
  CallRecord r;
  r.sid = sid;
  r.code = code;
  r.error = code == 0 ? "" : "went wrong";
  r.begin = r.first_request = 1'700'000'000'123'456'789;
  r.first_result = r.begin + 5'000'000;
  r.last_request = r.begin + 10'000'000;
  r.end = r.last_result = r.begin + 12'345'678;
  return r;
}

TEST(CallRecords, WritesTheLinesOfTheOldTool) {
  Scratch s;
  OutFile once, session;
  ASSERT_TRUE(once.Make(s / "once.csv").ok());
  ASSERT_TRUE(session.Make(s / "session.csv").ok());
  CallRecords a(std::move(once), false), b(std::move(session), true);
  a.Push(Record("sid1"));
  b.Push(Record("sid2"));
  b.Push(Record("sid3", 10101));
  ASSERT_TRUE(a.Stop().ok());
  ASSERT_TRUE(b.Stop().ok());
  const std::string time = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{9} [+-]\\d{4} \\w+";
  EXPECT_TRUE(std::regex_match(Slurp(s / "once.csv"), std::regex("id:sid1,cost:12\\.345000,begin:" +
                                                                 time + ",end:" + time + "\n")))
      << Slurp(s / "once.csv");
  EXPECT_TRUE(std::regex_match(
      Slurp(s / "session.csv"),
      std::regex("id:sid2,cost:12\\.345000,firstCost:5\\.000000,lastCost:2\\.345000,begin:" + time +
                 ",end:" + time + ",firstReq:" + time + ",firstRlt:" + time + ",lastReq:" + time +
                 ",lastRlt:" + time + "\n")))
      << Slurp(s / "session.csv");
  EXPECT_EQ(b.errors().at(10101).size(), 1u);
  EXPECT_EQ(b.tail().count(), 1u);
}

TEST(CallRecords, AFullQueueDropsAndCounts) {
  Scratch s;
  OutFile file;
  ASSERT_TRUE(file.Make(s / "f").ok());
  CallRecords records(std::move(file), false, 0);
  for (int i = 0; i < 10; ++i) records.Push(Record("x"));
  EXPECT_EQ(records.dropped(), 10u);
  EXPECT_TRUE(records.Stop().ok());
  EXPECT_EQ(Slurp(s / "f"), "");
}

TEST(CallRecords, ErrorsAreKeptUpToABound) {
  CallRecords records(OutFile(), false);
  for (int i = 0; i < 500; ++i) records.Push(Record("x", 7));
  ASSERT_TRUE(records.Stop().ok());
  EXPECT_EQ(records.errors().at(7).size(), CallRecords::kErrorsPerCode);
}

TEST(CallRecords, PushFromManyThreadsLosesNothing) {
  Scratch s;
  OutFile file;
  ASSERT_TRUE(file.Make(s / "f").ok());
  CallRecords records(std::move(file), false);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) records.Push(Record("x"));
    });
  }
  for (std::thread& t : threads) t.join();
  ASSERT_TRUE(records.Stop().ok());
  EXPECT_EQ(Count(Slurp(s / "f"), "\n") + records.dropped(), 20'000u);
}

TEST(Results, NamesFollowTheOldTool) {
  EXPECT_EQ(OutputName({"sid", "out", DataType::kText, 0, ""}), "sid-text-out-0.txt");
  EXPECT_EQ(OutputName({"sid", "out", DataType::kImage, 2, ""}), "sid-image-out-2.jpg");
  EXPECT_EQ(OutputName({"sid", "out", DataType::kAudio, 0, ""}), "sid-audio-out-0");
  EXPECT_EQ(OutputName({"sid", "out", DataType::kVideo, 0, ""}), "sid-video-out-0");
}

TEST(Results, OneFileHasALineForEach) {
  Scratch s;
  std::unique_ptr<Results> results;
  ASSERT_TRUE(Results::Open(Output::kOneFile, s / "result", &results).ok());
  results->Write({"a", "o", DataType::kText, 0, "first"});
  results->Write({"b", "o", DataType::kText, 0, std::string("se\0cond", 7)});
  ASSERT_TRUE(results->Stop().ok());
  EXPECT_EQ(Slurp(s / "result"),
            std::string("a-text-o-0.txt:first\nb-text-o-0.txt:se\0cond\n", 44));
  EXPECT_EQ(results->written(), 2u);
}

TEST(Results, AFolderHasAFileForEachAndNothingLeadsOut) {
  Scratch s;
  std::unique_ptr<Results> results;
  ASSERT_TRUE(Results::Open(Output::kFolder, s / "many/deep", &results).ok());
  results->Write({"../../evil", "o", DataType::kText, 0, "1"});
  results->Write({"a", "o", DataType::kText, 0, "2"});
  results->Write({"a", "o", DataType::kText, 0, "3"});
  ASSERT_TRUE(results->Stop().ok());
  EXPECT_EQ(Slurp(s / "many/deep/.._.._evil-text-o-0.txt"), "1");
  EXPECT_EQ(Slurp(s / "many/deep/a-text-o-0.txt"), "2");
  EXPECT_EQ(Slurp(s / "many/deep/a-text-o-0-1.txt"), "3");
}

TEST(Results, AFullDiskIsTold) {
  Scratch s;
  std::unique_ptr<Results> results;
  ASSERT_TRUE(Results::Open(Output::kOneFile, s / "result", &results).ok());
  FullDisk full(1000);
  results->Write({"a", "o", DataType::kText, 0, std::string(5000, 'x')});
  EXPECT_NE(results->Stop().text.find("cannot write"), std::string::npos);
}

TEST(Results, AFileInTheWayIsTold) {
  Scratch s;
  std::unique_ptr<Results> results;
  EXPECT_FALSE(Results::Open(Output::kFolder, s.Write("file", "x"), &results).ok());
  EXPECT_EQ(Slurp(s / "file"), "x");
}

RunResult SomeResult() {
  RunResult result;
  Step& step = result.steps.emplace_back();
  for (int i = 1; i <= 100; ++i) step.latency.last.Add(static_cast<uint64_t>(i) * 1'000'000);
  step.done = 100;
  step.failed = 4;
  step.codes[0].calls = 96;
  step.codes[10110].calls = 4;
  step.codes[10110].text = "no \"licence\"\nleft";
  step.codes[10110].handle = "sid9";
  return result;
}

TEST(PerfText, HasTheKeysOfTheOldTool) {
  const std::string text = PerfText(SomeResult(), nullptr);
  EXPECT_EQ(text.substr(0, 15), "perf result:\n {");
  EXPECT_NE(text.find("\nperf err record: \n{\"10110\":[{\"errInfo\":\"no "
                      "\\\"licence\\\"\\nleft\",\"handle\":\"sid9\"}]}\n"),
            std::string::npos)
      << text;
  size_t at = 0;  // In this order.
  for (const char* key :
       {"max", "min", "failRate", "successRate", "delay95", "delay99", "delayAverage",
        "delayFirstMin", "delayFirstMax", "delayFirst95", "delayFirst99", "delayFirstAverage",
        "delayLatMin", "delayLatMax", "delayLast95", "delayLast99", "delayLastAverage"}) {
    const size_t found = text.find(StrCat("\"", key, "\":"), at);
    ASSERT_NE(found, std::string::npos) << key << " in " << text;
    at = found;
  }
  EXPECT_NE(text.find("\"max\":100.0,\"min\":1.0,\"failRate\":0.04,\"successRate\":0.96"),
            std::string::npos)
      << text;
}

TEST(PerfText, WithoutCallsAllIsZero) {
  const std::string text = PerfText(RunResult(), nullptr);
  EXPECT_NE(text.find("\"successRate\":0.0"), std::string::npos) << text;
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  EXPECT_NE(text.find("perf err record: \n{}\n"), std::string::npos) << text;
}

TEST(PerfText, BytesThatAreNoTextDoNotThrow) {
  RunResult result = SomeResult();
  result.steps[0].codes[10110].text = "\xff\xfe";
  EXPECT_NE(PerfText(result, nullptr).find("errInfo"), std::string::npos);
}

TEST(ErrDist, HasOneLineForEachCode) {
  EXPECT_EQ(ErrDistText(SomeResult()), "0(\"\"): 96\n10110(\"no \"licence\" left\"): 4\n");
}

TEST(ResourceCsv, HasTheHeadAndRowsOfTheOldTool) {
  const std::string text = ResourceCsv({{0.5, 150, 30, 1.25, 12}}, 1'700'000'000'000'000'000);
  EXPECT_TRUE(std::regex_match(
      text, std::regex("CPU\\(%\\),MEMORY\\(%\\),GPU\\(MB\\),TIME\n150\\.000000,1\\.250000,12,"
                       "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.500\n")))
      << text;
}

}  // namespace
}  // namespace aiges
