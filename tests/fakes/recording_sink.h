// SPDX-License-Identifier: Apache-2.0
// tests/fakes/recording_sink.h: remembers the answer to one call, and fails at a second one.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "loader/api/codes.h"
#include "loader/api/service.h"

namespace aiges {

struct Answer {
  int count = 0;
  Reply reply;

  bool arrived() const { return count > 0; }
  int code() const { return CodeOf(reply.status); }
};

class RecordingSink : public ReplySink {
 public:
  explicit RecordingSink(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  void Done(Reply reply) override {
    EXPECT_EQ(++answer_->count, 1) << "answered more than once";
    answer_->reply = std::move(reply);
  }

 private:
  std::shared_ptr<Answer> answer_;
};

}  // namespace aiges
