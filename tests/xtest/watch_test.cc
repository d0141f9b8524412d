// SPDX-License-Identifier: Apache-2.0
// The search for a rate, and the watching of a server: resources and /metrics.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>

#include "loader/base/strings.h"
#include "xtest/fetch.h"
#include "xtest/prometheus_page.h"
#include "xtest/resources.h"
#include "xtest/search.h"
#include "xtest/server_metrics.h"

namespace aiges {
namespace {

std::vector<SloTerm> Slo() {
  std::vector<SloTerm> terms;
  EXPECT_TRUE(ParseSlo("p99=50ms,errors=0.1%", &terms).ok());
  return terms;
}

// A server that keeps the SLO up to `limit`.
Step Served(double rate, double limit) {
  Step step;
  step.rate = rate;
  step.seconds = 10;
  step.sent = step.done = static_cast<uint64_t>(rate * 10);
  step.latency.last.Add(rate <= limit ? 10'000'000 : 90'000'000, 1000);
  return step;
}

TEST(Search, FindsTheBorderToFivePercent) {
  for (double limit : {11.0, 64.0, 777.0, 4321.0, 99'999.0}) {
    const SearchResult r = Search({}, Slo(), [&](double rate) { return Served(rate, limit); });
    ASSERT_TRUE(r.found) << limit;
    EXPECT_LE(r.rate, limit);
    EXPECT_GE(r.rate, limit * 0.92) << limit;
    EXPECT_LT(r.tried.size(), 30u);
    EXPECT_EQ(r.tried.back().rate, r.rate);  // Checked once more.
    EXPECT_EQ(r.steps.size(), r.tried.size());
  }
}

TEST(Search, AFirstRateThatFailsIsTheAnswer) {
  const SearchResult r = Search({}, Slo(), [](double rate) { return Served(rate, 1); });
  EXPECT_FALSE(r.found);
  EXPECT_EQ(r.tried.size(), 1u);
  EXPECT_NE(r.text.find("Not even 10/s keeps the SLO (p99 90.0 ms"), std::string::npos) << r.text;
}

TEST(Search, AServerThatKeepsAllEndsAtTheHighestRate) {
  SearchLimits limits;
  limits.max = 300;
  const SearchResult r = Search(limits, Slo(), [](double rate) { return Served(rate, 1e9); });
  EXPECT_EQ(r.rate, 300);
  EXPECT_NE(r.text.find("raise -max"), std::string::npos) << r.text;
}

TEST(Search, ALuckyBorderIsTakenBackDown) {
  std::map<double, int> runs;
  const auto run = [&](double rate) {
    // At 640 and above the second look fails.
    return Served(rate, rate >= 600 && ++runs[rate] > 1 ? 1 : 700);
  };
  const SearchResult r = Search({}, Slo(), run);
  ASSERT_TRUE(r.found);
  EXPECT_LT(r.rate, 600);
  EXPECT_GT(r.rate, 450);
}

TEST(Search, ARateThatWasNotAnsweredIsNotKept) {
  const SearchResult r = Search({}, Slo(), [](double rate) {
    Step step = Served(rate, 1e9);
    step.done = std::min<uint64_t>(step.done, 5000);  // 500/s, and quick.
    return step;
  });
  ASSERT_TRUE(r.found);
  EXPECT_LE(r.rate, 527);
  EXPECT_NE(SearchText(r).find("answered 500/s only"), std::string::npos) << SearchText(r);
}

TEST(Search, AnInterruptKeepsWhatIsKnown) {
  int runs = 0;
  const SearchResult r = Search({}, Slo(), [&](double rate) -> std::optional<Step> {
    if (++runs > 3) return std::nullopt;
    return Served(rate, 1e9);
  });
  EXPECT_TRUE(r.interrupted);
  EXPECT_FALSE(r.found);
  EXPECT_EQ(r.rate, 40);
  EXPECT_NE(r.text.find("so far 40/s"), std::string::npos) << r.text;
}

constexpr const char* kPage = R"(# HELP aiges_requests_total Calls answered.
# TYPE aiges_requests_total counter
aiges_requests_total{code="0"} 100
aiges_requests_total{code="10110"} 5
aiges_latency_seconds_bucket{stage="queue",le="0.001"} 3
aiges_latency_seconds_sum{stage="queue"} 1
aiges_latency_seconds_count{stage="queue"} 100
aiges_latency_seconds_sum{stage="engine"} 2.5
aiges_latency_seconds_count{stage="engine"} 100
other{text="a\"b}"} 5
broken{ 7
aiges_sessions_total 4
aiges_session_failures_total{code="10101"} 1
aiges_session_failures_total{code="10102"} 1
aiges_ready 1
)";

TEST(ServerMetrics, AfterMinusBefore) {
  ServerSample before, after;
  ASSERT_TRUE(ParseServerMetrics(kPage, &before).ok());
  std::string later = kPage;
  later.replace(later.find("} 100\n"), 6, "} 300\n");
  later.replace(later.find("sessions_total 4"), 16, "sessions_total 9");
  later.replace(later.find("10102\"} 1"), 9, "10102\"} 3");
  later.replace(later.find("sum{stage=\"queue\"} 1"), 20, "sum{stage=\"queue\"} 3");
  later.replace(later.find("count{stage=\"queue\"} 100"), 24, "count{stage=\"queue\"} 300");
  ASSERT_TRUE(ParseServerMetrics(later, &after).ok());
  const ServerFigures f = Difference(before, after);
  EXPECT_TRUE(f.known);
  EXPECT_EQ(f.requests, 200);
  EXPECT_EQ(f.sessions, 5);
  EXPECT_EQ(f.failed, 2);
  EXPECT_NEAR(f.queue_ms, 10, 1e-9);
  EXPECT_EQ(f.engine_ms, 0);
}

TEST(ServerMetrics, ArePlacedByTheHostsUnlessGiven) {
  using List = std::vector<std::string>;
  EXPECT_EQ(MetricsUrls("", {"a:1", "b:2"}), (List{"http://a:1/metrics", "http://b:2/metrics"}));
  EXPECT_EQ(MetricsUrls("", {"a:1", ""}), List{});  // Of one host nobody knows: of none.
  EXPECT_EQ(MetricsUrls("", {}), List{});
  EXPECT_EQ(MetricsUrls("http://x/m,https://y/m", {"a:1"}), (List{"http://x/m", "https://y/m"}));
  EXPECT_EQ(MetricsUrls("off", {"a:1"}), List{});
}

TEST(ServerMetrics, AServerThatStartedAnewGivesNoFigures) {
  ServerSample before, after;
  ASSERT_TRUE(ParseServerMetrics(kPage, &before).ok());
  ASSERT_TRUE(ParseServerMetrics("aiges_requests_total{code=\"0\"} 3\n", &after).ok());
  const ServerFigures f = Difference(before, after);
  EXPECT_FALSE(f.known);
  EXPECT_NE(f.problem.find("started anew"), std::string::npos);
}

TEST(ServerMetrics, AnotherPageOrADeadServerIsAProblemNotAFailure) {
  ServerSample sample;
  EXPECT_FALSE(ParseServerMetrics("<html>", &sample).ok());
  EXPECT_FALSE(ParseServerMetrics("", &sample).ok());
  EXPECT_FALSE(ParseServerMetrics("aiges_requests_total{code=\"0\"} NaN\n", &sample).ok());
  ServerWatch watch({"http://127.0.0.1:1/metrics"});
  watch.Before();
  const ServerFigures f = watch.After();
  EXPECT_FALSE(f.known);
  EXPECT_NE(f.problem.find("cannot read http://127.0.0.1:1/metrics"), std::string::npos)
      << f.problem;
  ServerWatch none({});
  none.Before();
  EXPECT_EQ(none.After().problem, "");
}

// A child with a grandchild; both wait for a signal.
class Family {
 public:
  Family() {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const pid_t grandchild = ::fork();
      if (grandchild == 0) {
        for (;;) ::pause();
      }
      [[maybe_unused]] const ssize_t n = ::write(ready[1], &grandchild, sizeof grandchild);
      for (;;) ::pause();
    }
    EXPECT_EQ(::read(ready[0], &grandchild_, sizeof grandchild_),
              static_cast<ssize_t>(sizeof grandchild_));
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Family() {
    ::kill(grandchild_, SIGKILL);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  pid_t child_ = 0, grandchild_ = 0;
};

TEST(Resources, TheTreeHasGrandchildren) {
  Family family;
  EXPECT_EQ(ProcessTree(family.child_), (std::set<pid_t>{family.child_, family.grandchild_}));
  EXPECT_TRUE(ProcessTree(0).empty());
  EXPECT_TRUE(ProcessTree(1 << 29).empty());
}

TEST(Resources, ReadsItsOwnFigures) {
  ProcessFigures f;
  ASSERT_TRUE(ReadProcess(::getpid(), &f));
  EXPECT_GT(f.rss_bytes, 1u << 20);
  EXPECT_GT(f.start, 0u);
  EXPECT_FALSE(ReadProcess(1 << 29, &f));
}

TEST(Resources, FindsWhoListens) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  EXPECT_EQ(FindListener(ntohs(address.sin_port)), ::getpid());
  ::close(fd);
  EXPECT_EQ(FindListener(ntohs(address.sin_port)), 0);
}

TEST(Resources, KnowsLocalAddresses) {
  for (const char* local : {"127.0.0.1:1", "localhost:80", "[::1]:5"})
    EXPECT_TRUE(IsLocal(local)) << local;
  for (const char* other : {"192.0.2.1:1", "example.org:80"}) EXPECT_FALSE(IsLocal(other)) << other;
}

TEST(Resources, SamplesABusyProcess) {
  std::unique_ptr<GpuMeter> gpu;
  ResourceSampler sampler([] { return ::getpid(); }, std::move(gpu));
  const TimePoint start = std::chrono::steady_clock::now();
  sampler.Start(start);
  volatile uint64_t work = 0;
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(900)) work = work + 1;
  sampler.Stop();
  const auto samples = sampler.Take();
  ASSERT_GE(samples.size(), 2u);
  EXPECT_EQ(sampler.problem(), "");
  double most = 0;
  for (const ResourceSample& s : samples) most = std::max(most, s.cpu_percent);
  EXPECT_GT(most, 20);
  EXPECT_LT(most, 250);
  EXPECT_GT(samples.back().rss_mb, 1);
  EXPECT_GT(samples.back().memory_percent, 0);
  EXPECT_GT(samples.back().at_s, samples.front().at_s);
}

TEST(Resources, WithoutAProcessThereIsAReason) {
  ResourceSampler sampler([] { return pid_t{0}; }, nullptr);
  sampler.Start(std::chrono::steady_clock::now());
  sampler.Stop();
  EXPECT_NE(sampler.problem().find("-pid"), std::string::npos);
  EXPECT_TRUE(sampler.Take().empty());
}

TEST(PrometheusPage, GivesTheGaugesOfTheOldTool) {
  PrometheusPage page;
  Live live;
  live.in_flight = 7;
  live.p99_ns = std::nan("");
  ResourceSample server;
  server.cpu_percent = 150;
  ASSERT_TRUE(page.Start(0, [&] { return PrometheusText(live, server); }).ok());
  for (int i = 0; i < 3; ++i) {
    std::string body;
    const Status status = Fetch(StrCat("http://127.0.0.1:", page.port(), "/metrics"), 3000, &body);
    ASSERT_TRUE(status.ok()) << status.text;
    EXPECT_NE(body.find("\nXtest_Concurrency_Go_Routine 7\n"), std::string::npos) << body;
    EXPECT_NE(body.find("\nXtest_CPU_Percent 150\n"), std::string::npos) << body;
    EXPECT_NE(body.find("\nXtest_MEM_Percent 0\n"), std::string::npos) << body;
    EXPECT_EQ(body.find("nan"), std::string::npos) << body;
  }
}

TEST(PrometheusPage, APortInUseIsNamed) {
  PrometheusPage first, second;
  const auto text = [] { return std::string(); };
  ASSERT_TRUE(first.Start(0, text).ok());
  EXPECT_NE(second.Start(first.port(), text).text.find(StrCat("prometheus_port ", first.port())),
            std::string::npos);
}

TEST(Resources, NvmlIsOptional) {
  const std::unique_ptr<GpuMeter> gpu = OpenNvml();
  if (gpu == nullptr) GTEST_SKIP() << "no GPU here";
  EXPECT_GE(gpu->UsedMb({::getpid()}), 0);
}

}  // namespace
}  // namespace aiges
