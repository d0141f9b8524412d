// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/status_page.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "loader/pages/history.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr const char* kFiles[] = {"/",
                                  "/ui/status.css",
                                  "/ui/chart.css",
                                  "/ui/status.js",
                                  "/ui/answer.js",
                                  "/ui/calls.js",
                                  "/ui/chart.js",
                                  "/ui/charts.js",
                                  "/ui/dom.js",
                                  "/ui/inputs.js",
                                  "/ui/tryit.js"};

class StatusPageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    data.service = "svc<1>";
    data.version = "1.2";
    data.queue = {3, 2, 4096, 100, {{0, 7}, {10110, 2}}, 4, 1, {{1, 5}}};
    data.instances.instances.resize(2);
    data.instances.instances[0].starts = 3;
    data.instances.instances[0].pid = 42;
    data.instances.instances[1].index = 1;
    data.instances.instances[1].state = InstanceState::kBackoff;
    data.registry.backend = "none";
    histograms.engine.Observe(std::chrono::microseconds(750));
    data.histograms = {std::shared_ptr<void>(), &histograms};
    data.history = &history;
    data.failures = &failures;
    data.calls = &calls;
  }

  HttpResponse Get(const std::string& target) {
    HttpRequest request;
    request.method = "GET";
    SplitTarget(target, &request);
    return StatusAnswer(request, [this] { return data; });
  }
  json Data(const std::string& target = "/status.json") {
    return json::parse(Get(target).body.at(0).view());
  }
  static std::map<std::string, std::string> Headers(const HttpResponse& r) {
    return {r.headers.begin(), r.headers.end()};
  }

  PageData data;
  StageHistograms histograms;
  History history;
  RecentFailures failures;
  RecentCalls calls;
};

