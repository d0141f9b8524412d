// SPDX-License-Identifier: Apache-2.0
#include "xtest/settings.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/xtest/scratch.h"
#include "xtest/inputs.h"

namespace aiges {
namespace {

constexpr const char* kRest = R"(
[data]
payload = "in"
expect = "out"
[in]
inputSrc = "%s"
name = "text"
type = "text"
interval = 40
sliceSize = 4
describe = "encoding=utf8;k2=v2"
[out]
name = "result"
type = "text"
describe = "encoding=utf8"
)";

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() { input_ = scratch_.Write("input.txt", "hello"); }

  std::string Text(const std::string& mode) const {
    std::string rest = kRest;
    rest.replace(rest.find("%s"), 2, input_);
    return StrCat("[xtest]\ntaddrs = \"AIservice@127.0.0.1:5090\"\n[svcMode]\n", mode, rest);
  }
  Status Parse(const std::string& text) {
    settings_ = Settings();
    return ParseSettings("x.toml", text, options_, -1, &settings_);
  }
  std::string Notices() const {
    std::string all;
    for (const std::string& n : settings_.notices) all += n + "\n";
    return all;
  }

  Scratch scratch_;
  std::string input_;
  Options options_;
  Settings settings_;
};

TEST_F(SettingsTest, DefaultsAreThoseOfTheOldTool) {
  ASSERT_TRUE(Parse(Text("")).ok());
  const Plan& p = settings_.plan;
  EXPECT_EQ(p.mode, Mode::kOnce);
  EXPECT_EQ(p.arrival, Arrival::kClosed);
  EXPECT_EQ(p.calls, 10'000u);
  EXPECT_EQ(p.in_flight, 100u);
  EXPECT_EQ(p.timeout_ms, 1000u);
  EXPECT_EQ(p.time_loss_ms, 50u);
  EXPECT_EQ(p.service, "AIservice");
  EXPECT_EQ(p.service_id, "s12345678");
  EXPECT_EQ(p.sub, "ase");
  EXPECT_EQ(p.hosts, std::vector<std::string>{"127.0.0.1:5090"});
  EXPECT_TRUE(p.keep_results);
  ASSERT_EQ(p.inputs.size(), 1u);
  EXPECT_EQ(*p.inputs[0].data.at(0), "hello");
  EXPECT_EQ(p.inputs[0].describe, (Pairs{{"encoding", "utf8"}, {"k2", "v2"}}));
  EXPECT_EQ(p.inputs[0].interval_ms, 40u);
  EXPECT_EQ(p.inputs[0].slice_bytes, 4u);
  ASSERT_EQ(p.expect.size(), 1u);
  EXPECT_EQ(p.expect[0].name, "result");
  const ReportSettings& r = settings_.report;
  EXPECT_FALSE(r.perf || r.prometheus);
  EXPECT_TRUE(r.plot && r.gpu);
  EXPECT_EQ(r.plot_file, "./log/line.png");
  EXPECT_EQ(r.output, Output::kOneFile);
  EXPECT_EQ(r.output_path, "./log/result");
  EXPECT_EQ(Notices(),
            "x.toml:8: [in] sliceSize, interval: not used: sessMode = 0 sends each input "
            "whole\n");
}

TEST_F(SettingsTest, ReadsEveryKeyOfTheOldFile) {
  ASSERT_TRUE(Parse(StrCat(Text(R"(service = "AIservice"
svcId = "s9"
sub = "iat"
timeout = 2000
timeLoss = 10
multiThr = 5
loopCnt = 77
sessMode = 1
linearMs = 500
perfOn = true
perfLevel = 2
inputCmd = false
prometheus_switch = true
prometheus_port = 2117
plot = false
plot_file = "./log/a.png"
file_sorted = 1
file_name_seq = "_"
gpuMon = false
)"),
                           R"([header]
appid = "100IME"
[parameter]
key = 2
on = true
half = 0.5
[downstream]
output = 1
outputDst = "./log/many"
[log]
file = "./log/xtest.log"
[trace]
able = 0
)"))
                  .ok());
  const Plan& p = settings_.plan;
  EXPECT_EQ(p.mode, Mode::kSession);
  EXPECT_EQ(p.service_id + p.sub, "s9iat");
  EXPECT_EQ(p.timeout_ms + p.time_loss_ms, 2010u);
  EXPECT_EQ(p.in_flight, 5u);
  EXPECT_EQ(p.calls, 77u);
  EXPECT_EQ(p.linear_ms, 500u);
  EXPECT_EQ(p.headers, (Pairs{{"appid", "100IME"}}));
  EXPECT_EQ(*Find(p.params, "key"), "2");
  EXPECT_EQ(*Find(p.params, "on"), "true");
  EXPECT_EQ(*Find(p.params, "half"), "0.5");
  const ReportSettings& r = settings_.report;
  EXPECT_TRUE(r.perf && r.prometheus);
  EXPECT_FALSE(r.plot || r.gpu);
  EXPECT_EQ(r.prometheus_port, 2117);
  EXPECT_EQ(r.output, Output::kFolder);
  EXPECT_EQ(r.output_path, "./log/many");
  EXPECT_EQ(settings_.notices.size(), 3u) << Notices();  // perfLevel, [log], [trace].
}

TEST_F(SettingsTest, ToleratesLegacySpellingsAndTypesAndSaysEachOnce) {
  std::string text =
      Text("multithr = \"8\"\nloop_cnt = 20.0\nsessMode = false\nperfOn = 1\nmystery = 3\n");
  text.replace(text.find("interval = 40\n"), 14, "");
  text.replace(text.find("name = \"text\""), 0, "sliceOn = false\n");
  ASSERT_TRUE(Parse(text).ok());
  EXPECT_EQ(settings_.plan.in_flight, 8u);
  EXPECT_EQ(settings_.plan.calls, 20u);
  EXPECT_EQ(settings_.plan.mode, Mode::kOnce);
  EXPECT_TRUE(settings_.report.perf);
  const std::string notices = Notices();
  for (const char* said : {"x.toml:4: [svcMode] multiThr: is read although it is written multithr",
                           "\"8\" is read as 8", "loopCnt: is read although", "20 is read as 20",
                           "sessMode: false is read as 0", "perfOn: 1 is read as true",
                           "x.toml:8: [svcMode] mystery: not used here, ignored"}) {
    EXPECT_EQ(Count(notices, said), 1u) << said << "\n" << notices;
  }
  // And sliceSize. No interval in once mode: nothing to say.
  EXPECT_EQ(settings_.notices.size(), 8u) << notices;
}

TEST_F(SettingsTest, SliceOnIsBooleanOrNumber) {
  for (const char* on : {"true", "1", "\"1\""}) {
    std::string text = Text("sessMode = 1\n");
    text.replace(text.find("name = \"text\""), 0, StrCat("sliceOn = ", on, "\n"));
    ASSERT_TRUE(Parse(text).ok()) << on;
    EXPECT_EQ(Notices(), "") << on;
    text.replace(text.find("sliceSize = 4\n"), 14, "");
    EXPECT_NE(Parse(text).text.find("sliceSize: expected bytes per packet above 0"),
              std::string::npos);
  }
}

// They were dropped without a word.
TEST_F(SettingsTest, WhatAModeDoesNotUseIsSaid) {
  std::string text = Text("sessMode = 1\nperfLevel = 1\n");
  text.replace(text.find("taddrs"), 0, "lb-mode = 2\nconn-retry = 3\nconn-pool-size = 4\n");
  ASSERT_TRUE(Parse(text).ok());
  EXPECT_EQ(Notices(),
            "x.toml:8: [svcMode] perfLevel: not used: perf.txt has the total, the first and the "
            "last result\n"
            "x.toml:2: [xtest] conn-pool-size, conn-retry, lb-mode: not used here, ignored\n");
  options_.target = "a:1";
  ASSERT_TRUE(Parse(Text("sessMode = 1\n")).ok());
  EXPECT_EQ(Notices(), "");
}

TEST_F(SettingsTest, LinesAreThoseOfOneFileOfOneStream) {
  Scratch folder;
  folder.Write("1", "one\ntwo");
  folder.Write("2", "three");
  std::string text = Text("sessMode = 2\nfile_sorted = 1\n");
  text.replace(text.find(input_), input_.size(), folder.path());
  text.replace(text.find("payload = \"in\""), 14, "payload = \"in;more\"");
  text += StrCat("[more]\nname = \"more\"\ntype = \"text\"\ninterval = 1\ninputSrc = \"", input_,
                 "\"\n");
  ASSERT_TRUE(Parse(text).ok());
  const std::string notices = Notices();
  EXPECT_EQ(settings_.notices.size(), 3u) << notices;
  for (const char* said :
       {"sliceSize: not used: sessMode = 2 sends a packet for each line",
        "only the first stream, \"text\", is sent", "of \"text\" only 1 of 2 files is sent"}) {
    EXPECT_EQ(Count(notices, said), 1u) << said << "\n" << notices;
  }
}

TEST_F(SettingsTest, ADurationIsKeptToTheMillisecond) {
  options_.duration_s = 0.5;
  ASSERT_TRUE(Parse(Text("sessMode = 1\n")).ok());
  EXPECT_EQ(settings_.plan.seconds, 0.5);
}

TEST_F(SettingsTest, AllMistakesAreToldAtOnceWithTheirLines) {
  std::string text =
      Text("timeout = 0\nmultiThr = \"many\"\nsessMode = 7\nrate = \"fast\"\nperfOn = \"maybe\"\n");
  text.replace(text.find(input_), input_.size(), scratch_ / "nowhere");
  text.replace(text.find("type = \"text\""), 13, "type = \"smell\"");
  const std::string errors = Parse(text).text;
  EXPECT_EQ(Count(errors, "\n"), 6u) << errors;
  for (const char* line :
       {"x.toml:4: [svcMode] timeout: expected a whole number from 1 to 86400000, got 0",
        "x.toml:5: [svcMode] multiThr: expected a whole number from 1 to 1000000, got \"many\"",
        "x.toml:6: [svcMode] sessMode: expected a whole number from 0 to 3, got 7",
        "x.toml:7: [svcMode] rate: expected calls per second",
        "x.toml:8: [svcMode] perfOn: expected true or false, got \"maybe\"",
        "[in] type: expected audio, text, image or video, got \"smell\"",
        "[in] inputSrc: cannot read"}) {
    EXPECT_EQ(Count(errors, line), 1u) << line << "\n" << errors;
  }
}

TEST_F(SettingsTest, WhatIsMissingIsNamed) {
  const std::string errors = Parse("").text;
  EXPECT_NE(errors.find("[xtest] taddrs: expected addresses"), std::string::npos) << errors;
  EXPECT_NE(errors.find("[data] payload: expected names of sections"), std::string::npos) << errors;
  EXPECT_NE(errors.find("[data] expect: expected names of sections"), std::string::npos) << errors;
  std::string text = Text("");
  text.replace(text.find("payload = \"in\""), 14, "payload = \"in;gone\"");
  EXPECT_NE(Parse(text).text.find("[data] payload: expected a section [gone], there is none"),
            std::string::npos);
}

TEST_F(SettingsTest, ASyntaxErrorIsToldAlone) {
  EXPECT_EQ(Parse("[svcMode\nx = 1").text.substr(0, 25), "x.toml:1: not valid TOML:");
}

TEST_F(SettingsTest, NaNAndHugeNumbersAreRefused) {
  for (const char* bad :
       {"timeout = nan", "loopCnt = inf", "multiThr = 1e300", "loopCnt = -1",
        "multiThr = 99999999999", "timeout = 1.5", "duration = nan", "warmup = \"-1s\""}) {
    EXPECT_FALSE(Parse(Text(StrCat(bad, "\n"))).ok()) << bad;
  }
}

TEST_F(SettingsTest, ARateMeansOpenLoopWithoutABoundOfTheFile) {
  ASSERT_TRUE(
      Parse(Text("multiThr = 50\nlinearMs = 5000\nrate = 200\narrival = \"poisson\"\n")).ok());
  EXPECT_EQ(settings_.plan.arrival, Arrival::kPoisson);
  EXPECT_EQ(settings_.plan.rates, std::vector<double>{200});
  EXPECT_EQ(settings_.plan.in_flight, 0u);
  EXPECT_EQ(settings_.plan.linear_ms, 0u);
  EXPECT_NE(Notices().find("multiThr: not used: with a rate"), std::string::npos);
  options_.concurrency = 9;
  ASSERT_TRUE(Parse(Text("rate = \"100:300:100\"\n")).ok());
  EXPECT_EQ(settings_.plan.in_flight, 9u);
  EXPECT_EQ(settings_.plan.rates.size(), 3u);
}

TEST_F(SettingsTest, FlagsWinOverTheFile) {
  options_.target = "10.0.0.1:80";
  options_.protocol = Protocol::kRaw;
  options_.threads = 4;
  options_.duration_s = 30;
  options_.warmup_s = 2;
  options_.no_results = true;
  options_.balance = "round_robin";
  ASSERT_TRUE(
      Parse(Text("protocol = \"json\"\nthreads = 2\nloopCnt = 5\nbalance = \"least\"\n")).ok());
  const Plan& p = settings_.plan;
  EXPECT_EQ(p.hosts, std::vector<std::string>{"10.0.0.1:80"});
  EXPECT_EQ(p.protocol, Protocol::kRaw);
  EXPECT_EQ(p.threads, 4u);
  EXPECT_EQ(p.seconds, 30u);
  EXPECT_EQ(p.calls, 0u);
  EXPECT_EQ(p.warmup_s, 2);
  EXPECT_FALSE(p.keep_results);
  EXPECT_TRUE(p.round_robin);
  EXPECT_NE(Notices().find("loopCnt: not used: -duration is given"), std::string::npos);
}

TEST_F(SettingsTest, ARunWithoutEndIsRefused) {
  EXPECT_NE(Parse(Text("loopCnt = 0\n")).text.find("expected an end of the run"),
            std::string::npos);
  EXPECT_TRUE(Parse(Text("loopCnt = 0\nduration = \"5s\"\n")).ok());
}

TEST_F(SettingsTest, SearchRunsEachRateForItsTime) {
  options_.action = Options::Action::kSearch;
  options_.search.seconds = 4;
  ASSERT_TRUE(Parse(Text("")).ok());
  EXPECT_EQ(settings_.plan.seconds, 4u);
  EXPECT_EQ(settings_.plan.calls, 0u);
  EXPECT_EQ(settings_.plan.arrival, Arrival::kConstant);
}

TEST_F(SettingsTest, InputCmdReadsStandardInputToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "typed\ntext", 10), 10);
  ::close(ends[1]);
  ASSERT_TRUE(
      ParseSettings("x.toml", Text("inputCmd = true\n"), options_, ends[0], &settings_).ok());
  ::close(ends[0]);
  ASSERT_EQ(settings_.plan.inputs.size(), 1u);
  EXPECT_EQ(settings_.plan.inputs[0].name, "text");
  EXPECT_EQ(*settings_.plan.inputs[0].data[0], "typed\ntext");
}

