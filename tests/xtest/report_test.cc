// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <limits>
#include <random>

#include "loader/base/strings.h"
#include "tests/xtest/scratch.h"
#include "xtest/compare.h"
#include "xtest/figures.h"
#include "xtest/plot_png.h"
#include "xtest/progress.h"
#include "xtest/report_charts.h"
#include "xtest/report_html.h"
#include "xtest/report_json.h"
#include "xtest/report_text.h"

namespace aiges {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// `scale` on lognormal latencies around 10 ms.
Step SomeStep(double scale, uint64_t seed, int seconds = 20, double rate = 200) {
  Step step;
  step.rate = rate;
  step.seconds = seconds;
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> latency(std::log(10e6), 0.4);
  for (int s = 0; s < seconds; ++s) {
    Second& second = step.timeline.emplace_back();
    for (int i = 0; i < static_cast<int>(rate); ++i) {
      const auto ns = static_cast<uint64_t>(latency(random) * scale);
      step.latency.last.Add(ns);
      second.latency.Add(ns);
      ++second.sent, ++second.done;
      ++step.sent, ++step.done;
    }
  }
  step.codes[0].calls = step.done;
  step.codes[0].latency = step.latency.last;
  step.hosts["10.0.0.1:5090"].calls = step.done;
  return step;
}

RunResult SomeResult(double scale = 1, uint64_t seed = 1) {
  RunResult result;
  result.started = "2026-01-02T03:04:05+08:00";
  result.config = "xtest.toml";
  result.protocol = "xsf";
  result.mode = "once";
  result.arrival = "constant";
  result.steps.push_back(SomeStep(scale, seed));
  Step& step = result.steps[0];
  step.lag.Add(5000, 100);
  step.stages = {50, 1, 0.5, 6, 8};
  result.resources = {{0.2, 120, 300, 2, 0}, {0.4, 130, 301, 2, 512}};
  result.notes = {"a key was ignored"};
  return result;
}

void ExpectSame(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  for (double p : {0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0})
    EXPECT_EQ(a.Percentile(p), b.Percentile(p));
  EXPECT_NEAR(a.mean(), b.mean(), a.mean() * 1e-3);
}

TEST(ReportJson, ReadsBackWhatItWrote) {
  RunResult result = SomeResult();
  Step& step = result.steps[0];
  step.latency.first.Add(7);
  step.latency.first.Add(UINT64_MAX / 4);
  step.failed = 3;
  step.unanswered = 2;
  step.codes[-1] = {3, "gone", "sid", {}};
  step.client_cpu = 0.5;
  result.server = {true, "", 4000, 7, 3, 1, 2, 3, 4};
  result.interrupted = true;
  RunResult back;
  const Status status = FromJson("x.json", ToJson(result), &back);
  ASSERT_TRUE(status.ok()) << status.text;
  EXPECT_EQ(back.started, result.started);
  EXPECT_EQ(back.notes, result.notes);
  EXPECT_TRUE(back.interrupted);
  ASSERT_EQ(back.steps.size(), 1u);
  const Step& b = back.steps[0];
  ExpectSame(step.latency.last, b.latency.last);
  ExpectSame(step.latency.first, b.latency.first);
  ExpectSame(step.lag, b.lag);
  ASSERT_EQ(b.timeline.size(), step.timeline.size());
  ExpectSame(step.timeline[3].latency, b.timeline[3].latency);
  EXPECT_EQ(b.codes.at(-1).text, "gone");
  EXPECT_EQ(b.hosts.at("10.0.0.1:5090").calls, step.done);
  EXPECT_EQ(b.failed, 3u);
  EXPECT_EQ(b.unanswered, 2u);
  EXPECT_DOUBLE_EQ(b.stages.engine_ms, 6);
  EXPECT_DOUBLE_EQ(back.resources[1].gpu_mb, 512);
  EXPECT_DOUBLE_EQ(back.server.total_ms, 4);
  EXPECT_EQ(ToJson(back).size() > 0, true);
}

TEST(ReportJson, NaNAndForeignBytesAreWrittenAsSomethingThatReadsBack) {
  RunResult result = SomeResult();
  result.steps[0].client_cpu = kNaN;
  result.steps[0].seconds = 0;
  result.resources[0].cpu_percent = std::numeric_limits<double>::infinity();
  result.notes.push_back("\xff\xfe");
  RunResult back;
  const Status status = FromJson("x", ToJson(result), &back);
  ASSERT_TRUE(status.ok()) << status.text;
  EXPECT_EQ(back.steps[0].client_cpu, 0);
}

TEST(ReportJson, RefusesWhatItDidNotWrite) {
  RunResult out;
  const auto error = [&](const std::string& text) { return FromJson("x.json", text, &out).text; };
  EXPECT_EQ(error("nonsense"), "x.json: expected JSON that xtest --json wrote, got something else");
  EXPECT_NE(error("{}").find("no key xtest_result"), std::string::npos);
  EXPECT_NE(error("[1]").find("no key xtest_result"), std::string::npos);
  EXPECT_NE(error(R"({"xtest_result":2})").find("expected version 1 of xtest_result, got 2"),
            std::string::npos);
  EXPECT_NE(error(R"({"xtest_result":"1"})").find("got \"1\""), std::string::npos);
  EXPECT_EQ(error(R"({"xtest_result":1,"steps":[{"done":-1}]})"),
            "x.json: result.steps[0].done: expected a whole number");
  EXPECT_EQ(error(R"({"xtest_result":1,"steps":{}})"), "x.json: result.steps: expected a list");
  EXPECT_EQ(error(R"({"xtest_result":1,"steps":[7]})"),
            "x.json: result.steps[0]: expected an object");
  EXPECT_NE(error(R"({"xtest_result":1,"steps":[{"codes":{"x":{}}}]})").find("expected a code"),
            std::string::npos);
  EXPECT_NE(error(R"({"xtest_result":1,"steps":[{"latency":{"count":5,"buckets":[1,2]}}]})")
                .find("5 values in all"),
            std::string::npos);
  EXPECT_NE(error(R"({"xtest_result":1,"steps":[{"latency":{"count":3,"buckets":[9,2,3,1]}}]})")
                .find("rising"),
            std::string::npos);
  EXPECT_NE(error(R"({"xtest_result":1,"steps":[{"latency":{"count":1,"buckets":[9,null]}}]})")
                .find("whole number"),
            std::string::npos);
  EXPECT_NE(ReadJsonFile("/nowhere.json", &out).text.find("No such file"), std::string::npos);
}

TEST(Figures, PartsOfTheTimeAddUpToTheMean) {
  const RunResult result = SomeResult();
  const Step& step = result.steps[0];
  const std::vector<Part> parts = WhereTimeWent(step);
  double sum = 0;
  for (const Part& p : parts) sum += p.ms;
  EXPECT_NEAR(sum, step.latency.last.mean() / 1e6, 0.01);
  EXPECT_EQ(parts.front().name, "client lag");
}

TEST(Figures, ABusyClientIsNamed) {
  Step step = SomeStep(1, 1);
  EXPECT_EQ(ClientLimit(step), "");
  step.client_cpu = 0.97;
  step.lag.Add(80'000'000, 10);
  step.sent = step.done / 2;
  const std::string why = ClientLimit(step);
  EXPECT_NE(why.find("97 % of a core"), std::string::npos) << why;
  EXPECT_NE(why.find("late (p99)"), std::string::npos) << why;
  EXPECT_NE(why.find("it sent 100/s of 200/s"), std::string::npos) << why;
}

// "The client itself was the limit" of one that had 5 % to do, as it was sent late by other
// programs.
TEST(Figures, AnIdleClientIsNotTheLimit) {
  Step step = SomeStep(1, 1);
  step.client_cpu = 0.05;
  step.lag.Add(4'000'000, 10);
  EXPECT_EQ(ClientLimit(step), "");
  const std::string note = ClientNote(step);
  EXPECT_NE(note.find("4.00 ms late (p99)"), std::string::npos) << note;
  EXPECT_NE(note.find("other programs had the CPUs"), std::string::npos) << note;
  step.client_cpu = 0.95;
  EXPECT_NE(ClientNote(step).find("the client itself was the limit"), std::string::npos);
}

TEST(ReportText, SaysAllThatMatters) {
  RunResult result = SomeResult();
  Step& step = result.steps[0];
  step.failed = 5;
  step.codes[10110] = {5, "no licence\x1b[31m left", "sid7", {}};
  step.hosts["10.0.0.2:5090"].calls = 1;
  step.latency.first.Add(1'000'000);
  step.unanswered = 2;
  step.client_cpu = 0.99;
  std::vector<SloTerm> slo;
  ASSERT_TRUE(ParseSlo("p99=1ms", &slo).ok());
  const std::string text = ReportText(result, slo);
  for (const char* part :
       {"200/s", "p99.9", "first result", "10110", "no licence [31m left", "sid7", "10.0.0.2:5090",
        "where the time went", "network and client", "server: engine", "server process: CPU mean",
        "GPU memory most 512 MB", "the client itself was the limit", "2 calls had no answer",
        "note: a key was ignored", "limit 1.00 ms: MISSED"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ReportText, ARunWithoutCallsIsStillAReport) {
  RunResult result;
  result.steps.emplace_back();
  result.steps[0].seconds = kNaN;
  const std::string text = ReportText(result, {});
  EXPECT_NE(text.find("closed"), std::string::npos);
  EXPECT_EQ(ReportText(RunResult(), {}).find("nan"), std::string::npos);
}

TEST(Progress, ShowsRateErrorsAndWhatIsLeft) {
  Live live;
  live.elapsed_s = 65;
  live.total_s = 120;
  live.rate = 1234.5;
  live.wanted = 1250;
  live.in_flight = 12;
  live.p50_ns = 1.2e6;
  live.p99_ns = 30e6;
  live.failed = 3;
  live.done = 50'000;
  live.total = 51'234;
  EXPECT_EQ(LiveText(live, 200),
            "1:05 (0:01 left)  1,234/s of 1250  in flight 12  p50 1.20 ms  p99 30.0 ms  errors 3  "
            "done 50,000 of 51,234");
  EXPECT_EQ(LiveText(live, 20).size(), 20u);
  EXPECT_EQ(LiveText(Live(), 80), "0:00  0/s  in flight 0  errors 0  done 0");
}

TEST(Progress, IsSilentInAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Progress progress(ends[1], false);
    EXPECT_FALSE(progress.shown());
    progress.Show(Live());
  }
  ::close(ends[1]);
  char byte;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

TEST(ReportHtml, StandsAlone) {
  RunResult result = SomeResult();
  result.steps.push_back(SomeStep(2, 3, 10, 400));
  const std::string html = ReportHtml(result, {});
  EXPECT_EQ(html.substr(0, 15), "<!doctype html>");
  // SVG's name is no address.
  const std::string page = Without(html, "\"http://www.w3.org/2000/svg\"");
  for (const char* foreign : {"http:", "https:", " src=", " href=", "@import", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
  EXPECT_EQ(Count(html, "<script"), 1u);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  for (const char* part :
       {"prefers-color-scheme: dark", "viewport", "Latency over time", "Calls per second over time",
        "Latency by rate", "CPU of the server", "<details>", "</html>"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(Count(html, "<figure"), Count(html, "</figure>"));
  EXPECT_EQ(html.substr(0, html.find("<script")).find("nan"), std::string::npos);
}

// For the eye: XTEST_SHOW=folder writes what the tests look at.
TEST(ReportHtml, Shown) {
  const char* folder = std::getenv("XTEST_SHOW");
  if (folder == nullptr) GTEST_SKIP() << "XTEST_SHOW is not set";
  RunResult result = SomeResult();
  result.steps.push_back(SomeStep(2, 3, 10, 400));
  std::vector<ResourceSample> samples;
  for (int i = 0; i < 150; ++i) {
    samples.push_back({i * 0.2, 100 + 50 * std::sin(i / 20.0), 300.0 + i, 2, 500.0 + i});
  }
  result.resources = samples;
  result.steps[0].codes[10110] = {5, "no licence left", "sid7", {}};
  std::ofstream(StrCat(folder, "/report.html")) << ReportHtml(result, {});
  std::ofstream(StrCat(folder, "/line.png")) << ResourcePng(samples);
  std::ofstream(StrCat(folder, "/report.txt")) << ReportText(result, {});
  std::ofstream(StrCat(folder, "/compare.txt"))
      << CompareText("a", SomeResult(1, 1), "b", SomeResult(1.3, 2));
}

TEST(ReportHtml, TextsOfTheServerStayText) {
  RunResult result = SomeResult();
  result.steps[0].codes[7] = {1, "<script>alert(1)</script>", "\"><b>", {}};
  result.steps[0].hosts["<i>:1"].calls = 1;
  result.notes = {"</p><script>"};
  const std::string html = ReportHtml(result, {});
  for (const char* bad : {"<script>", "<b>\n", "<i>", "\"><b>"})
    EXPECT_EQ(html.find(bad), std::string::npos) << bad;
}

TEST(ReportHtml, AnEmptyRunHasAPage) {
  EXPECT_NE(ReportHtml(RunResult(), {}).find("<figcaption>Latency over time"), std::string::npos);
}

TEST(Charts, BadValuesAreLeftOut) {
  Chart chart{"t", "x", Chart::Unit::kNanos, true, false, {}};
  chart.series.push_back(
      {"s",
       {{{0, kNaN}, {1, 0}, {2, -5}, {3, 1e6}, {4, std::numeric_limits<double>::infinity()}}}});
  const std::string figure = LineChart(chart);
  EXPECT_NE(figure.find("[[[3,1000000]]]"), std::string::npos) << figure;
}

TEST(Charts, LongSeriesAreThinnedButKeepTheirPeaks) {
  Chart chart{"t", "x", Chart::Unit::kPlain, false, false, {}};
  Stretch run;
  for (int i = 0; i < 100'000; ++i) run.emplace_back(i, i == 54'321 ? 1000 : 1);
  chart.series.push_back({"s", {std::move(run)}});
  const std::string figure = LineChart(chart);
  EXPECT_LT(figure.size(), 20'000u);
  EXPECT_NE(figure.find(",1000]"), std::string::npos);
}

TEST(Charts, TextsOfDataStayInTheirAttribute) {
  Chart chart{"\"><script>alert(1)</script>", "x", Chart::Unit::kPlain, false, false, {}};
  chart.series.push_back({"</figure>\xff", {{{1, 1}}}});
  const std::string figure = LineChart(chart);
  EXPECT_EQ(figure.find("<script"), std::string::npos);
  EXPECT_EQ(Count(figure, "</figure>"), 1u);
}

TEST(Charts, TicksAreRoundAndCoverTheRange) {
  EXPECT_EQ(Ticks(0, 100, 5), (std::vector<double>{0, 20, 40, 60, 80, 100}));
  EXPECT_EQ(Ticks(5, 5, 5).size(), 1u);
  EXPECT_EQ(Ticks(0, kNaN, 5).size(), 1u);
  for (double high : {1e-9, 0.3, 7.0, 1e12}) EXPECT_LE(Ticks(0, high, 5).size(), 11u);
}

TEST(Charts, HistogramOfNothingOfOneValueAndOfHugeSpread) {
  Histogram h;
  EXPECT_NE(HistogramChart("t", h).find("&quot;bars&quot;:[]"), std::string::npos);
  h.Add(5);
  EXPECT_NE(HistogramChart("t", h).find(",1]"), std::string::npos);
  h.Add(0);
  h.Add(UINT64_MAX);
  const std::string figure = HistogramChart("t", h);
  for (const char* bad : {"nan", "inf", "null", "-"}) {
    EXPECT_EQ(figure.substr(figure.find("bars")).find(bad), std::string::npos) << bad << figure;
  }
}

// A step of 3.4 s at 100/s: in its last second, of which 0.4 were of it, and while it only waited
// for answers, less was sent. Shown, that was a drop in each step of a sweep that never was.
TEST(ReportHtml, TheEndOfAStepIsNoDrop) {
  RunResult result = SomeResult();
  result.steps.clear();
  for (int i = 0; i < 2; ++i) {
    Step step = SomeStep(1, 1, 3, 100);
    step.seconds = 3.4;
    for (uint64_t sent : {40u, 0u}) step.timeline.emplace_back().sent = sent;
    result.steps.push_back(std::move(step));
  }
  const std::string html = ReportHtml(result, {});
  EXPECT_NE(html.find("[[[0,100],[1,100],[2,100]],[[5,100],[6,100],[7,100]]]"), std::string::npos)
      << "two stretches of whole seconds";
}

uint32_t Big(const std::string& png, size_t at) {
  uint32_t out = 0;
  for (size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(png[at + i]);
  return out;
}

TEST(PlotPng, IsAWholePngWithRightChecksums) {
  std::vector<ResourceSample> samples;
  for (int i = 0; i < 500; ++i)
    samples.push_back({i * 0.2, 100 + 50 * std::sin(i / 20.0), 300.0 + i, 2, i * 1.0});
  samples.push_back({100, kNaN, kNaN, 0, 0});
  const std::string png = ResourcePng(samples);
  ASSERT_EQ(png.substr(1, 3), "PNG");
  const uint32_t width = Big(png, 16), height = Big(png, 20);
  std::string packed, names;
  for (size_t at = 8; at + 12 <= png.size();) {
    const uint32_t size = Big(png, at);
    const std::string name = png.substr(at + 4, 4);
    names += name;
    const auto* bytes = reinterpret_cast<const Bytef*>(png.data() + at + 4);
    EXPECT_EQ(crc32(0, bytes, size + 4), Big(png, at + 8 + size)) << name;
    if (name == "IDAT") packed = png.substr(at + 8, size);
    at += 12 + size;
  }
  EXPECT_EQ(names, "IHDRIDATIEND");
  std::string dots((width * 3 + 1) * height, '\0');
  uLongf size = dots.size();
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(dots.data()), &size,
                       reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
            Z_OK);
  EXPECT_EQ(size, dots.size());
  EXPECT_FALSE(ResourcePng({}).empty());
}

TEST(Compare, SameRunsShowNoDifference) {
  const auto changes = CompareSteps(SomeStep(1, 1), SomeStep(1, 2));
  ASSERT_EQ(changes.size(), 6u);
  for (const Change& c : changes) {
    EXPECT_NEAR(c.ratio, 1, 0.2) << c.name;
    EXPECT_LE(c.low, c.high) << c.name;
  }
  EXPECT_LE(changes[1].low, 1.01);
  EXPECT_GE(changes[1].high, 0.99);
}

TEST(Compare, ASlowerServerIsFoundWithItsRatio) {
  const auto changes = CompareSteps(SomeStep(1, 1), SomeStep(1.3, 2));
  for (const Change& c : changes) {
    if (!c.is_time || c.name == "p99.9") continue;
    EXPECT_NEAR(c.ratio, 1.3, 0.1) << c.name;
    EXPECT_GT(c.low, 1) << c.name;
    EXPECT_LT(c.low, 1.31) << c.name;
    EXPECT_GT(c.high, 1.29) << c.name;
  }
  const std::string text = CompareText("a.json", SomeResult(1, 1), "b.json", SomeResult(1.3, 2));
  EXPECT_NE(text.find("WORSE"), std::string::npos) << text;
  EXPECT_NE(CompareText("a", SomeResult(1.3, 1), "b", SomeResult(1, 2)).find("better"),
            std::string::npos);
}

TEST(Compare, OneVerdictForScripts) {
  EXPECT_EQ(CompareRuns(SomeResult(1, 1), SomeResult(1.3, 2)), Verdict::kWorse);
  EXPECT_EQ(CompareRuns(SomeResult(1.3, 1), SomeResult(1, 2)), Verdict::kSame);  // Not worse.
  EXPECT_EQ(CompareRuns(RunResult(), SomeResult()), Verdict::kUnknown);
  RunResult brief = SomeResult();
  brief.steps[0] = SomeStep(1, 1, 2);
  EXPECT_EQ(CompareRuns(brief, brief), Verdict::kUnknown);
  RunResult failing = SomeResult(1, 2);
  failing.steps[0].failed = 40;  // 1 % of 4000 calls: quick refusals leave no trace in latency.
  EXPECT_EQ(CompareRuns(SomeResult(1, 1), failing), Verdict::kWorse);
  EXPECT_NE(CompareText("a", SomeResult(1, 1), "b", failing).find("after 1 %: WORSE"),
            std::string::npos);
  failing.steps[0].failed = 3;
  EXPECT_EQ(ErrorVerdict(SomeStep(1, 1), failing.steps[0]), Verdict::kSame);
}

TEST(Compare, ShortOrEmptyRunsClaimNothing) {
  const auto changes = CompareSteps(SomeStep(1, 1, 2), SomeStep(2, 2, 2));
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes[0].high, 0);
  EXPECT_TRUE(CompareSteps(Step(), SomeStep(1, 1)).empty());
  RunResult empty;
  EXPECT_NE(CompareText("a", empty, "b", SomeResult()).find("has measured nothing"),
            std::string::npos);
}

TEST(Compare, RatesWithoutAPartnerAreSaid) {
  RunResult a = SomeResult(), b = SomeResult();
  b.steps.push_back(SomeStep(1, 5, 10, 400));
  const std::string text = CompareText("a", a, "b", b);
  EXPECT_NE(text.find("1 rates before and 2 after; 1 compared"), std::string::npos) << text;
}

}  // namespace
}  // namespace aiges
