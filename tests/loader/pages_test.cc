// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/pages.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace aiges {
namespace {

class PagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    data.service = "svc<1>";
    data.version = "1.2";
    data.grpc_address = "127.0.0.1:5090";
    data.http_address = "127.0.0.1:1888";
    data.ready = true;
    data.queue = {3, 2, 4096, 100, {{0, 7}, {10110, 2}}, 4, 1, {{1, 5}, {8, 2}}, 1};
    data.sessions.open = 4;
    InstanceReport up;
    up.state = InstanceState::kReady;
    up.starts = 3;
    up.last_error = "exit status 3 & \"more\"";
    InstanceReport down;
    down.index = 1;
    down.state = InstanceState::kBackoff;
    data.instances.instances = {up, down};
    data.instances.meters = {{"tok\"ens\n\\", 5}};
    histograms.engine.Observe(std::chrono::microseconds(15));
    histograms.engine.Observe(std::chrono::milliseconds(15));
    histograms.engine.Observe(std::chrono::hours(1));
    data.histograms = {std::shared_ptr<void>(), &histograms};
  }

  // The samples of the page by name and labels; fails at a line that is not in the text format. A
  // value is what Go's ParseFloat takes, which reads "NaN" in any case: prometheus-cpp writes "Nan"
  // up to its version 1.0 and "NaN" after it.
  std::map<std::string, std::string> Samples() {
    static const std::regex comment(R"re(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) .+)re");
    static const std::regex sample(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)re"  // Name, then labels, then value.
        R"re((\{[a-zA-Z_]\w*="([^"\\]|\\["\\n])*")re"
        R"re((,[a-zA-Z_]\w*="([^"\\]|\\["\\n])*")*\})?) ([0-9.e+-]+|\+Inf|N[Aa][Nn]))re");
    std::map<std::string, std::string> out;
    std::set<std::string> typed;
    const std::string page = MetricsPage(data, MetricFormat::kPrometheus);
    EXPECT_EQ(page.back(), '\n');
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      std::smatch match;
      if (std::regex_match(line, match, comment)) {
        typed.insert(match[2]);
        continue;
      }
      if (!std::regex_match(line, match, sample)) {
        ADD_FAILURE() << "not a line of the text format: " << line;
        continue;
      }
      const std::string name = match[1];
      EXPECT_TRUE(out.emplace(name, match[6]).second) << "twice: " << name;
      const std::string family = std::regex_replace(name.substr(0, name.find('{')),
                                                    std::regex("_(bucket|sum|count)$"), "");
      EXPECT_EQ(typed.count(family), 1u) << "no TYPE before " << name;
    }
    return out;
  }

  PageData data;
  StageHistograms histograms;
};

TEST_F(PagesTest, MetricsPageParsesLineByLineAndSaysWhatWasReported) {
  auto samples = Samples();
  EXPECT_EQ(samples["aiges_requests_total{code=\"0\"}"], "7");
  EXPECT_EQ(samples["aiges_requests_total{code=\"10110\"}"], "2");
  EXPECT_EQ(samples["aiges_ready"], "1");
  EXPECT_EQ(samples["aiges_in_flight"], "3");
  EXPECT_EQ(samples["aiges_licences"], "100");
  EXPECT_EQ(samples["aiges_running"], "5") << "calls and sessions";
  EXPECT_EQ(samples["aiges_queue_depth"], "2");
  EXPECT_EQ(samples["aiges_queue_bytes"], "4096");
  EXPECT_EQ(samples["aiges_instances{state=\"ready\"}"], "1");
  EXPECT_EQ(samples["aiges_instances{state=\"backoff\"}"], "1");
  EXPECT_EQ(samples["aiges_instances{state=\"starting\"}"], "0");
  EXPECT_EQ(samples["aiges_instance_restarts_total"], "2");
  EXPECT_EQ(samples["aiges_meter_total{key=\"tok\\\"ens\\n\\\\\"}"], "5");
}

TEST_F(PagesTest, HistogramBucketsAreCumulativeAndEndWithTheCount) {
  auto samples = Samples();
  const std::string bucket = "aiges_latency_seconds_bucket{stage=\"engine\",le=\"";
  EXPECT_EQ(samples[bucket + "+Inf\"}"], "3");
  EXPECT_EQ(samples["aiges_latency_seconds_count{stage=\"engine\"}"], "3");
  double last = 0;
  int buckets = 0;
  std::map<double, double> by_bound;
  for (const auto& [name, value] : samples) {
    if (name.rfind(bucket, 0) != 0 || name.find("Inf") != std::string::npos) continue;
    by_bound[std::stod(name.substr(bucket.size()))] = std::stod(value);
    ++buckets;
  }
  EXPECT_EQ(buckets, 22);
  for (const auto& [bound, count] : by_bound) {
    EXPECT_GE(count, last) << bound;
    last = count;
  }
  EXPECT_EQ(by_bound.begin()->second, 0) << "15 us is above 10 us";
  EXPECT_EQ(by_bound[2e-5], 1);
  EXPECT_EQ(by_bound[1e-2], 1);
  EXPECT_EQ(by_bound[2e-2], 2);
}

TEST_F(PagesTest, LoaderWithoutCallsOrInstancesHasMetricsToo) {
  const StageHistograms none;
  PageData empty;
  empty.histograms = {std::shared_ptr<void>(), &none};
  EXPECT_NE(MetricsPage(empty, MetricFormat::kPrometheus).find("aiges_ready 0"), std::string::npos);
}

