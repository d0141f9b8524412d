// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/wire.h"

#include <gtest/gtest.h>

#include <string>

namespace aiges {
namespace {

// A frame with every element that the layout knows.
std::string SampleFrame() {
  std::string out;
  WireWriter w(&out);
  w.Begin(FrameType::kExec, 42);
  w.Number(int64_t{-5});
  w.Text("tag");
  w.Text("");
  w.KeyValues({{"a", "1"}, {"", ""}, {"b", std::string("x\0y", 3)}});
  w.Number(uint32_t{2});  // A count with two numbers.
  w.Number(uint32_t{7});
  w.Number(uint32_t{8});
  w.InlineData("data");
  w.SharedData(65536, 70000);
  EXPECT_TRUE(w.End());
  return out;
}

struct Sample {
  int64_t number;
  std::string tag, empty;
  Pairs pairs;
  uint32_t sum = 0;
  std::string data;
  uint64_t offset, length;
};

Sample Read(WireReader* r) {
  Sample s;
  s.number = r->Number<int64_t>();
  s.tag = r->Text();
  s.empty = r->Text();
  s.pairs = r->KeyValues();
  for (uint32_t i = r->Count(4); i > 0; --i) s.sum += r->Number<uint32_t>();
  if (r->Number<DataPlace>() != DataPlace::kInline) r->Fail();
  s.data = r->Text();
  if (r->Number<DataPlace>() != DataPlace::kShared) r->Fail();
  s.offset = r->Number<uint64_t>();
  s.length = r->Number<uint64_t>();
  return s;
}

TEST(Wire, EveryElementComesBackAsWritten) {
  const std::string frame = SampleFrame();
  FrameHeader header;
  std::memcpy(&header, frame.data(), sizeof header);
  EXPECT_EQ(header.length, frame.size() - sizeof header);
  EXPECT_EQ(header.type, FrameType::kExec);
  EXPECT_EQ(header.id, 42u);

  WireReader r(std::string_view(frame).substr(sizeof header));
  const Sample s = Read(&r);
  EXPECT_TRUE(r.AtEnd());
  EXPECT_EQ(s.number, -5);
  EXPECT_EQ(s.tag, "tag");
  EXPECT_EQ(s.empty, "");
  const Pairs expected = {{"a", "1"}, {"", ""}, {"b", std::string("x\0y", 3)}};
  EXPECT_EQ(s.pairs, expected);
  EXPECT_EQ(s.sum, 15u);
  EXPECT_EQ(s.data, "data");
  EXPECT_EQ(s.offset, 65536u);
  EXPECT_EQ(s.length, 70000u);
}

TEST(Wire, TruncationAtEveryByteIsReported) {
  const std::string body = SampleFrame().substr(sizeof(FrameHeader));
  for (size_t length = 0; length < body.size(); ++length) {
    const std::string cut = body.substr(0, length);  // Its own block: a read beyond it is seen.
    WireReader r(cut);
    Read(&r);
    EXPECT_FALSE(r.ok()) << "cut at " << length;
    EXPECT_FALSE(r.AtEnd());
  }
}

TEST(Wire, BytesBehindTheBodyAreNotTheEnd) {
  const std::string body = SampleFrame().substr(sizeof(FrameHeader)) + "x";
  WireReader r(body);
  Read(&r);
  EXPECT_TRUE(r.ok());
  EXPECT_FALSE(r.AtEnd());
}

TEST(Wire, ChangedBytesNeverCrashTheReader) {
  const std::string body = SampleFrame().substr(sizeof(FrameHeader));
  for (size_t at = 0; at < body.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string changed = body;
      changed[at] = static_cast<char>(value);
      WireReader r(changed);
      Read(&r);
    }
  }
}

TEST(Wire, TextWithoutItsNulIsRefused) {
  const std::string body("\x01\x00\x00\x00xy", 6);
  WireReader r(body);
  EXPECT_EQ(r.Text(), "");
  EXPECT_FALSE(r.ok());
}

TEST(Wire, TextIsNulTerminatedBehindItsView) {
  const std::string body("\x02\x00\x00\x00xy\0", 7);
  WireReader r(body);
  EXPECT_STREQ(r.Text().data(), "xy");
}

TEST(Wire, CountBeyondWhatCanFollowIsRefusedBeforeAnyAllocation) {
  const std::string body(
      "\xff\xff\xff\xff"
      "abcdefghij",
      14);
  WireReader r(body);
  EXPECT_TRUE(r.KeyValues().empty());
  EXPECT_FALSE(r.ok());
}

TEST(Wire, AfterAFailureEverythingIsEmpty) {
  const std::string body(64, '\0');
  WireReader r(body);
  r.Fail();
  EXPECT_EQ(r.Number<uint64_t>(), 0u);
  EXPECT_EQ(r.Text(), "");
  EXPECT_EQ(r.Count(1), 0u);
  EXPECT_TRUE(r.KeyValues().empty());
  EXPECT_FALSE(r.ok());
}

}  // namespace
}  // namespace aiges
