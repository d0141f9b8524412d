// SPDX-License-Identifier: Apache-2.0
// A record on disk and the event that is made of it.
#include "loader/metering/usage_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace aiges {
namespace {

using std::chrono::microseconds;

constexpr int64_t kNow = 1'790'000'000'123'456;
const UsageSource kSource{"11111111-2222-4333-8444-555555555555", "svc", "host1"};

CallRecord Example() {
  auto origin = std::make_shared<Origin>();
  origin->caller = "alice";
  origin->trace.trace_high = 1;
  origin->trace.trace_low = 2;
  auto meters = std::make_shared<MeterCounts>();
  meters->Add("tokens", 40);
  meters->Add("tokens", 2);
  meters->Add("pictures", 1);
  CallRecord record;
  record.total = microseconds(5500);
  record.times.queue = microseconds(500);
  record.times.engine = microseconds(4000);
  record.bytes_in = 10;
  record.bytes_out = 20;
  record.outputs = 2;
  record.protocol = "raw";
  record.gpus = 2;
  record.replayed = true;
  record.id = ShortText<47>("mine");
  record.model = ShortText<47>("ocr");
  record.version = ShortText<23>("3");
  record.origin = origin;
  record.meters = meters;
  return record;
}

// The events of these bytes, as lines behind what was there.
std::string LinesOf(uint64_t number, std::string_view bytes, std::string lines = "") {
  const std::string before = lines;
  const bool made = UsageEvents(kSource).Append(number, bytes, &lines);
  EXPECT_EQ(made, lines != before);
  return lines;
}

nlohmann::json EventOf(const CallRecord& record) {
  const std::string lines = LinesOf(7, UsageBytes(record, kNow).view());
  EXPECT_EQ(lines.find('\n'), lines.size() - 1);
  return nlohmann::json::parse(lines);
}

TEST(UsageRecord, AnEventHasAllOfIt) {
  const nlohmann::json event = EventOf(Example());
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["type"], "org.aiges.usage.v1");
  EXPECT_EQ(event["id"], kSource.instance + "-7");
  EXPECT_EQ(event["source"], "urn:aiges:instance:" + kSource.instance);
  EXPECT_EQ(event["time"], "2026-09-21T14:13:20.123456Z");
  EXPECT_EQ(event["subject"], "alice");
  const nlohmann::json expected = {
      {"code", 0},
      {"total_ms", 5.5},
      {"queue_ms", 0.5},
      {"engine_ms", 4.0},
      {"gpu_ms", 8.0},
      {"bytes_in", 10},
      {"bytes_out", 20},
      {"outputs", 2},
      {"caller", "alice"},
      {"model", "ocr"},
      {"model_version", "3"},
      {"request_id", "mine"},
      {"protocol", "raw"},
      {"trace_id", "00000000000000010000000000000002"},
      {"session", false},
      {"replayed", true},
      {"refused", false},
      {"meters", {{"tokens", 42}, {"pictures", 1}}},
      {"service", "svc"},
      {"host", "host1"},
  };
  EXPECT_EQ(event["data"], expected);
}

TEST(UsageRecord, ASessionHasNoStagesAndNobodyIsNoSubject) {
  CallRecord record;
  record.session = true;
  record.code = 10109;
  const nlohmann::json event = EventOf(record);
  EXPECT_FALSE(event.contains("subject"));
  EXPECT_FALSE(event["data"].contains("engine_ms"));
  EXPECT_FALSE(event["data"].contains("trace_id"));
  EXPECT_EQ(event["data"]["code"], 10109);
  EXPECT_EQ(event["data"]["session"], true);
}

TEST(UsageRecord, TheLongestOneFits) {
  CallRecord record = Example();
  auto origin = std::make_shared<Origin>();
  origin->caller = std::string(1000, 'c');
  record.origin = origin;
  auto meters = std::make_shared<MeterCounts>();
  for (int i = 0; i < 100; ++i) meters->Add(std::to_string(i) + std::string(100, 'k'), UINT64_MAX);
  record.meters = meters;
  const nlohmann::json event = EventOf(record);
  EXPECT_EQ(event["data"]["meters"].size(), MeterCounts::kMostKeys);
  EXPECT_EQ(event["data"]["caller"].get<std::string>().size(), 200u);
  EXPECT_EQ(event["data"]["host"], "host1");
}

TEST(UsageRecord, WhatIsCutOrOfAnotherVersionIsNone) {
  const UsageBytes bytes(Example(), kNow);
  for (size_t n = 0; n < bytes.view().size(); ++n) {
    EXPECT_EQ(LinesOf(1, bytes.view().substr(0, n), "before\n"), "before\n") << n;
  }
  std::string other(bytes.view());
  other[0] = 99;
  EXPECT_EQ(LinesOf(1, other), "");
}

}  // namespace
}  // namespace aiges
