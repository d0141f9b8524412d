// SPDX-License-Identifier: Apache-2.0
// Models that call models: real workers of several models, found by a catalogue of this test.
#include <signal.h>

#include <map>

#include "loader/models/nested.h"
#include "tests/loader/engine_fixture.h"

namespace aiges {
namespace {

// A model with its workers.
class TestModel final : public Model {
 public:
  TestModel(std::string name, const Settings& settings, const Pool::Ground& ground, uint64_t number)
      : name_(std::move(name)) {
    Status status;
    pool = Pool::Create(settings, ground, &status);
    scheduler = std::make_unique<Scheduler>(settings, pool.get(), ground.clock,
                                            Scheduler::Shared{number << 40});
  }
  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  ModelReport Report() const override { return {}; }
  ModelFigures Figures() const override { return {}; }
  bool Ready() const override { return scheduler->Ready(); }
  std::shared_ptr<const std::string> Schema() const override { return pool->Schema(); }
  std::shared_ptr<const std::string> Doors() const override { return pool->Doors(); }
  void Wake() override {}

  std::unique_ptr<Pool> pool;
  std::unique_ptr<Scheduler> scheduler;

 private:
  const std::string name_, version_ = "1";
};

// Models by name, and the way of calls to them.
class TestModels : public Models, public Service, public Sessions {
 public:
  std::map<std::string, std::shared_ptr<TestModel>> all;

  bool several() const override { return true; }
  Status Find(std::string_view name, std::string_view, ModelRef* out) const override {
    const auto found = all.find(std::string(name));
    if (found == all.end()) return Status::Error(StatusKind::kNotFound, "no such model", 10106);
    *out = found->second;
    return Status::Ok();
  }
  ModelRef Default() const override { return nullptr; }
  std::vector<ModelRef> List() const override { return {}; }
  void Load(const std::string&, LoadWish, std::function<void(Status)>) override {}
  void Unload(const std::string&, std::function<void(Status)>) override {}
  bool Ready() const override { return true; }

  CallId Submit(Request request, std::unique_ptr<ReplySink> sink) override {
    auto* model = static_cast<TestModel*>(request.model.get());
    return model->scheduler->Submit(std::move(request), std::move(sink));
  }
  void Flush() override {
    for (auto& [name, model] : all) model->scheduler->Flush();
  }
  void SendPart(CallId, Payload) override {}
  void TookPart(CallId, uint64_t) override {}
  LoadReport Load() const override { return {}; }
  void Abort(uint64_t id) override {
    if (id >> 63 != 0) return Of(id).sessions()->Abort(id);
    Of(id).Abort(id);
  }
  Status Open(SessionRequest request, SessionId* id) override {
    auto* model = static_cast<TestModel*>(request.model.get());
    return model->scheduler->sessions()->Open(std::move(request), id);
  }
  Status Write(SessionId id, int sync, std::vector<Payload> payloads,
               std::function<void()> taken) override {
    return Of(id).sessions()->Write(id, sync, std::move(payloads), std::move(taken));
  }
  void Poll(SessionId id, size_t most, TimePoint until, std::unique_ptr<OutputSink> sink) override {
    Of(id).sessions()->Poll(id, most, until, std::move(sink));
  }
  void EndPoll(SessionId id) override { Of(id).sessions()->EndPoll(id); }
  Status Find(const std::string&, SessionId*) override { return Status::Ok(); }

