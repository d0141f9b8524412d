// SPDX-License-Identifier: Apache-2.0
#include "xtest/options.h"

#include <gtest/gtest.h>

#include "xtest/targets.h"

namespace aiges {
namespace {

Status Parse(std::vector<const char*> args, Options* out) {
  args.insert(args.begin(), "xtest");
  return ParseOptions(static_cast<int>(args.size()), args.data(), out);
}

std::string ErrorOf(const std::vector<const char*>& args) {
  Options options;
  return Parse(args, &options).text;
}

TEST(Quantity, ReadsTimesWithUnits) {
  double s = 0;
  EXPECT_TRUE(ParseDuration("50ms", 1, &s).ok());
  EXPECT_DOUBLE_EQ(s, 0.05);
  EXPECT_TRUE(ParseDuration("2m", 1, &s).ok());
  EXPECT_DOUBLE_EQ(s, 120);
  EXPECT_TRUE(ParseDuration("80us", 1, &s).ok());
  EXPECT_DOUBLE_EQ(s, 80e-6);
  EXPECT_TRUE(ParseDuration("1.5", 60, &s).ok());
  EXPECT_DOUBLE_EQ(s, 90);
  for (const char* bad :
       {"", "s", "ms", "-1s", "nan", "nans", "inf", "1e999", "5 s", "0x10", "1ss"}) {
    EXPECT_FALSE(ParseDuration(bad, 1, &s).ok()) << bad;
  }
}

TEST(Quantity, ReadsShares) {
  double share = 0;
  EXPECT_TRUE(ParseShare("0.1%", &share).ok());
  EXPECT_DOUBLE_EQ(share, 0.001);
  EXPECT_TRUE(ParseShare("0.25", &share).ok());
  EXPECT_DOUBLE_EQ(share, 0.25);
  EXPECT_FALSE(ParseShare("2", &share).ok());
  EXPECT_FALSE(ParseShare("%", &share).ok());
  EXPECT_FALSE(ParseShare("-1%", &share).ok());
}

TEST(Quantity, SweepRunsBothEnds) {
  Rate rate;
  ASSERT_TRUE(ParseRate("100:500:100", &rate).ok());
  EXPECT_EQ(rate.steps, (std::vector<double>{100, 200, 300, 400, 500}));
  EXPECT_EQ(rate.arrival, Arrival::kConstant);
  ASSERT_TRUE(ParseRate("poisson:100:250:100", &rate).ok());
  EXPECT_EQ(rate.steps, (std::vector<double>{100, 200, 250}));
  EXPECT_EQ(rate.arrival, Arrival::kPoisson);
  ASSERT_TRUE(ParseRate("5000", &rate).ok());
  EXPECT_EQ(rate.steps, std::vector<double>{5000});
}

TEST(Options, AnAddressIsEnough) {
  Options o;
  ASSERT_TRUE(Parse({"http://127.0.0.1:1888/healthz?a=b"}, &o).ok());
  EXPECT_EQ(o.target, "127.0.0.1:1888");
  EXPECT_EQ(o.protocol, Protocol::kHttp);
  EXPECT_EQ(o.path, "/healthz?a=b");
  EXPECT_EQ(o.config, "");
  EXPECT_EQ(o.count, 0u);
  EXPECT_EQ(o.duration_s, 10);
  EXPECT_EQ(o.concurrency, 10u);

  Options counted;
  ASSERT_TRUE(Parse({"-count=5", "https://[::1]/", "-f=a.toml", "-path=/x"}, &counted).ok());
  EXPECT_EQ(counted.target, "[::1]:443");
  EXPECT_EQ(counted.path, "/x");
  EXPECT_EQ(counted.ca, "system");
  EXPECT_EQ(counted.config, "a.toml");
  EXPECT_FALSE(counted.duration_s);

  Options grpc;
  ASSERT_TRUE(Parse({"search", "-p99=5ms", "grpc://host:5090/a.B/C"}, &grpc).ok());
  EXPECT_EQ(grpc.action, Options::Action::kSearch);
  EXPECT_EQ(grpc.protocol, Protocol::kGrpc);
  EXPECT_EQ(grpc.path, "/a.B/C");
  for (const char* bad : {"127.0.0.1:1888", "http://", "ftp://a/b", "sweep"}) {
    EXPECT_NE(ErrorOf({bad}).find("expected http://host:port/path"), std::string::npos) << bad;
  }
}

TEST(Quantity, RefusesRatesThatAreNone) {
  Rate rate;
  for (const char* bad : {"", "0", "-5", "nan", "inf", "100:50:10", "1:2", "1:2:3:4", "1:2:0",
                          "poisson:", "5k", "1:1000000:0.001", "a:b:c", ":::"}) {
    EXPECT_FALSE(ParseRate(bad, &rate).ok()) << bad;
  }
}

TEST(Quantity, ShowsTimesWithThreeDigits) {
  EXPECT_EQ(ShownNanos(812'000), "812 us");
  EXPECT_EQ(ShownNanos(12'440'000), "12.4 ms");
  EXPECT_EQ(ShownNanos(3'210'000'000), "3.21 s");
  EXPECT_EQ(ShownNanos(999'600'000), "1.00 s");
  EXPECT_EQ(ShownNanos(0), "0 ns");
  EXPECT_EQ(ShownCount(1234567), "1,234,567");
  EXPECT_EQ(ShownCount(999), "999");
  EXPECT_EQ(ShownNumber(2.500, 3), "2.5");
  EXPECT_EQ(ShownNumber(1000, 2), "1000");
}

TEST(Options, OneDashAndTwoDashesAreTheSame) {
  Options a, b;
  ASSERT_TRUE(Parse({"-f", "x.toml", "-rate=5000", "-quiet"}, &a).ok());
  ASSERT_TRUE(Parse({"--f=x.toml", "--rate", "5000", "--quiet"}, &b).ok());
  for (const Options& o : {a, b}) {
    EXPECT_EQ(o.config, "x.toml");
    EXPECT_EQ(o.rate.value().steps, std::vector<double>{5000});
    EXPECT_TRUE(o.quiet);
  }
}

TEST(Options, WithoutFlagsTheFileDecides) {
  Options o;
  ASSERT_TRUE(Parse({}, &o).ok());
  EXPECT_EQ(o.action, Options::Action::kRun);
  EXPECT_EQ(o.config, "xtest.toml");
  EXPECT_FALSE(o.target || o.protocol || o.rate || o.count || o.duration_s || o.warmup_s);
}

TEST(Options, EveryFlagIsRead) {
  Options o;
  ASSERT_TRUE(Parse({"-target=a:1,b:2", "-balance=round_robin", "-protocol=sse", "-concurrency=7",
                     "-threads=2", "-connections=3", "-count=0", "-duration=1m", "-warmup=2s",
                     "-seed=9", "-out=o", "-json=j", "-html=h", "-slo=p99=50ms,errors=0.1%",
                     "-metrics=http://x/metrics", "-pid=12", "-no-results"},
                    &o)
                  .ok());
  EXPECT_EQ(*o.target, "a:1,b:2");
  EXPECT_EQ(*o.balance, "round_robin");
  EXPECT_EQ(*o.protocol, Protocol::kEvents);
  EXPECT_EQ(*o.concurrency, 7u);
  EXPECT_EQ(*o.threads, 2u);
  EXPECT_EQ(*o.connections, 3u);
  EXPECT_EQ(*o.count, 0u);
  EXPECT_EQ(*o.duration_s, 60);
  EXPECT_EQ(*o.warmup_s, 2);
  EXPECT_EQ(*o.seed, 9u);
  EXPECT_EQ(o.out + o.json + o.html, "ojh");
  EXPECT_EQ(o.slo.size(), 2u);
  EXPECT_EQ(o.metrics, "http://x/metrics");
  EXPECT_EQ(o.pid, 12);
  EXPECT_TRUE(o.no_results);
}

TEST(Options, HelpNamesEveryFlagAndBothCommands) {
  Options o;
  ASSERT_TRUE(Parse({"-h"}, &o).ok());
  EXPECT_EQ(o.action, Options::Action::kHelp);
  const std::string text = Usage();
  for (const char* word :
       {"-f ",          "-target",     "-protocol", "-rate",    "-concurrency", "-threads",
        "-connections", "-count",      "-duration", "-warmup",  "-out",         "-json",
        "-html",        "-slo",        "-quiet",    "-metrics", "-pid",         "-seed",
        "-balance",     "-no-results", "-p99",      "-errors",  "-min",         "-max",
        "-seconds",     "compare",     "search"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(text.find("--"), std::string::npos) << text;
  ASSERT_TRUE(Parse({"-v"}, &o).ok());
  EXPECT_EQ(o.action, Options::Action::kVersion);
}

TEST(Options, ErrorsNameTheFlagWhatWasExpectedAndWhatCame) {
  EXPECT_NE(ErrorOf({"-rate=fast"}).find("--rate: expected calls per second like 5000"),
            std::string::npos);
  EXPECT_NE(ErrorOf({"-rate=fast"}).find("got \"fast\""), std::string::npos);
  EXPECT_NE(
      ErrorOf({"-threads=0"}).find("--threads: expected a whole number from 1 to 1024, got \"0\""),
      std::string::npos);
  EXPECT_NE(ErrorOf({"-count=-1"}).find("--count"), std::string::npos);
  EXPECT_NE(ErrorOf({"-duration=soon"}).find("--duration: expected a time"), std::string::npos);
  EXPECT_NE(ErrorOf({"-duration=0s"}).find("above 0"), std::string::npos);
  EXPECT_NE(
      ErrorOf({"-protocol=thrift"}).find("expected xsf, stream, json, raw, ws, sse, http or grpc"),
      std::string::npos);
  EXPECT_NE(ErrorOf({"-balance=x"}).find("expected least or round_robin"), std::string::npos);
  EXPECT_NE(ErrorOf({"-slo=p99=50"}).find("expected a unit"), std::string::npos);
  EXPECT_NE(ErrorOf({"-nothing"}).find("xtest -h"), std::string::npos);
  EXPECT_NE(ErrorOf({"compare", "a.json"}).find("expected two files"), std::string::npos);
}

TEST(Options, SearchTakesLimits) {
  Options o;
  ASSERT_TRUE(
      Parse({"search", "-p99", "50ms", "-min=5", "-max=900", "-seconds=3", "-f=x.toml"}, &o).ok());
  EXPECT_EQ(o.action, Options::Action::kSearch);
  EXPECT_EQ(o.config, "x.toml");
  EXPECT_EQ(o.search.min, 5);
  EXPECT_EQ(o.search.max, 900);
  EXPECT_EQ(o.search.seconds, 3);
  ASSERT_EQ(o.slo.size(), 2u);
  EXPECT_DOUBLE_EQ(o.slo[0].limit, 50e6);
  EXPECT_EQ(o.slo[1].name, "errors");
  EXPECT_DOUBLE_EQ(o.slo[1].limit, 0.001);
  EXPECT_NE(ErrorOf({"search"}).find("expected a limit to keep"), std::string::npos);
  EXPECT_NE(ErrorOf({"search", "-p99=1ms", "-rate=5"}).find("--rate: search chooses"),
            std::string::npos);
  EXPECT_NE(ErrorOf({"search", "-p99=1ms", "-min=50", "-max=5"}).find("--min: expected at most"),
            std::string::npos);
  EXPECT_NE(ErrorOf({"search", "-p99=1ms", "-max=nan"}).find("--max"), std::string::npos);
}

TEST(Options, CompareTakesTwoFiles) {
  Options o;
  ASSERT_TRUE(Parse({"compare", "a.json", "b.json"}, &o).ok());
  EXPECT_EQ(o.action, Options::Action::kCompare);
  EXPECT_EQ(o.compare_a + " " + o.compare_b, "a.json b.json");
  EXPECT_FALSE(o.fail_on_worse);
  ASSERT_TRUE(Parse({"compare", "--fail-on-worse", "a.json", "b.json"}, &o).ok());
  EXPECT_TRUE(o.fail_on_worse);
}

TEST(Slo, ReadsNamesAndLimits) {
  std::vector<SloTerm> terms;
  ASSERT_TRUE(
      ParseSlo("p99.9=1s,first_p50=5ms,max=2m,mean=1ms,first_max=3s,errors=1%", &terms).ok());
  ASSERT_EQ(terms.size(), 6u);
  EXPECT_DOUBLE_EQ(terms[0].percent, 99.9);
  EXPECT_TRUE(terms[1].first);
  for (const char* bad :
       {"", "p99", "p99=", "p0=1ms", "p100=1ms", "pnan=1ms", "errors=2", "first_errors=1%",
        "speed=1ms", "=1ms", "p99=nanms", "p99=1ms,,p50=1ms"}) {
    EXPECT_FALSE(ParseSlo(bad, &terms).ok()) << bad;
  }
}

TEST(Slo, ChecksAgainstAStep) {
  Step step;
  for (int i = 1; i <= 100; ++i) step.latency.last.Add(static_cast<uint64_t>(i) * 1'000'000);
  step.done = 100;
  step.failed = 1;
  std::vector<SloTerm> terms;
  ASSERT_TRUE(ParseSlo("p50=51ms,p99=50ms,errors=1%,max=101ms", &terms).ok());
  const auto verdicts = CheckSlo(terms, step);
  EXPECT_TRUE(verdicts[0].met) << verdicts[0].text;
  EXPECT_FALSE(verdicts[1].met) << verdicts[1].text;
  EXPECT_NE(verdicts[1].text.find("limit 50.0 ms: MISSED"), std::string::npos) << verdicts[1].text;
  EXPECT_TRUE(verdicts[2].met) << verdicts[2].text;
  EXPECT_TRUE(verdicts[3].met) << verdicts[3].text;
  EXPECT_FALSE(AllMet(verdicts));
}

// p99=50ms was kept with half of the calls timed out, and with a limit beyond the timeout it still
// would be, if they counted with the timeout.
TEST(Slo, ACallWithoutAnswerIsOverEveryLimit) {
  Step step;
  step.codes[0].calls = 99;
  step.codes[0].latency.Add(10'000'000, 99);
  step.codes[-1].calls = 1;
  step.codes[-1].latency.Add(400'000'000);
  step.latency.last.Add(10'000'000, 99);
  step.latency.last.Add(400'000'000);
  step.latency.first = step.latency.last;
  step.latency.first_seen.Add(10'000'000, 99);
  step.done = 100;
  step.failed = 1;
  std::vector<SloTerm> terms;
  ASSERT_TRUE(
      ParseSlo("p99=50ms,first_p99=50ms,p99.9=10s,first_max=10s,max=10s,mean=10s", &terms).ok());
  const auto verdicts = CheckSlo(terms, step);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i].met, i < 2) << verdicts[i].text;
  }
  EXPECT_EQ(verdicts[2].text, "p99.9 no answer (to 1 of 100 calls), limit 10.0 s: MISSED");
  step.unanswered = 1;  // When the run ended.
  EXPECT_FALSE(CheckSlo(terms, step)[0].met);
}

TEST(Slo, WithoutAnAnswerNothingIsKept) {
  std::vector<SloTerm> terms;
  ASSERT_TRUE(ParseSlo("p99=50ms,errors=100%", &terms).ok());
  for (const SloVerdict& v : CheckSlo(terms, Step())) EXPECT_FALSE(v.met) << v.text;
  Step silent;
  silent.unanswered = 10;
  ASSERT_TRUE(ParseSlo("errors=50%", &terms).ok());
  EXPECT_FALSE(AllMet(CheckSlo(terms, silent)));
}

TEST(Targets, ReadsAllForms) {
  Targets t;
  ASSERT_TRUE(ParseTargets("a:1, b:2", "svc", &t).ok());
  EXPECT_EQ(t.hosts, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(t.weights.size(), 2u);
  ASSERT_TRUE(ParseTargets("svc@10.0.0.1:1;10.0.0.2:2,other@c:3", "svc", &t).ok());
  EXPECT_EQ(t.hosts, (std::vector<std::string>{"10.0.0.1:1", "10.0.0.2:2"}));
  ASSERT_TRUE(ParseTargets("[::1]:5090", "svc", &t).ok());
  EXPECT_EQ(t.hosts.front(), "[::1]:5090");
  ASSERT_TRUE(ParseTargets("consul://ai-svc?tag=v2&agent=consul:8500", "x", &t).ok());
  EXPECT_EQ(t.consul_service, "ai-svc");
  EXPECT_EQ(t.tag, "v2");
  EXPECT_EQ(t.consul_agent, "consul:8500");
  EXPECT_TRUE(t.registry());
}

TEST(Targets, WeightsStandBehindAStar) {
  Targets t;
  ASSERT_TRUE(ParseTargets("svc@a:1*3;b:2,c:3*9", "svc", &t).ok());
  EXPECT_EQ(t.hosts, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(t.weights, (std::vector<unsigned>{3, 1}));
  EXPECT_FALSE(t.registry());
  EXPECT_NE(
      ParseTargets("a:1*0", "", &t).text.find("\"a:1*0\" is no host:port or host:port*weight"),
      std::string::npos);
}

TEST(Targets, ConsulHasTheOptionsOfThePythonClient) {
  Targets t;
  ASSERT_TRUE(
      ParseTargets("consul://svc?dc=dc2&agent=https%3A%2F%2Fc:8501&ca=/a%20b.pem&cert=c&key=k", "",
                   &t)
          .ok());
  EXPECT_EQ(t.consul_dc + " " + t.consul_agent + " " + t.ca + " " + t.cert + t.key,
            "dc2 https://c:8501 /a b.pem ck");
}

constexpr const char* kPeers = R"([[peer]]
address = "a:1"
weight = 2
tags = ["v1", "blue"]
http_address = "a:80"
[[peer]]
address = "b:1"
service = "other"
[[peer]]
address = "c:1"
)";

TEST(Targets, AFileHasPeers) {
  Targets t;
  ASSERT_TRUE(ParseTargets("file:///etc/peers.toml?service=svc", "", &t).ok());
  EXPECT_EQ(t.file, "/etc/peers.toml");
  ASSERT_TRUE(ReadPeers("p", kPeers, &t).ok());
  EXPECT_EQ(t.hosts, (std::vector<std::string>{"a:1", "c:1"}));
  EXPECT_EQ(t.weights, (std::vector<unsigned>{2, 1}));
  Targets tagged;
  ASSERT_TRUE(ParseTargets("file:p?tag=blue", "", &tagged).ok());
  ASSERT_TRUE(ReadPeers("p", kPeers, &tagged).ok());
  EXPECT_EQ(tagged.hosts, std::vector<std::string>{"a:1"});
  EXPECT_EQ(ReadPeers("p", "[[peer]]\naddress = \"x\"", &t).text,
            "p: peer 1: expected host:port, got \"x\"");
  EXPECT_NE(ReadPeers("p", "[[peer", &t).text.find("not valid TOML"), std::string::npos);
  tagged.file = "/nowhere";
  EXPECT_EQ(ResolveTargets(&tagged).text, "cannot open /nowhere: No such file or directory");
}

TEST(Targets, HttpProtocolsTakeTheHttpAddresses) {
  Targets t;
  ASSERT_TRUE(ReadPeers("p", kPeers, &t).ok());
  ASSERT_TRUE(TakeHttpHosts(&t).ok());
  EXPECT_EQ(t.hosts, std::vector<std::string>{"a:80"});
  EXPECT_EQ(t.weights, std::vector<unsigned>{2});
  EXPECT_NE(t.notice.find("b:1, c:1: not used"), std::string::npos);
  Targets none;
  ASSERT_TRUE(ReadPeers("p", "[[peer]]\naddress = \"c:1\"", &none).ok());
  EXPECT_NE(TakeHttpHosts(&none).text.find("got none for c:1"), std::string::npos);
}

TEST(Targets, AnotherServiceNameIsCorrectedOnlyWhenThereIsNoDoubt) {
  Targets t;
  ASSERT_TRUE(ParseTargets("only@a:1", "svc", &t).ok());
  EXPECT_NE(t.notice.find("\"only\" and not \"svc\""), std::string::npos);
  EXPECT_NE(ParseTargets("x@a:1,y@b:2", "svc", &t).text.find("no service \"svc\""),
            std::string::npos);
}

TEST(Targets, RefusesWhatIsNoAddress) {
  Targets t;
  for (const char* bad : {"", ",;", "host", "host:", ":80", "host:0", "host:65536", "host:http",
                          "::1:5090", "http://a:1", "svc@", "consul://", "consul://a b",
                          "consul://x?color=red", "consul://x?agent=", "a:1,b"}) {
    EXPECT_FALSE(ParseTargets(bad, "svc", &t).ok()) << bad;
  }
}

TEST(Targets, ReadsTheAnswerOfConsul) {
  Targets t;
  ASSERT_TRUE(ReadConsulAnswer(R"([
    {"Node":{"Address":"10.0.0.9"},"Service":{"Address":"","Port":5090,"Weights":{"Passing":3}}},
    {"Node":{"Address":"x"},"Service":{"Address":"10.0.0.2","Port":81,"Meta":{"http_port":"80"}}},
    {"Node":{},"Service":{"ID":"old","Address":"10.0.0.2","Port":81}},
    {"Node":{},"Service":{"Port":1}}, {"Service":7}, 5])",
                               &t)
                  .ok());
  EXPECT_EQ(t.hosts, (std::vector<std::string>{"10.0.0.9:5090", "10.0.0.2:81"}));
  EXPECT_EQ(t.weights, (std::vector<unsigned>{3, 1}));
  EXPECT_EQ(t.http_hosts, (std::vector<std::string>{"", "10.0.0.2:80"}));
  EXPECT_FALSE(ReadConsulAnswer("not json", &t).ok());
  EXPECT_FALSE(ReadConsulAnswer("{}", &t).ok());
}

TEST(Targets, ADeadConsulIsNamed) {
  Targets t;
  ASSERT_TRUE(ParseTargets("consul://svc?agent=http://127.0.0.1:1", "x", &t).ok());
  EXPECT_NE(ResolveTargets(&t).text.find("cannot read http://127.0.0.1:1/v1/health/service/svc"),
            std::string::npos);
}

}  // namespace
}  // namespace aiges
