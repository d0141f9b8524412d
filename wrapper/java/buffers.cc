// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/buffers.h"

#include <cstdlib>
#include <mutex>
#include <vector>

#include "wrapper/java/env.h"

namespace aiges::java {
namespace {

struct Pool {
  std::mutex mu;
  std::vector<Buffer*> free;  // With mu; of the usual size.
};

Pool& GetPool() {
  static Pool* const pool = new Pool;  // Never destroyed: threads of engines outlive main.
  return *pool;
}

}  // namespace

void GiveBack::operator()(Buffer* buffer) const {
  if (buffer == nullptr) return;
  if (buffer->size == Buffer::kUsual) {
    Pool& pool = GetPool();
    const std::lock_guard lock(pool.mu);
    pool.free.push_back(buffer);
    return;
  }
  if (JNIEnv* env = Env()) env->DeleteGlobalRef(buffer->object);
  std::free(buffer->data);
  delete buffer;
}

BufferPtr TakeBuffer(JNIEnv* env, size_t bytes) {
  if (bytes <= Buffer::kUsual) {
    bytes = Buffer::kUsual;
    Pool& pool = GetPool();
    const std::lock_guard lock(pool.mu);
    if (!pool.free.empty()) {
      BufferPtr found(pool.free.back());
      pool.free.pop_back();
      return found;
    }
  }
  auto* const data = static_cast<char*>(std::malloc(bytes));
  if (data == nullptr) return nullptr;
  jobject local = env->NewDirectByteBuffer(data, static_cast<jlong>(bytes));
  jobject global = local == nullptr ? nullptr : env->NewGlobalRef(local);
  if (global == nullptr) {
    env->ExceptionClear();
    std::free(data);
    return nullptr;
  }
  env->DeleteLocalRef(local);
  return BufferPtr(new Buffer{data, bytes, global});
}

}  // namespace aiges::java
