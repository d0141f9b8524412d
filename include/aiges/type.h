// SPDX-License-Identifier: Apache-2.0
/* aiges/type.h: the data types of the C plugin ABI.
 *
 * Binary contract: layouts and numbers are frozen (sealed by tests/abi/layout_test.cc). No packing
 * pragma, LP64. Lists are singly linked, NULL at the end. A list without entries is handed over as
 * ONE node whose pointers are all NULL, because plugins in the field look at the head without
 * asking. Strings are NUL terminated.
 */
#ifndef AIGES_TYPE_H
#define AIGES_TYPE_H

#ifdef __cplusplus
extern "C" {
#endif

/* What a function passed to wrapperSetCtrl is for. */
typedef enum {
  CTMeterCustom = 0, /* wrapperMeterCustom */
  CTMetricsLog = 1,  /* reserved: no signature was ever published */
  CTTraceLog = 2,    /* wrapperTraceLog */
  CTCallState = 3,   /* wrapperCallState */
  CTTryCallback = 4, /* wrapperCallback that never waits: it returns 1 when there is no room now */
  CTAlive = 5,       /* wrapperAlive */
  CTDoorTook = 6,    /* wrapperDoorTook */
  CTKeepInput = 7,   /* wrapperKeepInput */
  CTCallModel = 8,   /* wrapperCallModel */
  CTCallNext = 9,    /* wrapperCallNext */
  CTCallEnd = 10,    /* wrapperCallEnd */
  CTMetrics = 11     /* wrapperMetrics */
} CtrlType;

typedef enum {
  DataText = 0,
  DataAudio = 1,
  DataImage = 2,
  DataVideo = 3,
  DataPer = 4 /* a personalisation resource */
} DataType;

typedef enum {
  DataBegin = 0,
  DataContinue = 1,
  DataEnd = 2,
  DataOnce = 3 /* the whole datum in one piece */
} DataStatus;

/* A key/value pair: configuration, request parameter or payload attribute. */
typedef struct ParamList {
  char* key;
  char* value;       /* NUL terminated, and vlen bytes long */
  unsigned int vlen; /* strlen(value) */
  struct ParamList* next;
} *pParamList, *pConfig, *pDescList;

/* One payload. */
typedef struct DataList {
  char* key;        /* stream name */
  void* data;       /* raw bytes, NOT NUL terminated; not NULL when len is 0 in a request */
  unsigned int len; /* bytes */
  DataType type;
  DataStatus status;
  struct ParamList* desc; /* attributes */
  struct DataList* next;
}* pDataList;

#ifdef __cplusplus
}
#endif
#endif /* AIGES_TYPE_H */
