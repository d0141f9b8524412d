// SPDX-License-Identifier: Apache-2.0
#include "xtest/slices.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace aiges {
namespace {

using Views = std::vector<std::string_view>;

InputStream Stream(const std::string& name, std::vector<std::string> data, size_t slice_bytes,
                   uint64_t interval_ms) {
  InputStream stream;
  stream.name = name;
  for (std::string& d : data) {
    stream.data.push_back(std::make_shared<const std::string>(std::move(d)));
  }
  stream.slice_bytes = slice_bytes;
  stream.interval_ms = interval_ms;
  return stream;
}

Plan Session(std::vector<InputStream> inputs, Mode mode = Mode::kSession) {
  Plan plan;
  plan.mode = mode;
  plan.inputs = std::move(inputs);
  return plan;
}

// "ms sync_id: stream/status/seq=data, ..", one line per packet.
std::vector<std::string> All(const Plan& plan, uint64_t index = 0) {
  const Slices slices(plan);
  PacketCursor cursor;
  cursor.Begin(&plan, &slices, index);
  std::vector<std::string> lines;
  while (!cursor.done()) {
    const uint64_t next = cursor.next_ms();
    Packet packet;
    cursor.Take(&packet);
    EXPECT_EQ(packet.at_ms, next);
    std::string line = std::to_string(packet.at_ms) + " " + std::to_string(packet.sync_id) + ":";
    for (const Packet::Part& p : packet.parts) {
      line += " " + plan.inputs[p.stream].name + "/" + std::to_string(p.status) + "/" +
              std::to_string(p.seq) + "=" + std::string(p.data);
    }
    lines.push_back(line);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(CutBytes, CoversAllDataInOrder) {
  EXPECT_EQ(CutBytes("abcdefg", 3), (Views{"abc", "def", "g"}));
  EXPECT_EQ(CutBytes("abcdef", 3), (Views{"abc", "def"}));
  EXPECT_EQ(CutBytes("abc", 3), Views{"abc"});
  EXPECT_EQ(CutBytes("abc", 0), Views{"abc"});
  EXPECT_EQ(CutBytes("", 3), Views{""});
}

TEST(CutLines, KnowsBothLineEndsAndALastLineWithoutOne) {
  EXPECT_EQ(CutLines("one\ntwo\r\n\nfour"), (Views{"one", "two", "", "four"}));
  EXPECT_EQ(CutLines("one\n"), Views{"one"});
  EXPECT_EQ(CutLines(""), Views{""});
}

TEST(CutAccessUnits, BeginsOneAtEachPicture) {
  const std::string sps("\0\0\0\1\x67sps", 8), pps("\0\0\1\x68pps", 7);
  const std::string idr("\0\0\1\x65\x88idr", 8);  // first_mb_in_slice = 0.
  const std::string next("\0\0\0\1\x41\x9Aone", 9);
  const std::string second_slice("\0\0\1\x41\x40two", 8);  // first_mb_in_slice > 0.
  const std::string delimiter("\0\0\1\x09\x10", 5);
  EXPECT_EQ(CutAccessUnits(sps + pps + idr + next + second_slice + delimiter + next),
            (Views{sps + pps + idr, next + second_slice, delimiter + next}));
}

TEST(CutAccessUnits, LeavesOtherDataWhole) {
  EXPECT_EQ(CutAccessUnits("no start code"), Views{"no start code"});
  EXPECT_EQ(CutAccessUnits(""), Views{""});
  const std::string cut("\0\0\1", 3);
  EXPECT_EQ(CutAccessUnits(cut), Views{cut});
}

TEST(PacketCursor, FirstIsZeroLastIsTwo) {
  EXPECT_EQ(All(Session({Stream("a", {"abcdefg"}, 2, 40)})),
            (Lines{"0 1: a/0/0=ab", "40 2: a/1/1=cd", "80 3: a/1/2=ef", "120 4: a/2/3=g"}));
}

TEST(PacketCursor, TheOnlyPacketEndsTheStream) {
  EXPECT_EQ(All(Session({Stream("a", {"abc"}, 10, 40)})), Lines{"0 1: a/2/0=abc"});
  EXPECT_EQ(All(Session({Stream("a", {"abc"}, 0, 40)})), Lines{"0 1: a/2/0=abc"});
}

TEST(PacketCursor, StreamsWithOneIntervalShareTheirPackets) {
  EXPECT_EQ(All(Session({Stream("a", {"abcd"}, 2, 40), Stream("b", {"wxyz12"}, 2, 40)})),
            (Lines{"0 1: a/0/0=ab b/0/0=wx", "40 2: a/2/1=cd b/1/1=yz", "80 3: b/2/2=12"}));
}

TEST(PacketCursor, StreamsWithOtherIntervalsGetNumbersOfTheirOwn) {
  EXPECT_EQ(
      All(Session({Stream("a", {"abcdef"}, 2, 40), Stream("b", {"wxyz"}, 2, 100)})),
      (Lines{"0 1: a/0/0=ab b/0/0=wx", "40 2: a/1/1=cd", "80 3: a/2/2=ef", "100 4: b/2/1=yz"}));
}

TEST(PacketCursor, WithoutIntervalsAllLeavesAtOnceInOrder) {
  EXPECT_EQ(All(Session({Stream("a", {"abc"}, 1, 0), Stream("b", {"xy"}, 1, 10)})),
            (Lines{"0 1: a/0/0=a b/0/0=x", "0 2: a/1/1=b", "0 3: a/2/2=c", "10 4: b/2/1=y"}));
}

TEST(PacketCursor, IndexChoosesTheFile) {
  const Plan plan =
      Session({Stream("a", {"one", "two"}, 0, 1), Stream("b", {"x", "y", "z"}, 0, 1)});
  EXPECT_EQ(All(plan, 4), Lines{"0 1: a/2/0=one b/2/0=y"});
  EXPECT_EQ(All(plan, 5), Lines{"0 1: a/2/0=two b/2/0=z"});
}

TEST(PacketCursor, LinesAreOnePacketEachCountedFromOne) {
  EXPECT_EQ(All(Session({Stream("a", {"one\ntwo\nthree\n", "other file"}, 1, 20),
                         Stream("b", {"not sent"}, 1, 20)},
                        Mode::kLines),
                7),
            (Lines{"0 1: a/0/1=one", "20 2: a/1/2=two", "40 3: a/2/3=three"}));
}

TEST(PacketCursor, FilesAreOnePacketEach) {
  EXPECT_EQ(All(Session({Stream("a", {"one", "two", "three"}, 1, 20)}, Mode::kFiles), 7),
            (Lines{"0 1: a/0/0=one", "20 2: a/1/1=two", "40 3: a/2/2=three"}));
}

TEST(Slices, LongestIsThatOfTheLongestFile) {
  const Plan plan = Session({Stream("a", {"ab", "abcdef"}, 1, 40), Stream("b", {"xyz"}, 1, 50)});
  EXPECT_EQ(Slices(plan).LongestMs(plan), 200);
}

TEST(PacketCursor, BeginsAgain) {
  const Plan plan = Session({Stream("a", {"abcd"}, 2, 40)});
  const Slices slices(plan);
  PacketCursor cursor;
  Packet packet;
  for (int i = 0; i < 3; ++i) {
    cursor.Begin(&plan, &slices, 0);
    cursor.Take(&packet);
    EXPECT_EQ(packet.parts[0].data, "ab");
    EXPECT_EQ(packet.sync_id, 1);
  }
}

}  // namespace
}  // namespace aiges
