"""Plain values -> frozen dataclasses, with every mistake found at once.

The pydantic models are generated from the dataclasses and their registries, so a new layer or optimizer
can be written in a file without a line here. Three shorthands: a part with all its defaults may be written
as its name ("relu"), a chain of layers as a list, and "none" means None where None is not the default.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    create_model,
)
from pydantic_core import PydanticCustomError, SchemaError

from koubai.core.errors import ConfigError, KoubaiError
from koubai.core.layer import Layer
from koubai.train.faults import SCALARS, Fault, Faults, faults_of, without
from koubai.train.kinds import KINDS, spelled_out
from koubai.train.plain import AtLeast, default_of, hints_of, instance_of
from koubai.train.toml_lines import KeyPath


def read_plain(hint: Any, plain: Any) -> Any:
    """Return the value of type `hint` that a plain value describes; raise Faults with every mistake.

    A class looks at its settings only when all of them are of their types, and refuses the first that cannot
    be. What is at fault is therefore left away, and the rest read again, until nothing more is found.
    """
    reader, found, left = _adapter(hint, _registered()), list[Fault](), plain
    while True:
        try:
            value = reader.validate_python(left)
        except ValidationError as error:
            new = faults_of(hint, left, error.errors())
        else:
            if not found:
                return value
            break
        if found:  # nothing lacks but what was left away
            new = [fault for fault in new if not fault.lacks and fault not in found]
        found += new
        less = left
        for fault in new:
            less = without(less, fault.place)
        if not new or less == left:
            break
        left = less
    raise Faults(found)


def json_schema(hint: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type, with which editors complete and check files."""
    return _adapter(hint, _registered()).json_schema()


# ---------------------------------------------------------------------------------- types to pydantic models


def _registered() -> tuple[int, ...]:
    """Return the sizes of the registries, which grow when a user registers a layer of their own."""
    return tuple(map(len, KINDS.values()))


@cache
def _adapter(hint: Any, registered: tuple[int, ...]) -> TypeAdapter[Any]:
    """Return pydantic's reader of a type."""
    choices = _choices(registered)
    translated = _translated(hint)
    try:
        for model in _models.values():
            if not model.__pydantic_complete__:
                model.model_rebuild(_types_namespace=choices)
        if isinstance(translated, ForwardRef):
            translated = choices[translated.__forward_arg__]
        adapter = TypeAdapter(translated)
        adapter.rebuild(_types_namespace=choices)
    except SchemaError as error:
        if KeyboardInterrupt.__name__ in str(error):  # Ctrl-C while pydantic builds
            raise KeyboardInterrupt from None
        raise
    return adapter


@cache
def _choices(registered: tuple[int, ...]) -> dict[str, Any]:
    """Return the choice of every kind by the name fields refer to it; made again when a registry grows."""
    _models.clear()
    return {"Any" + base.__name__: _choice(base) for base in KINDS}


_models: dict[type, type[BaseModel]] = {}


def _made(cls: Any) -> Any:
    """Return 'a table with the fields of this dataclass', read as an instance of it; or an instance."""
    make = _maker(cls)
    return Annotated[_model(cls), WrapValidator(lambda v, check: v if isinstance(v, cls) else make(check(v)))]


def _model(cls: type) -> type[BaseModel]:
    """Return the pydantic model with the fields of a dataclass, and `type` if it is registered."""
    if cls not in _models:
        name = getattr(cls, "registry_name", "")
        members: dict[str, Any] = {"type": (Literal[name], ...)} if name else {}
        for field in fields(cls):
            hint, default = hints_of(cls)[field.name], default_of(field)
            translated = _translated(hint)
            if default not in (MISSING, None) and type(None) in get_args(hint):
                translated = Annotated[translated, BeforeValidator(lambda v: None if v == "none" else v)]
            members[field.name] = (translated, ... if default is MISSING else default)
        config = ConfigDict(extra="forbid", defer_build=True, title=name or cls.__name__)
        first_line = (cls.__doc__ or "").split("\n", 1)[0]
        _models[cls] = create_model(cls.__name__, __config__=config, __doc__=first_line, **members)
    return _models[cls]


def _maker(cls: type) -> Callable[[BaseModel], Any]:
    """Return the function that makes an instance of the values given, or tells why its class refuses them."""

    def make(model: BaseModel) -> Any:
        given = {name: getattr(model, name) for name in model.model_fields_set if name != "type"}
        try:
            return instance_of(cls, given)
        except KoubaiError as error:
            raise PydanticCustomError(
                "refused", "refused", {"refusals": list(_refusals(error, given))}
            ) from None

    return make


def _refusals(error: KoubaiError, given: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str | None]]:
    if isinstance(error, ConfigError):
        for problem in error.problems:
            yield tuple(problem.path.split(".")), problem.message, problem.hint
    else:
        # "ratio is out of range" stands at the setting it names; too large a network says where
        name = error.where if error.where in given else error.values.get("setting", error.values.get("kind"))
        yield (str(name),) if name in given else (), error.refusal(), error.hint


def _translated(hint: Any) -> Any:
    """Return a type as pydantic is to see it: strict scalars, tables for dataclasses, choices for kinds."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in SCALARS:
        hint = Annotated[hint, Strict()]
    elif hint in KINDS:
        hint = ForwardRef("Any" + hint.__name__)
    elif is_dataclass(hint):
        hint = _made(hint)
    elif origin is Annotated and isinstance(arguments[1], AtLeast):
        hint = Annotated[_translated(arguments[0]), Field(ge=arguments[1].least)]
    elif origin in (Union, types.UnionType):
        hint = Union[tuple(_translated(item) for item in arguments)]  # noqa: UP007 -- of a tuple
    elif origin is tuple:
        inner = tuple(item if item is Ellipsis else _translated(item) for item in arguments)
        hint = tuple.__class_getitem__(inner)
    return hint


def _choice(base: type) -> Any:
    """Return 'any registered class of this kind', told apart by `type`."""
    tagged = tuple(Annotated[_made(cls), Tag(_tag(name))] for name, cls in KINDS[base].items())
    chosen: Any = Annotated[Union[tagged], Discriminator(_tag_of)]  # noqa: UP007 -- of a tuple

    def choose(value: Any, check: Callable[[Any], Any]) -> Any:
        return value if isinstance(value, base) else check(spelled_out(base, value))

    return Annotated[chosen, WrapValidator(choose), _Shorthand(base)]


@dataclass(frozen=True)
class _Shorthand:
    """Tells the JSON Schema of a choice that a bare name will do, and a list of layers for a layer."""

    base: type

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        one = [{"enum": list(KINDS[self.base])}, handler(core)]
        chain = [{"type": "array", "items": {"anyOf": one}}] if self.base is Layer else []
        return {"anyOf": [*one, *chain]}


def _tag(name: Any) -> str:
    return f"<{name}>"  # no key of a file looks like this, so a tag in an error's place is known as one


def _tag_of(value: Any) -> str | None:
    return _tag(value.get("type")) if isinstance(value, dict) else None
