# SPDX-License-Identifier: Apache-2.0
"""Libraries on the C ABI for the tests of asectl check, as text. Each begins with GOOD."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
#include <stdlib.h>
#include <string.h>
#include "aiges/wrapper.h"
#ifdef __cplusplus
extern "C" {
#endif
int wrapperInit(pConfig c) { (void)c; return 0; }
int wrapperFini(void) { return 0; }
const char* wrapperError(int code) { (void)code; return "words"; }
int wrapperExec(const char* tag, pParamList p, pDataList in, pDataList* out, unsigned int ids[],
                int n) {
  (void)tag; (void)p; (void)ids; (void)n;
  if (in->key == NULL) return 5;
  pDataList made = (pDataList)calloc(1, sizeof(*made));
  made->key = strdup("result");
  made->data = malloc(in->len + 1);
  memcpy(made->data, in->data, in->len);
  made->len = in->len;
  made->status = DataOnce;
  *out = made;
  return 0;
}
int wrapperExecFree(const char* tag, pDataList* out) {
  (void)tag;
  free((*out)->key); free((*out)->data); free(*out);
  return 0;
}
"""
# A session that is read; its handle owns memory.
SESSION = """
static int reads;
const void* wrapperCreate(const char* t, pParamList p, wrapperCallback cb, unsigned int ids[],
                          int n, int* err) {
  (void)t; (void)p; (void)cb; (void)ids; (void)n; (void)err; return &reads;
}
int wrapperWrite(const void* h, pDataList in) { (void)h; (void)in; return 0; }
static struct DataList item;
int wrapperRead(const void* h, pDataList* out) {
  (void)h; item.key = (char*)"result"; item.data = (void*)"x"; item.len = 1; item.status = DataEnd;
  *out = &item; return 0;
}
int wrapperDestroy(const void* h) { (void)h; return 0; }
"""
# The rest of what other loaders require. Stubs, but for sessions.
REST = """
int wrapperSetCtrl(CtrlType type, void* function) { (void)type; (void)function; return 0; }
const char* wrapperVersion(void) { return "1"; }
int wrapperLoadRes(pDataList data, unsigned int id) { (void)data; (void)id; return 0; }
int wrapperUnloadRes(unsigned int id) { (void)id; return 0; }
int wrapperExecAsync(const char* tag, pParamList p, pDataList in, wrapperCallback cb, int timeout,
                     unsigned int ids[], int n) {
  (void)tag; (void)p; (void)in; (void)cb; (void)timeout; (void)ids; (void)n; return 9;
}
const char* wrapperDebugInfo(const void* handle) { (void)handle; return ""; }
"""
TRAITS = "unsigned int wrapperTraits(void) {{ return {traits}; }}\n"
# A session by callback, from a thread of its own that is joined in Destroy.
CALLBACK = """
#include <pthread.h>
#include <unistd.h>
struct session { char tag[64]; wrapperCallback back; pthread_t thread; int begun; };
const void* wrapperCreate(const char* tag, pParamList p, wrapperCallback cb, unsigned int ids[],
                          int n, int* err) {
  (void)p; (void)ids; (void)n; (void)err;
  struct session* s = (struct session*)calloc(1, sizeof(*s));
  strncpy(s->tag, tag, 63); s->back = cb; return s;
}
static void* work(void* argument) {
  struct session* s = (struct session*)argument;
  struct DataList item = {0};
  item.key = (char*)"result"; item.data = (void*)"x"; item.len = 1; item.status = DataEnd;
  s->back(s->tag, &item, 0);
  return NULL;
}
int wrapperWrite(const void* h, pDataList in) {
  struct session* s = (struct session*)h;
  (void)in; s->begun = 1;
  return pthread_create(&s->thread, NULL, work, s);
}
int wrapperDestroy(const void* h) {
  struct session* s = (struct session*)h;
  if (s->begun) pthread_join(s->thread, NULL);
  free(s); return 0;
}
"""


def build(folder, source, compiler=("cc",)):
    """Make libwrapper.so in the folder."""
    closing = "\n#ifdef __cplusplus\n}\n#endif\n"
    (folder / "w.c").write_text(source + closing)
    wanted = [*compiler, "-shared", "-fPIC", "-O1", "-pthread", f"-I{ROOT / 'include'}"]
    done = subprocess.run(
        [*wanted, "-o", "libwrapper.so", "w.c"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
