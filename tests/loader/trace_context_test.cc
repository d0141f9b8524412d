// SPDX-License-Identifier: Apache-2.0
#include "loader/base/trace_context.h"

#include <gtest/gtest.h>

#include "loader/api/origin.h"

namespace aiges {
namespace {

constexpr const char* kGood = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, IsReadAndWrittenAsTheStandardHasIt) {
  TraceContext trace;
  ASSERT_TRUE(ReadTraceParent(kGood, &trace));
  EXPECT_TRUE(trace.valid());
  EXPECT_TRUE(trace.sampled);
  EXPECT_EQ(TraceIdText(trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(SpanIdText(trace.parent), "00f067aa0ba902b7");
  EXPECT_EQ(TraceParent(trace, trace.parent), kGood);
}

TEST(TraceContext, WhatIsNoneIsRefused) {
  const char* const wrong[] = {
      "",
      "00",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
  };
  for (const char* text : wrong) {
    TraceContext trace;
    EXPECT_FALSE(ReadTraceParent(text, &trace)) << text;
    EXPECT_FALSE(trace.valid()) << text;
  }
}

TEST(TraceContext, LaterVersionsMayBeLonger) {
  TraceContext trace;
  ASSERT_TRUE(
      ReadTraceParent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02-more", &trace));
  EXPECT_FALSE(trace.sampled);
}

TEST(TraceContext, StatesAreVisibleAndShort) {
  EXPECT_TRUE(IsTraceState("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
  EXPECT_FALSE(IsTraceState(""));
  EXPECT_FALSE(IsTraceState("a=\x01"));
  EXPECT_TRUE(IsTraceState(std::string(512, 'a')));
  EXPECT_FALSE(IsTraceState(std::string(513, 'a')));
}

TEST(TraceContext, EnginesAreToldTheSpanOfTheirOwnWork) {
  EXPECT_EQ(TraceParentOf(nullptr), "");
  Origin origin;
  EXPECT_EQ(TraceParentOf(&origin), "");
  ASSERT_TRUE(ReadTraceParent(kGood, &origin.trace));
  origin.trace.sampled = false;  // Nobody is told of the call: it is passed on as it came.
  EXPECT_EQ(TraceParentOf(&origin), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  origin.trace.sampled = true;
  origin.trace.span = 0x10;
  EXPECT_EQ(TraceParentOf(&origin), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000013-01");
}

}  // namespace
}  // namespace aiges
