/* aiges/wrapper.h: the functions of the C plugin ABI. A plugin is a libwrapper.so that exports them.
 *
 * Mandatory: wrapperInit, wrapperExec. Everything else is optional; the host does without what is missing.
 *
 * Ownership. What the host passes in (config, params, reqData, usrTag, psrIds) is valid during the call only: copy
 * what you keep. What the plugin hands out (respData, strings) stays the plugin's: after a wrapperExec that returned 0
 * the host copies the list and then calls wrapperExecFree with the same head; after any other return it does not.
 * wrapperRead's list is the plugin's until the next Read, Write or Destroy on that handle; a callback's list until the
 * callback returns. Strings from wrapperError, wrapperVersion and wrapperDebugInfo are copied at once.
 *
 * Threads. wrapperInit is called once, before everything else, and wrapperFini once, at the end. wrapperExec may be
 * called from [instances] threads threads at once (1 unless configured). Calls of one session never overlap, but may
 * come from different threads. A callback may be called from any thread.
 *
 * Errors. 0 is success. Anything else reaches the client as loader code 109xx with the text
 * "<wrapperError(ret)>;code=<ret>"; clients parse the number behind ";code=".
 */
#ifndef AIGES_WRAPPER_H
#define AIGES_WRAPPER_H

#include "aiges/type.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Delivers results (ret == 0) or an error (ret != 0, respData ignored) of the session or asynchronous call that was
 * started with usrTag: the same pointer or an equal string. 0: taken. -1: nobody waits for it any more, stop sending.
 * Waits while the client is slower than the plugin: call it without locks that another callback needs. */
typedef int (*wrapperCallback)(const void* usrTag, pDataList respData, int ret);

/* Counts `count` units of `meterKey` for the call usrTag. Reaches the host's metrics. Thread-safe. Returns 0. */
typedef int (*wrapperMeterCustom)(const char* usrTag, const char* meterKey, int count);

/* Adds key=value to the trace of the call usrTag. Reaches the host's log. Thread-safe. Returns 0. */
typedef int (*wrapperTraceLog)(const char* usrTag, const char* key, const char* value);

/* Asks about the call or session usrTag, also one of a batch: *remainingMs (may be NULL) is the time to its deadline, -1
 * without one. Returns 0: somebody waits for it; 1: cancelled, answered, destroyed, or the deadline has passed: what it
 * still does is for nobody. From any thread, also from those of the engine. */
typedef int (*wrapperCallState)(const char* usrTag, long long* remainingMs);

/* Hands a host function to the plugin. Called before wrapperInit, once per CtrlType that the host offers. */
int wrapperSetCtrl(CtrlType type, void* func);

/* cfg: the [wrapper] table of aiges.toml, values as text. Anything but 0 stops the start-up of this instance. */
int wrapperInit(pConfig cfg);
int wrapperFini(void);

const char* wrapperError(int errNum);
const char* wrapperVersion(void);

/* perData: one node {key, type DataPer, status DataEnd, desc}. */
int wrapperLoadRes(pDataList perData, unsigned int resId);
int wrapperUnloadRes(unsigned int resId);

/* A session. cb is NULL for a synchronous plugin. A failure is *errNum != 0 (it is 0 on entry) or a NULL handle; then
 * Destroy is not called. Otherwise Destroy is called exactly once, on every path. */
const void* wrapperCreate(const char* usrTag, pParamList params, wrapperCallback cb, unsigned int psrIds[], int psrCnt,
                          int* errNum);
int wrapperWrite(const void* handle, pDataList reqData);
int wrapperRead(const void* handle, pDataList* respData);
int wrapperDestroy(const void* handle);

/* A once call. respData points to a NULL list head. psrIds has psrCnt entries, NULL when psrCnt is 0. */
int wrapperExec(const char* usrTag, pParamList params, pDataList reqData, pDataList* respData, unsigned int psrIds[],
                int psrCnt);
int wrapperExecFree(const char* usrTag, pDataList* respData);

/* A once call that answers through cb. timeout in ms, 0 for none. */
int wrapperExecAsync(const char* usrTag, pParamList params, pDataList reqData, wrapperCallback cb, int timeout,
                     unsigned int psrIds[], int psrCnt);

const char* wrapperDebugInfo(const void* handle);

/* --- Additions of this host. All optional. --- */

/* What the plugin does with calls, when it knows better than its symbols say. Asked once, after wrapperInit. */
enum {
  WTraitSessions = 1,        /* Create, Write and Destroy serve sessions */
  WTraitCallback = 2,        /* sessions answer through the callback: wrapperRead is not called */
  WTraitAsyncOnce = 4,       /* once calls go to wrapperExecAsync */
  WTraitBatch = 8,           /* wrapperExecBatch serves once calls */
  WTraitResources = 16       /* wrapperLoadRes and UnloadRes do something */
};
unsigned int wrapperTraits(void);

/* What lies behind the error that wrapperError was asked for just before, on the same thread: a traceback, for people.
 * It reaches the status page of the host and no client. NULL: nothing more is known. Copied at once. */
const char* wrapperErrorDetail(int errNum);

/* What goes in and comes out, as UTF-8 JSON of at most 1 MiB: {"meta": {..}, "schemainput": .., "schemaoutput": ..}, the
 * last two JSON Schema of a request and an answer; docs/protocol.md has the form. From it come /openapi.json and /docs, and
 * the checks of [http] validate. NULL or "": nothing is declared. Asked once, after wrapperInit; copied at once. */
const char* wrapperSchema(void);

/* Runs once, after wrapperInit and before the first call: fills caches, compiles kernels. Anything but 0 fails the start. */
int wrapperWarmup(void);

/* `count` once calls as one; a call with psrIds goes to wrapperExec instead. Arrays of `count` entries; respData[i] and
 * rets[i] are the answer of call i, as of wrapperExec. A return other than 0 is the answer of all. respData[i] is given
 * back with wrapperExecFree(usrTags[i], &respData[i]) where rets[i] is 0. */
int wrapperExecBatch(unsigned int count, const char* const usrTags[], const pParamList params[],
                     const pDataList reqData[], pDataList respData[], int rets[]);

#ifdef __cplusplus
}
#endif
#endif /* AIGES_WRAPPER_H */
