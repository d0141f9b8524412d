// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/endpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loader/base/fd.h"
#include "loader/channel/wire.h"

namespace aiges {
namespace {

struct Pipe {
  Fd near, far;
};

Pipe MakePipe() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string MakeFrame(FrameType type, uint64_t id, std::string_view text) {
  std::string out;
  WireWriter w(&out);
  w.Begin(type, id);
  w.Text(text);
  EXPECT_TRUE(w.End());
  return out;
}

std::vector<std::pair<uint64_t, std::string>> TakeAll(FrameInput* input) {
  std::vector<std::pair<uint64_t, std::string>> out;
  while (const std::optional<Frame> frame = input->Next()) {
    WireReader r(frame->body);
    out.emplace_back(frame->id, r.Text());
    EXPECT_TRUE(r.AtEnd());
  }
  return out;
}

TEST(FrameInput, FramesSurviveAnyCutOfTheStream) {
  const std::string stream = MakeFrame(FrameType::kExec, 1, "one") +
                             MakeFrame(FrameType::kMeter, 2, "") +
                             MakeFrame(FrameType::kResult, 3, std::string(50, 'z'));
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    Pipe pipe = MakePipe();
    FrameInput input;
    std::vector<std::pair<uint64_t, std::string>> got;
    for (const std::string& piece : {stream.substr(0, cut), stream.substr(cut)}) {
      if (piece.empty()) continue;
      ASSERT_EQ(SendSome(pipe.near.get(), piece, 0), static_cast<ptrdiff_t>(piece.size()));
      ASSERT_EQ(input.Fill(pipe.far.get(), MSG_DONTWAIT), FrameInput::State::kData);
      for (auto& frame : TakeAll(&input)) got.push_back(std::move(frame));
    }
    ASSERT_EQ(got.size(), 3u) << "cut at " << cut;
    EXPECT_EQ(got[0].second, "one");
    EXPECT_EQ(got[1].first, 2u);
    EXPECT_EQ(got[2].second, std::string(50, 'z'));
    EXPECT_FALSE(input.broken());
  }
}

TEST(FrameInput, OneByteAtATimeIsEnough) {
  const std::string stream = MakeFrame(FrameType::kExec, 9, "byte by byte");
  Pipe pipe = MakePipe();
  FrameInput input;
  for (size_t i = 0; i < stream.size(); ++i) {
    EXPECT_TRUE(TakeAll(&input).empty());
    ASSERT_EQ(SendSome(pipe.near.get(), stream.substr(i, 1), 0), 1);
    ASSERT_EQ(input.Fill(pipe.far.get(), 0), FrameInput::State::kData);
  }
  EXPECT_EQ(TakeAll(&input).size(), 1u);
}

TEST(FrameInput, ManyFramesInOneReadComeInOrder) {
  Pipe pipe = MakePipe();
  std::string stream;
  for (uint64_t i = 0; i < 100; ++i) stream += MakeFrame(FrameType::kExec, i, "x");
  ASSERT_EQ(SendSome(pipe.near.get(), stream, 0), static_cast<ptrdiff_t>(stream.size()));
  FrameInput input;
  ASSERT_EQ(input.Fill(pipe.far.get(), 0), FrameInput::State::kData);
  const auto got = TakeAll(&input);
  ASSERT_EQ(got.size(), 100u);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(got[i].first, i);
}

TEST(FrameInput, FrameLargerThanOneReadIsGathered) {
  const std::string big(3 << 20, 'b');
  const std::string stream =
      MakeFrame(FrameType::kExec, 1, big) + MakeFrame(FrameType::kExec, 2, "after");
  Pipe pipe = MakePipe();
  std::thread writer([&] {
    EXPECT_EQ(SendSome(pipe.near.get(), stream, 0), static_cast<ptrdiff_t>(stream.size()));
    pipe.near.Reset();
  });
  FrameInput input;
  std::vector<std::pair<uint64_t, std::string>> got;
  while (input.Fill(pipe.far.get(), 0) == FrameInput::State::kData) {
    for (auto& frame : TakeAll(&input)) got.push_back(std::move(frame));
  }
  writer.join();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].second, big);
  EXPECT_EQ(got[1].second, "after");
}

TEST(FrameInput, LengthThatNoFrameCanHaveBreaksTheChannelWithoutAskingForMemory) {
  FrameHeader header{kMaxFrame + 1, FrameType::kExec, {}, 1};
  Pipe pipe = MakePipe();
  const std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  ASSERT_EQ(SendSome(pipe.near.get(), bytes, 0), static_cast<ptrdiff_t>(bytes.size()));
  FrameInput input;
  ASSERT_EQ(input.Fill(pipe.far.get(), 0), FrameInput::State::kData);
  EXPECT_FALSE(input.Next());
  EXPECT_TRUE(input.broken());
  EXPECT_FALSE(input.Next()) << "it stays broken";
}

TEST(FrameInput, EmptySocketIsNothingAndClosedOneIsClosed) {
  Pipe pipe = MakePipe();
  FrameInput input;
  EXPECT_EQ(input.Fill(pipe.far.get(), MSG_DONTWAIT), FrameInput::State::kNothing);
  pipe.near.Reset();
  EXPECT_EQ(input.Fill(pipe.far.get(), MSG_DONTWAIT), FrameInput::State::kClosed);
}

TEST(SendSome, StopsWhereTheSocketIsFullAndSaysHowFarItCame) {
  Pipe pipe = MakePipe();
  const std::string data(8 << 20, 'd');
  const ptrdiff_t sent = SendSome(pipe.near.get(), data, MSG_DONTWAIT);
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, static_cast<ptrdiff_t>(data.size()));
}

TEST(SendSome, PeerGoneIsReportedAndRaisesNoSignal) {
  Pipe pipe = MakePipe();
  pipe.far.Reset();
  EXPECT_EQ(SendSome(pipe.near.get(), "x", 0), -1);
}

}  // namespace
}  // namespace aiges
