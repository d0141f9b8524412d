// SPDX-License-Identifier: Apache-2.0
// wrapper/items.h: results that user code returned, appended, yielded or passed to callback().
//
// Every form is taken everywhere: dict(key, data, len, status, type[, desc]) of the function style,
// ResponseData and Response of the class style (any object with their attributes: wrappers also use
// the pure-Python aiges.dto classes), lists of them, and plain bytes or str (key "result").
// Arrays are tensors (tensors.h): as the data of an item, as (name, array), {name: array, ..}, or
// alone. Their memory is used as it lies until the list is freed.
// All need the GIL, and leave no exception set.
#pragma once

#include <string>

#include "wrapper/convert.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// Which status an item gets: Once, whatever it says; or its own.
enum class Statuses { kOnce, kOwn };

// Each: empty, or what is wrong with the item.
std::string ReadDictItem(PyObject* item, Statuses statuses, ResultList* out);
std::string ReadObjectItem(PyObject* item, Statuses statuses, ResultList* out);

// Of respData: a dict, or (name, array).
std::string ReadAppended(PyObject* item, Statuses statuses, ResultList* out);

// Any form. A Response with an error_code puts that into *error_code and nothing into *out.
std::string ReadAny(PyObject* value, Statuses statuses, ResultList* out, int* error_code);

// Response.list into *out; "" or what is wrong.
std::string ReadResponseList(PyObject* response, Statuses statuses, ResultList* out);

}  // namespace aiges::shim