TEST(LatencyHistogram, BoundBelongsToItsBucketAndNegativeTimesCountAsZero) {
  LatencyHistogram h;
  h.Observe(std::chrono::microseconds(10));
  h.Observe(std::chrono::nanoseconds(-5));
  EXPECT_EQ(h.count(0), 2u);
  h.Observe(std::chrono::nanoseconds(10'001));
  EXPECT_EQ(h.count(1), 1u);
  EXPECT_NEAR(h.sum_seconds(), 20.001e-6, 1e-12);
}

TEST_F(PagesTest, MetricsOfEnginesAreSeriesOfTheirWorkers) {
  const auto told = [this](size_t worker, const char* text) {
    data.instances.instances[worker].metrics = std::make_shared<const std::string>(text);
  };
  told(0, R"([{"name": "seen_total", "help": "Seen.", "kind": "counter",
               "series": [{"labels": {"sort": "a\"b"}, "value": 3}, {"value": 1.5}]},
              {"name": "size", "kind": "histogram",
               "series": [{"buckets": [[0.5, 1], ["+Inf", 4]], "sum": 7.5}]}])");
  told(1, R"([{"name": "seen_total", "kind": "counter", "series": [{"value": 2}]},
              {"name": "free", "kind": "gauge", "series": [{"value": "NaN"}]}])");
  const auto samples = Samples();
  EXPECT_EQ(samples.at(R"re(seen_total{sort="a\"b",worker="0"})re"), "3");
  EXPECT_EQ(samples.at(R"re(seen_total{worker="0"})re"), "1.5");
  EXPECT_EQ(samples.at(R"re(seen_total{worker="1"})re"), "2");
  EXPECT_EQ(samples.at(R"re(size_bucket{worker="0",le="0.5"})re"), "1");
  EXPECT_EQ(samples.at(R"re(size_count{worker="0"})re"), "4");
  EXPECT_EQ(samples.at(R"re(size_sum{worker="0"})re"), "7.5");
  EXPECT_EQ(samples.at("aiges_engine_metrics_left_out"), "0");
}

TEST_F(PagesTest, MetricsThatAreNoneAreLeftOutAndCounted) {
  const char* const wrong[] = {
      "no json",
      "{}",
      "[1]",
      R"([{"name": "1a", "kind": "gauge", "series": []}])",
      R"([{"name": "aiges_ready", "kind": "gauge", "series": [{"value": 0}]}])",
      R"([{"name": "a", "kind": "summary", "series": []}])",
      R"([{"name": "a", "kind": "gauge"}])",
      R"([{"name": "a", "kind": "gauge", "series": [{"value": "high"}]}])",
      R"([{"name": "a", "kind": "gauge", "series": [{"labels": {"le": "1"}, "value": 1}]}])",
      R"([{"name": "a", "kind": "gauge", "series": [{"labels": {"x-y": "1"}, "value": 1}]}])",
      R"([{"name": "a", "kind": "histogram", "series": [{"buckets": [[1, 2]], "sum": 1}]}])",
      R"([{"name": "a", "kind": "gauge", "series": [{"value": 1}]},
          {"name": "a", "kind": "counter", "series": [{"value": 1}]}])",
  };
  for (const char* text : wrong) {
    data.instances.instances[0].metrics = std::make_shared<const std::string>(text);
    EXPECT_EQ(Samples().at("aiges_engine_metrics_left_out"), "1") << text;
  }
}

TEST_F(PagesTest, OpenMetricsKeepsTheNamesOfSamplesAndHasExemplars) {
  data.instances.instances[0].metrics = std::make_shared<const std::string>(
      R"([{"name": "seen", "kind": "counter", "series": [{"value": 3}]},
          {"name": "seen_total", "help": "A \"help\".", "kind": "counter", "series": [{"value": 4}]},
          {"name": "size", "kind": "histogram", "series": [{"buckets": [[2, 1], ["+Inf", 4]]}]}])");
  TraceContext trace;
  trace.trace_high = 0x4bf92f3577b34da6;
  trace.trace_low = 0xa3ce929d0e0e4736;
  histograms.examples.Observe(2, trace, std::chrono::microseconds(40));
  const std::string page = MetricsPage(data, MetricFormat::kOpenMetrics);
  const auto has = [&](const std::string& text) {
    EXPECT_NE(page.find(text), std::string::npos) << text << " is not in\n" << page;
  };
  has("# TYPE aiges_requests counter\naiges_requests_total{code=\"0\"} 7\n");
  has("# TYPE seen unknown\nseen{worker=\"0\"} 3\n");
  has("# HELP seen A \\\"help\\\".\n# TYPE seen counter\nseen_total{worker=\"0\"} 4\n");
  has("size_bucket{worker=\"0\",le=\"2.0\"} 1\n");
  has("aiges_latency_seconds_bucket{stage=\"total\",le=\"1.0\"}");
  has(" # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 4e-05 ");
  EXPECT_TRUE(page.ends_with("\n# EOF\n"));
  EXPECT_EQ(MetricsPage(data, MetricFormat::kPrometheus).find("trace_id"), std::string::npos);
}

}  // namespace
}  // namespace aiges