TEST_F(SettingsTest, InputCmdWithNothingTypedIsAMistake) {
  const int fd = ::open("/dev/null", O_RDONLY);
  const Status status =
      ParseSettings("x.toml", Text("inputCmd = true\n"), options_, fd, &settings_);
  ::close(fd);
  EXPECT_NE(status.text.find("expected text on standard input, got nothing"), std::string::npos);
}

TEST_F(SettingsTest, AMissingFileSaysHowToGiveOne) {
  options_.config = scratch_ / "none.toml";
  EXPECT_NE(LoadSettings(options_, &settings_).text.find("No such file"), std::string::npos);
  EXPECT_NE(LoadSettings(options_, &settings_).text.find("xtest -f FILE"), std::string::npos);
}

TEST(Inputs, KeysOrderByLengthThenLetters) {
  Scratch s;
  for (const char* name : {"10.txt", "2.txt", "1.txt", "b.txt"}) s.Write(name, name);
  InputOrder order;
  order.sorted = InputOrder::Sorted::kAscending;
  InputData data;
  ASSERT_TRUE(ReadInputs(s.path(), order, &data).ok());
  EXPECT_EQ(data.files, (std::vector<std::string>{"1.txt", "2.txt", "b.txt", "10.txt"}));
  EXPECT_EQ(*data.data[3], "10.txt");
  order.sorted = InputOrder::Sorted::kDescending;
  InputData down;
  ASSERT_TRUE(ReadInputs(s.path(), order, &down).ok());
  EXPECT_EQ(down.files.front(), "10.txt");
}

