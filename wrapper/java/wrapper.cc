// SPDX-License-Identifier: Apache-2.0
// wrapper/java/wrapper.cc: the C ABI of the shim for engines in Java. Thin: each entry writes the
// question, asks ai.aiges.Bridge, and reads the answer.

#include "aiges/wrapper.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wrapper/java/env.h"
#include "wrapper/java/errors.h"
#include "wrapper/java/jvm.h"
#include "wrapper/java/upcalls.h"
#include "wrapper/java/wire.h"

#define AIGES_EXPORT extern "C" __attribute__((visibility("default")))

namespace aiges::java {
namespace {

// Set once by wrapperInit, before any other thread calls in.
unsigned g_traits = 0;
std::string g_version = "java", g_schema;

// A session of Java's, and what wrapperRead gave last.
struct Session {
  int64_t number = 0;
  std::unique_ptr<Results> given;
};

// A hook: its thread is Java's, its local references end with it, and nothing thrown gets out.
template <class Body>
int Hook(Body body) noexcept {
  try {
    ClearErrors();
    JNIEnv* env = Env();
    if (env == nullptr) {
      return AddError(kInitError, GetJvm() == nullptr ? "wrapperInit was not called, or failed"
                                                      : "Java takes no more threads");
    }
    LocalFrame frame(env);
    return body(env, &frame);
  } catch (const std::exception& e) {
    return AddError(kUserExecError, e.what());
  }
}

int Broken() { return AddError(kUserExecError, "a broken answer of Java's side"); }

int Init(const ParamList* config) {
  ClearErrors();
  std::string jar, wrong = FindJar(&jar);
  if (wrong.empty()) wrong = StartJvm(jar);
  if (wrong.empty()) wrong = BindBridge(Env());
  if (!wrong.empty()) return AddError(kInitError, wrong);
  return Hook([&](JNIEnv* env, LocalFrame*) {
    const char* named = std::getenv("AIGES_APP");
    Question question(env);
    question.Text(jar);
    question.Text(named);
    question.Pairs(config);
    std::shared_ptr<Answer> answer;
    if (const int code = Ask(env, Upcall::kStart, &question, &answer); code != 0) return code;
    g_traits = static_cast<unsigned>(answer->Number());
    g_version = answer->Text();
    return answer->ok() ? 0 : Broken();
  });
}

// A hook that asks one thing, whose answer has nothing but its code.
template <class Write>
int AskOnly(Upcall what, Write write) {
  return Hook([&](JNIEnv* env, LocalFrame*) {
    Question question(env);
    write(&question);
    std::shared_ptr<Answer> answer;
    return Ask(env, what, &question, &answer);
  });
}

void WriteHead(Question* question, const char* tag, const ParamList* params, const unsigned* ids,
               int count) {
  question->Text(tag);
  question->Pairs(params);
  question->Numbers(ids, count);
}

// Nothing of Java's is called from here on until they are given back.
int Pinned(JNIEnv* env, Results* results) {
  return results->Pin(env) ? 0 : AddError(kUserExecError, "Java does not give its memory");
}

int ExecBatch(JNIEnv* env, LocalFrame* frame, unsigned count, Question* question,
              pDataList respData[], int rets[]) {
  std::shared_ptr<Answer> answer;
  if (const int code = Ask(env, Upcall::kExecBatch, question, &answer); code != 0) return code;
  std::vector<std::unique_ptr<Results>> all(count);
  for (unsigned i = 0; i < count; ++i) {
    rets[i] = answer->Number();
    if (rets[i] != 0) {
      rets[i] = TakeError(rets[i], answer.get());
      continue;
    }
    all[i] = std::make_unique<Results>(answer);
    if (!all[i]->Read()) return Broken();
  }
  frame->Close();
  for (unsigned i = 0; i < count; ++i) {
    if (all[i] != nullptr) rets[i] = Pinned(env, all[i].get());
  }
  for (unsigned i = 0; i < count; ++i) {
    if (all[i] != nullptr && rets[i] == 0) respData[i] = Results::Release(std::move(all[i]));
  }
  return 0;
}

int Create(const char* tag, const ParamList* params, wrapperCallback callback, const unsigned* ids,
           int count, const void** handle) {
  if (callback != nullptr) SetCallback(callback);
  return Hook([&](JNIEnv* env, LocalFrame*) {
    Question question(env);
    WriteHead(&question, tag, params, ids, count);
    question.Number(callback != nullptr ? 1 : 0);
    std::shared_ptr<Answer> answer;
    if (const int code = Ask(env, Upcall::kCreate, &question, &answer); code != 0) return code;
    auto session = std::make_unique<Session>();
    session->number = answer->Long();
    if (!answer->ok()) return Broken();
    *handle = session.release();
    return 0;
  });
}

int Read(Session* session, pDataList* out) {
  session->given.reset();
  return Hook([&](JNIEnv* env, LocalFrame*) {
    Question question(env);
    question.Long(session->number);
    std::shared_ptr<Answer> answer;
    if (const int code = Ask(env, Upcall::kRead, &question, &answer); code != 0) return code;
    auto results = std::make_unique<Results>(answer);
    // Copied: they are the session's until its next hook, which may be long.
    if (!results->Read() || !results->CopyArrays(env)) return Broken();
    *out = results->head();
    session->given = std::move(results);
    return 0;
  });
}

Session* SessionOf(const void* handle) { return static_cast<Session*>(const_cast<void*>(handle)); }

}  // namespace
}  // namespace aiges::java

