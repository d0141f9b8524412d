// SPDX-License-Identifier: Apache-2.0
/* aiges/wrapper.h: the functions of the C plugin ABI. A plugin is a libwrapper.so that exports
 * them.
 *
 * Mandatory: wrapperInit, wrapperExec. Everything else is optional; the host does without what is
 * missing.
 *
 * Ownership. What the host passes in (config, params, reqData, usrTag, psrIds) is valid during the
 * call only: copy what you keep. What the plugin hands out (respData, strings) stays the plugin's:
 * after a wrapperExec that returned 0 the host copies the list and then calls wrapperExecFree with
 * the same head; after any other return it does not. wrapperRead's list is the plugin's until the
 * next Read, Write or Destroy on that handle; a callback's list until the callback returns. Strings
 * from wrapperError, wrapperVersion and wrapperDebugInfo are copied at once.
 *
 * Threads. wrapperInit is called once, before everything else, and wrapperFini once, at the end.
 * Once calls, and functions of different sessions, run at once on several threads: as many as wait
 * behind slow ones, at most [fc] max and 64; or [instances] threads, where that is set. Calls of
 * one session never overlap, but may come from different threads. A plugin that cannot do that says
 * WTraitOneThread. A callback may be called from any thread.
 *
 * Errors. 0 is success. Anything else reaches the client as loader code 109xx with the text
 * "<wrapperError(ret)>;code=<ret>"; clients parse the number behind ";code=". Texts are cut at
 * 4 KiB.
 *
 * Results. A list has at most 100,000 nodes, those of desc included, and 2 GiB of data; keys and
 * desc are NUL terminated, of at most 64 KiB each.
 */
#ifndef AIGES_WRAPPER_H
#define AIGES_WRAPPER_H

#include "aiges/type.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Delivers results (ret == 0) or an error (ret != 0, respData ignored) of the session or
 * asynchronous call that was started with usrTag: the same pointer or an equal string. 0: taken.
 * -1: nobody waits for it any more, stop sending. Waits while the client is slower than the plugin:
 * call it without locks that another callback needs. */
typedef int (*wrapperCallback)(const void* usrTag, pDataList respData, int ret);

/* Counts `count` units of `meterKey` for the call usrTag. Reaches the host's metrics. Thread-safe.
 * Returns 0. */
typedef int (*wrapperMeterCustom)(const char* usrTag, const char* meterKey, int count);

/* Tells the metrics of the plugin's own: `families` is JSON of all of them as they are now, in
 * place of what this process said before, and at most 256 KiB (docs/plugin_metrics.md). They are
 * series of /metrics. Thread-safe; ask it once a second at most. Anything but 0: not taken. */
typedef int (*wrapperMetrics)(const char* families);

/* Adds key=value to the trace of the call usrTag. Reaches the host's log. Thread-safe. Returns 0.
 */
typedef int (*wrapperTraceLog)(const char* usrTag, const char* key, const char* value);

/* Asks about the call or session usrTag, also one of a batch: *remainingMs (may be NULL) is the
 * time to its deadline, -1 without one. Returns 0: somebody waits for it; 1: cancelled, answered,
 * destroyed, or the deadline has passed: what it still does is for nobody. From any thread, also
 * from those of the engine. With the tag "" it asks about the process: 1 once that is to end (first
 * seen in wrapperDestroy and wrapperFini), and the time until it is killed. */
typedef int (*wrapperCallState)(const char* usrTag, long long* remainingMs);

/* For a plugin whose hooks run in an event loop of its own: the loop calls it from itself, for the
 * first time when it starts to turn, and again when the milliseconds that it returned have passed,
 * also when there is nothing to do. A loop that then keeps silent for hang_kill_ms is taken to be
 * stuck, and the process is replaced. 0: the host does not watch, call it no more. Thread-safe. A
 * plugin that never calls it is watched by its answers alone. */
typedef int (*wrapperAlive)(void);

/* The engine has done with `bytes` of the parts of the request of the door call usrTag (below).
 * Only so much may be under way. Thread-safe; never waits. Returns 0. */
typedef int (*wrapperDoorTook)(const char* usrTag, unsigned long long bytes);

/* Keeps bytes of a request beyond the call that they belong to: `data` and `bytes` name all or a
 * part of a payload that lies in the host's shared memory, as large ones do. Thread-safe. 0: so. */
enum {
  WKeepAsk = 0,   /* whether it could be done. Anything but 0: no, copy them */
  WKeepBegin = 1, /* during the call, and until the wrapperExecFree of its result: from then on they
                   * stay as they are, at this address. It costs a copy. Anything but 0: it cannot
                   * be done */
  WKeepEnd = 2 /* the same bytes again, once for each WKeepBegin: nobody looks at them any more */
};
typedef int (*wrapperKeepInput)(const void* data, unsigned long long bytes, int what);

/* --- Calls of other models of the host (docs/calls_between_models.md). All three functions may be
 * called from any thread, once wrapperInit has returned; those about one call by one thread at a
 * time. --- */

