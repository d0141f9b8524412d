// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/resource_set.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "loader/api/codes.h"

namespace aiges {
namespace {

using Texts = std::vector<std::string>;

// Remembers what was sent, as "load 1 to 0".
class FakeWire : public ResourceSet::Wire {
 public:
  bool SendLoad(unsigned to, uint64_t resource, const Payload&) override {
    sent.push_back(StrCat("load ", resource, " to ", to));
    return true;
  }
  bool SendUnload(unsigned to, uint64_t resource) override {
    sent.push_back(StrCat("unload ", resource, " to ", to));
    return true;
  }
  void Reject(unsigned reader, std::string why) override {
    sent.push_back(StrCat("reject ", reader, ": ", why));
  }
  Texts Take() { return std::exchange(sent, {}); }

  Texts sent;
};

class ResourceSetTest : public ::testing::Test {
 protected:
  // A payload whose memory the test can watch.
  Payload Watched(std::weak_ptr<std::string>* memory) {
    const auto bytes = std::make_shared<std::string>("resource");
    *memory = bytes;
    Payload payload;
    payload.data = Bytes(std::string_view(*bytes), bytes);
    return payload;
  }
  void Load(Payload payload = {}) {
    set.Load(std::move(payload), [this](Status status, unsigned id) {
      loaded = id;
      answer = std::move(status);
      ++answers;
    });
  }
  void Unload(unsigned id) {
    set.Unload(id, [this](Status status, unsigned) {
      answer = std::move(status);
      ++answers;
    });
  }
  void Says(unsigned reader, uint64_t resource, int code = 0) {
    set.OnLoaded(reader, {resource, code, code == 0 ? "" : "seven"});
  }
  void Ready(unsigned reader) {
    set.AddReader(reader);
    set.Serves(reader);
  }

