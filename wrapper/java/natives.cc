// SPDX-License-Identifier: Apache-2.0
// wrapper/java/natives.cc: the functions of ai.aiges.Host: what an engine asks of the host. Called
// on any thread of Java; their local references end when they return.

#include <atomic>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "wrapper/java/crash.h"
#include "wrapper/java/errors.h"
#include "wrapper/java/upcalls.h"

namespace aiges::java {
namespace {

// From wrapperSetCtrl, before wrapperInit; NULL where the host has none.
wrapperMeterCustom g_meter = nullptr;
wrapperTraceLog g_trace = nullptr;
wrapperCallState g_state = nullptr;
wrapperCallback g_try = nullptr;
wrapperCallModel g_call = nullptr;
wrapperCallNext g_next = nullptr;
wrapperCallEnd g_end = nullptr;
// That of the sessions: the host has one for all.
std::atomic<wrapperCallback> g_callback{nullptr};

std::string BytesOf(JNIEnv* env, jbyteArray array) {
  std::string out(static_cast<size_t>(env->GetArrayLength(array)), '\0');
  env->GetByteArrayRegion(array, 0, static_cast<jsize>(out.size()),
                          reinterpret_cast<jbyte*>(out.data()));
  return out;
}

jint JNICALL Deliver(JNIEnv* env, jclass, jbyteArray tag, jobjectArray written, jboolean failed) {
  const wrapperCallback callback = g_callback;
  if (callback == nullptr) return -1;
  const std::string name = BytesOf(env, tag);
  const auto answer = std::make_shared<Answer>(env, nullptr, written);
  if (failed != JNI_FALSE) {
    ClearErrors();
    const int32_t code = answer->Number();
    return callback(name.c_str(), nullptr, TakeError(code, answer.get()));
  }
  Results results(answer);
  if (!results.Read()) return -1;
  // Java's arrays are held as they lie only where that cannot wait for a client.
  if (results.has_arrays() && g_try != nullptr) {
    const int taken = results.Pin(env) ? g_try(name.c_str(), results.head(), 0) : 1;
    results.Unpin();
    if (taken != 1) return taken;
  }
  if (!results.CopyArrays(env)) return -1;
  return callback(name.c_str(), results.head(), 0);
}

jlong JNICALL State(JNIEnv* env, jclass, jbyteArray tag) {
  if (g_state == nullptr) return -2;
  long long left = -1;
  const int over = g_state(BytesOf(env, tag).c_str(), &left);
  return (static_cast<jlong>(left) << 1) | (over != 0 ? 1 : 0);
}

void JNICALL Meter(JNIEnv* env, jclass, jbyteArray tag, jbyteArray key, jint count) {
  if (g_meter != nullptr) g_meter(BytesOf(env, tag).c_str(), BytesOf(env, key).c_str(), count);
}

void JNICALL Trace(JNIEnv* env, jclass, jbyteArray tag, jbyteArray key, jbyteArray value) {
  if (g_trace == nullptr) return;
  g_trace(BytesOf(env, tag).c_str(), BytesOf(env, key).c_str(), BytesOf(env, value).c_str());
}

jlong JNICALL CallModel(JNIEnv* env, jclass, jbyteArray tag, jobjectArray written,
                        jboolean session) {
  if (g_call == nullptr || g_next == nullptr || g_end == nullptr) return 0;
  const std::string name = BytesOf(env, tag);
  const auto answer = std::make_shared<Answer>(env, nullptr, written);
  const std::string_view model = answer->Text(), version = answer->Text();
  std::vector<ParamList> params;
  const int32_t count = answer->Number();
  for (int32_t i = 0; i < count && answer->ok(); ++i) {
    ParamList node{};
    node.key = const_cast<char*>(answer->Text().data());
    const std::string_view value = answer->Text();
    node.value = const_cast<char*>(value.data());
    node.vlen = static_cast<unsigned>(value.size());
    params.push_back(node);
  }
  for (size_t i = 1; i < params.size(); ++i) params[i - 1].next = &params[i];
  Results payloads(answer);
  if (!answer->ok() || !payloads.Read() || !payloads.CopyArrays(env)) return 0;
  const unsigned flags = session != JNI_FALSE ? WCallStream : 0;
  const unsigned long long call =
      g_call(name.c_str(), model.data(), version.data(), params.empty() ? nullptr : params.data(),
             payloads.head(), flags, 0, nullptr, nullptr);
  return static_cast<jlong>(call);
}

jobjectArray JNICALL CallNext(JNIEnv* env, jclass, jlong call) {
  WCallAnswer answer{};
  if (g_next(static_cast<unsigned long long>(call), -1, &answer) != 0) return nullptr;
  Question out(env);
  out.Number(answer.code);
  out.Number(answer.errorClass);
  out.Number(answer.last);
  out.Text(answer.error);
  // A list without entries is one node of NULLs.
  out.Payloads(answer.code == 0 ? answer.data : nullptr, false);
  jobjectArray objects = out.Objects();
  jclass object = env->FindClass("java/lang/Object");
  jobjectArray all = object == nullptr ? nullptr : env->NewObjectArray(2, object, nullptr);
  jbyteArray head = all == nullptr ? nullptr : env->NewByteArray(static_cast<jsize>(out.size()));
  if (head == nullptr || !out.ok()) return nullptr;
  env->SetByteArrayRegion(head, 0, static_cast<jsize>(out.size()),
                          reinterpret_cast<const jbyte*>(out.buffer().data));
  env->SetObjectArrayElement(all, 0, head);
  env->SetObjectArrayElement(all, 1, objects);
  return all;
}

void JNICALL CallEnd(JNIEnv*, jclass, jlong call) { g_end(static_cast<unsigned long long>(call)); }

void JNICALL OutOfMemory(JNIEnv* env, jclass, jbyteArray text) {
  EndOutOfMemory(BytesOf(env, text));
}

template <class Function>
JNINativeMethod Native(const char* name, const char* shape, Function* function) {
  return {const_cast<char*>(name), const_cast<char*>(shape), reinterpret_cast<void*>(function)};
}

}  // namespace

bool BindNatives(JNIEnv* env) {
  const JNINativeMethod methods[] = {
      Native("deliver", "([B[Ljava/lang/Object;Z)I", &Deliver),
      Native("state", "([B)J", &State),
      Native("meter", "([B[BI)V", &Meter),
      Native("trace", "([B[B[B)V", &Trace),
      Native("callModel", "([B[Ljava/lang/Object;Z)J", &CallModel),
      Native("callNext", "(J)[Ljava/lang/Object;", &CallNext),
      Native("callEnd", "(J)V", &CallEnd),
      Native("outOfMemory", "([B)V", &OutOfMemory),
  };
  jclass host = env->FindClass("ai/aiges/Host");
  const bool bound =
      host != nullptr && env->RegisterNatives(host, methods, std::size(methods)) == 0;
  if (!bound) env->ExceptionDescribe();
  return bound;
}

void SetCallback(wrapperCallback callback) { g_callback = callback; }

void SetCtrl(CtrlType type, void* function) {
  if (type == CTMeterCustom) g_meter = reinterpret_cast<wrapperMeterCustom>(function);
  if (type == CTTraceLog) g_trace = reinterpret_cast<wrapperTraceLog>(function);
  if (type == CTCallState) g_state = reinterpret_cast<wrapperCallState>(function);
  if (type == CTTryCallback) g_try = reinterpret_cast<wrapperCallback>(function);
  if (type == CTKeepInput) SetKeepInput(reinterpret_cast<wrapperKeepInput>(function));
  if (type == CTCallModel) g_call = reinterpret_cast<wrapperCallModel>(function);
  if (type == CTCallNext) g_next = reinterpret_cast<wrapperCallNext>(function);
  if (type == CTCallEnd) g_end = reinterpret_cast<wrapperCallEnd>(function);
}

int64_t MsLeft() {
  constexpr int64_t kUsual = 5000;
  long long left = -1;
  if (g_state != nullptr) g_state("", &left);
  return left >= 0 ? left : kUsual;
}

}  // namespace aiges::java
