"""Plain values -> frozen dataclasses, with every mistake found at once.

The pydantic models are generated from the dataclasses and their registries, so a new layer or optimizer
can be written in a file without a line here. Three shorthands: a part with all its defaults may be written
as its name ("relu"), a chain of layers as a list, and "none" means None where None is not the default.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
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
from pydantic_core import PydanticCustomError

from koubai.core.errors import ConfigError, KoubaiError, nearest
from koubai.core.layer import LAYERS, Layer
from koubai.core.registry import Registry
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation
from koubai.data.dataset import DATA, DataSource
from koubai.data.flaws.flaw import FLAWS, Flaw
from koubai.initializers.initializer import INITIALIZERS, Initializer
from koubai.losses.loss import LOSSES, Loss
from koubai.optim.optimizer import OPTIMIZERS, Optimizer
from koubai.penalties.penalty import PENALTIES, Penalty
from koubai.schedules.schedule import SCHEDULES, Schedule
from koubai.train.plain import AtLeast, build, default_of, hints_of, suggestion
from koubai.train.toml_lines import Place
from koubai.words import say
from koubai.words.phrase import joined, phrase, term

KINDS: dict[type, Registry] = {
    Layer: LAYERS,
    DataSource: DATA,
    Augmentation: AUGMENTATIONS,
    Flaw: FLAWS,
    Loss: LOSSES,
    Optimizer: OPTIMIZERS,
    Schedule: SCHEDULES,
    Penalty: PENALTIES,
    Initializer: INITIALIZERS,
}
for _package in ("layers", "models", "losses", "optim", "schedules", "penalties", "initializers", "data"):
    import_module(f"koubai.{_package}")  # its classes register themselves
_AMBIGUOUS = ("xavier",)  # names that people give to two different things
_SCALARS = {int: "whole number", float: "number", bool: "truth", str: "text"}


@dataclass(frozen=True)
class Fault:
    """One mistake at one place of a plain value."""

    place: Place
    message: str
    hint: str | None = None


class Faults(Exception):
    """All mistakes of one plain value."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


def read(hint: Any, plain: Any) -> Any:
    """Return the value of type `hint` that a plain value describes; raise Faults with every mistake."""
    try:
        return _adapter(hint, _registered()).validate_python(plain)
    except ValidationError as error:
        raise Faults(_faults(hint, plain, error.errors())) from None


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
    for model in _models.values():
        if not model.__pydantic_complete__:
            model.model_rebuild(_types_namespace=choices)
    if isinstance(translated, ForwardRef):
        translated = choices[translated.__forward_arg__]
    adapter = TypeAdapter(translated)
    adapter.rebuild(_types_namespace=choices)
    return adapter


@cache
def _choices(registered: tuple[int, ...]) -> dict[str, Any]:
    """Return the choice of every kind by the name fields refer to it; made anew when a registry has grown."""
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
            return build(cls, given)
        except KoubaiError as error:
            raise PydanticCustomError(
                "refused", "refused", {"refusals": list(_refusals(error, given))}
            ) from None

    return make


def _refusals(error: KoubaiError, given: dict[str, Any]) -> Iterator[tuple[Place, str, str | None]]:
    if isinstance(error, ConfigError):
        for problem in error.problems:
            yield tuple(problem.path.split(".")), problem.message, problem.hint
    else:
        # "ratio is out of range" stands at the setting it names; too large a network says where
        name = error.where if error.where in given else error.values.get("setting")
        yield (str(name),) if name in given else (), error.refusal(), error.hint


