// SPDX-License-Identifier: Apache-2.0
// bridge.h: the C half of the package: the host's functions, and the errors of each thread.
//
// Go cannot call a function pointer, so each function that the host hands over has a door here. The
// host asks for the text of an error on the thread that got its code, once for each, of a batch in
// the order of its calls: so each thread has a queue of them.
#ifndef AIGES_GO_BRIDGE_H
#define AIGES_GO_BRIDGE_H

#include "aiges/wrapper.h"

// Keeps an error for wrapperError on this thread. The texts are this function's, made by malloc;
// detail may be NULL.
void aigesQueueError(int code, int errorClass, char* text, char* detail);

// As the host's functions of those names; without one: 0, and for a model call 0.
int aigesMeter(const char* tag, const char* key, int count);
int aigesTrace(const char* tag, const char* key, const char* value);
int aigesCallState(const char* tag, long long* remainingMs);
int aigesHasCalls(void);
unsigned long long aigesCallModel(const char* tag, const char* model, const char* version,
                                  pParamList params, pDataList data, unsigned int flags,
                                  int timeoutMs);
int aigesCallNext(unsigned long long call, WCallAnswer* answer);
int aigesCallEnd(unsigned long long call);

// Delivers a list, or with data NULL an error, whose texts are as those of aigesQueueError.
int aigesDeliver(wrapperCallback callback, const char* tag, pDataList data);
int aigesDeliverError(wrapperCallback callback, const char* tag, int code, int errorClass,
                      char* text, char* detail);

#endif
