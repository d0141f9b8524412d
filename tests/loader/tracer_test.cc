// SPDX-License-Identifier: Apache-2.0
#include "loader/telemetry/tracer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace aiges {
namespace {

using std::chrono::milliseconds;

CallRecord Record() {
  CallRecord record;
  record.ended = TimePoint(milliseconds(1000));
  record.total = milliseconds(70);
  record.times = {milliseconds(10), milliseconds(20), milliseconds(30)};
  record.protocol = "raw";
  auto origin = std::make_shared<Origin>();
  origin->caller = "alice";
  origin->trace.trace_low = 7;
  origin->trace.span = 100;
  origin->trace.parent = 5;
  origin->trace.sampled = true;
  record.origin = origin;
  return record;
}

TEST(Tracer, ACallAndItsStagesLieWhereTheyWere) {
  const std::vector<Span> spans = SpansOf(Record(), TimePoint(milliseconds(1500)), 10'000'000'000);
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans[0].end_ns, 9'500'000'000);
  EXPECT_EQ(spans[0].begin_ns, 9'430'000'000);
  EXPECT_EQ(spans[0].parent, 5u);
  const char* const names[] = {"queue", "channel", "engine"};
  int64_t at = spans[0].begin_ns;
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(spans[i].name, names[i - 1]);
    EXPECT_EQ(spans[i].parent, 100u);
    EXPECT_EQ(spans[i].begin_ns, at);
    at = spans[i].end_ns;
  }
  EXPECT_EQ(at, 9'490'000'000) << "the rest of the time was the front's";
}

TEST(Tracer, AStageThatWasNotIsNoSpanAndASessionHasNone) {
  CallRecord record = Record();
  record.times = {};
  EXPECT_EQ(SpansOf(record, record.ended, 0).size(), 1u);
  record = Record();
  record.session = true;
  EXPECT_EQ(SpansOf(record, record.ended, 0).size(), 1u);
}

TEST(Tracer, TextOfOthersIsMadeUtf8) {
  Span span;
  span.name = "a\xff";
  span.attributes.emplace_back("url.path", std::string("/\xc3"));
  const SpanSource source{{{"service.name", "\xfe"}}, "aiges", "1"};
  const auto json = nlohmann::json::parse(OtlpJson(source, {span}));
  const auto& told = json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
  EXPECT_EQ(told["name"], "a\xef\xbf\xbd");
  EXPECT_EQ(told["attributes"][0]["value"]["stringValue"], "/\xef\xbf\xbd");
  const std::string body = OtlpProtobuf(source, {span});
  EXPECT_EQ(body.find('\xff'), std::string::npos);
  EXPECT_NE(body.find("a\xef\xbf\xbd"), std::string::npos);
}

TEST(Tracer, WithoutACollectorTracesAreOnlyPassedOn) {
  OtlpSettings settings;
  settings.propagate = true;
  Tracer tracer(settings, {});
  EXPECT_FALSE(tracer.Begin("", "").valid());
  const TraceContext trace =
      tracer.Begin("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1");
  EXPECT_TRUE(trace.valid());
  EXPECT_EQ(trace.span, 0u);
  EXPECT_EQ(trace.state, "a=1");
  tracer.Add(Record());
  EXPECT_EQ(tracer.counts().sent, 0u);
}

TEST(Tracer, AShareIsByTheNumberOfTheTrace) {
  OtlpSettings settings;
  settings.endpoint = "http://127.0.0.1:9/v1/traces";
  settings.ratio = 0.5;
  settings.parent_based = false;
  Tracer tracer(settings, {});
  // The lower 63 bits against half of what they can be.
  EXPECT_NE(tracer.Begin("00-00000000000000013fffffffffffffff-00000000000000ab-00", "").span, 0u);
  EXPECT_NE(tracer.Begin("00-0000000000000001bfffffffffffffff-00000000000000ab-00", "").span, 0u);
  EXPECT_EQ(tracer.Begin("00-00000000000000014000000000000000-00000000000000ab-01", "").span, 0u);
}

}  // namespace
}  // namespace aiges