// The old tool read one of two files with the same key twice, and the other never.
TEST(Inputs, FilesThatShareAKeyAreAllRead) {
  Scratch s;
  for (const char* name : {"1.txt", "1.jpg", "1_x.txt", "1_y.txt"}) s.Write(name, name);
  InputOrder order;
  order.sorted = InputOrder::Sorted::kAscending;
  order.cut_at = "_";
  InputData data;
  ASSERT_TRUE(ReadInputs(s.path(), order, &data).ok());
  std::sort(data.files.begin(), data.files.end());
  EXPECT_EQ(data.files, (std::vector<std::string>{"1.jpg", "1.txt", "1_x.txt", "1_y.txt"}));
}

TEST(Inputs, TheSameSeedGivesTheSameOrder) {
  Scratch s;
  for (int i = 0; i < 30; ++i) s.Write(StrCat(i, ".txt"), "x");
  InputOrder order;
  order.seed = 7;
  InputData a, b, c;
  ASSERT_TRUE(ReadInputs(s.path(), order, &a).ok());
  ASSERT_TRUE(ReadInputs(s.path(), order, &b).ok());
  order.seed = 8;
  ASSERT_TRUE(ReadInputs(s.path(), order, &c).ok());
  EXPECT_EQ(a.files, b.files);
  EXPECT_NE(a.files, c.files);
  EXPECT_NE(a.notices.front().find("shuffled with -seed=7"), std::string::npos);
}