 private:
  Scheduler& Of(uint64_t id) {
    const uint64_t number = (id & ~(uint64_t{1} << 63)) >> 40;
    auto at = all.begin();
    std::advance(at, static_cast<ptrdiff_t>(number));
    return *at->second->scheduler;
  }
};

class ModelCalls : public EngineTest {
 protected:
  // Models a, b, c.
  void Start(unsigned count = 3) {
    settings.instances.worker_binary = AIGES_WORKER;
    settings.instances.library = AIGES_ENGINE;
    for (unsigned i = 0; i < count; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      models.all[name] = std::make_shared<TestModel>(
          name, settings, Pool::Ground{&hub, &processes, &clock}, uint64_t{i});
    }
    nested = std::make_unique<Nested>(Nested::Ground{
        &models, &models, &models, &clock, milliseconds(20'000),
        [](Model& m, size_t n) { return static_cast<TestModel&>(m).pool->Allocate(n); }});
    std::map<std::string, Started> started;
    for (auto& [name, model] : models.all) {
      model->scheduler->UseNested(nested.get(), name);
      model->pool->StartOnHub(model->scheduler.get(), started[name].Tell());
    }
    hub.Start();
    for (auto& [name, start] : started) {
      const Status status = start.Wait();
      ASSERT_TRUE(status.ok()) << status.text;
    }
  }
  void TearDown() override {
    for (auto& [name, model] : models.all) model->pool->Drain(steady_clock::now() + seconds(5));
    EngineTest::TearDown();
  }
  std::shared_ptr<Box<Reply>> Call(const std::string& name, const std::string& text,
                                   Pairs params = {}, milliseconds timeout = seconds(20)) {
    Request request;
    EXPECT_TRUE(models.Find(name, "", &request.model).ok());
    request.handle = "call" + std::to_string(++opened);
    request.params = std::move(params);
    request.payloads.push_back(Piece(text, DataStatus::kOnce));
    request.arrived = steady_clock::now();
    request.deadline = request.arrived + timeout;
    auto box = std::make_shared<Box<Reply>>();
    last_call = models.Submit(std::move(request), std::make_unique<BoxReply>(box));
    models.Flush();
    return box;
  }
  std::string Answer(const std::string& name, const std::string& text, Pairs params = {}) {
    return Text(Call(name, text, std::move(params))->Take());
  }
  void WaitMeter(const std::string& name, const std::string& key, uint64_t count) {
    const auto until = steady_clock::now() + seconds(10);
    const auto got = [&] { return models.all.at(name)->pool->Report().meters[key]; };
    while (got() < count && steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    EXPECT_EQ(got(), count) << key;
  }
  void WaitIdle() {
    for (auto& [name, model] : models.all) {
      const auto until = steady_clock::now() + seconds(10);
      while (!model->scheduler->Idle() && steady_clock::now() < until) {
        std::this_thread::sleep_for(milliseconds(2));
      }
      EXPECT_TRUE(model->scheduler->Idle()) << name;
      EXPECT_EQ(model->scheduler->Report().in_flight, 0u) << name << ": a licence is missing";
    }
  }

  TestModels models;
  std::unique_ptr<Nested> nested;
};

TEST_F(ModelCalls, AnswerIsThatOfTheOtherModel) {
  Start();
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}}), "X");
  EXPECT_EQ(Answer("a", "x", {{"call", "b,c"}}), "X");
  const std::vector<CallsBetween> between = nested->Report();
  ASSERT_EQ(between.size(), 2u);
  EXPECT_EQ(between[0].from + between[0].to + between[1].from + between[1].to, "abbc");
  EXPECT_EQ(between[0].calls, 2u);
  EXPECT_EQ(between[1].calls, 1u);
  EXPECT_EQ(between[0].failures, 0u);
  WaitIdle();
}

TEST_F(ModelCalls, ThousandInARow) {
  Start(2);
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"times", "1000"}}), "X");
  EXPECT_EQ(nested->Report().at(0).calls, 1000u);
  WaitIdle();
}

TEST_F(ModelCalls, ManyAtOneTimeOfManyCallers) {
  settings.instances.most_threads = 8;
  Start(2);
  std::vector<std::shared_ptr<Box<Reply>>> boxes;
  for (int i = 0; i < 64; ++i) {
    boxes.push_back(Call("a", std::to_string(i), {{"call", "b"}, {"at_once", "20"}}));
  }
  for (int i = 0; i < 64; ++i) EXPECT_EQ(Text(boxes[i]->Take()), std::to_string(i));
  EXPECT_EQ(nested->Report().at(0).calls, 1280u);
  WaitIdle();
}

TEST_F(ModelCalls, LargeDataGoBothWays) {
  Start(2);
  for (const size_t size : {size_t{70'000}, size_t{3 << 20}}) {
    EXPECT_EQ(Answer("a", std::string(size, 'x'), {{"call", "b"}, {"times", "5"}}),
              std::string(size, 'X'));
  }
  WaitIdle();
}

TEST_F(ModelCalls, OneLicenceIsEnough) {
  settings.licences = 1;
  Start();
  EXPECT_EQ(Answer("a", "x", {{"call", "b,c"}, {"times", "100"}}), "X");
  WaitIdle();
}

TEST_F(ModelCalls, OneThatWaitsForItselfIsRefused) {
  Start();
  EXPECT_EQ(Answer("a", "x", {{"call", "a"}}),
            "10009 1 a model may not wait for itself, and this call would: a -> a");
  EXPECT_EQ(Answer("a", "x", {{"call", "b,c,a"}}),
            "10009 1 a model may not wait for itself, and this call would: a -> b -> c -> a");
}

TEST_F(ModelCalls, ErrorsAreThoseOfTheOtherModel) {
  Start(2);
  EXPECT_EQ(Answer("a", "x", {{"call", "nobody"}}), "10106 2 no such model");
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"params", "exec=fail"}}), "10909 0 seven;code=7");
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"params", "exec=caller"}}),
            "10909 1 unusable;code=8");
  EXPECT_EQ(nested->Report().at(0).failures, 2u);
}