  LimitSettings limits;
  FakeWire wire;
  ResourceSet set{limits, &wire};
  unsigned loaded = 0;
  Status answer;
  int answers = 0;
};

TEST_F(ResourceSetTest, IsLoadedWhenAllThatServeSaySo) {
  Ready(0);
  Ready(1);
  set.AddReader(2);
  Load();
  EXPECT_EQ(wire.Take(), (Texts{"load 1 to 0", "load 1 to 1", "load 1 to 2"}));
  Says(0, 1);
  EXPECT_EQ(answers, 0);
  Says(1, 1);
  EXPECT_EQ(answers, 1) << "the one that starts is not waited for";
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(loaded, 1u);
  EXPECT_FALSE(set.Complete(2));
  Says(2, 1);
  EXPECT_TRUE(set.Complete(2));
}

TEST_F(ResourceSetTest, WhatOneCannotLoadNoneHas) {
  Ready(0);
  Ready(1);
  Load();
  Says(0, 1);
  wire.Take();
  Says(1, 1, 7);
  EXPECT_EQ(answer.text, "seven");
  EXPECT_EQ(answer.code, kCodeLoadFailed);
  EXPECT_EQ(wire.Take(), (Texts{"unload 1 to 0", "unload 1 to 1"}));
  Unload(1);
  EXPECT_EQ(answer.code, kCodeUnloadFailed) << "there is no such resource";
}

TEST_F(ResourceSetTest, MemoryStaysUntilTheLastWorkerHasReadIt) {
  Ready(0);
  set.AddReader(1);
  std::weak_ptr<std::string> memory;
  Load(Watched(&memory));
  Says(0, 1);
  Unload(1);
  Says(0, 1);
  EXPECT_EQ(answers, 2) << "unloaded";
  EXPECT_FALSE(memory.expired()) << "the worker that starts has not read it yet";
  EXPECT_GT(set.bytes(), 0u);
  Says(1, 1);
  EXPECT_FALSE(memory.expired()) << "that was the load; the unload follows";
  Says(1, 1);
  EXPECT_TRUE(memory.expired());
  EXPECT_EQ(set.bytes(), 0u);
  EXPECT_TRUE(set.Complete(1));
}

TEST_F(ResourceSetTest, MemoryOfAFailedLoadStaysTooUntilItsReadersAreDone) {
  Ready(0);
  set.AddReader(1);
  std::weak_ptr<std::string> memory;
  Load(Watched(&memory));
  Says(0, 1, 7);
  Says(0, 1, 7);
  EXPECT_FALSE(answer.ok());
  EXPECT_FALSE(memory.expired());
  set.RemoveReader(1);
  EXPECT_TRUE(memory.expired()) << "a dead worker reads nothing";
}

TEST_F(ResourceSetTest, WorkerThatCannotLoadWhatTheOthersHaveDoesNotServe) {
  Ready(0);
  Load();
  Says(0, 1);
  wire.Take();
  set.AddReader(1);
  EXPECT_EQ(wire.Take(), Texts{"load 1 to 1"});
  Says(1, 1, 7);
  EXPECT_EQ(wire.Take(), Texts{"reject 1: resource 1 could not be loaded: seven"});
}

TEST_F(ResourceSetTest, FailureOfOneThatStartsWaitsForTheWordOfThoseThatServe) {
  for (const int code : {0, 7}) {
    ResourceSet fresh(limits, &wire);
    fresh.AddReader(0);
    fresh.Serves(0);
    fresh.AddReader(1);
    fresh.Load({}, [](const Status&, unsigned) {});
    wire.Take();
    fresh.OnLoaded(1, {1, 7, "seven"});
    EXPECT_TRUE(wire.Take().empty());
    EXPECT_FALSE(fresh.Complete(1)) << "it does not serve before that is known";
    fresh.OnLoaded(0, {1, code, "seven"});
    const Texts sent = wire.Take();
    if (code == 0) {
      EXPECT_EQ(sent, Texts{"reject 1: resource 1 could not be loaded: seven"});
    } else {
      EXPECT_EQ(sent, (Texts{"unload 1 to 0", "unload 1 to 1"}));
    }
  }
}

TEST_F(ResourceSetTest, ResourceThatKillsEveryWorkerIsNotKept) {
  Ready(0);
  Load();
  set.RemoveReader(0);
  EXPECT_EQ(answer.kind, StatusKind::kDisconnected);
  wire.Take();
  set.AddReader(0);
  EXPECT_TRUE(wire.Take().empty()) << "the next worker is not killed by it too";
}

TEST_F(ResourceSetTest, WithoutAWorkerThatServesNothingIsTaken) {
  set.AddReader(0);
  Load();
  EXPECT_EQ(answer.kind, StatusKind::kDisconnected);
  EXPECT_EQ(set.count(), 0u);
}

TEST_F(ResourceSetTest, BoundsAreToldByTheirNames) {
  limits.max_resources = 2;
  limits.max_resource_bytes = 10;
  ResourceSet small(limits, &wire);
  small.AddReader(0);
  small.Serves(0);
  const auto load = [&](const char* text) {
    Payload payload;
    payload.data = Bytes::Own(text);
    small.Load(std::move(payload), [this](Status status, unsigned) { answer = std::move(status); });
  };
  load("12345678");
  load("123");
  EXPECT_EQ(answer.kind, StatusKind::kOverloaded);
  EXPECT_NE(answer.text.find("[limits] max_resource_bytes = 10"), std::string::npos) << answer.text;
  load("12");
  load("");
  EXPECT_EQ(answer.kind, StatusKind::kOverloaded);
  EXPECT_NE(answer.text.find("[limits] max_resources = 2"), std::string::npos) << answer.text;
}

TEST_F(ResourceSetTest, LoadThatHangsIsAnsweredAtTheEnd) {
  Ready(0);
  Load();
  set.Stop(Status::Error(StatusKind::kDisconnected, "the service stops"));
  EXPECT_EQ(answer.text, "the service stops");
  Says(0, 1);
  EXPECT_EQ(answers, 1) << "and only once";
  Load();
  EXPECT_EQ(answer.text, "the service stops");
}

}  // namespace
}  // namespace aiges