TEST(Inputs, SkipsAndNamesWhatHoldsNoData) {
  Scratch s;
  s.Write("a.txt", "a");
  s.Write("empty", "");
  s.Write("sub/inside.txt", "x");
  ASSERT_EQ(::mkfifo((s / "pipe").c_str(), 0600), 0);
  InputData data;
  ASSERT_TRUE(ReadInputs(s.path(), {}, &data).ok());
  EXPECT_EQ(data.files, std::vector<std::string>{"a.txt"});
  std::string all;
  for (const std::string& n : data.notices) all += n;
  for (const char* name : {"empty", "sub", "pipe"})
    EXPECT_NE(all.find(name), std::string::npos) << all;
}

TEST(Inputs, NothingToSendIsAnError) {
  Scratch s;
  s.Write("empty", "");
  InputData data;
  EXPECT_NE(ReadInputs(s.path(), {}, &data).text.find("with none"), std::string::npos);
  EXPECT_NE(ReadInputs(s / "empty", {}, &data).text.find("got the empty"), std::string::npos);
  EXPECT_NE(ReadInputs(s / "gone", {}, &data).text.find("No such file"), std::string::npos);
}

TEST(Inputs, AnUnreadableFolderIsNamed) {
  Scratch s;
  s.Write("a/b", "x");
  s.Write("c/d", "x");
  ::chmod((s / "a").c_str(), 0);
  ::chmod((s / "c/d").c_str(), 0);
  InputData data;
  {
    AsNobody nobody(s.path());
    EXPECT_EQ(ReadInputs(s / "a", {}, &data).text,
              StrCat("cannot read the folder ", s / "a", ": Permission denied"));
    EXPECT_EQ(ReadInputs(s / "c", {}, &data).text,
              StrCat("cannot open ", s / "c/d", ": Permission denied"));
  }
  ::chmod((s / "a").c_str(), 0700);
}

TEST(Inputs, ALinkToNothingIsAnError) {
  Scratch s;
  s.Write("a", "x");
  ASSERT_EQ(::symlink("gone", (s / "link").c_str()), 0);
  InputData data;
  EXPECT_NE(ReadInputs(s.path(), {}, &data).text.find("link: No such file"), std::string::npos);
}

}  // namespace
}  // namespace aiges
