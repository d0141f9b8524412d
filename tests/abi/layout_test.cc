// SPDX-License-Identifier: Apache-2.0
// The layout that compiled plugins in the field rely on: frozen.
#include <gtest/gtest.h>

#include <cstddef>
#include <type_traits>

#include "aiges/wrapper.h"

namespace {

static_assert(sizeof(void*) == 8, "the ABI is that of LP64");

static_assert(CTMeterCustom == 0 && CTMetricsLog == 1 && CTTraceLog == 2);
static_assert(CTCallState == 3 && CTTryCallback == 4 && CTAlive == 5);
static_assert(CTDoorTook == 6);
static_assert(CTKeepInput == 7);
static_assert(CTCallModel == 8 && CTCallNext == 9 && CTCallEnd == 10 && CTMetrics == 11 &&
              WCallStream == 1);
static_assert(DataText == 0 && DataAudio == 1 && DataImage == 2 && DataVideo == 3 && DataPer == 4);
static_assert(DataBegin == 0 && DataContinue == 1 && DataEnd == 2 && DataOnce == 3);
static_assert(sizeof(CtrlType) == 4 && sizeof(DataType) == 4 && sizeof(DataStatus) == 4);

static_assert(sizeof(ParamList) == 32 && alignof(ParamList) == 8);
static_assert(offsetof(ParamList, key) == 0);
static_assert(offsetof(ParamList, value) == 8);
static_assert(offsetof(ParamList, vlen) == 16 && sizeof(ParamList::vlen) == 4);
static_assert(offsetof(ParamList, next) == 24);

static_assert(sizeof(DataList) == 48 && alignof(DataList) == 8);
static_assert(offsetof(DataList, key) == 0);
static_assert(offsetof(DataList, data) == 8);
static_assert(offsetof(DataList, len) == 16 && sizeof(DataList::len) == 4);
static_assert(offsetof(DataList, type) == 20);
static_assert(offsetof(DataList, status) == 24);
static_assert(offsetof(DataList, desc) == 32);
static_assert(offsetof(DataList, next) == 40);

static_assert(sizeof(WCallAnswer) == 32 && alignof(WCallAnswer) == 8);
static_assert(offsetof(WCallAnswer, code) == 0 && offsetof(WCallAnswer, errorClass) == 4);
static_assert(offsetof(WCallAnswer, error) == 8 && offsetof(WCallAnswer, data) == 16);
static_assert(offsetof(WCallAnswer, last) == 24);

static_assert(std::is_same_v<pConfig, pParamList> && std::is_same_v<pDescList, pParamList>);
static_assert(std::is_unsigned_v<decltype(DataList::len)>);

template <class Expected, class Function>
constexpr bool kIs = std::is_same_v<Expected, std::remove_pointer_t<Function>>;

static_assert(kIs<int(const void*, pDataList, int), wrapperCallback>);
static_assert(kIs<int(const char*, const char*, int), wrapperMeterCustom>);
static_assert(kIs<int(const char*, const char*, const char*), wrapperTraceLog>);
static_assert(kIs<void(unsigned long long, void*), wrapperCallReady>);
static_assert(kIs<unsigned long long(const char*, const char*, const char*, pParamList, pDataList,
                                     unsigned int, int, wrapperCallReady, void*),
                  wrapperCallModel>);
static_assert(kIs<int(unsigned long long, int, WCallAnswer*), wrapperCallNext>);
static_assert(kIs<int(unsigned long long), wrapperCallEnd>);
static_assert(kIs<int(CtrlType, void*), decltype(wrapperSetCtrl)>);
static_assert(kIs<int(pConfig), decltype(wrapperInit)>);
static_assert(kIs<int(), decltype(wrapperFini)>);
static_assert(kIs<const char*(int), decltype(wrapperError)>);
static_assert(kIs<const char*(), decltype(wrapperVersion)>);
static_assert(kIs<int(pDataList, unsigned int), decltype(wrapperLoadRes)>);
static_assert(kIs<int(unsigned int), decltype(wrapperUnloadRes)>);
static_assert(kIs<const void*(const char*, pParamList, wrapperCallback, unsigned int*, int, int*),
                  decltype(wrapperCreate)>);
static_assert(kIs<int(const void*, pDataList), decltype(wrapperWrite)>);
static_assert(kIs<int(const void*, pDataList*), decltype(wrapperRead)>);
static_assert(kIs<int(const void*), decltype(wrapperDestroy)>);
static_assert(kIs<int(const char*, pParamList, pDataList, pDataList*, unsigned int*, int),
                  decltype(wrapperExec)>);
static_assert(kIs<int(const char*, pDataList*), decltype(wrapperExecFree)>);
static_assert(kIs<int(const char*, pParamList, pDataList, wrapperCallback, int, unsigned int*, int),
                  decltype(wrapperExecAsync)>);
static_assert(kIs<const char*(const void*), decltype(wrapperDebugInfo)>);

// The header must stay usable from C: abi/header_is_c.c is compiled into this program.
extern "C" unsigned long aiges_abi_sizes_in_c(void);

TEST(Abi, CAndCppAgreeOnTheSizes) {
  EXPECT_EQ(aiges_abi_sizes_in_c(), sizeof(DataList) * 1000 + sizeof(ParamList));
}

}  // namespace
