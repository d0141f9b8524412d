// SPDX-License-Identifier: Apache-2.0
#include "wrapper/model_calls.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "wrapper/convert.h"
#include "wrapper/embed_module.h"
#include "wrapper/items.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

std::atomic<wrapperCallModel> g_call{nullptr};
std::atomic<wrapperCallNext> g_next{nullptr};
std::atomic<wrapperCallEnd> g_end{nullptr};

// Which calls have something new, for one event loop. A call ends before its inbox does, and is
// told nothing after that.
class Inbox {
 public:
  Inbox() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::runtime_error("no descriptor for calls of models");
  }
  ~Inbox() { ::close(fd_); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  int fd() const { return fd_; }
  py::list Take() {
    std::vector<unsigned long long> calls;
    {
      const std::lock_guard lock(mu_);
      uint64_t count = 0;
      (void)!::read(fd_, &count, sizeof count);
      calls.swap(calls_);
    }
    py::list list;
    for (const unsigned long long call : calls) list.append(call);
    return list;
  }
  // wrapperCallReady.
  static void Add(unsigned long long call, void* inbox) {
    auto* self = static_cast<Inbox*>(inbox);
    const std::lock_guard lock(self->mu_);
    self->calls_.push_back(call);
    if (self->calls_.size() > 1) return;
    const uint64_t one = 1;
    (void)!::write(self->fd_, &one, sizeof one);
  }

 private:
  const int fd_;
  std::mutex mu_;
  std::vector<unsigned long long> calls_;
};

// Text of a C string's own: with a NUL in it, it would be cut.
std::string Text(const py::handle& value, const char* what) {
  std::string text, wrong;
  if (!ToText(value.ptr(), &text, &wrong)) throw py::type_error(std::string(what) + ": " + wrong);
  return text;
}

// params as a list of C.
class Params {
 public:
  explicit Params(const py::object& params) {
    if (params.is_none()) return;
    const auto dict = py::cast<py::dict>(params);
    texts_.reserve(2 * dict.size());
    nodes_.reserve(dict.size());
    for (const auto& [key, value] : dict) {
      texts_.push_back(Text(key, "params"));
      texts_.push_back(py::isinstance<py::bytes>(value) ? Text(value, "params")
                                                        : Text(py::str(value), "params"));
    }
    for (size_t i = 0; i < texts_.size(); i += 2) {
      nodes_.push_back({texts_[i].data(), texts_[i + 1].data(),
                        static_cast<unsigned>(texts_[i + 1].size()), nullptr});
      if (i > 0) nodes_[nodes_.size() - 2].next = &nodes_.back();
    }
  }
  ParamList* head() { return nodes_.empty() ? nullptr : nodes_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<ParamList> nodes_;  // Never grows beyond what was reserved.
};

class ModelCall {
 public:
  ModelCall(const std::string& tag, const py::object& model, const py::object& version,
            const py::object& params, const py::object& payloads, int timeout_ms, bool stream,
            std::shared_ptr<Inbox> inbox)
      : inbox_(std::move(inbox)) {
    const wrapperCallModel call = g_call;
    if (call == nullptr) throw std::runtime_error("this host offers no calls of other models");
    const std::string name = Text(model, "model"), number = Text(version, "version");
    Params nodes(params);
    auto list = std::make_unique<ResultList>();
    int code = 0;
    const std::string wrong = ReadAny(payloads.ptr(), Statuses::kOnce, list.get(), &code);
    if (!wrong.empty()) throw py::type_error("payloads: " + wrong);
    pDataList head = ResultList::Release(list.release());
    {
      const py::gil_scoped_release release;
      id_ = call(tag.c_str(), name.c_str(), number.c_str(), nodes.head(), head,
                 stream ? WCallStream : 0, timeout_ms, inbox_ == nullptr ? nullptr : &Inbox::Add,
                 inbox_.get());
    }
    ResultList::Free(head);
    if (id_ == 0) throw std::runtime_error("a child of fork cannot call models");
  }
  ~ModelCall() { End(); }
  ModelCall(const ModelCall&) = delete;
  ModelCall& operator=(const ModelCall&) = delete;

  unsigned long long id() const { return id_; }

  // None: nothing is there yet. (code, class, error, items, last)
  py::object Next(int wait_ms) {
    WCallAnswer answer{};
    int got = -1;
    if (id_ != 0 && wait_ms == 0) {
      got = g_next.load()(id_, 0, &answer);
    } else if (id_ != 0) {
      const py::gil_scoped_release release;
      got = g_next.load()(id_, wait_ms, &answer);
    }
    if (got == 1) return py::none();
    if (got != 0) throw std::runtime_error("the call is over: its last answer was taken");
    // As bytes that belong to Python: the host's memory is free again afterwards.
    py::object items = answer.code == 0 ? MakeResponseList(answer.data) : py::list();
    const char* error = answer.error == nullptr ? "" : answer.error;
    Ref text = TextToStr(error);
    if (!text) throw py::error_already_set();
    return py::make_tuple(answer.code, answer.errorClass,
                          py::reinterpret_steal<py::object>(text.release()), std::move(items),
                          answer.last != 0);
  }

  void End() {
    if (id_ == 0) return;
    // Writes to the host at most, which always reads.
    g_end.load()(std::exchange(id_, 0));
  }

 private:
  const std::shared_ptr<Inbox> inbox_;
  unsigned long long id_ = 0;
};

}  // namespace

void SetCallModel(wrapperCallModel function) { g_call = function; }
void SetCallNext(wrapperCallNext function) { g_next = function; }
void SetCallEnd(wrapperCallEnd function) { g_end = function; }

void BindModelCalls(py::module_& m) {
  py::class_<Inbox, std::shared_ptr<Inbox>>(m, "_ModelInbox")
      .def(py::init<>())
      .def("fd", &Inbox::fd)
      .def("take", &Inbox::Take);
  py::class_<ModelCall>(m, "_ModelCall")
      .def(py::init<const std::string&, const py::object&, const py::object&, const py::object&,
                    const py::object&, int, bool, std::shared_ptr<Inbox>>())
      .def_property_readonly("id", &ModelCall::id)
      .def("next", &ModelCall::Next)
      .def("end", &ModelCall::End);
}

}  // namespace aiges::shim