TEST_F(ModelCalls, DeadlineGoesAlong) {
  Start(2);
  const auto late =
      Call("a", "x", {{"call", "b"}, {"params", "until=cancelled"}}, milliseconds(100));
  EXPECT_EQ(CodeOf(late->Take().status), kCodeTimeout);
  WaitMeter("b", "saw_cancel", 1);
  const std::string own =
      Answer("a", "x", {{"call", "b"}, {"timeout_ms", "50"}, {"params", "until=cancelled"}});
  // The engine sees its own deadline pass, too, and may have answered before the loader has.
  EXPECT_TRUE(own.substr(0, 7) == "10102 9" || own == "X") << own;
  WaitMeter("b", "saw_cancel", 2);
  WaitIdle();
}

TEST_F(ModelCalls, CancellationGoesAlong) {
  Start(2);
  const auto call = Call("a", "x", {{"call", "b"}, {"params", "until=cancelled"}});
  WaitMeter("b", "waits", 1);
  models.Abort(last_call);
  EXPECT_EQ(call->Take().status.kind, StatusKind::kCancelled);
  WaitMeter("b", "saw_cancel", 1);
  WaitIdle();
}

TEST_F(ModelCalls, OneThatIsGivenUpIsCancelled) {
  Start(2);
  // It would not end by itself: only so is it certain that nothing was answered before.
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"give_up", "1"}, {"params", "until=cancelled"}}),
            "given up");
  WaitIdle();
  EXPECT_EQ(nested->Report().at(0).failures, 1u);
}

TEST_F(ModelCalls, DeathOfTheOtherModelIsAnErrorOfTheCall) {
  Start(2);
  const auto call = Call("a", "x", {{"call", "b"}, {"params", "until=cancelled"}});
  WaitMeter("b", "waits", 1);
  ::kill(models.all["b"]->pool->Report().instances[0].pid, SIGKILL);
  const std::string text = Text(call->Take());
  EXPECT_EQ(text.substr(0, 7), "10109 3") << text;
  EXPECT_EQ(models.all["a"]->pool->Report().instances[0].starts, 1u);
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}}), "X");
  WaitIdle();
}

TEST_F(ModelCalls, DeathOfTheCallerEndsItsCalls) {
  Start(2);
  const auto call = Call("a", "x", {{"call", "b"}, {"params", "until=cancelled"}});
  WaitMeter("b", "waits", 1);
  ::kill(models.all["a"]->pool->Report().instances[0].pid, SIGKILL);
  EXPECT_EQ(CodeOf(call->Take().status), kCodeCrash);
  WaitMeter("b", "saw_cancel", 1);
  WaitIdle();
}

TEST_F(ModelCalls, ThreadOfItsOwnCallsToo) {
  Start(2);
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"from", "thread"}}), "X");
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"from", "thread"}, {"times", "200"}}), "X");
  WaitIdle();
}

TEST_F(ModelCalls, SessionIsReadPieceByPiece) {
  Start(2);
  std::string expected = "X";
  for (int i = 1; i <= 100; ++i) expected += "," + std::to_string(i);
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"stream", "1"}, {"params", "items=100"}}), expected);
  WaitMeter("b", "destroyed", 1);
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"stream", "1"}, {"params", "create=fail"}}),
            "10905 0 seven;code=7");
  EXPECT_EQ(Answer("a", "x", {{"call", "b"}, {"stream", "1"}, {"give_up", "1"}}), "given up");
  WaitIdle();
}

TEST_F(ModelCalls, BatchCallsForAllThatAreInIt) {
  settings.batch.max_size = 4;
  settings.batch.max_delay_us = 1000;
  settings.licences = 8;
  Start(3);
  std::vector<std::shared_ptr<Box<Reply>>> boxes;
  for (int i = 0; i < 8; ++i) {
    boxes.push_back(Call("a", std::to_string(i), {{"call", "b"}, {"params", "who=1"}}));
  }
  for (auto& box : boxes) EXPECT_TRUE(box->Take().status.ok());
  WaitIdle();
}

}  // namespace
}  // namespace aiges