def _translated(hint: Any) -> Any:
    """Return a type as pydantic is to see it: strict scalars, tables for dataclasses, choices for kinds."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
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
        return value if isinstance(value, base) else check(_spelled_out(base, value))

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


def _spelled_out(base: type, value: Any) -> Any:
    """Return what a shorthand stands for."""
    if isinstance(value, str):
        return {"type": _registered_as(base, value)}
    if isinstance(value, list) and base is Layer:
        return {"type": "sequential", "layers": value}
    if isinstance(value, dict) and isinstance(name := value.get("type"), str) and name in KINDS[base].aliases:
        return {**value, "type": _registered_as(base, name)}
    return value


def _registered_as(base: type, name: str) -> str:
    """Return the name a part is registered by; say so where another name of it has two meanings."""
    found = KINDS[base].called(name)
    if name in _AMBIGUOUS:
        warnings.warn(say(f"train.ambiguous.{name}"), stacklevel=2)
    return found


# ------------------------------------------------------------------------------------ mistakes in plain words


def _faults(root: Any, plain: Any, errors: list[Any]) -> list[Fault]:
    """Return pydantic's errors as faults, each once; a misspelled key is not also a missing one."""
    found, lacking, meant = [], [], set()
    for item in errors:
        place, hint, value = _follow(root, plain, item["loc"])
        match item["type"]:
            case "refused":
                found += [Fault((*place, *at), *words) for at, *words in item["ctx"]["refusals"]]
            case "missing" if value is None:  # else a table that may also be a scalar lacks something
                lacking.append(Fault(place, phrase("is_missing_but_expected", expected=describe(hint))))
            case "extra_forbidden" if isinstance(hint, type) and is_dataclass(hint):
                name, names = str(place[-1]), [field.name for field in fields(hint)]
                what = getattr(hint, "registry_name", "") or hint.__name__.lower()
                found.append(
                    Fault(
                        place,
                        phrase("has_no_setting", owner=term("owner", what), name=name),
                        suggestion(name, names),
                    )
                )
                meant.add((*place[:-1], nearest(name, names)))
            case "union_tag_invalid" | "union_tag_not_found" if isinstance(value, dict):
                found.append(Fault(place, *_wrong_type(hint, value.get("type"))))
            case _:
                choices = list(map(str, get_args(hint))) if get_origin(hint) is Literal else []
                advice = suggestion(str(value), choices) if choices else None
                found.append(
                    Fault(place, phrase("expected_but_got", expected=describe(hint), got=repr(value)), advice)
                )
    return list(dict.fromkeys([*found, *(fault for fault in lacking if fault.place not in meant)]))


def _wrong_type(base: type, name: Any) -> tuple[str, str]:
    kind, names = KINDS[base].kind, list(KINDS[base])
    if name is None:
        return phrase("has_no_type", noun=describe(base)), suggestion("", names)
    return phrase("unknown_name", kind=term("kind", kind), name=name), suggestion(str(name), names)


def _follow(hint: Any, plain: Any, steps: tuple[str | int, ...]) -> tuple[Place, Any, Any]:
    """Walk down an error's place; return it as it stands in the file, with the type and value found there.

    Tags and the branches of unions are pydantic's own steps, not the file's.
    """
    place: list[str | int] = []
    for step in steps:
        hint = _without_none(hint)
        if hint in KINDS:
            plain = _spelled_out(hint, plain)
        if isinstance(step, str) and step.startswith("<"):
            hint = KINDS[hint][step[1:-1]]
            continue
        if is_dataclass(hint):
            inner = hints_of(hint).get(str(step))
        elif get_origin(hint) is tuple and isinstance(step, int):
            inner = get_args(hint)[0 if Ellipsis in get_args(hint) else step]
        else:  # inside a union of scalars: the whole value is meant
            break
        place.append(step)
        plain = _at(plain, step)
        if inner is None:  # a key that the class does not have: the class is what the reader needs
            break
        hint = inner
    hint = _without_none(hint)
    return tuple(place), hint, _spelled_out(hint, plain) if hint in KINDS else plain


def _at(plain: Any, step: str | int) -> Any:
    try:
        return plain[step]
    except (LookupError, TypeError):
        return None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        rest = tuple(item for item in get_args(hint) if item is not type(None))
        return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007 -- of a tuple
    return hint


def describe(hint: Any) -> str:
    """Return what values a type takes, in words.

    >>> describe(int | tuple[int, ...] | None), describe(Literal["a", "b"]), describe(Loss)
    ('a whole number or a list of whole numbers', '"a" or "b"', 'a loss')
    """
    hint = _without_none(hint)
    if get_origin(hint) is Annotated:
        return phrase("at_least", noun=describe(_bare(hint)), least=get_args(hint)[1].least)
    if get_origin(hint) in (Union, types.UnionType):
        return joined((describe(item) for item in get_args(hint)), "or")
    if get_origin(hint) is Literal:
        return joined((f'"{item}"' for item in get_args(hint)), "or")
    if get_origin(hint) is tuple:
        return phrase("list_of", noun=_noun(_bare(get_args(hint)[0])))
    noun = _noun(hint)
    if hint is bool:
        return noun
    return phrase("an_thing" if noun[0] in "aeiou" else "a_thing", noun=noun)


def _bare(hint: Any) -> Any:
    """Return a type without what stands beside it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _noun(hint: Any) -> str:
    if hint in _SCALARS:
        return term("noun", _SCALARS[hint])
    if hint in KINDS:
        return term("kind", KINDS[hint].kind)
    return phrase("table_with", fields=", ".join(f.name for f in fields(hint)))
