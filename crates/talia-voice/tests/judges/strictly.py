"""Holds values against the types of the SDKs: what is missing, wrong or unknown to them is an error."""

import functools
import sys
import types
import typing

import pydantic
import typing_extensions


def harden(*packages):
    """Lists instead of what pydantic reads lazily or not at all. To be called when the types are imported, before they are used."""
    for name, module in list(sys.modules.items()):
        if name.startswith(packages):
            for lazy in ("SequenceNotStr", "Iterable", "Sequence"):
                if hasattr(module, lazy):
                    setattr(module, lazy, typing.List)


@functools.cache
def adapter(kind):
    return pydantic.TypeAdapter(kind)


def wrong(kind, value):
    """What is wrong with a JSON value that should be of this type, in words."""
    try:
        adapter(kind).validate_python(value, strict=True, extra="forbid")
    except pydantic.ValidationError as error:
        return [
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors(include_url=False)
        ]
    return []


def members(union):
    """The types of a union, whatever it is wrapped in; a type that is none is its only member."""
    origin = typing.get_origin(union)
    if origin in (typing.Annotated, typing_extensions.Required, typing_extensions.NotRequired):
        return members(typing.get_args(union)[0])
    if origin in (typing.Union, types.UnionType):
        return [part for kind in typing.get_args(union) for part in members(kind)]
    return [union]


def named(union, tag, value):
    """The member of a union whose field `tag` can only be what it is in `value`; `None` when the SDK knows none."""
    wanted = value.get(tag) if isinstance(value, dict) else None
    for kind in members(union):
        if any(wanted in typing.get_args(literal) for literal in members(field(kind, tag))):
            return kind
    return None


def field(kind, name):
    """The type of a field, of a model or of a typed dictionary."""
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return kind.model_fields[name].annotation if name in kind.model_fields else None
    return typing.get_type_hints(kind).get(name) if typing_extensions.is_typeddict(kind) else None


def wrong_as(union, tag, value):
    """What is wrong with a value of a union whose members are told apart by `tag`."""
    kind = named(union, tag, value)
    return wrong(kind, value) if kind else [f"{tag}: unknown to the SDK"]


def wrong_query(parameters, required, pairs):
    """What is wrong with query parameters, given as pairs of texts, where the SDK takes these with these types."""
    given = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    errors = [f"{name}: unknown to the SDK" for name in given if name not in parameters]
    errors += [f"{name}: missing" for name in required if name not in given]
    for name, texts in given.items():
        # The SDKs write `Any` beside the values that they know; only those count here.
        kinds = [kind for kind in members(parameters.get(name, str)) if kind not in (typing.Any, type(None))]
        for text in texts if kinds else []:
            if not any(fits(kind, text) for kind in kinds):
                errors.append(f"{name}: {text!r} is none of {kinds}")
    return errors


def fits(kind, text):
    of = typing.get_args(kind) if typing.get_origin(kind) in (list, typing.Sequence) else ()
    try:
        adapter(of[0] if of else kind).validate_strings(text)
    except pydantic.ValidationError:
        return False
    return True
