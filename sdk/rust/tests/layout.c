// SPDX-License-Identifier: Apache-2.0
// What the headers say, for layout.rs to compare with src/abi.rs.
#include <stddef.h>
#include <stdio.h>

#include "aiges/wrapper.h"

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define AT(type, member) printf(#type "." #member " %zu\n", offsetof(type, member))
#define NUMBER(name) printf(#name " %zu\n", (size_t)(name))

int main(void) {
  SIZE(struct ParamList);
  AT(struct ParamList, key);
  AT(struct ParamList, value);
  AT(struct ParamList, vlen);
  AT(struct ParamList, next);
  SIZE(struct DataList);
  AT(struct DataList, key);
  AT(struct DataList, data);
  AT(struct DataList, len);
  AT(struct DataList, type);
  AT(struct DataList, status);
  AT(struct DataList, desc);
  AT(struct DataList, next);
  SIZE(WCallAnswer);
  AT(WCallAnswer, code);
  AT(WCallAnswer, errorClass);
  AT(WCallAnswer, error);
  AT(WCallAnswer, data);
  AT(WCallAnswer, last);
  SIZE(WrapperWishes);
  AT(WrapperWishes, threads);
  AT(WrapperWishes, batch_size);
  AT(WrapperWishes, batch_delay_us);
  NUMBER(CTMeterCustom);
  NUMBER(CTTraceLog);
  NUMBER(CTCallState);
  NUMBER(CTCallModel);
  NUMBER(CTCallNext);
  NUMBER(CTCallEnd);
  NUMBER(WCallStream);
  NUMBER(WTraitSessions);
  NUMBER(WTraitCallback);
  NUMBER(WTraitAsyncOnce);
  NUMBER(WTraitBatch);
  NUMBER(WTraitResources);
  NUMBER(DataText);
  NUMBER(DataAudio);
  NUMBER(DataImage);
  NUMBER(DataVideo);
  NUMBER(DataPer);
  NUMBER(DataBegin);
  NUMBER(DataContinue);
  NUMBER(DataEnd);
  NUMBER(DataOnce);
  return 0;
}