using namespace aiges::java;  // Entries only, below.

AIGES_EXPORT int wrapperSetCtrl(CtrlType type, void* func) {
  SetCtrl(type, func);
  return 0;
}

AIGES_EXPORT int wrapperInit(pConfig cfg) {
  try {
    return Init(cfg);
  } catch (const std::exception& e) {
    return AddError(kInitError, e.what());
  }
}

AIGES_EXPORT int wrapperWarmup() {
  return AskOnly(Upcall::kWarmUp, [](Question*) {});
}

AIGES_EXPORT int wrapperFini() {
  // A little of the time is the worker's own.
  return AskOnly(Upcall::kClose, [](Question* question) { question->Long(MsLeft() * 3 / 4); });
}

AIGES_EXPORT const char* wrapperError(int errNum) {
  const HookError* error = NextError(errNum);
  return error == nullptr ? "wrapper error" : error->text.c_str();
}

AIGES_EXPORT const char* wrapperErrorDetail(int errNum) {
  const HookError* error = CurrentError(errNum);
  return error == nullptr || error->detail.empty() ? nullptr : error->detail.c_str();
}

AIGES_EXPORT int wrapperErrorClass(int errNum) {
  const HookError* error = CurrentError(errNum);
  return error == nullptr ? 0 : error->error_class;
}

AIGES_EXPORT const char* wrapperVersion() { return g_version.c_str(); }

AIGES_EXPORT unsigned int wrapperTraits() { return g_traits; }

AIGES_EXPORT const char* wrapperSchema() {
  Hook([](JNIEnv* env, LocalFrame*) {
    Question question(env);
    std::shared_ptr<Answer> answer;
    if (const int code = Ask(env, Upcall::kSchema, &question, &answer); code != 0) return code;
    g_schema = answer->Text();
    return 0;
  });
  return g_schema.c_str();
}

AIGES_EXPORT int wrapperExec(const char* usrTag, pParamList params, pDataList reqData,
                             pDataList* respData, unsigned int psrIds[], int psrCnt) {
  return Hook([&](JNIEnv* env, LocalFrame* frame) {
    Question question(env);
    WriteHead(&question, usrTag, params, psrIds, psrCnt);
    question.Payloads(reqData, true);
    std::shared_ptr<Answer> answer;
    if (const int code = Ask(env, Upcall::kExec, &question, &answer); code != 0) return code;
    auto results = std::make_unique<Results>(std::move(answer));
    if (!results->Read()) return Broken();
    frame->Close();
    if (const int code = Pinned(env, results.get()); code != 0) return code;
    *respData = Results::Release(std::move(results));
    return 0;
  });
}

AIGES_EXPORT int wrapperExecFree(const char*, pDataList* respData) {
  Results::Free(*respData);
  *respData = nullptr;
  return 0;
}

AIGES_EXPORT int wrapperExecBatch(unsigned int count, const char* const usrTags[],
                                  const pParamList params[], const pDataList reqData[],
                                  pDataList respData[], int rets[]) {
  return Hook([&](JNIEnv* env, LocalFrame* frame) {
    Question question(env);
    question.Number(static_cast<int>(count));
    for (unsigned i = 0; i < count; ++i) {
      WriteHead(&question, usrTags[i], params[i], nullptr, 0);
      question.Payloads(reqData[i], true);
    }
    return ExecBatch(env, frame, count, &question, respData, rets);
  });
}

AIGES_EXPORT const void* wrapperCreate(const char* usrTag, pParamList params, wrapperCallback cb,
                                       unsigned int psrIds[], int psrCnt, int* errNum) {
  const void* handle = nullptr;
  *errNum = Create(usrTag, params, cb, psrIds, psrCnt, &handle);
  return handle;
}

AIGES_EXPORT int wrapperWrite(const void* handle, pDataList reqData) {
  return AskOnly(Upcall::kWrite, [&](Question* question) {
    question->Long(SessionOf(handle)->number);
    question->Payloads(reqData, true);
  });
}

AIGES_EXPORT int wrapperRead(const void* handle, pDataList* respData) {
  return Read(SessionOf(handle), respData);
}

AIGES_EXPORT int wrapperDestroy(const void* handle) {
  const std::unique_ptr<Session> session(SessionOf(handle));
  return AskOnly(Upcall::kDestroy, [&](Question* question) { question->Long(session->number); });
}

AIGES_EXPORT int wrapperLoadRes(pDataList perData, unsigned int resId) {
  return AskOnly(Upcall::kLoadResource, [&](Question* question) {
    question->Number(static_cast<int>(resId));
    question->Payloads(perData, true);
  });
}

AIGES_EXPORT int wrapperUnloadRes(unsigned int resId) {
  return AskOnly(Upcall::kUnloadResource,
                 [&](Question* question) { question->Number(static_cast<int>(resId)); });
}