TEST_F(StatusPageTest, FilesAreSmallTogetherAndRunNothingFromElsewhere) {
  size_t bytes = 0;
  for (const char* path : kFiles) {
    ASSERT_TRUE(IsStatusPath(path)) << path;
    const HttpResponse r = Get(path);
    EXPECT_EQ(r.status, 200);
    const std::string text(r.body.at(0).view());
    bytes += text.size();
    EXPECT_EQ(text.find("https://"), std::string::npos) << path;
    EXPECT_EQ(text.find("innerHTML"), std::string::npos) << path << " would make text to markup";
    EXPECT_EQ(text.find(" onclick="), std::string::npos) << path;
    auto headers = Headers(r);
    EXPECT_EQ(headers["X-Content-Type-Options"], "nosniff");
    EXPECT_NE(headers["Content-Security-Policy"].find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(headers["Content-Security-Policy"].find("unsafe"), std::string::npos);
    EXPECT_EQ(headers.count("Access-Control-Allow-Origin"), 0u);
  }
  EXPECT_LE(bytes, 100'000u);
  EXPECT_FALSE(IsStatusPath("/ui/nothing.js"));
  EXPECT_FALSE(IsStatusPath("/ui/../status.js"));
}

TEST_F(StatusPageTest, DataSayWhatTheRoomsReport) {
  const json d = Data();
  EXPECT_EQ(d["service"], "svc<1>");
  EXPECT_EQ(d["queue"]["in_flight"], 3);
  EXPECT_EQ(d["answers"], json::parse(R"([{"code":0,"count":7},{"code":10110,"count":2}])"));
  EXPECT_EQ(d["instances"][0]["restarts"], 2);
  EXPECT_EQ(d["instances"][0]["pid"], 42);
  EXPECT_EQ(d["instances"][1]["restarts"], 0) << "never started is not restarted";
  EXPECT_EQ(d["instances"][1]["pid"], nullptr);
  EXPECT_EQ(d["instances"][1]["state"], "backoff");
  EXPECT_EQ(d["stages"]["engine"]["count"], 1);
  EXPECT_EQ(d["stages"]["engine"]["mean_ms"], 0.75);
  EXPECT_EQ(d["stages"]["queue"]["p99_ms"], nullptr);
  EXPECT_EQ(d["registry"], nullptr);
  EXPECT_EQ(d["config"], nullptr);
  auto headers = Headers(Get("/status.json"));
  EXPECT_EQ(headers["Cache-Control"], "no-store");
  EXPECT_EQ(headers.count("Access-Control-Allow-Origin"), 0u) << "for this page only";
}

TEST_F(StatusPageTest, CursorsLeaveOutWhatIsKnown) {
  TimePoint now{};
  for (int i = 0; i < 4; ++i) {
    history.Add(now += History::kPeriod, i, data.queue, data.sessions, histograms.total);
  }
  failures.Add({FailureKind::kCall, 10909, 0, "sid", "text", "trace"});
  const json all = Data();
  EXPECT_EQ(all["history"]["samples"].size(), 3u);
  EXPECT_EQ(all["history"]["samples"][0].size(), all["history"]["columns"].size());
  EXPECT_EQ(all["history"]["next"], 4);
  EXPECT_EQ(all["failures"]["entries"][0]["detail"], "trace");
  const json rest = Data("/status.json?history=3&failures=1");
  EXPECT_EQ(rest["history"]["first"], 3);
  EXPECT_EQ(rest["history"]["samples"].size(), 1u);
  EXPECT_TRUE(rest["failures"]["entries"].empty());
  EXPECT_EQ(rest["failures"]["last"], 1);
}

TEST_F(StatusPageTest, CallsAreToldOnlyWhereTheyAreAskedFor) {
  CallRecord record;
  record.ended = std::chrono::steady_clock::now() - std::chrono::seconds(10);
  record.total = std::chrono::microseconds(1500);
  record.protocol = "raw";
  record.id = ShortText<47>("<b>\xff");
  record.instance = -1;
  calls.Add(record);
  EXPECT_FALSE(Data().contains("calls"));
  const json d = Data("/status.json?calls=0");
  ASSERT_EQ(d["calls"]["entries"].size(), 1u);
  const json entry = d["calls"]["entries"][0];
  ASSERT_EQ(entry.size(), d["calls"]["columns"].size());
  std::map<std::string, json> named;
  for (size_t i = 0; i < entry.size(); ++i) named[d["calls"]["columns"][i]] = entry[i];
  EXPECT_EQ(named["protocol"], "raw");
  EXPECT_EQ(named["total_ms"], 1.5);
  EXPECT_EQ(named["id"], "<b>\xef\xbf\xbd");
  EXPECT_EQ(named["instance"], nullptr);
  EXPECT_NEAR(named["unix_ms"].get<double>(), d["now_ms"].get<double>() - 10'000, 1000);
  EXPECT_TRUE(Data("/status.json?calls=1")["calls"]["entries"].empty());
}

TEST_F(StatusPageTest, CursorThatIsNoNumberIsToldSo) {
  for (const char* target :
       {"/status.json?history=x", "/status.json?history=-1",
        "/status.json?history=", "/status.json?failures=1e3", "/status.json?calls=all"}) {
    const HttpResponse r = Get(target);
    EXPECT_EQ(r.status, 400) << target;
    EXPECT_NE(std::string(r.body.at(0).view()).find("expected a number"), std::string::npos);
  }
}

TEST_F(StatusPageTest, HostileTextsStayWholeJson) {
  const std::string hostile("</script>\"\\\n\x01\xff\xfe<b>", 18);
  failures.Add({FailureKind::kWorker, 0, 0, hostile, hostile, hostile});
  data.instances.instances[0].plugin = hostile;
  data.instances.meters[hostile] = 1;
  const json d = Data();
  const std::string text = d["failures"]["entries"][0]["text"];
  EXPECT_EQ(text.rfind("</script>\"\\\n\x01", 0), 0u);
  EXPECT_NE(text.find("\xef\xbf\xbd"), std::string::npos) << "bytes that are no UTF-8 are replaced";
}

}  // namespace
}  // namespace aiges