/* Something of the call is there for wrapperCallNext. Called on a thread that others wait for, also
 * before wrapperCallModel has returned: it only takes a note, and calls no host function. */
typedef void (*wrapperCallReady)(unsigned long long call, void* context);

enum {
  WCallStream = 1 /* a session of the other model: many answers; without it there is one */
};

/* Begins a call of the model of that name (version NULL or "": the one that the host chooses) and
 * returns its number, which is good until wrapperCallEnd; 0 only in a child of fork. Never waits.
 *
 * usrTag: the call or session that it is made for. What is left of that one's deadline, its
 * cancellation and its request id go along, and the call needs no licence. "": the once call, or
 * the batch, that runs on this thread; else it is nobody's: then it needs a licence as one from
 * outside. timeoutMs: 0: the deadline of usrTag's call alone, or the host's default. ready may be
 * NULL.
 *
 * params and reqData as those of wrapperExec; they are copied. What is wrong with any of it
 * is told by wrapperCallNext, so that there is one place for errors. */
typedef unsigned long long (*wrapperCallModel)(const char* usrTag, const char* model,
                                               const char* version, pParamList params,
                                               pDataList reqData, unsigned int flags, int timeoutMs,
                                               wrapperCallReady ready, void* context);

/* One answer. What it points to is the host's, and valid until the next wrapperCallNext or
 * wrapperCallEnd of that call. */
typedef struct WCallAnswer {
  int code;          /* 0, or the code that a client of the other model would get */
  int errorClass;    /* with a code: as wrapperErrorClass; 8: refused, no room now; 9: too late */
  const char* error; /* with a code: what went wrong; else NULL */
  pDataList data;    /* the results; without any, one node of NULLs */
  int last;          /* none follows; always with a code */
} WCallAnswer;

/* Waits for the next answer, for waitMs at most (-1: as long as it takes; a call always ends). A
 * thread that waits here does the host's work meanwhile, so it holds no lock that another needs.
 * 0: *answer is filled. 1: nothing is there yet. -1: no call has that number, or it gave its last
 * answer before. */
typedef int (*wrapperCallNext)(unsigned long long call, int waitMs, WCallAnswer* answer);

/* Gives the call's memory back; one that is not over is given up. Once for each call. ready is not
 * called any more when it has returned. Returns 0. */
typedef int (*wrapperCallEnd)(unsigned long long call);

/* Hands a host function to the plugin. Called before wrapperInit, once per CtrlType that the host
 * offers. */
int wrapperSetCtrl(CtrlType type, void* func);

/* cfg: the [wrapper] table of aiges.toml, values as text. Anything but 0 stops the start-up of this
 * instance. */
int wrapperInit(pConfig cfg);
int wrapperFini(void);

const char* wrapperError(int errNum);
const char* wrapperVersion(void);

/* perData: one node {key, type DataPer, status DataEnd, desc}. */
int wrapperLoadRes(pDataList perData, unsigned int resId);
int wrapperUnloadRes(unsigned int resId);

/* A session. cb is NULL where [aiges] asyncMode = false, and for a plugin whose traits have neither
 * WTraitCallback nor WTraitReadOrCallback. Otherwise a plugin with wrapperRead may use either: it
 * is asked by wrapperRead, which may give nothing, until the first callback of that session, and
 * then no more. A failure is *errNum != 0 (it is 0 on entry) or a NULL handle; then Destroy is not
 * called. Otherwise Destroy is called exactly once, on every path.
 */
const void* wrapperCreate(const char* usrTag, pParamList params, wrapperCallback cb,
                          unsigned int psrIds[], int psrCnt, int* errNum);
int wrapperWrite(const void* handle, pDataList reqData);
int wrapperRead(const void* handle, pDataList* respData);
int wrapperDestroy(const void* handle);

/* A once call. respData points to a NULL list head. psrIds has psrCnt entries, NULL when psrCnt is
 * 0. */
int wrapperExec(const char* usrTag, pParamList params, pDataList reqData, pDataList* respData,
                unsigned int psrIds[], int psrCnt);
int wrapperExecFree(const char* usrTag, pDataList* respData);

/* A once call that answers through cb. timeout in ms, 0 for none. */
int wrapperExecAsync(const char* usrTag, pParamList params, pDataList reqData, wrapperCallback cb,
                     int timeout, unsigned int psrIds[], int psrCnt);

const char* wrapperDebugInfo(const void* handle);

/* --- Additions of this host. All optional. --- */

/* The exit status of a process whose engine has used up the memory that it may have (the heap of
 * Java, say), and that therefore ends itself: clients and the log are told so. */
enum { WExitOutOfMemory = 86 };

/* What the plugin does with calls, when it knows better than its symbols say. Asked once, after
 * wrapperInit. */
