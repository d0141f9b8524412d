// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/session_front.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace aiges {
namespace {

class QueueLane final : public Lane {
 public:
  void Post(MoveFunction<void()> letter) override { letters_.push_back(std::move(letter)); }
  std::unique_ptr<Alarm> SetAlarm(TimePoint, MoveFunction<void()>) override { return nullptr; }
  void Run() {
    while (!letters_.empty()) {
      MoveFunction<void()> letter = std::move(letters_.front());
      letters_.pop_front();
      letter();
    }
  }

 private:
  std::deque<MoveFunction<void()>> letters_;
};

// One session: `ready` batches come at once, others when Give is called.
class OneSession final : public Sessions {
 public:
  int ready = 0, polls = 0, aborts = 0;
  Status write;
  std::vector<Payload> written;
  std::vector<std::function<void()>> taken;
  std::unique_ptr<OutputSink> waiting;
  SessionRequest opened;

  Status Open(SessionRequest request, SessionId* id) override {
    opened = std::move(request);
    *id = 7;
    return Status::Ok();
  }
  Status Write(SessionId, int, std::vector<Payload> payloads, std::function<void()> done) override {
    if (!write.ok()) return write;
    for (Payload& p : payloads) written.push_back(std::move(p));
    taken.push_back(std::move(done));
    return Status::Ok();
  }
  void Poll(SessionId, size_t, TimePoint, std::unique_ptr<OutputSink> sink) override {
    ++polls;
    if (ready == 0) {
      waiting = std::move(sink);
      return;
    }
    --ready;
    sink->Done({});
  }
  void Give() { std::exchange(waiting, nullptr)->Done({}); }
  void EndPoll(SessionId) override {}
  void Abort(SessionId) override { ++aborts; }
  Status Find(const std::string&, SessionId*) override { return Status::Ok(); }
};

class SessionFrontTest : public testing::Test, public SessionFront::Owner {
 protected:
  void OnOutput(SessionOutput) override {
    ++outputs_;
    ASSERT_LE(++depth_, 1) << "told from within itself";
    if (on_output_) on_output_();
    --depth_;
  }
  void OnInputRoom() override { ++rooms_; }

  void Open() {
    front_.emplace(&sessions_, &lane_, this);
    OnceCall call;
    call.request.request_id = "mine";
    ASSERT_TRUE(front_->Open(&call, "handle").ok());
  }
  static std::vector<Payload> Piece(std::string key, const char* status = nullptr) {
    Payload p;
    p.key = std::move(key);
    if (status != nullptr) p.desc.emplace_back("status", status);
    return {p};
  }

  QueueLane lane_;
  OneSession sessions_;
  std::optional<SessionFront> front_;
  std::function<void()> on_output_;
  int outputs_ = 0, depth_ = 0, rooms_ = 0;
};

TEST_F(SessionFrontTest, OpensWithBoundsAndTheNameOfTheRequest) {
  Open();
  EXPECT_EQ(sessions_.opened.handle, "handle");
  EXPECT_EQ(sessions_.opened.request_id, "mine");
  EXPECT_EQ(sessions_.opened.output_batches, SessionFront::kAhead);
}

TEST_F(SessionFrontTest, OutputThatIsThereCostsNoDepth) {
  Open();
  sessions_.ready = 10'000;
  on_output_ = [this] { front_->Poll(); };
  front_->Poll();
  EXPECT_EQ(outputs_, 10'000);
  EXPECT_EQ(sessions_.polls, 10'001);
  sessions_.Give();
  EXPECT_EQ(outputs_, 10'000);  // It comes with the lane.
  lane_.Run();
  EXPECT_EQ(outputs_, 10'001);
}

TEST_F(SessionFrontTest, OnePollIsOutAtATime) {
  Open();
  for (int i = 0; i < 3; ++i) front_->Poll();
  EXPECT_EQ(sessions_.polls, 1);
}

TEST_F(SessionFrontTest, AnOwnerMayLetGoOfTheFrontAndHearsNoMore) {
  Open();
  sessions_.ready = 2;
  on_output_ = [this] { front_.reset(); };
  front_->Poll();
  EXPECT_EQ(outputs_, 1);
  Open();
  sessions_.ready = 0;
  front_->Poll();
  sessions_.Give();
  front_.reset();
  lane_.Run();
  EXPECT_EQ(outputs_, 1);
}

TEST_F(SessionFrontTest, ThereIsRoomForSoManyPiecesAndThenForEachThatIsTaken) {
  Open();
  for (int i = 0; i < SessionFront::kMostUntaken; ++i) {
    ASSERT_TRUE(front_->has_room());
    ASSERT_TRUE(front_->Write(Piece("a"), DataStatus::kContinue).ok());
  }
  EXPECT_FALSE(front_->has_room());
  sessions_.taken[0]();
  lane_.Run();
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(front_->has_room());
  sessions_.taken[1]();
  lane_.Run();
  EXPECT_EQ(rooms_, 1);  // There was room already.
  front_.reset();
  sessions_.taken[2]();
  lane_.Run();
}

TEST_F(SessionFrontTest, KnowsWhichInputsAreOpenAndEndsThem) {
  Open();
  ASSERT_TRUE(front_->Write(Piece("a"), DataStatus::kContinue).ok());
  ASSERT_TRUE(front_->Write(Piece("b"), DataStatus::kContinue).ok());
  ASSERT_TRUE(front_->Write(Piece("a", "2"), DataStatus::kContinue).ok());
  EXPECT_TRUE(front_->input_open());
  ASSERT_TRUE(front_->EndInput().ok());
  EXPECT_FALSE(front_->input_open());
  ASSERT_EQ(sessions_.written.size(), 4u);
  EXPECT_EQ(sessions_.written[3].key, "b");
  EXPECT_EQ(sessions_.written[3].status, DataStatus::kEnd);
  ASSERT_TRUE(front_->EndInput().ok());
  EXPECT_EQ(sessions_.written.size(), 4u);
  ASSERT_TRUE(front_->WriteOnce(Piece("c", "0")).ok());
  EXPECT_EQ(sessions_.written[4].status, DataStatus::kOnce);
  EXPECT_FALSE(front_->input_open());
}

TEST_F(SessionFrontTest, OnlyARefusalForLackOfRoomIsTheWritersMatter) {
  Open();
  sessions_.write = Status::Error(StatusKind::kInvalid, "over");
  EXPECT_TRUE(front_->Write(Piece("a"), DataStatus::kContinue).ok());
  sessions_.write = Status::Error(StatusKind::kOverloaded, "full");
  EXPECT_EQ(front_->Write(Piece("a"), DataStatus::kContinue).text, "full");
  EXPECT_EQ(front_->untaken(), 0);
  sessions_.write = Status::Ok();
  Status last;
  for (int i = 0; i < 10'000 && last.ok(); ++i) {
    last = front_->Write(Piece(std::to_string(i)), DataStatus::kContinue);
  }
  EXPECT_EQ(last.kind, StatusKind::kInvalid);
  EXPECT_NE(last.text.find("payload keys that have not ended"), std::string::npos);
}

}  // namespace
}  // namespace aiges
