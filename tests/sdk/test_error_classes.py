# SPDX-License-Identifier: Apache-2.0
import pytest
from aiges import errors

KINDS = ("BadInput NotFound Unavailable Unsupported AlreadyExists Cancelled Unknown").split()


def test_each_class_has_its_number_and_code():
    for number, name in enumerate(KINDS, 1):
        made = getattr(errors, name)("text")
        assert (made.error_class, made.code, str(made)) == (number, 30005 + number, "text")
        assert isinstance(made, errors.CallError)
        assert getattr(errors, name)("text", 7).code == 7


@pytest.mark.parametrize(("code", "kind"), [(0, ValueError), (2**31, ValueError), ("1", TypeError)])
def test_a_code_is_an_int_of_32_bits(code, kind):
    with pytest.raises(kind, match="^code: expected an int"):
        errors.NotFound("text", code)