enum {
  WTraitSessions = 1,   /* Create, Write and Destroy serve sessions */
  WTraitCallback = 2,   /* sessions answer through the callback: wrapperRead is not called */
  WTraitAsyncOnce = 4,  /* once calls go to wrapperExecAsync */
  WTraitBatch = 8,      /* wrapperExecBatch serves once calls */
  WTraitResources = 16, /* wrapperLoadRes and UnloadRes do something */
  WTraitOneThread = 32, /* all functions run on the thread of wrapperInit, as with threads = 1 */
  WTraitReadOrCallback =
      64 /* sessions may answer by wrapperRead or by the callback, as they like */
};
unsigned int wrapperTraits(void);

/* What the plugin asks for where aiges.toml does not say it; 0: nothing. Asked once, after
 * wrapperInit, with zeros in it. Beyond what the keys of that name allow, the nearest value. The
 * plugin returns 0; anything else, and it has asked for nothing. */
typedef struct {
  unsigned int threads;        /* [instances] threads */
  unsigned int batch_size;     /* [batch] max_size; of a plugin with wrapperExecBatch */
  unsigned int batch_delay_us; /* [batch] max_delay_us */
} WrapperWishes;
int wrapperWishes(WrapperWishes* wishes);

/* What lies behind the error that wrapperError was asked for just before, on the same thread: a
 * traceback, for people. It reaches the status page of the host and no client. NULL: nothing more
 * is known. Copied at once. */
const char* wrapperErrorDetail(int errNum);

/* What that error is, from which clients get their status over HTTP and gRPC; the code stays. Asked
 * after wrapperError and wrapperErrorDetail, on the same thread, once for each error; of a batch in
 * the order of its calls.
 *   0  the engine's fault                       500  INTERNAL
 *   1  the caller sent what cannot be used      400  INVALID_ARGUMENT
 *   2  what the caller names is not there       404  NOT_FOUND
 *   3  not now, perhaps later                   503  UNAVAILABLE
 *   4  this engine does not do that             501  UNIMPLEMENTED
 *   5  what is to be made is there already      409  ALREADY_EXISTS
 *   6  given up before it was done              499  CANCELLED
 *   7  failed, nobody knows how                 500  UNKNOWN
 * Any other number is 0. */
int wrapperErrorClass(int errNum);

/* What goes in and comes out, as UTF-8 JSON of at most 1 MiB: {"meta": {..}, "schemainput": ..,
 * "schemaoutput": ..}, the last two JSON Schema of a request and an answer; docs/protocol.md has
 * the form. From it come /openapi.json and /docs, and the checks of [http] validate. NULL or "":
 * nothing is declared. Asked once, after wrapperInit; copied at once. */
const char* wrapperSchema(void);

/* Runs once, after wrapperInit and before the first call: fills caches, compiles kernels. Anything
 * but 0 fails the start. */
int wrapperWarmup(void);

/* `count` once calls as one; a call with psrIds goes to wrapperExec instead. Arrays of `count`
 * entries; respData[i] and rets[i] are the answer of call i, as of wrapperExec. A return other than
 * 0 is the answer of all. respData[i] is given back with wrapperExecFree(usrTags[i], &respData[i])
 * where rets[i] is 0. */
int wrapperExecBatch(unsigned int count, const char* const usrTags[], const pParamList params[],
                     const pDataList reqData[], pDataList respData[], int rets[]);

/* --- Doors: a protocol of the engine's own, over HTTP or gRPC. --- */

/* What the engine wants to answer itself, as UTF-8 JSON of at most 256 KiB; docs/doors.md has the
 * form. NULL or "": nothing. Asked once, after wrapperWarmup; copied at once. A plugin that names
 * some has wrapperDoorCall and wrapperDoorEvent, too. */
const char* wrapperDoors(void);

/* A call of a door begins. `part` is one node: key ":http" or ":grpc"; desc the head in order, with
 * repeats, names in lower case, ":method" ":scheme" ":authority" ":path" first; data the begin of
 * the body; status DataOnce where that is all, else DataBegin. It is answered through cb, with one
 * node of the same key in each part: DataBegin with ":status" and the head in desc, DataContinue,
 * DataEnd with the trailers in desc; or DataOnce with the head in desc where all is there at once
 * (trailers behind an entry ":trailers"). The last part ends the call, as does an error (ret != 0).
 * cb waits while the client is slower; what CTTryCallback gives returns 1 then, and
 * WDoorRoom says when it may be tried again.
 *
 * Threads: both functions are called by one thread at a time, which is the one that hears of
 * everything the host says: they must not wait, only hand on. A return other than 0 is the answer.
 */
int wrapperDoorCall(const char* usrTag, pDataList part, wrapperCallback cb);

enum {
  WDoorPart = 0, /* more of the request: DataContinue, or DataEnd with its trailers in desc */
  WDoorRoom = 1, /* cb has room again; part is NULL */
  WDoorGone = 2  /* nobody waits for the answer any more, part is NULL. The call stays the engine's
                  * until its last part or an error, which is dropped. */
};
/* What follows a wrapperDoorCall that returned 0, until its last part. */
int wrapperDoorEvent(const char* usrTag, int event, pDataList part);

#ifdef __cplusplus
}
#endif
#endif /* AIGES_WRAPPER_H */
