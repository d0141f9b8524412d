// SPDX-License-Identifier: Apache-2.0
// wrapper/embed_module.h: the Python module aiges_embed, which exists inside a worker only.
//
// Same classes and semantics as aiges.dto of the SDK; its types are in
// sdk/aiges_embed-stubs.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"
#include "wrapper/convert.h"

namespace aiges::shim {

// Makes `import aiges_embed` work, in an interpreter that this library started or was loaded into:
// it is no entry of the table of built-in modules, which is closed once Python runs. False: a
// Python exception is set. Needs the GIL; once per process.
bool ProvideEmbedModule();

// A DataListCls of the request's payloads. Needs the GIL. `lender`: as Contract::MakeInput.
pybind11::object MakeDataListCls(const DataList* head, ResultList* lender);
// A list of ResponseData of what another model has answered. Needs the GIL.
pybind11::list MakeResponseList(const DataList* head);

// The host's functions from wrapperSetCtrl; NULL is fine.
void SetMeter(wrapperMeterCustom function);
void SetTrace(wrapperTraceLog function);
void SetMetrics(wrapperMetrics function);

}  // namespace aiges::shim
